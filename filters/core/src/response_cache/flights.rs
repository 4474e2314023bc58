//! One flight: of like requests on a worker the first asks the upstream, and the others wait for
//! what it brings, up to a time, and then go on themselves.
//!
//! Of the workers of an Envoy one asks, as the store's directory says; on the others the requests
//! wait until its mark there is gone.

use core::cell::{Cell, RefCell};

use hashbrown::HashMap;

use super::keyer::Digest;
use crate::callout::{Place, Turn};
use crate::effect::Effect;

/// Requests of a worker that wait together.
pub const MOST_WAITING: usize = 4096;
/// Nanoseconds that a request waits at most, whatever is configured.
pub const LONGEST_WAIT: u64 = 60_000_000_000;
/// Marks that are looked for with one tick; who waits for others beyond that waits for its time.
const MOST_LOOKED_FOR: usize = 256;

/// Who brings the answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A request of this worker.
    Here,
    /// Another worker.
    Elsewhere,
}

/// The flights that a worker knows of.
#[derive(Debug, Default)]
pub struct Flights {
    flights: RefCell<HashMap<Digest, Flight>>,
    waiting: Cell<usize>,
    last: Cell<u64>,
}

#[derive(Debug)]
struct Flight {
    by: By,
    waiting: Vec<Waiter>,
}

impl Flight {
    fn by(by: By) -> Flight {
        let waiting = Vec::new();
        Flight { by, waiting }
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiter {
    place: Place,
    /// Nanoseconds since 1970 until when it waits.
    until: u64,
}

impl Flights {
    /// Whether somebody is under way for `key`.
    pub fn is_under_way(&self, key: &Digest) -> bool {
        let flights = self.flights.try_borrow();
        flights.is_ok_and(|flights| flights.contains_key(key))
    }

    /// A request of this worker is under way for `key` now.
    pub fn take_off(&self, key: Digest) {
        if let Ok(mut flights) = self.flights.try_borrow_mut() {
            let flight = flights.entry(key).or_insert(Flight::by(By::Here));
            flight.by = By::Here;
        }
    }

    /// Waits until a time, in nanoseconds since 1970, for who is under way for `key`: another
    /// worker, where none of this one is. The place, where there is one.
    pub fn wait(&self, key: Digest, until: u64) -> Option<Place> {
        let waiting = self.waiting.get();
        if waiting >= MOST_WAITING {
            return None;
        }
        let mut flights = self.flights.try_borrow_mut().ok()?;
        let flight = flights.entry(key).or_insert(Flight::by(By::Elsewhere));
        let place = Place(self.last.get().wrapping_add(1));
        self.last.set(place.0);
        self.waiting.set(waiting.saturating_add(1));
        flight.waiting.push(Waiter { place, until });
        Some(place)
    }

    /// Who waits at `place` for `key` does not any more.
    pub fn leave(&self, key: &Digest, place: Place) {
        let Ok(mut flights) = self.flights.try_borrow_mut() else {
            return;
        };
        let Some(flight) = flights.get_mut(key) else {
            return;
        };
        let before = flight.waiting.len();
        flight.waiting.retain(|waiter| waiter.place != place);
        let left = before.saturating_sub(flight.waiting.len());
        self.waiting.set(self.waiting.get().saturating_sub(left));
        if flight.by == By::Elsewhere && flight.waiting.is_empty() {
            flights.remove(key);
        }
    }

    /// Who was under way for `key` has done with it: all who wait for that go on.
    pub fn land(&self, key: &Digest, turn: Turn, effects: &mut Vec<Effect>) {
        let landed = self.flights.try_borrow_mut();
        let Some(flight) = landed.ok().and_then(|mut flights| flights.remove(key)) else {
            return;
        };
        self.call(&flight.waiting, turn, effects);
    }

    /// Lets those go on who have waited for long enough at `now`, and those for whom another worker
    /// is under way no longer, as `is_under_way` says.
    pub fn on_tick(
        &self,
        now: u64,
        is_under_way: impl Fn(&Digest) -> bool,
        effects: &mut Vec<Effect>,
    ) {
        let Ok(mut flights) = self.flights.try_borrow_mut() else {
            return;
        };
        let mut looked_for = 0_usize;
        flights.retain(|key, flight| {
            // Who seems to wait for longer than anybody may began before a clock was set back.
            let is_over =
                |waiter: &Waiter| !(1..=LONGEST_WAIT).contains(&waiter.until.saturating_sub(now));
            let over: Vec<Waiter> = flight.waiting.iter().copied().filter(is_over).collect();
            flight.waiting.retain(|waiter| !is_over(waiter));
            self.call(&over, Turn::Alone, effects);
            if flight.by == By::Here {
                return true;
            }
            looked_for = looked_for.saturating_add(1);
            if looked_for <= MOST_LOOKED_FOR && !is_under_way(key) {
                self.call(&flight.waiting, Turn::Again, effects);
                return false;
            }
            !flight.waiting.is_empty()
        });
    }

    /// Whether anybody waits.
    pub fn has_waiting(&self) -> bool {
        self.waiting.get() > 0
    }

    fn call(&self, waiting: &[Waiter], turn: Turn, effects: &mut Vec<Effect>) {
        self.waiting
            .set(self.waiting.get().saturating_sub(waiting.len()));
        effects.extend(waiting.iter().map(|waiter| Effect::Wake {
            place: waiter.place,
            turn,
        }));
    }
}

#[cfg(test)]
mod tests;
