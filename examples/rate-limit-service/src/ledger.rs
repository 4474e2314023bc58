//! The counters: what was charged and given back in each window, and over all time.
//!
//! Windows are fixed, from the first hit on. What is given back makes room in the window that was
//! charged, and in no later one: there it would be room that others paid for.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::hits::Hits;
use crate::limits::{Counter, Limits};

/// All counters of the service.
pub struct Ledger {
    limits: Limits,
    windows: HashMap<Counter, Window>,
    most: usize,
    totals: BTreeMap<String, Total>,
    evicted: u64,
}

struct Window {
    used: u64,
    begins: Instant,
    ends: Instant,
}

/// What a limit counted since the service started, over all its counters and windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Hits charged, at admission and at settlement.
    pub charged: u64,
    /// Hits given back.
    pub refunded: u64,
    /// Of those, hits given back after the window that was charged was over. They made no room.
    pub refunded_too_late: u64,
    /// Hits that were refused, and not charged.
    pub refused: u64,
}

impl Total {
    /// What was charged and not given back.
    pub fn used(&self) -> u64 {
        self.charged.saturating_sub(self.refunded)
    }
}

/// A live counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterState {
    /// The limit's name.
    pub limit: String,
    /// The descriptor it counts.
    pub descriptor: BTreeMap<String, String>,
    /// Hits charged and not given back in this window.
    pub used: u64,
    /// The most it admits in a window.
    pub hits: u64,
    /// Until the window is over.
    pub resets_in_seconds: u64,
}

/// What a descriptor asks of the counters it falls under.
pub struct Booking {
    /// Where it is counted; none: it is admitted.
    pub counters: Vec<Counter>,
    /// What is counted.
    pub hits: Hits,
    /// When that which is given back was charged, where it is known; else it is given back to the
    /// window it comes in.
    pub charged_at: Option<Instant>,
}

/// Whether a counter has room for what a descriptor wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// In no window: it is more than the limit.
    Never,
    /// Not in this window.
    Later,
    /// It has.
    Now,
}

/// How a descriptor's tightest counter stands after the decision.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The counter.
    pub counter: Counter,
    /// Whether it has room for the hits.
    pub fit: Fit,
    /// What the request was to be charged here in all.
    pub wanted: u64,
    /// Hits left in the window.
    pub remaining: u64,
    /// Until the window is over.
    pub resets_in: Duration,
}

impl Ledger {
    /// Counts for these limits, with at most `most` counters.
    pub fn new(limits: Limits, most: usize) -> Self {
        let totals = limits
            .iter()
            .map(|limit| (limit.name.clone(), Total::default()));
        Self {
            totals: totals.collect(),
            limits,
            windows: HashMap::new(),
            most,
            evicted: 0,
        }
    }

    /// Decides about all descriptors of a request together: charges are booked if every one
    /// fits, else none is; settlements always are. Gives each descriptor's standing in order,
    /// none where no limit applies.
    pub fn book(&mut self, bookings: &[Booking], now: Instant) -> Vec<Option<Standing>> {
        let wanted = wanted(bookings);
        let fits = self.fits(bookings, &wanted, now);
        let admitted = fits.iter().flatten().all(|fit| *fit == Fit::Now);
        for booking in bookings {
            for counter in &booking.counters {
                self.apply(counter, booking, admitted, now);
            }
        }
        // Seen only now: what other descriptors of the request did to the counter is in it.
        let standings = bookings.iter().zip(fits).map(|(booking, fits)| {
            let standings = booking.counters.iter().zip(fits).map(|(counter, fit)| {
                let (used, resets_in) = self.seen(counter, now);
                Standing {
                    counter: counter.clone(),
                    fit,
                    wanted: wanted.get(counter).copied().unwrap_or_default(),
                    remaining: self.limits.of(counter).hits.saturating_sub(used),
                    resets_in,
                }
            });
            standings.min_by_key(|standing| {
                // Of those without room the one that has some last.
                let wait = match standing.fit {
                    Fit::Now => Duration::ZERO,
                    Fit::Later | Fit::Never => standing.resets_in,
                };
                (standing.fit, std::cmp::Reverse(wait), standing.remaining)
            })
        });
        standings.collect()
    }

