//! What a counter's limits and quotas have given, kept so that all workers agree.
//!
//! A decision asks shared data: one read and one write for the buckets, and for each quota. A
//! counter that is asked often on one worker takes a little in advance, its lease, and spends
//! that without asking; so a hot tenant's workers do not fight over one page. A lease is taken
//! like any charge, so nothing is ever given twice; what is left of it goes back with the next
//! tick. What could not be booked because other workers were faster each time is owed, and
//! booked then too.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::account::{Account, Accounts, Balance, MOST_QUOTAS};
use super::bucket::Short;
use super::limits::{Amount, Difference, Levels, Limit, Limits, Refusal};
use super::quota::{Period, Quota, RequestQuotas, TokenQuotas, Unit};
use crate::host::Host;
use crate::table::{Change, Kind, PATIENT_RETRIES, RETRIES, Table, Updated, Values};

/// What is counted under one key, and how much of it there may be.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'a> {
    /// The hash of tenant and counter.
    pub key: u64,
    /// The same for its quotas, which may be counted together with those of other rules.
    pub quotas: u64,
    /// Its limits.
    pub limits: &'a Rc<Limits>,
}

/// What happened on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// How often another worker was faster.
    pub conflicts: u64,
    /// Changes that could not be stored and are owed.
    pub contended: u64,
    /// Changes that could not be stored, and for which there was no account either.
    pub lost: u64,
    /// Live records that had to go.
    pub evicted: u64,
    /// Leases taken.
    pub leases: u64,
    /// Failures of shared data.
    pub unavailable: u64,
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Why not, where it is one.
    pub refusal: Option<Refusal>,
    /// What is left after it of the limits a minute.
    pub levels: Levels,
    /// What is left of each quota, in their order; of a lease as it was when that was taken.
    pub quota_left: [u64; MOST_QUOTAS],
}

/// TATs of the limits a minute: requests, tokens.
#[derive(Debug)]
pub struct Tats;

impl Kind for Tats {
    const NAME: &'static str = "limits";
    const PAGES: u32 = 256;
    const RECORDS: usize = 324;

    fn ends(values: Values) -> u64 {
        values[0].max(values[1])
    }

    fn shifted(values: Values, by: u64) -> Values {
        values.map(|tat| tat.saturating_sub(by))
    }
}

impl Events {
    fn note<T>(&mut self, updated: &Updated<T>) {
        self.conflicts = self.conflicts.saturating_add(updated.conflicts);
        self.evicted = self.evicted.saturating_add(u64::from(updated.evicted));
        let unavailable = u64::from(updated.change == Change::Unavailable);
        self.unavailable = self.unavailable.saturating_add(unavailable);
        let contended = u64::from(updated.change == Change::Lost);
        self.contended = self.contended.saturating_add(contended);
    }
}

/// One worker's way to what all workers have given.
#[derive(Debug, Default)]
pub struct Ledger {
    tats: Table<Tats>,
    request_quotas: Table<RequestQuotas>,
    token_quotas: Table<TokenQuotas>,
    accounts: RefCell<Accounts>,
    /// Whether an account may be uneven.
    is_open: Cell<bool>,
}

/// What is asked of the books of a counter.
struct Asked<'a> {
    host: &'a dyn Host,
    limits: &'a Limits,
    key: u64,
    quota_key: u64,
    now: u64,
}

impl Ledger {
    /// Takes `amount` from everything under a counter, or nothing from anything.
    pub fn reserve(
        &self,
        host: &dyn Host,
        counter: Counter<'_>,
        amount: Amount,
        now: u64,
        events: &mut Events,
    ) -> Decision {
        let limits = counter.limits;
        let decision = |refusal, account: &Account| Decision {
            refusal,
            levels: account.levels,
            quota_left: account.quota_left,
        };
        if limits.is_empty() {
            return decision(None, &Account::default());
        }
        let amount = limits.relevant(amount);
        self.with_account(host, counter, now, events, |account, events| {
            account.count(now);
            if account.spend_lease(limits, amount, now) {
                return decision(None, account);
            }
            account.end_lease();
            let lease = if account.is_hot(now) {
                limits.lease(amount)
            } else {
                Amount::default()
            };
            let asked = Asked {
                host,
                limits,
                key: counter.key,
                quota_key: counter.quotas,
                now,
            };
            let refusal = self.take(&asked, account, amount, lease, events);
            decision(refusal, account)
        })
    }

