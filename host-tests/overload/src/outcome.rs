//! What came of a run, in the numbers that are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::consumption::Consumption;
use crate::traffic::Demand;

/// The first minute fills the windows: use is measured behind it.
pub const WARM_UP: Duration = Duration::from_secs(60);

/// A whole run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What each tenant may consume in a minute.
    pub limit_a_minute: f64,
    /// How long requests came.
    pub duration: Duration,
    /// In the order of the demands.
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
    /// Its name; empty where it is the only one.
    pub name: &'static str,
    /// Requests sent.
    pub offered: u64,
    /// Those passed on.
    pub admitted: u64,
    /// Those answered 429.
    pub refused: u64,
    /// What those passed on consumed.
    pub consumption: Consumption,
}

impl Tenant {
    /// One that has sent nothing yet.
    pub fn of(demand: &Demand) -> Self {
        Self {
            name: demand.tenant,
            ..Self::default()
        }
    }

    /// Requests passed on, as a part of those sent.
    pub fn admitted_share(&self) -> f64 {
        self.admitted as f64 / self.offered as f64
    }
}

impl Outcome {
    /// What the worst window of a tenant held, as a part of its limit.
    pub fn worst_window_of(&self, tenant: &Tenant) -> f64 {
        tenant.consumption.worst_window() / self.limit_a_minute
    }

    /// What a tenant used of its limit after the first minute.
    pub fn use_by(&self, tenant: &Tenant) -> f64 {
        let minutes = self.duration.saturating_sub(WARM_UP).as_secs_f64() / 60.0;
        let used = tenant.consumption.between(WARM_UP, self.duration);
        used / minutes / self.limit_a_minute
    }

    /// That of the worst tenant.
    pub fn worst_window(&self) -> f64 {
        let worst = self
            .tenants
            .iter()
            .map(|tenant| self.worst_window_of(tenant));
        worst.fold(0.0, f64::max)
    }

    /// That of the tenant that used least.
    pub fn least_use(&self) -> f64 {
        let used = self.tenants.iter().map(|tenant| self.use_by(tenant));
        used.fold(f64::INFINITY, f64::min)
    }

    /// Requests answered 429.
    pub fn refused(&self) -> u64 {
        self.tenants.iter().map(|tenant| tenant.refused).sum()
    }

    /// Mean number of host calls until a request was passed on or answered.
    pub fn calls_a_decision(&self) -> Option<f64> {
        let offered: u64 = self.tenants.iter().map(|tenant| tenant.offered).sum();
        Some(self.decision_calls? as f64 / offered as f64)
    }
}
