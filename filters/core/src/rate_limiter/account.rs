//! What a worker has taken of a counter and not spent, or owes it, until the next tick.

use std::rc::Rc;

use super::bucket::SECOND;
use super::limits::{Amount, Difference, Levels, Limits};

/// How often accounts are settled, in nanoseconds; also what a lease is worth.
pub const TICK: u64 = SECOND / 10;
/// Decisions within a tick's time that make a counter a hot one.
const HOT: u32 = 8;
/// Counters that a worker can have accounts for.
pub const ACCOUNTS: usize = 256;

/// One counter's account on this worker.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) key: u64,
    pub(super) limits: Option<Rc<Limits>>,
    /// What was left when shared data was last asked.
    pub(super) levels: Levels,
    /// Since when decisions are counted, and how many there were.
    since: u64,
    decisions: u32,
    /// Taken and not spent where positive, owed where negative.
    requests: i64,
    tokens: i64,
}

impl Account {
    /// Whether nothing is to be settled.
    pub(super) fn is_even(&self) -> bool {
        self.requests == 0 && self.tokens == 0
    }

    /// Whether its counter is asked often enough for a lease.
    pub(super) fn is_hot(&self, now: u64) -> bool {
        self.decisions >= HOT && now.abs_diff(self.since) < TICK
    }

    /// Counts a decision.
    pub(super) fn count(&mut self, now: u64) {
        let age = now.abs_diff(self.since);
        if age >= TICK {
            // What was hot a tick ago needs less to be hot again.
            let was_hot = self.decisions >= HOT && age < TICK.saturating_mul(2);
            self.decisions = if was_hot { HOT / 2 } else { 0 };
            self.since = now;
        }
        self.decisions = self.decisions.saturating_add(1);
    }

    /// Spends `amount` of what was taken in advance, where there is as much.
    pub(super) fn spend_lease(&mut self, amount: Amount) -> bool {
        let has = self.requests > 0
            && self.requests >= signed(amount.requests)
            && self.tokens >= signed(amount.tokens);
        if has {
            self.spend(amount);
        }
        has
    }

    /// Books what is to be charged and given back, until the next tick.
    pub(super) fn book(&mut self, difference: Difference) {
        self.spend(difference.more);
        self.requests = self
            .requests
            .saturating_add(signed(difference.less.requests));
        self.tokens = self.tokens.saturating_add(signed(difference.less.tokens));
    }

    fn spend(&mut self, amount: Amount) {
        self.requests = self.requests.saturating_sub(signed(amount.requests));
        self.tokens = self.tokens.saturating_sub(signed(amount.tokens));
    }

    /// Takes everything out, to be settled.
    pub(super) fn close(&mut self) -> Difference {
        let difference = Difference {
            more: Amount {
                requests: self.requests.min(0).unsigned_abs(),
                tokens: self.tokens.min(0).unsigned_abs(),
            },
            less: Amount {
                requests: self.requests.max(0).unsigned_abs(),
                tokens: self.tokens.max(0).unsigned_abs(),
            },
        };
        self.requests = 0;
        self.tokens = 0;
        difference
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The accounts of a worker, each counter's at its one possible place.
#[derive(Debug)]
pub(super) struct Accounts(Vec<Account>);

impl Default for Accounts {
    fn default() -> Self {
        Accounts((0..ACCOUNTS).map(|_| Account::default()).collect())
    }
}

impl Accounts {
    /// The account of `key`, opened where its place is free: no other counter's hot or
    /// unsettled account stands there.
    pub(super) fn of(&mut self, key: u64, limits: &Rc<Limits>, now: u64) -> Option<&mut Account> {
        let account = self.0.get_mut(key as usize % ACCOUNTS)?;
        let is_other = account.key != key || account.limits.is_none();
        if is_other && (!account.is_even() || account.is_hot(now)) {
            return None;
        }
        if is_other {
            *account = Account {
                key,
                since: now,
                ..Account::default()
            };
        }
        account.limits = Some(Rc::clone(limits));
        Some(account)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.0.iter_mut()
    }
}
