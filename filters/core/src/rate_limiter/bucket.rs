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

/// The furthest ahead of now that a TAT may be. Real usage above the estimate leaves a bucket
/// in debt; this bounds for how long a single bogus report could lock a tenant out.
pub const LONGEST_DEBT: u64 = 60 * MINUTE;

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
        let end = tat.max(now).saturating_add(self.time_up(amount));
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