    /// Charges and gives back what the stream of a request showed that was admitted at
    /// `taken_at`.
    pub fn settle(
        &self,
        host: &dyn Host,
        counter: Counter<'_>,
        difference: Difference,
        taken_at: u64,
        now: u64,
        events: &mut Events,
    ) {
        let limits = counter.limits;
        let difference = Difference {
            more: limits.relevant(difference.more),
            less: limits.relevant(difference.less),
        };
        if difference.is_nothing() {
            return;
        }
        self.with_account(host, counter, now, events, |account, events| {
            account.book(limits, difference, taken_at, now);
            if !account.is_hot(now) {
                self.balance(host, account, now, events);
            }
        });
    }

    /// Whether there is anything for a tick to settle.
    pub fn wants_tick(&self) -> bool {
        self.is_open.get()
    }

    /// Gives leases back and books what is owed.
    pub fn tick(&self, host: &dyn Host, now: u64, events: &mut Events) {
        let Ok(mut accounts) = self.accounts.try_borrow_mut() else {
            return;
        };
        self.is_open.set(false);
        for account in accounts.iter_mut().filter(|account| !account.is_even()) {
            self.balance(host, account, now, events);
            if !account.is_even() {
                self.is_open.set(true);
            }
        }
    }

    /// Lets `use_it` have the account of a counter, or where there is no place for one an account
    /// that is settled at once.
    fn with_account<T>(
        &self,
        host: &dyn Host,
        counter: Counter<'_>,
        now: u64,
        events: &mut Events,
        use_it: impl FnOnce(&mut Account, &mut Events) -> T,
    ) -> T {
        let limits = counter.limits;
        let mut accounts = self.accounts.try_borrow_mut().ok();
        let place = accounts
            .as_mut()
            .and_then(|accounts| accounts.of(counter.key, now));
        let place = place.and_then(|account| {
            if !account.is_of(counter) {
                // What was taken under other limits is settled under those.
                self.balance(host, account, now, events);
                if !account.is_even() {
                    return None;
                }
                *account = Account::new(counter, now);
            }
            Some(account)
        });
        match place {
            Some(account) => {
                account.open(limits, now);
                let result = use_it(account, events);
                if !account.is_even() {
                    self.is_open.set(true);
                }
                result
            }
            None => {
                let mut account = Account::new(counter, now);
                let result = use_it(&mut account, events);
                self.balance(host, &mut account, now, events);
                events.lost = events.lost.saturating_add(u64::from(!account.is_even()));
                result
            }
        }
    }

    /// Takes `amount`, and `lease` beside it where there is room, from the buckets and then
    /// from each quota. Where one refuses, those before it have the amount in their balances
    /// again: the next tick gives it back.
    fn take(
        &self,
        asked: &Asked<'_>,
        account: &mut Account,
        amount: Amount,
        lease: Amount,
        events: &mut Events,
    ) -> Option<Refusal> {
        let &Asked { limits, now, .. } = asked;
        // A refusal that counts has to be booked where requests are.
        if account.is_spent && !limits.charge_refused {
            let refusal = self.look_at_quotas(asked, account, amount);
            account.is_spent = refusal.is_some();
            if refusal.is_some() {
                return refusal;
            }
        }
        let mut has_lease = !lease.is_nothing();
        if limits.has_buckets() {
            let (refusal, granted) = self.take_from_buckets(asked, account, amount, lease, events);
            if refusal.is_some() {
                // A quota that is used up is in the way for longer.
                let by_quota = self.look_at_quotas(asked, account, amount);
                account.is_spent = by_quota.is_some();
                return by_quota.or(refusal);
            }
            has_lease &= granted;
        }
        let mut refusal = None;
        let mut taken = 0usize;
        let mut quota_left = account.quota_left;
        for ((quota, balance), left) in account.quotas(limits).zip(&mut quota_left) {
            let lease = if has_lease { lease } else { Amount::default() };
            let taking = Taking {
                amount: amount.of(quota.unit),
                lease: lease.of(quota.unit),
            };
            let (result, left_now) = self.take_from_quota(asked, quota, balance, taking, events);
            *left = left_now;
            match result {
                Ok(granted) => {
                    has_lease &= granted;
                    taken = taken.saturating_add(1);
                }
                Err(short) => {
                    refusal = Some(Refusal {
                        limit: Limit::Quota(*quota),
                        short,
                    });
                    break;
                }
            }
        }
        account.is_spent = refusal.is_some();
        if refusal.is_some() {
            if limits.has_buckets() {
                let kept = limits.of_buckets(if limits.charge_refused {
                    amount.only(Unit::Tokens)
                } else {
                    amount
                });
                account.buckets.add(kept);
                let given_back = Difference {
                    less: kept,
                    ..Difference::default()
                };
                account.levels = limits.settle(account.levels, now, given_back);
            }
            let lefts = quota_left.iter_mut().take(taken);
            for ((quota, balance), left) in account.quotas(limits).zip(lefts) {
                balance.add(amount.only(quota.unit));
                *left = left.saturating_add(amount.of(quota.unit));
            }
        } else if has_lease {
            account.lease(now);
            events.leases = events.leases.saturating_add(1);
        }
        account.quota_left = quota_left;
        refusal
    }

