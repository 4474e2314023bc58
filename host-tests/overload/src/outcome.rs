//! What came of a run, in the numbers that are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::consumption::Consumption;

/// The first minute fills the windows: use is measured behind it.
pub const WARM_UP: Duration = Duration::from_secs(60);

/// A whole run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What each tenant may consume in a minute.
    pub limit_a_minute: f64,
    /// How long requests came.
    pub duration: Duration,
    /// By tenant.
    pub tenants: Vec<Tenant>,
    /// The rate-limiter's counters, by what follows `tollgate.rate_limiter.`; `None` where it
    /// counts other runs too.
    pub counters: Option<BTreeMap<String, u64>>,
    /// Host calls that all requests took until they were passed on or answered; `None` where
    /// nobody counts them.
    pub decision_calls: Option<u64>,
}

/// What one tenant got.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// Requests sent.
    pub offered: u64,
    /// Those passed on.
    pub admitted: u64,
    /// Those answered 429.
    pub refused: u64,
    /// What those passed on consumed.
    pub consumption: Consumption,
}

impl Outcome {
    /// What the worst window of the worst tenant held, as a part of the limit.
    pub fn worst_window(&self) -> f64 {
        let worst = self
            .tenants
            .iter()
            .map(|tenant| tenant.consumption.worst_window());
        worst.fold(0.0, f64::max) / self.limit_a_minute
    }

    /// What the tenant that used least of its limit used of it after the first minute.
    pub fn use_of_limit(&self) -> f64 {
        let minutes = self.duration.saturating_sub(WARM_UP).as_secs_f64() / 60.0;
        let used = self.tenants.iter().map(|tenant| {
            let used = tenant.consumption.between(WARM_UP, self.duration);
            used / minutes / self.limit_a_minute
        });
        used.fold(f64::INFINITY, f64::min)
    }

    /// Requests passed on, as a part of those sent.
    pub fn admitted_share(&self) -> f64 {
        self.sum(|tenant| tenant.admitted) as f64 / self.sum(|tenant| tenant.offered) as f64
    }

    /// Requests answered 429.
    pub fn refused(&self) -> u64 {
        self.sum(|tenant| tenant.refused)
    }

    /// Mean number of host calls until a request was passed on or answered.
    pub fn calls_a_decision(&self) -> Option<f64> {
        let calls = self.decision_calls? as f64;
        Some(calls / self.sum(|tenant| tenant.offered) as f64)
    }

    /// A counter of the rate-limiter, 0 where it does not exist.
    pub fn counter(&self, name: &str) -> Option<u64> {
        let counters = self.counters.as_ref()?;
        Some(counters.get(name).copied().unwrap_or(0))
    }

    fn sum(&self, of: impl Fn(&Tenant) -> u64) -> u64 {
        self.tenants.iter().map(of).sum()
    }
}
