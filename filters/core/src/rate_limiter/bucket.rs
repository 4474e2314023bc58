//! A limit of so many a minute as GCRA: one time stands for the whole state of a bucket.
//!
//! The generic cell rate algorithm (ITU-T I.371) keeps the *theoretical arrival time*, TAT:
//! the moment at which the bucket would be full again. A charge moves it ahead by the time
//! that its amount takes at the limit's rate; what would move it further ahead of now than
//! the burst is refused. A TAT that has passed says the same as none: a full bucket.

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub const MINUTE: u64 = 60 * SECOND;

/// The longest that a single charge may take to be paid off: real usage above the estimate
/// leaves a bucket in debt, and a single bogus report must not lock a tenant out for long.
pub const LONGEST_CHARGE: u64 = 60 * MINUTE;
/// The furthest ahead of now that a TAT may be.
pub const LONGEST_DEBT: u64 = 24 * LONGEST_CHARGE;

/// A limit of so many a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// How many a minute.
    pub per_minute: u64,
    /// How many nanoseconds' worth of them may come at once.
    pub burst: u64,
}

/// Why a bucket does not give what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Short {
    /// It will in so many nanoseconds, unless others ask first.
    For(u64),
    /// It never will: more is asked for than a whole minute has.
    Always,
}

impl Short {
    /// Whether it lasts longer than `other`.
    pub fn longer_than(self, other: Short) -> bool {
        match (self, other) {
            (Short::Always, other) => other != Short::Always,
            (Short::For(_), Short::Always) => false,
            (Short::For(time), Short::For(other)) => time > other,
        }
    }
}

impl Bucket {
    /// The TAT after taking `amount` at `now`, unless the bucket does not have it.
    ///
    /// An amount larger than the burst, but not than a whole minute, is given by a full bucket
    /// and leaves it in debt: it could never be given otherwise.
    ///
    /// # Errors
    /// When it will have it.
    pub fn take(&self, tat: u64, now: u64, amount: u64) -> Result<u64, Short> {
        if amount > self.per_minute || self.per_minute == 0 {
            return Err(Short::Always);
        }
        let start = tat.max(now);
        let cost = self.time_up(amount);
        let end = start.saturating_add(cost);
        if end <= now.saturating_add(self.burst) || (cost > self.burst && start == now) {
            return Ok(end);
        }
        let room = self.burst.max(cost);
        Err(Short::For(end.saturating_sub(now).saturating_sub(room)))
    }

    /// Like [`Bucket::take`], but never into debt: for what is taken in advance.
    pub fn take_ahead(&self, tat: u64, now: u64, amount: u64) -> Option<u64> {
        let end = tat.max(now).saturating_add(self.time_up(amount));
        (self.per_minute > 0 && end <= now.saturating_add(self.burst)).then_some(end)
    }

    /// The TAT after charging `amount`, whatever the bucket has.
    pub fn charge(&self, tat: u64, now: u64, amount: u64) -> u64 {
        let time = self.time_up(amount).min(LONGEST_CHARGE);
        let end = tat.max(now).saturating_add(time);
        end.min(now.saturating_add(LONGEST_DEBT))
    }

    /// The TAT after giving `amount` back. A bucket is never more than full, because a TAT in
    /// the past counts as now.
    pub fn give_back(&self, tat: u64, amount: u64) -> u64 {
        tat.saturating_sub(self.time_down(amount))
    }

    /// The largest amount that would be given now.
    pub fn remaining(&self, tat: u64, now: u64) -> u64 {
        if tat <= now {
            return self.per_minute;
        }
        let room = now.saturating_add(self.burst).saturating_sub(tat);
        self.amount_in(room)
    }

    /// How many ones would be given now, one after the other. A single amount may be larger
    /// than that, where a full bucket gives more than its burst.
    pub fn remaining_ones(&self, tat: u64, now: u64) -> u64 {
        let start = tat.max(now);
        let of_burst = self.amount_in(now.saturating_add(self.burst).saturating_sub(start));
        match start == now {
            true => of_burst.max(self.per_minute.min(1)),
            false => of_burst,
        }
    }

