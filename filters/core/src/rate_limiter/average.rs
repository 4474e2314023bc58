//! How long answers usually are: a running average for each tenant and model.
//!
//! What an answer will cost is not known when its request is admitted. Reserving all that
//! `max_tokens` allows starves a limit, reserving nothing lets it be overrun by whatever is in
//! flight; the average is right in the sum, and the end of each stream corrects it.
//!
//! The first answers count equally, later ones by exponential decay. Each worker keeps what
//! it has read and learnt in a fixed number of places, and shares it once a second, so that an
//! admission asks the host only for a tenant that is new to it.

use core::cell::RefCell;

use super::bucket::SECOND;
use crate::host::Host;
use crate::table::{Change, Kind, RETRIES, Table, Values};

/// The records of averages: the mean in 1/256 tokens above the number of answers in it (8
/// bits), and when it was last changed.
#[derive(Debug)]
pub(crate) struct Averages;

/// An average that nothing was added to for this long begins anew.
const KEPT: u64 = 24 * 3600 * SECOND;

impl Kind for Averages {
    const NAME: &'static str = "averages";
    const PAGES: u32 = 64;
    const RECORDS: usize = 324;

    fn ends(values: Values) -> u64 {
        values[1].saturating_add(KEPT)
    }

    fn shifted([mean, changed]: Values, by: u64) -> Values {
        [mean, changed.saturating_sub(by)]
    }
}

/// Answers that an average remembers: the weight of a new one is never less than one in this
/// many. Long enough to be steady, short enough to follow a tenant that changes what it does.
const MEMORY: u64 = 32;
/// Places for averages in a worker; one more in use costs a read when it is first needed.
const PLACES: usize = 4096;
/// What was learnt is shared at the latest with the first answer after this time.
const SHARED_EVERY: u64 = SECOND;

/// What a worker has not shared or read for this long it reads again.
const READ_AGAIN: u64 = 60 * SECOND;

/// A mean of so many answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mean {
    /// In 1/256 tokens, 48 bits.
    tokens: u64,
    /// At most [`MEMORY`].
    answers: u64,
}

impl Mean {
    const MOST: u64 = (1 << 48) - 1;

    fn of(values: Values, now: u64) -> Mean {
        if Averages::ends(values) <= now {
            return Mean::default();
        }
        Mean {
            tokens: values[0] >> 8,
            answers: values[0] & 0xff,
        }
    }

    fn values(self, now: u64) -> Values {
        [
            self.tokens.min(Mean::MOST) << 8 | self.answers.min(0xff),
            now,
        ]
    }

    /// The mean with `answers` more whose tokens are `sum`.
    fn with(self, sum: u64, answers: u64) -> Mean {
        if answers == 0 {
            return self;
        }
        let weight = self.answers.saturating_add(answers);
        let sum = u128::from(sum) << 8;
        let all = u128::from(self.tokens)
            .saturating_mul(u128::from(self.answers))
            .saturating_add(sum);
        let mean = all.checked_div(u128::from(weight)).unwrap_or(0);
        Mean {
            tokens: u64::try_from(mean).unwrap_or(u64::MAX).min(Mean::MOST),
            answers: weight.min(MEMORY),
        }
    }

    /// Tokens to be expected, rounded up.
    fn expected(self) -> Option<u64> {
        (self.answers > 0).then(|| self.tokens.div_ceil(256))
    }
}

/// What a worker knows of one key.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: u64,
    mean: Mean,
    /// Learnt here and not shared yet.
    sum: u64,
    answers: u64,
    shared_at: u64,
}

/// Learns and tells how long answers are.
#[derive(Debug, Default)]
pub struct Expectations {
    places: RefCell<Vec<Place>>,
    table: Table<Averages>,
}

impl Expectations {
    /// Tokens that an answer under `key` is expected to have; `None` where there was none yet.
    pub fn expected(&self, host: &dyn Host, key: u64, now: u64) -> Option<u64> {
        let Ok(mut places) = self.places.try_borrow_mut() else {
            return None;
        };
        let place = place(&mut places, key)?;
        // Others learn too, and what nobody adds to is forgotten.
        let is_old = now.abs_diff(place.shared_at) >= READ_AGAIN && place.answers == 0;
        if place.key != key || is_old {
            self.share(host, place, now);
            *place = Place {
                key,
                mean: Mean::of(self.table.read(host, key, now), now),
                shared_at: now,
                ..Place::default()
            };
        }
        place.mean.with(place.sum, place.answers).expected()
    }

    /// Whether an answer of `tokens` is longer than what is expected under `key`; not where
    /// nothing is known yet.
    pub fn is_more(&self, host: &dyn Host, key: u64, tokens: u64, now: u64) -> bool {
        let expected = self.expected(host, key, now);
        expected.is_some_and(|expected| tokens > expected)
    }

    /// Takes note of an answer of `tokens` under `key`.
    pub fn learn(&self, host: &dyn Host, key: u64, tokens: u64, now: u64) {
        let Ok(mut places) = self.places.try_borrow_mut() else {
            return;
        };
        let Some(place) = place(&mut places, key) else {
            return;
        };
        if place.key != key {
            self.share(host, place, now);
            *place = Place {
                key,
                ..Place::default()
            };
        }
        place.sum = place.sum.saturating_add(tokens);
        place.answers = place.answers.saturating_add(1);
        let is_due = now.abs_diff(place.shared_at) >= SHARED_EVERY;
        if is_due || place.mean.answers < MEMORY {
            self.share(host, place, now);
        }
    }

