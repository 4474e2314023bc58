//! Settings of the rate-limiter stage.

use std::rc::Rc;

use super::mode::Mode;
use super::node::{ConfigError, Node};
use crate::rate_limiter::answer::Shape;
use crate::rate_limiter::bucket::{Bucket, SECOND};
use crate::rate_limiter::limits::Limits;
use crate::rate_limiter::quota::{Period, Quota, Unit};

/// What is charged before a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// The estimated prompt and the output that the tenant's answers from that model have on
    /// average.
    Expected,
    /// The estimated prompt.
    Prompt,
    /// The estimated prompt and all output that the request allows.
    Maximum,
    /// Nothing: all is charged after the response, as other gateways do.
    Nothing,
}

/// What Envoy's own rate limiter is told to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedHits {
    /// Nothing by this stage.
    Off,
    /// What this stage reserves.
    Reserved,
}

/// Settings of the rate-limiter stage, for one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimiterConfig {
    /// Off: the stage does not see the rule's requests.
    pub enabled: bool,
    /// Whether what does not fit is refused.
    pub mode: Mode,
    /// What requests are counted under, for each tenant; rules that name the same one share
    /// its count.
    pub counter: String,
    /// The same for its quotas, which a rule may have from the top level beside limits of its
    /// own.
    pub quota_counter: String,
    /// What is limited.
    pub limits: Rc<Limits>,
    /// How long a bucket's burst is, in nanoseconds.
    pub burst: u64,
    /// What is charged before a request is sent.
    pub reserve: Reserve,
    /// Whether answers from a cache are charged like the upstream's.
    pub charge_cache_hits: bool,
    /// Whose words refusals have.
    pub shape: Shape,
    /// The region that Azure's words name.
    pub region: String,
    /// Whether responses carry `x-ratelimit-*` for the tenant's own limits.
    pub response_headers: bool,
    /// What Envoy's own rate limiter is told to charge.
    pub hits_addend: ReservedHits,
}

impl Default for RateLimiterConfig {
    fn default() -> Self {
        RateLimiterConfig {
            enabled: true,
            mode: Mode::Enforce,
            counter: "default".to_owned(),
            quota_counter: "default".to_owned(),
            limits: Rc::new(Limits {
                leases: true,
                ..Limits::default()
            }),
            // A window of a minute admits (60 + burst) / 60 of the limit: 105 %.
            burst: 3 * SECOND,
            reserve: Reserve::Expected,
            charge_cache_hits: false,
            shape: Shape::Azure,
            region: "gateway".to_owned(),
            response_headers: true,
            hits_addend: ReservedHits::Off,
        }
    }
}

impl RateLimiterConfig {
    /// Whether there is anything to do: something is limited, or Envoy's own limiter is told.
    pub fn is_active(&self) -> bool {
        self.enabled && (!self.limits.is_empty() || self.hits_addend == ReservedHits::Reserved)
    }

    /// Whether requests under one counter would be held to other limits than `other` says.
    pub(super) fn disagrees(&self, other: &RateLimiterConfig) -> bool {
        let (ours, theirs) = (&self.limits, &other.limits);
        let buckets = |limits: &Limits| (limits.requests, limits.tokens);
        let is_either = |limits: &Limits| limits.requests.is_some() || limits.tokens.is_some();
        let of_buckets = self.counter == other.counter
            && (is_either(ours) && is_either(theirs))
            && buckets(ours) != buckets(theirs);
        let of_quotas = self.quota_counter == other.quota_counter
            && !(ours.quotas.is_empty() || theirs.quotas.is_empty())
            && ours.quotas != theirs.quotas;
        self.is_active() && other.is_active() && (of_buckets || of_quotas)
    }