    /// For each booking and counter, whether all that is to be charged fits.
    fn fits(
        &self,
        bookings: &[Booking],
        wanted: &HashMap<&Counter, u64>,
        now: Instant,
    ) -> Vec<Vec<Fit>> {
        let fit = |booking: &Booking, counter: &Counter| {
            let Hits::Charge(_) = booking.hits else {
                return Fit::Now;
            };
            let wanted = wanted.get(counter).copied().unwrap_or_default();
            let most = self.limits.of(counter).hits;
            if wanted > most {
                Fit::Never
            } else if self.seen(counter, now).0.saturating_add(wanted) > most {
                Fit::Later
            } else {
                Fit::Now
            }
        };
        bookings
            .iter()
            .map(|booking| {
                let counters = booking.counters.iter();
                counters.map(|counter| fit(booking, counter)).collect()
            })
            .collect()
    }

    fn apply(&mut self, counter: &Counter, booking: &Booking, admitted: bool, now: Instant) {
        let name = self.limits.of(counter).name.clone();
        let total = self.totals.entry(name).or_default();
        match booking.hits {
            Hits::Charge(hits) if !admitted => total.refused = total.refused.saturating_add(hits),
            Hits::Charge(hits) | Hits::Book(hits) => {
                total.charged = total.charged.saturating_add(hits);
                // Asking starts no window.
                if hits > 0 {
                    let window = self.window(counter, now);
                    window.used = window.used.saturating_add(hits);
                }
            }
            Hits::Refund(hits) => {
                total.refunded = total.refunded.saturating_add(hits);
                let window = self.windows.get_mut(counter);
                let window = window.filter(|window| {
                    let holds = |charged_at| charged_at >= window.begins;
                    window.ends > now && booking.charged_at.is_none_or(holds)
                });
                let held = window.map_or(0, |window| {
                    let held = window.used.min(hits);
                    window.used -= held;
                    held
                });
                total.refunded_too_late = total.refunded_too_late.saturating_add(hits - held);
            }
        }
    }

    /// What is used of a counter, and when that ends.
    fn seen(&self, counter: &Counter, now: Instant) -> (u64, Duration) {
        match self.windows.get(counter) {
            Some(window) if window.ends > now => (window.used, window.ends - now),
            _ => (0, self.limits.of(counter).window),
        }
    }

    /// The counter's window, a new one if there is none or it is over.
    fn window(&mut self, counter: &Counter, now: Instant) -> &mut Window {
        if !self.windows.contains_key(counter) && self.windows.len() >= self.most {
            self.make_room(now);
        }
        let length = self.limits.of(counter).window;
        let fresh = || Window {
            used: 0,
            begins: now,
            ends: now + length,
        };
        let window = self.windows.entry(counter.clone()).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        window
    }

    /// Forgets windows that are over or of which nothing is used, which loses nothing: made-up
    /// tenants whose requests the upstream refused leave such. If there is none, the one whose
    /// limit is used least, and of equals the one that would be over first.
    fn make_room(&mut self, now: Instant) {
        self.windows
            .retain(|_, window| window.ends > now && window.used > 0);
        if self.windows.len() < self.most {
            return;
        }
        let worth = |(counter, window): &(&Counter, &Window)| {
            let most = u128::from(self.limits.of(counter).hits.max(1));
            ((u128::from(window.used) << 64) / most, window.ends)
        };
        let least = self.windows.iter().min_by_key(worth);
        if let Some(counter) = least.map(|(counter, _)| counter.clone()) {
            self.windows.remove(&counter);
            self.evicted = self.evicted.saturating_add(1);
        }
    }

    /// What each limit counted since the start.
    pub fn totals(&self) -> BTreeMap<String, Total> {
        self.totals.clone()
    }

    /// Live counters that were forgotten because there were too many.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The counters whose windows are not over, those used most first.
    pub fn counters(&self, now: Instant) -> Vec<CounterState> {
        let live = self.windows.iter().filter(|(_, window)| window.ends > now);
        let mut states: Vec<CounterState> = live
            .map(|(counter, window)| CounterState {
                limit: self.limits.of(counter).name.clone(),
                descriptor: self.limits.entries(counter),
                used: window.used,
                hits: self.limits.of(counter).hits,
                resets_in_seconds: (window.ends - now).as_secs(),
            })
            .collect();
        states.sort_by(|a, b| {
            let key = |state: &CounterState| std::cmp::Reverse(state.used);
            (key(a), &a.limit, &a.descriptor).cmp(&(key(b), &b.limit, &b.descriptor))
        });
        states
    }
}

/// What a request is to be charged at each counter, by all of its descriptors.
fn wanted(bookings: &[Booking]) -> HashMap<&Counter, u64> {
    let mut wanted: HashMap<&Counter, u64> = HashMap::new();
    for booking in bookings {
        if let Hits::Charge(hits) = booking.hits {
            for counter in &booking.counters {
                let sum = wanted.entry(counter).or_default();
                *sum = sum.saturating_add(hits);
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests;