    /// Adds what was learnt here to what all workers know. What is lost to others that were
    /// faster is added the next time.
    fn share(&self, host: &dyn Host, place: &mut Place, now: u64) {
        if place.answers == 0 {
            return;
        }
        let (sum, answers) = (place.sum, place.answers);
        let updated = self.table.update(host, place.key, now, RETRIES, |values| {
            let mean = Mean::of(values, now).with(sum, answers);
            (mean, Some(mean.values(now)))
        });
        place.shared_at = now;
        if updated.change == Change::Stored {
            place.mean = updated.result;
            place.sum = 0;
            place.answers = 0;
        }
    }
}

fn place(places: &mut Vec<Place>, key: u64) -> Option<&mut Place> {
    if places.is_empty() {
        // Not before it is needed: a module may hold this stage and not use it.
        places.resize_with(PLACES, Place::default);
    }
    places.get_mut(key as usize % PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::world::{Store, World};

    const START: u64 = 1_800_000_000 * SECOND;

    /// Answers and what is expected after them, of a worker that learnt them and of another.
    #[test]
    fn it_is_the_mean_and_follows() {
        let rows: [(&[u64], Option<u64>); 5] = [
            (&[], None),
            (&[0], Some(0)),
            (&[100], Some(100)),
            (&[100, 200, 301], Some(201)),
            (&[u64::MAX], Some(Mean::MOST.div_ceil(256))),
        ];
        for (answers, expected) in rows {
            let store = Store::at(START);
            let (world, other) = (World::of(&store), World::of(&store));
            let (learner, reader) = (Expectations::default(), Expectations::default());
            for tokens in answers {
                learner.learn(&world, 7, *tokens, START);
            }
            for (who, world) in [(&learner, &world), (&reader, &other)] {
                assert_eq!(who.expected(world, 7, START), expected, "{answers:?}");
            }
            assert_eq!(reader.expected(&other, 8, START), None);
        }
    }

    #[test]
    fn a_tenant_that_changes_is_followed_within_a_hundred_answers() {
        let world = World::of(&Store::at(START));
        let expectations = Expectations::default();
        let mut now = START;
        for (tokens, low, high) in [(100, 100, 100), (500, 470, 500), (20, 20, 55)] {
            for _ in 0..100 {
                now += SECOND / 10;
                expectations.learn(&world, 7, tokens, now);
            }
            let expected = expectations.expected(&world, 7, now).unwrap();
            assert!((low..=high).contains(&expected), "{tokens}: {expected}");
        }
    }

    #[test]
    fn learning_costs_little_once_it_is_steady() {
        let world = World::of(&Store::at(START));
        let expectations = Expectations::default();
        for _ in 0..MEMORY {
            expectations.learn(&world, 7, 100, START);
        }
        let before = world.store.calls();
        for at in 0..1000 {
            expectations.expected(&world, 7, START + at);
            expectations.learn(&world, 7, 100, START + at);
        }
        assert_eq!(world.store.calls(), before, "all within a second");
        expectations.learn(&world, 7, 100, START + SECOND);
        assert_eq!(world.store.calls(), (before.0 + 1, before.1 + 1));
    }

    #[test]
    fn what_others_learn_at_the_same_time_counts_too() {
        let store = Store::at(START);
        let (one, two) = (World::of(&store), World::of(&store));
        let (a, b) = (Expectations::default(), Expectations::default());
        for _ in 0..MEMORY {
            a.learn(&one, 7, 100, START);
        }
        one.conflict(2);
        for at in 1..200u64 {
            a.learn(&one, 7, 100, START + at * SECOND);
            b.learn(&two, 7, 300, START + at * SECOND);
        }
        let (a, b) = (a.expected(&one, 7, START), b.expected(&two, 7, START));
        assert!(
            a.unwrap().abs_diff(200) < 10 && b.unwrap().abs_diff(200) < 10,
            "{a:?} {b:?}"
        );
    }

    #[test]
    fn what_is_lost_to_a_conflict_is_learnt_later() {
        let world = World::of(&Store::at(START));
        let expectations = Expectations::default();
        expectations.learn(&world, 7, 100, START);
        world.conflict(4);
        expectations.learn(&world, 7, 300, START + SECOND);
        assert_eq!(expectations.expected(&world, 7, START), Some(200));
        expectations.learn(&world, 7, 500, START + 2 * SECOND);
        let another = Expectations::default();
        assert_eq!(another.expected(&world, 7, START + 2 * SECOND), Some(300));
    }

    #[test]
    fn more_tenants_than_places_still_are_told_apart() {
        let world = World::of(&Store::at(START));
        let expectations = Expectations::default();
        let keys =
            || (1..=2 * PLACES as u64).map(|at| (at, at.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        for (at, key) in keys() {
            expectations.learn(&world, key, at, START);
        }
        for (at, key) in keys() {
            assert_eq!(expectations.expected(&world, key, START), Some(at));
        }
    }

    #[test]
    fn old_averages_begin_anew() {
        let world = World::of(&Store::at(START));
        Expectations::default().learn(&world, 7, 100, START);
        let later = Expectations::default();
        world.store.now.set(START + KEPT);
        assert_eq!(later.expected(&world, 7, START + KEPT), None);
        later.learn(&world, 7, 300, START + KEPT);
        assert_eq!(later.expected(&world, 7, START + KEPT), Some(300));
    }
}
