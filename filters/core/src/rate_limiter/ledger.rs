//! What a counter's limits and quotas have given, kept so that all workers agree.
//!
//! A decision asks shared data: one read, one write. A counter that is asked often on one
//! worker takes a little in advance, its lease, and spends that without asking; so a hot
//! tenant's workers do not fight over one page. A lease is taken like any charge, so nothing
//! is ever given twice; what is left of it goes back with the next tick. What could not be
//! booked because other workers were faster each time is owed, and booked then too.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::account::Accounts;
use super::bucket::{MINUTE, Short};
use super::limits::{Amount, Difference, Levels, Limit, Limits, Refusal};
use super::quota::{Period, Quota, Quotas, Unit};
use super::table::{Change, Kind, PATIENT_RETRIES, RETRIES, Table, Updated, Values};
use crate::host::Host;

/// What happened on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// How often another worker was faster.
    pub conflicts: u64,
    /// Changes that could not be stored and are owed.
    pub contended: u64,
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
    /// What is left after it.
    pub levels: Levels,
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
    quotas: Table<Quotas>,
    accounts: RefCell<Accounts>,
    /// Whether an account may be uneven.
    is_open: Cell<bool>,
}

/// A worker's part of a decision, before it is made.
struct Asked<'a> {
    host: &'a dyn Host,
    limits: &'a Limits,
    key: u64,
    now: u64,
}

impl Ledger {
    /// Takes `amount` from everything under `key`, or nothing from anything.
    pub fn reserve(
        &self,
        host: &dyn Host,
        limits: &Rc<Limits>,
        key: u64,
        amount: Amount,
        now: u64,
        events: &mut Events,
    ) -> Decision {
        let asked = Asked {
            host,
            limits,
            key,
            now,
        };
        let mut accounts = self.accounts.try_borrow_mut().ok();
        let mut account = accounts
            .as_mut()
            .and_then(|accounts| accounts.of(key, limits, asked.now));
        let (mut lease, mut carry) = (Amount::default(), Difference::default());
        if let Some(account) = &mut account {
            account.count(asked.now);
            if account.spend_lease(amount) {
                return Decision {
                    refusal: None,
                    levels: account.levels,
                };
            }
            if account.is_hot(asked.now) {
                lease = limits.lease(amount);
            }
            carry = account.close();
        }
        let Taken {
            refusal,
            levels,
            lease,
            unbooked,
        } = self.take(&asked, amount, lease, carry, events);
        if let Some(account) = account {
            account.levels = levels;
            account.book(unbooked);
            account.book(Difference {
                less: lease,
                ..Difference::default()
            });
            if !account.is_even() {
                self.is_open.set(true);
            }
        }
        if !lease.is_nothing() {
            events.leases = events.leases.saturating_add(1);
        }
        Decision { refusal, levels }
    }