    /// The quota that would refuse, the longest first; nothing is taken.
    fn look_at_quotas(
        &self,
        asked: &Asked<'_>,
        account: &mut Account,
        amount: Amount,
    ) -> Option<Refusal> {
        let &Asked {
            host, limits, now, ..
        } = asked;
        let mut places = limits.quotas.iter().zip(&mut account.quota_left);
        places.find_map(|(quota, left)| {
            let key = asked.quota_record(quota);
            let values = match quota.unit {
                Unit::Requests => self.request_quotas.read(host, key, now),
                Unit::Tokens => self.token_quotas.read(host, key, now),
            };
            *left = quota.left(values, now);
            let short = quota.take(values, now, amount.of(quota.unit)).err()?;
            Some(Refusal {
                limit: Limit::Quota(*quota),
                short,
            })
        })
    }

    /// Changes the record of a quota where `decide` says so.
    fn update_quota<T>(
        &self,
        asked: &Asked<'_>,
        quota: &Quota,
        retries: u64,
        decide: impl FnMut(Values) -> (T, Option<Values>),
    ) -> Updated<T> {
        let (host, key, now) = (asked.host, asked.quota_record(quota), asked.now);
        match quota.unit {
            Unit::Requests => self.request_quotas.update(host, key, now, retries, decide),
            Unit::Tokens => self.token_quotas.update(host, key, now, retries, decide),
        }
    }

    /// Why not, or whether the lease was given too.
    fn take_from_buckets(
        &self,
        asked: &Asked<'_>,
        account: &mut Account,
        amount: Amount,
        lease: Amount,
        events: &mut Events,
    ) -> (Option<Refusal>, bool) {
        let &Asked { limits, now, .. } = asked;
        let carry = account.buckets.close();
        let updated = self
            .tats
            .update(asked.host, asked.key, now, RETRIES, |values| {
                let found = Levels::of(values, now);
                let before = limits.settle(found, now, carry);
                match limits.take(before, now, amount) {
                    Ok(after) => {
                        let ahead = (!lease.is_nothing())
                            .then(|| limits.take_ahead(after, now, lease))
                            .flatten();
                        let result = (None, after, ahead.is_some());
                        (result, Some(ahead.unwrap_or(after).values()))
                    }
                    Err(refusal) => {
                        let after = limits.charge_refused(before, now, amount);
                        // What is charged for having asked is waited for as well.
                        let refusal = limits.take(after, now, amount).err().unwrap_or(refusal);
                        let change = (after != found).then(|| after.values());
                        ((Some(refusal), after, false), change)
                    }
                }
            });
        events.note(&updated);
        let (refusal, levels, has_lease) = updated.result;
        account.levels = levels;
        match (updated.change, refusal) {
            (Change::Stored, None) if has_lease => {
                account.buckets.add(limits.of_buckets(lease));
                return (None, true);
            }
            (Change::Lost, refusal) => {
                account.buckets.apply(carry);
                if refusal.is_none() {
                    account.buckets.spend(limits.of_buckets(amount));
                }
            }
            // Without shared data nothing is owed either: nobody could ever be paid.
            (Change::Stored | Change::None | Change::Unavailable, _) => {}
        }
        (refusal, false)
    }

