//! What a worker has taken of a counter and not spent, or owes it, until the next tick.

use std::rc::Rc;

use super::bucket::SECOND;
use super::ledger::Counter;
use super::limits::{Amount, Difference, Levels, Limits};
use super::quota::Quota;
use crate::pipeline::TICK_MILLISECONDS;

/// How often accounts are settled, in nanoseconds; also what a lease is worth.
pub const TICK: u64 = TICK_MILLISECONDS as u64 * (SECOND / 1000);
/// Decisions within a tick's time that make a counter a hot one.
const HOT: u32 = 8;
/// Counters that a worker can have accounts for.
const ACCOUNTS: usize = 256;
/// Places at which an account may stand.
const PROBES: usize = 4;
/// The most quotas a counter has: each period's requests and tokens.
pub const MOST_QUOTAS: usize = 6;

/// What was taken and not spent where positive, and is owed where negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    requests: i64,
    tokens: i64,
}

impl Balance {
    pub(super) fn is_even(self) -> bool {
        self == Balance::default()
    }

    pub(super) fn add(&mut self, amount: Amount) {
        self.requests = self.requests.saturating_add(signed(amount.requests));
        self.tokens = self.tokens.saturating_add(signed(amount.tokens));
    }

    pub(super) fn spend(&mut self, amount: Amount) {
        self.requests = self.requests.saturating_sub(signed(amount.requests));
        self.tokens = self.tokens.saturating_sub(signed(amount.tokens));
    }

    /// Owes what is to be charged, has what is to be given back.
    pub(super) fn apply(&mut self, difference: Difference) {
        self.add(difference.less);
        self.spend(difference.more);
    }

    /// Takes everything out.
    pub(super) fn close(&mut self) -> Difference {
        let Balance { requests, tokens } = core::mem::take(self);
        Difference {
            more: Amount {
                requests: requests.min(0).unsigned_abs(),
                tokens: tokens.min(0).unsigned_abs(),
            },
            less: Amount {
                requests: requests.max(0).unsigned_abs(),
                tokens: tokens.max(0).unsigned_abs(),
            },
        }
    }

    fn has(self, amount: Amount) -> bool {
        self.requests >= signed(amount.requests) && self.tokens >= signed(amount.tokens)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// One counter's account on this worker: a balance with its buckets and with each quota,
/// because each may have stored a change that another has not.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) key: u64,
    /// The key of its quotas' records.
    pub(super) quota_key: u64,
    pub(super) limits: Option<Rc<Limits>>,
    /// What was left when shared data was last asked.
    pub(super) levels: Levels,
    pub(super) buckets: Balance,
    quotas: [Balance; MOST_QUOTAS],
    /// What was left of the quotas then.
    pub(super) quota_left: [u64; MOST_QUOTAS],
    /// Whether a quota refused last: then the quotas are looked at before anything is taken.
    pub(super) is_spent: bool,
    /// When a lease was taken of everything.
    leased_at: Option<u64>,
    /// When it was used last.
    used_at: u64,
    /// Since when decisions are counted, and how many there were.
    since: u64,
    decisions: u32,
}

impl Account {
    pub(super) fn new(counter: Counter<'_>, now: u64) -> Account {
        Account {
            key: counter.key,
            quota_key: counter.quotas,
            limits: Some(Rc::clone(counter.limits)),
            since: now,
            used_at: now,
            ..Account::default()
        }
    }

    /// Whether it is this counter's, with these limits.
    pub(super) fn is_of(&self, counter: Counter<'_>) -> bool {
        let same =
            |known: &Rc<Limits>| Rc::ptr_eq(known, counter.limits) || known == counter.limits;
        self.key == counter.key
            && self.quota_key == counter.quotas
            && self.limits.as_ref().is_some_and(same)
    }

    /// Whether nothing is to be settled.
    pub(super) fn is_even(&self) -> bool {
        self.buckets.is_even() && self.quotas.iter().all(|balance| balance.is_even())
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

    /// The balances with quotas, in the order of the counter's limits.
    pub(super) fn quotas<'a>(
        &'a mut self,
        limits: &'a Limits,
    ) -> impl Iterator<Item = (&'a Quota, &'a mut Balance)> {
        limits.quotas.iter().zip(&mut self.quotas)
    }

    /// A lease was taken of everything.
    pub(super) fn lease(&mut self, now: u64) {
        self.leased_at = Some(now);
    }

    /// The lease ends: what is left of it is given back with the balances.
    pub(super) fn end_lease(&mut self) {
        self.leased_at = None;
    }

    /// Spends `amount` of the lease, where there is as much of everything.
    pub(super) fn spend_lease(&mut self, limits: &Limits, amount: Amount, now: u64) -> bool {
        let leased_for = self.leased_at.map(|at| now.abs_diff(at));
        let is_current = leased_for.is_some_and(|time| time < TICK.saturating_mul(2));
        let has_all = is_current
            && self.buckets.has(limits.of_buckets(amount))
            && self
                .quotas(limits)
                .all(|(quota, balance)| balance.has(amount.only(quota.unit)));
        if has_all {
            self.buckets.spend(limits.of_buckets(amount));
            for (quota, balance) in self.quotas(limits) {
                balance.spend(amount.only(quota.unit));
            }
        }
        has_all
    }

    /// Books a difference everywhere. What a quota gave in a window that is over cannot be
    /// given back to the next one.
    pub(super) fn book(
        &mut self,
        limits: &Limits,
        difference: Difference,
        taken_at: u64,
        now: u64,
    ) {
        self.buckets.apply(Difference {
            more: limits.of_buckets(difference.more),
            less: limits.of_buckets(difference.less),
        });
        for (quota, balance) in self.quotas(limits) {
            let mut difference = difference.only(quota.unit);
            if quota.period.end(taken_at) != quota.period.end(now) {
                difference.less = Amount::default();
            }
            balance.apply(difference);
        }
    }

    /// Begins to use it at `now`: what windows that are over would get back is forgotten.
    pub(super) fn open(&mut self, limits: &Limits, now: u64) {
        let used_at = core::mem::replace(&mut self.used_at, now);
        for (quota, balance) in self.quotas(limits) {
            if quota.period.end(used_at) != quota.period.end(now) {
                let more = balance.close().more;
                balance.spend(more);
            }
        }
    }
}

/// The accounts of a worker.
#[derive(Debug, Default)]
pub(super) struct Accounts(Vec<Account>);

impl Accounts {
    /// The account of `key`, or a place for one: where no hot or unsettled account stands.
    pub(super) fn of(&mut self, key: u64, now: u64) -> Option<&mut Account> {
        if self.0.is_empty() {
            // Not before it is needed: a module may hold this stage and not use it.
            self.0.resize_with(ACCOUNTS, Account::default);
        }
        let places =
            |key: u64| (0..PROBES).map(move |probe| (key as usize).wrapping_add(probe) % ACCOUNTS);
        let is_its = |account: &Account| account.key == key && account.limits.is_some();
        let is_free = |account: &Account| account.is_even() && !account.is_hot(now);
        let find = |accounts: &[Account], fits: &dyn Fn(&Account) -> bool| {
            places(key).find(|at| accounts.get(*at).is_some_and(fits))
        };
        let at = find(&self.0, &is_its).or_else(|| find(&self.0, &is_free))?;
        self.0.get_mut(at)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.0.iter_mut()
    }
}