    /// Charges and gives back what the end of a stream showed.
    pub fn settle(
        &self,
        host: &dyn Host,
        limits: &Rc<Limits>,
        key: u64,
        difference: Difference,
        now: u64,
        events: &mut Events,
    ) {
        if difference.is_nothing() || limits.is_empty() {
            return;
        }
        let mut accounts = self.accounts.try_borrow_mut().ok();
        let account = accounts
            .as_mut()
            .and_then(|accounts| accounts.of(key, limits, now));
        let unbooked = match &account {
            Some(account) if account.is_hot(now) => difference,
            _ => {
                let asked = Asked {
                    host,
                    limits,
                    key,
                    now,
                };
                self.book(&asked, difference, limits.quotas.len(), events)
            }
        };
        if let Some(account) = account {
            account.book(unbooked);
            if !account.is_even() {
                self.is_open.set(true);
            }
        }
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
            let Some(limits) = account.limits.clone() else {
                continue;
            };
            let asked = Asked {
                host,
                limits: &limits,
                key: account.key,
                now,
            };
            let difference = account.close();
            let unbooked = self.book(&asked, difference, limits.quotas.len(), events);
            account.book(unbooked);
            if !account.is_even() {
                self.is_open.set(true);
            }
        }
    }

    /// Takes `amount`, and `lease` beside it where there is room, after booking `carry`.
    fn take(
        &self,
        asked: &Asked<'_>,
        amount: Amount,
        lease: Amount,
        carry: Difference,
        events: &mut Events,
    ) -> Taken {
        let &Asked { limits, now, .. } = asked;
        let taken = self.take_from_buckets(asked, amount, lease, carry, events);
        let mut lease = taken.lease;
        let is_refused = taken.refusal.is_some();
        // What waits to be booked waits for buckets and quotas together: these only look now.
        let waits = !taken.unbooked.is_nothing();
        for (at, quota) in limits.quotas.iter().enumerate() {
            let (amount_here, more) = (amount.of(quota.unit), carry.more.of(quota.unit));
            let less = carry.less.of(quota.unit);
            if is_refused && (waits || (more == 0 && less == 0)) {
                continue;
            }
            let updated =
                self.quotas
                    .update(asked.host, asked.quota_key(quota), now, RETRIES, |values| {
                        let values = quota.settle(values, now, more, less);
                        if is_refused {
                            return (Ok(Amount::default()), Some(values));
                        }
                        let with_lease = amount_here.saturating_add(lease.of(quota.unit));
                        let (decision, change) = match quota.take(values, now, with_lease) {
                            Ok(values) => (Ok(lease), Some(values)),
                            Err(_) => match quota.take(values, now, amount_here) {
                                Ok(values) => (Ok(Amount::default()), Some(values)),
                                Err(short) => {
                                    (Err(short), (more > 0 || less > 0).then_some(values))
                                }
                            },
                        };
                        (decision, change.filter(|_| !waits))
                    });
            events.note(&updated);
            match updated.result {
                Ok(granted) if granted == lease || is_refused => {}
                // Too little is left for a lease: those before give theirs back.
                Ok(_) => {
                    self.give_back(asked, lease, at, events);
                    lease = Amount::default();
                }
                Err(short) => {
                    let less = amount.plus(lease);
                    if !waits {
                        self.give_back(asked, less, at, events);
                    }
                    let given_back = Difference {
                        less,
                        ..Difference::default()
                    };
                    return Taken {
                        refusal: Some(Refusal {
                            limit: Limit::Quota(*quota),
                            short: short.map_or(Short::Always, Short::For),
                        }),
                        levels: limits.settle(taken.levels, now, given_back),
                        lease: Amount::default(),
                        unbooked: if waits { carry } else { Difference::default() },
                    };
                }
            }
        }
        Taken { lease, ..taken }
    }

    fn take_from_buckets(
        &self,
        asked: &Asked<'_>,
        amount: Amount,
        lease: Amount,
        carry: Difference,
        events: &mut Events,
    ) -> Taken {
        let &Asked { limits, now, .. } = asked;
        if !limits.has_buckets() {
            return Taken {
                refusal: None,
                levels: Levels::default(),
                lease,
                unbooked: Difference::default(),
            };
        }
        let updated = self
            .tats
            .update(asked.host, asked.key, now, RETRIES, |values| {
                let before = limits.settle(Levels::of(values, now), now, carry);
                match limits.take(before, now, amount) {
                    Ok(after) => {
                        let ahead = (!lease.is_nothing())
                            .then(|| limits.take_ahead(after, now, lease))
                            .flatten();
                        let granted = if ahead.is_some() {
                            lease
                        } else {
                            Amount::default()
                        };
                        let after = ahead.unwrap_or(after);
                        ((None, after, granted), Some(after.values()))
                    }
                    Err(refusal) => {
                        let after = match limits.requests {
                            Some(bucket) if limits.charge_refused => Levels {
                                requests: bucket
                                    .charge(before.requests, now, amount.requests)
                                    .min(now.saturating_add(MINUTE)),
                                ..before
                            },
                            _ => before,
                        };
                        let has_changed = after != Levels::of(values, now);
                        let change = has_changed.then(|| after.values());
                        ((Some(refusal), before, Amount::default()), change)
                    }
                }
            });
        events.note(&updated);
        let (refusal, levels, granted) = updated.result;
        // Without shared data nothing is owed either: nobody could ever be paid.
        let is_booked = updated.change != Change::Lost;
        let unbooked = match (is_booked, refusal) {
            (true, _) => Difference::default(),
            (false, Some(_)) => carry,
            (false, None) => Difference {
                more: carry.more.plus(amount),
                less: carry.less,
            },
        };
        Taken {
            refusal,
            levels,
            lease: if updated.change == Change::Stored {
                granted
            } else {
                Amount::default()
            },
            unbooked,
        }
    }

    /// Gives back what the buckets and the first quotas gave.
    fn give_back(&self, asked: &Asked<'_>, less: Amount, quotas: usize, events: &mut Events) {
        let difference = Difference {
            less,
            ..Difference::default()
        };
        let _ = self.book(asked, difference, quotas, events);
    }

    /// Books a difference at the buckets and at so many quotas; what could not be booked at
    /// the buckets is returned.
    fn book(
        &self,
        asked: &Asked<'_>,
        difference: Difference,
        quotas: usize,
        events: &mut Events,
    ) -> Difference {
        let &Asked { limits, now, .. } = asked;
        if limits.has_buckets() {
            let updated = self
                .tats
                .update(asked.host, asked.key, now, PATIENT_RETRIES, |values| {
                    let before = Levels::of(values, now);
                    let after = limits.settle(before, now, difference);
                    ((), (after != before).then(|| after.values()))
                });
            events.note(&updated);
            if updated.change == Change::Lost {
                // All of it waits, so that buckets and quotas stay together.
                return difference;
            }
        }
        for quota in limits.quotas.iter().take(quotas) {
            let (more, less) = (
                difference.more.of(quota.unit),
                difference.less.of(quota.unit),
            );
            if more == 0 && less == 0 {
                continue;
            }
            let key = asked.quota_key(quota);
            let updated = self
                .quotas
                .update(asked.host, key, now, PATIENT_RETRIES, |values| {
                    ((), Some(quota.settle(values, now, more, less)))
                });
            events.note(&updated);
        }
        Difference::default()
    }
}

impl Asked<'_> {
    /// The key of a quota's record: another for each period and unit.
    fn quota_key(&self, quota: &Quota) -> u64 {
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
        self.key
            .wrapping_add(which.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// What came of taking.
struct Taken {
    refusal: Option<Refusal>,
    levels: Levels,
    /// What was taken in advance.
    lease: Amount,
    /// What could not be stored.
    unbooked: Difference,
}