    /// How long not, or whether the lease was given too; and what is left.
    fn take_from_quota(
        &self,
        asked: &Asked<'_>,
        quota: &Quota,
        balance: &mut Balance,
        taking: Taking,
        events: &mut Events,
    ) -> (Result<bool, Short>, u64) {
        let now = asked.now;
        let carry = balance.close();
        let (more, less) = (carry.more.of(quota.unit), carry.less.of(quota.unit));
        let with_lease = taking.amount.saturating_add(taking.lease);
        let updated = self.update_quota(asked, quota, RETRIES, |values| {
            let values = quota.settle(values, now, more, less);
            let taken = |result, after: Values| ((result, quota.left(after, now)), Some(after));
            match quota.take(values, now, with_lease) {
                Ok(after) => taken(Ok(taking.lease > 0), after),
                Err(_) => match quota.take(values, now, taking.amount) {
                    Ok(after) => taken(Ok(false), after),
                    Err(short) => {
                        let change = (more > 0 || less > 0).then_some(values);
                        ((Err(short), quota.left(values, now)), change)
                    }
                },
            }
        });
        events.note(&updated);
        let amount = |amount| quota.unit.amount(amount);
        let (result, left) = updated.result;
        match (updated.change, result) {
            (Change::Stored, Ok(true)) => balance.add(amount(taking.lease)),
            (Change::Lost, result) => {
                balance.apply(carry);
                if result.is_ok() {
                    balance.spend(amount(taking.amount));
                }
                return (result.map(|_| false), left);
            }
            _ => {}
        }
        // A quota of another unit than the lease's has nothing to give, and is not in its way.
        let result = result.map(|granted| granted || taking.lease == 0);
        (result, left)
    }

    /// Books all balances of an account; what is left of them could not be booked.
    fn balance(&self, host: &dyn Host, account: &mut Account, now: u64, events: &mut Events) {
        account.end_lease();
        let Some(limits) = account.limits.clone() else {
            return;
        };
        account.open(&limits, now);
        let asked = Asked {
            host,
            limits: &limits,
            key: account.key,
            quota_key: account.quota_key,
            now,
        };
        if !account.buckets.is_even() {
            let difference = account.buckets.close();
            let updated = self
                .tats
                .update(host, asked.key, now, PATIENT_RETRIES, |values| {
                    let before = Levels::of(values, now);
                    let after = limits.settle(before, now, difference);
                    ((), (after != before).then(|| after.values()))
                });
            events.note(&updated);
            if updated.change == Change::Lost {
                account.buckets.apply(difference);
            }
        }
        for (quota, balance) in account.quotas(&limits) {
            if balance.is_even() {
                continue;
            }
            let difference = balance.close();
            let more = difference.more.of(quota.unit);
            let less = difference.less.of(quota.unit);
            let updated = self.update_quota(&asked, quota, PATIENT_RETRIES, |values| {
                ((), Some(quota.settle(values, now, more, less)))
            });
            events.note(&updated);
            if updated.change == Change::Lost {
                balance.apply(difference);
            }
        }
    }
}

/// What is to be taken from a quota, in its unit.
#[derive(Clone, Copy)]
struct Taking {
    amount: u64,
    lease: u64,
}

impl Asked<'_> {
    /// The key of a quota's record: another for each period and unit.
    fn quota_record(&self, quota: &Quota) -> u64 {
        let period: u64 = match quota.period {
            Period::Hour => 1,
            Period::Day => 2,
            Period::Month => 3,
        };
        let which = match quota.unit {
            Unit::Requests => period,
            Unit::Tokens => period.saturating_add(3),
        };
        // An odd constant far from any pattern: the records of one counter lie on pages apart.
        self.quota_key
            .wrapping_add(which.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
