//! What is limited under one counter, and the arithmetic of taking and giving back.

use super::account::TICK;
use super::bucket::{Bucket, LONGEST_DEBT, MINUTE, Short};
use super::quota::{Quota, Unit};
use crate::table::Values;

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

    /// What is counted in this unit, and nothing else.
    pub(super) fn only(self, unit: Unit) -> Difference {
        Difference {
            more: self.more.only(unit),
            less: self.less.only(unit),
        }
    }
}

impl Amount {
    pub(super) fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
        }
    }

    pub(super) fn is_nothing(self) -> bool {
        self == Amount::default()
    }

    /// What is counted in this unit, and nothing else.
    pub(super) fn only(self, unit: Unit) -> Amount {
        match unit {
            Unit::Requests => Amount { tokens: 0, ..self },
            Unit::Tokens => Amount {
                requests: 0,
                ..self
            },
        }
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
            // Not limited here, but perhaps by another rule with the same counter.
            None => Ok(tat),
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
            None => Some(tat),
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
            None => tat,
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

    /// The levels after a refused request was counted as one: no bucket is kept empty for
    /// longer than a minute by them.
    pub(super) fn charge_refused(&self, levels: Levels, now: u64, amount: Amount) -> Levels {
        let Some(bucket) = self.requests.filter(|_| self.charge_refused) else {
            return levels;
        };
        let charged = bucket.charge(levels.requests, now, amount.requests);
        Levels {
            requests: charged.min(now.saturating_add(MINUTE)).max(levels.requests),
            ..levels
        }
    }

    /// Of `amount` what the buckets limit.
    pub(super) fn of_buckets(&self, amount: Amount) -> Amount {
        Amount {
            requests: if self.requests.is_some() {
                amount.requests
            } else {
                0
            },
            tokens: if self.tokens.is_some() {
                amount.tokens
            } else {
                0
            },
        }
    }

    /// Of `amount` what is limited here at all.
    pub(super) fn relevant(&self, amount: Amount) -> Amount {
        let is_limited = |bucket: Option<Bucket>, unit| {
            bucket.is_some() || self.quotas.iter().any(|quota| quota.unit == unit)
        };
        let if_limited = |bucket, unit| {
            if is_limited(bucket, unit) {
                amount.of(unit)
            } else {
                0
            }
        };
        Amount {
            requests: if_limited(self.requests, Unit::Requests),
            tokens: if_limited(self.tokens, Unit::Tokens),
        }
    }

    /// The most tokens that a single request can ever be given.
    pub fn most_tokens(&self) -> u64 {
        let bucket = self.tokens.map(|bucket| bucket.per_minute);
        let of_tokens = |quota: &&Quota| quota.unit == Unit::Tokens;
        let quotas = self.quotas.iter().filter(of_tokens);
        let most = quotas.map(|quota| quota.limit).chain(bucket).min();
        most.unwrap_or(u64::MAX)
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
        let lease = self.relevant(Amount {
            requests: worth(self.requests, Unit::Requests),
            tokens: worth(self.tokens, Unit::Tokens),
        });
        let pays = lease.requests >= amount.requests && lease.tokens >= amount.tokens;
        if self.leases && pays {
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