    /// These settings with what `node` gives instead, for the rule of this name.
    pub(super) fn overridden_by(
        &self,
        node: &Node,
        rule: &str,
    ) -> Result<RateLimiterConfig, ConfigError> {
        // The word of the rate limit service that Envoy's project has: `shadow_mode`.
        const MODES: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("shadow", Mode::Report)];
        const RESERVES: [(&str, Reserve); 4] = [
            ("expected", Reserve::Expected),
            ("prompt", Reserve::Prompt),
            ("maximum", Reserve::Maximum),
            ("nothing", Reserve::Nothing),
        ];
        const SHAPES: [(&str, Shape); 3] = [
            ("azure", Shape::Azure),
            ("openai", Shape::OpenAi),
            ("api_management", Shape::ApiManagement),
        ];
        const ADDENDS: [(&str, ReservedHits); 2] = [
            ("off", ReservedHits::Off),
            ("reserved", ReservedHits::Reserved),
        ];
        let object = node.object(&[
            "enabled",
            "mode",
            "counter",
            "requests_per_minute",
            "tokens_per_minute",
            "burst_seconds",
            "quotas",
            "leases",
            "reserve",
            "charge_refused",
            "charge_cache_hits",
            "shape",
            "region",
            "response_headers",
            "hits_addend",
        ])?;
        let seconds = object.read_or("burst_seconds", self.burst / SECOND, |node| {
            node.integer(1, 60)
        })?;
        let burst = seconds.saturating_mul(SECOND);
        let bucket = |key, current: Option<Bucket>| {
            let current = current.map(|bucket| bucket.per_minute);
            let per_minute = object.read_or(key, current, |node| match node.is_null() {
                true => Ok(None),
                false => node.integer(0, u64::MAX).map(Some),
            })?;
            Ok(per_minute.map(|per_minute| Bucket { per_minute, burst }))
        };
        let limits = Limits {
            requests: bucket("requests_per_minute", self.limits.requests)?,
            tokens: bucket("tokens_per_minute", self.limits.tokens)?,
            quotas: object.read_or("quotas", self.limits.quotas.clone(), read_quotas)?,
            leases: object.read_or("leases", self.limits.leases, Node::boolean)?,
            charge_refused: object.read_or(
                "charge_refused",
                self.limits.charge_refused,
                Node::boolean,
            )?,
        };
        // Limits of its own are counted on their own: what a rule inherits it shares.
        let gives = |keys: &[&str]| keys.iter().any(|key| object.get(key).is_some());
        let own = |gives: bool, inherited: &str| {
            let named = object.read_or("counter", None, |node| node.string().map(Some))?;
            let own = if gives { rule } else { inherited };
            Ok(named.unwrap_or(own).to_owned())
        };
        let gives_buckets = gives(&["requests_per_minute", "tokens_per_minute", "burst_seconds"]);
        let text = |key, default: &str| {
            object.read_or(key, default.to_owned(), |node| {
                node.string().map(str::to_owned)
            })
        };
        Ok(RateLimiterConfig {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            mode: object.read_or("mode", self.mode, |node| node.one_of(&MODES))?,
            counter: own(gives_buckets, &self.counter)?,
            quota_counter: own(gives(&["quotas"]), &self.quota_counter)?,
            limits: Rc::new(limits),
            burst,
            reserve: object.read_or("reserve", self.reserve, |node| node.one_of(&RESERVES))?,
            charge_cache_hits: object.read_or(
                "charge_cache_hits",
                self.charge_cache_hits,
                Node::boolean,
            )?,
            shape: object.read_or("shape", self.shape, |node| node.one_of(&SHAPES))?,
            region: text("region", &self.region)?,
            response_headers: object.read_or(
                "response_headers",
                self.response_headers,
                Node::boolean,
            )?,
            hits_addend: object.read_or("hits_addend", self.hits_addend, |node| {
                node.one_of(&ADDENDS)
            })?,
        })
    }
}

/// Each entry limits tokens, requests, or both, in windows of one period.
fn read_quotas(node: &Node) -> Result<Vec<Quota>, ConfigError> {
    const PERIODS: [(&str, Period); 3] = [
        ("hour", Period::Hour),
        ("day", Period::Day),
        ("month", Period::Month),
    ];
    const UNITS: [(&str, Unit); 2] = [("tokens", Unit::Tokens), ("requests", Unit::Requests)];
    let mut quotas: Vec<Quota> = Vec::new();
    for node in node.list()? {
        let object = node.object(&["period", "tokens", "requests", "status"])?;
        let period = object.require("period")?.one_of(&PERIODS)?;
        let status = object.read_or("status", 403, |node| match node.integer(0u16, 999)? {
            403 => Ok(403),
            429 => Ok(429),
            _ => Err(node.wrong("expected 403 or 429")),
        })?;
        let before = quotas.len();
        for (key, unit) in UNITS {
            let Some(limit) = object.get(key) else {
                continue;
            };
            if quotas
                .iter()
                .any(|quota| (quota.period, quota.unit) == (period, unit))
            {
                return Err(limit.wrong("this period has a quota of that kind already"));
            }
            quotas.push(Quota {
                period,
                unit,
                limit: limit.integer(0, u64::MAX)?,
                status,
            });
        }
        if quotas.len() == before {
            return Err(node.wrong("expected tokens, requests, or both"));
        }
    }
    // Of several that are used up the first refuses, and should say the longest time.
    quotas.sort_by_key(|quota| core::cmp::Reverse(quota.period));
    Ok(quotas)
}