    /// How many come in so many nanoseconds.
    pub fn amount_in(&self, time: u64) -> u64 {
        let amount = u128::from(time).saturating_mul(u128::from(self.per_minute));
        narrow(amount.checked_div(u128::from(MINUTE)).unwrap_or(0))
    }

    /// The time `amount` takes, rounded up: charges never fall short.
    fn time_up(&self, amount: u64) -> u64 {
        let time = u128::from(amount).saturating_mul(u128::from(MINUTE));
        match self.per_minute {
            0 => u64::MAX,
            rate => narrow(time.div_ceil(u128::from(rate))),
        }
    }

    /// The time `amount` takes, rounded down: no more is given back than was charged.
    fn time_down(&self, amount: u64) -> u64 {
        let time = u128::from(amount).saturating_mul(u128::from(MINUTE));
        narrow(time.checked_div(u128::from(self.per_minute)).unwrap_or(0))
    }
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn bucket(per_minute: u64, burst_seconds: u64) -> Bucket {
        Bucket {
            per_minute,
            burst: burst_seconds * SECOND,
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let now = 1000 * SECOND;
        let ten = bucket(600, 3); // Ten a second.
        let second = |s: u64| now + s * SECOND;
        let rows = [
            // Bucket, TAT, amount, given.
            (ten, 0, 10, Ok(second(1))),
            (ten, now - 1, 30, Ok(second(3))),
            (ten, second(1), 20, Ok(second(3))),
            (ten, second(1), 21, Err(Short::For(SECOND / 10))),
            (ten, second(3), 1, Err(Short::For(SECOND / 10))),
            // Nothing is given in debt, not even nothing.
            (ten, second(3), 0, Ok(second(3))),
            (ten, second(3) + 1, 0, Err(Short::For(1))),
            // More than the burst: only when full, and then into debt.
            (ten, now, 600, Ok(second(60))),
            (ten, now + 1, 600, Err(Short::For(1))),
            (ten, second(2), 31, Err(Short::For(2 * SECOND))),
            (ten, now, 601, Err(Short::Always)),
            (bucket(0, 3), 0, 0, Err(Short::Always)),
            (bucket(0, 3), 0, 1, Err(Short::Always)),
            (bucket(1, 3), 0, 1, Ok(second(60))),
            (bucket(u64::MAX, 3), 0, u64::MAX, Ok(second(60))),
            (bucket(u64::MAX, 3), 0, 1, Ok(now + 1)),
            (ten, u64::MAX, u64::MAX, Err(Short::Always)),
            (
                ten,
                u64::MAX,
                1,
                Err(Short::For(u64::MAX - now - 3 * SECOND)),
            ),
        ];
        for (bucket, tat, amount, expected) in rows {
            assert_eq!(
                bucket.take(tat, now, amount),
                expected,
                "{bucket:?} {tat} {amount}"
            );
        }
    }

    #[test]
    fn what_remains_would_be_given_and_one_more_would_not() {
        let now = 1000 * SECOND;
        for per_minute in [1, 7, 60, 600, 99_991, u64::MAX] {
            for tat in [
                0,
                now,
                now + 1,
                now + SECOND,
                now + 3 * SECOND,
                now + MINUTE,
            ] {
                let bucket = bucket(per_minute, 3);
                let remaining = bucket.remaining(tat, now);
                let is_given = bucket.take(tat, now, remaining).is_ok();
                assert!(is_given || remaining == 0, "{per_minute} {}", tat - now);
                // With rounding a bucket may give one that it has not quite got shown.
                if let Some(more) = remaining.checked_add(2) {
                    let more = bucket.take(tat, now, more);
                    assert!(more.is_err(), "{per_minute} {tat}: {remaining}");
                }
            }
        }
    }

    #[test]
    fn as_many_ones_remain_as_are_given() {
        let now = 1000 * SECOND;
        for per_minute in [0, 1, 7, 20, 60, 600, 99_991] {
            for tat in [0, now, now + 1, now + SECOND, now + 3 * SECOND] {
                let bucket = bucket(per_minute, 3);
                let (mut given, mut after) = (0, tat);
                while let Ok(next) = bucket.take(after, now, 1) {
                    (given, after) = (given + 1, next);
                }
                let remaining = bucket.remaining_ones(tat, now);
                // With rounding up each of them costs a little more than what is shown.
                let near = remaining.saturating_sub(1)..=remaining;
                assert!(
                    near.contains(&given),
                    "{per_minute} {tat}: {remaining}, {given}"
                );
            }
        }
    }

    #[test]
    fn debts_end() {
        let (now, bucket) = (1000 * SECOND, bucket(60, 3));
        assert_eq!(bucket.charge(0, now, 5), now + 5 * SECOND);
        assert_eq!(bucket.charge(now + SECOND, now, 5), now + 6 * SECOND);
        assert_eq!(bucket.charge(0, now, u64::MAX), now + LONGEST_CHARGE);
        let mut tat = 0;
        for _ in 0..100 {
            tat = bucket.charge(tat, now, u64::MAX);
        }
        assert_eq!(tat, now + LONGEST_DEBT);
        assert_eq!(bucket.give_back(now + 5 * SECOND, 2), now + 3 * SECOND);
        assert_eq!(bucket.give_back(now, u64::MAX), 0);
        let nothing = Bucket {
            per_minute: 0,
            ..bucket
        };
        assert_eq!(nothing.charge(0, now, 1), now + LONGEST_CHARGE);
        assert_eq!(nothing.give_back(now, 1), now);
    }

    /// What a bucket is, in plain words: a level that rises by what is given and falls with
    /// time, in units small enough that nothing is rounded.
    struct Naive {
        bucket: Bucket,
        /// In tokens times nanoseconds of a minute.
        level: u128,
        at: u64,
    }

    impl Naive {
        fn level(&mut self, now: u64) -> u128 {
            let fallen = u128::from(now - self.at) * u128::from(self.bucket.per_minute);
            self.level = self.level.saturating_sub(fallen);
            self.at = now;
            self.level
        }

        fn room(&self) -> u128 {
            u128::from(self.bucket.burst) * u128::from(self.bucket.per_minute)
        }
    }

    proptest! {
        /// Rounding is against whoever asks, a nanosecond for each request; nothing is given
        /// that the naive bucket has not got, and no window gets more than limit and burst.
        #[test]
        fn it_gives_what_a_level_that_falls_with_time_gives(
            per_minute in prop_oneof![1u64..1000, 1000u64..10_000_000],
            burst in 1u64..60,
            requests in prop::collection::vec((0u64..5 * SECOND, 1u64..2000), 1..200),
        ) {
            let bucket = bucket(per_minute, burst);
            let mut naive = Naive { bucket, level: 0, at: MINUTE };
            let (mut tat, mut now) = (0, MINUTE);
            let mut given: Vec<(u64, u64)> = Vec::new();
            for (wait, amount) in requests {
                now += wait;
                let slack = (given.len() as u128 + 1) * u128::from(per_minute);
                let level = naive.level(now);
                let cost = u128::from(amount) * u128::from(MINUTE);
                match bucket.take(tat, now, amount) {
                    Ok(after) => {
                        tat = after;
                        prop_assert!(level + cost <= naive.room() || level == 0);
                        naive.level += cost;
                        given.push((now, amount));
                    }
                    Err(Short::Always) => prop_assert!(amount > per_minute),
                    Err(Short::For(wait)) => {
                        prop_assert!(level + cost + slack > naive.room() && level + slack > 0);
                        // It is true: after that time it is given, and a nanosecond earlier not.
                        prop_assert!(bucket.take(tat, now + wait, amount).is_ok());
                        prop_assert!(bucket.take(tat, now + wait - 1, amount).is_err());
                    }
                }
            }
            let is_small = |amount: u64| bucket.time_up(amount) <= bucket.burst;
            let most = u128::from(per_minute) * u128::from(MINUTE + bucket.burst);
            for (at, (start, _)) in given.iter().enumerate() {
                let window = given[at..].iter().take_while(|(time, _)| time - start <= MINUTE);
                let mut sum = 0;
                for (_, amount) in window {
                    if !is_small(*amount) {
                        break;
                    }
                    sum += u128::from(*amount) * u128::from(MINUTE);
                }
                prop_assert!(sum <= most, "{sum} of {most}");
            }
        }
    }
}
