//! What is limited under one counter, and the arithmetic of taking and giving back.

use super::account::TICK;
use super::bucket::{Bucket, LONGEST_DEBT, Short};
use super::quota::{Quota, Unit};
use super::table::Values;

/// All limits under one counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute.
    pub requests: Option<Bucket>,
    /// Tokens a minute.
    pub tokens: Option<Bucket>,
    /// Long windows.
    pub quotas: Vec<Quota>,
    /// Whether hot counters take leases.
    pub leases: bool,
    /// Whether a refused request counts as a request.
    pub charge_refused: bool,
}

/// So much of everything that is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Requests.
    pub requests: u64,
    /// Tokens.
    pub tokens: u64,
}

/// Which limit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// A quota.
    Quota(Quota),
}

impl Limit {
    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Requests => "requests",
            Limit::Tokens => "tokens",
            Limit::Quota(quota) => quota.period.name(),
        }
    }
}

/// A request that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The limit that is in its way.
    pub limit: Limit,
    /// When it would fit.
    pub short: Short,
}

/// What is left of the limits a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// TAT of the requests.
    pub requests: u64,
    /// TAT of the tokens.
    pub tokens: u64,
}

/// What is to be charged and given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// To be charged.
    pub more: Amount,
    /// To be given back.
    pub less: Amount,
}

impl Difference {
    /// From what was charged to what is to be.
    pub fn between(charged: Amount, real: Amount) -> Difference {
        Difference {
            more: Amount {
                requests: real.requests.saturating_sub(charged.requests),
                tokens: real.tokens.saturating_sub(charged.tokens),
            },
            less: Amount {
                requests: charged.requests.saturating_sub(real.requests),
                tokens: charged.tokens.saturating_sub(real.tokens),
            },
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Difference::default()
    }
}

impl Amount {
    pub(super) fn plus(self, other: Amount) -> Amount {
        Amount {
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    pub(super) fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
        }
    }

    pub(super) fn is_nothing(self) -> bool {
        self == Amount::default()
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none() && self.quotas.is_empty()
    }

    pub(super) fn has_buckets(&self) -> bool {
        self.requests.is_some() || self.tokens.is_some()
    }

    /// The levels after taking `amount`.
    pub(super) fn take(&self, levels: Levels, now: u64, amount: Amount) -> Result<Levels, Refusal> {
        let take = |bucket: Option<Bucket>, tat, amount, limit| match bucket {
            None => Ok(0),
            Some(bucket) => {
                let refusal = |short| Refusal { limit, short };
                bucket.take(tat, now, amount).map_err(refusal)
            }
        };
        // What never fits says so, whatever else is in the way for a while.
        let requests = take(
            self.requests,
            levels.requests,
            amount.requests,
            Limit::Requests,
        );
        let tokens = take(self.tokens, levels.tokens, amount.tokens, Limit::Tokens);
        match (requests, tokens) {
            (Ok(requests), Ok(tokens)) => Ok(Levels { requests, tokens }),
            (Err(refusal), Ok(_)) | (Ok(_), Err(refusal)) => Err(refusal),
            (Err(requests), Err(tokens)) => Err(if tokens.short.longer_than(requests.short) {
                tokens
            } else {
                requests
            }),
        }
    }

    pub(super) fn take_ahead(&self, levels: Levels, now: u64, amount: Amount) -> Option<Levels> {
        let take = |bucket: Option<Bucket>, tat, amount| match bucket {
            None => Some(0),
            Some(bucket) => bucket.take_ahead(tat, now, amount),
        };
        Some(Levels {
            requests: take(self.requests, levels.requests, amount.requests)?,
            tokens: take(self.tokens, levels.tokens, amount.tokens)?,
        })
    }

    pub(super) fn settle(&self, levels: Levels, now: u64, difference: Difference) -> Levels {
        let Difference { more, less } = difference;
        let settle = |bucket: Option<Bucket>, tat, more, less| match bucket {
            None => 0,
            Some(bucket) => {
                let tat = bucket.give_back(tat, less);
                if more > 0 {
                    bucket.charge(tat, now, more)
                } else {
                    tat
                }
            }
        };
        Levels {
            requests: settle(self.requests, levels.requests, more.requests, less.requests),
            tokens: settle(self.tokens, levels.tokens, more.tokens, less.tokens),
        }
    }

    /// What a hot counter takes in advance: a tick's worth of each limit, and no more than a
    /// thousandth of a quota. Nothing, where that would not pay for another such request.
    pub(super) fn lease(&self, amount: Amount) -> Amount {
        const WITHOUT_BUCKET: u64 = 64;
        let worth = |bucket: Option<Bucket>, unit: Unit| {
            let by_bucket = bucket.map_or_else(
                || amount.of(unit).saturating_mul(WITHOUT_BUCKET),
                |bucket| bucket.amount_in(TICK),
            );
            let quotas = self.quotas.iter().filter(|quota| quota.unit == unit);
            let by_quotas = quotas.map(|quota| quota.limit / 1000).min();
            by_bucket.min(by_quotas.unwrap_or(u64::MAX))
        };
        let lease = Amount {
            requests: worth(self.requests, Unit::Requests),
            tokens: worth(self.tokens, Unit::Tokens),
        };
        if self.leases && lease.requests >= amount.requests.max(1) && lease.tokens >= amount.tokens
        {
            lease
        } else {
            Amount::default()
        }
    }
}

impl Levels {
    /// What a record says, unless a clock that has since stepped back wrote it: no TAT is
    /// further ahead than the longest debt.
    pub(super) fn of(values: Values, now: u64) -> Levels {
        let [requests, tokens] = values.map(|tat| tat.min(now.saturating_add(LONGEST_DEBT)));
        Levels { requests, tokens }
    }

    pub(super) fn values(self) -> Values {
        [self.requests, self.tokens]
    }
}
