//! Quotas: so many in an hour, a day or a month of the calendar, counted from its start.
//!
//! Fixed windows in UTC, as API Management's `token-quota` has them. A record is when its
//! window ends and how many were used in it; it outlives the end of a window as nothing.

use super::bucket::{SECOND, Short};
use super::limits::Amount;
use crate::table::{JITTER, Kind, Values};

/// How long a quota's window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day, from midnight UTC.
    Day,
    /// A month of the Gregorian calendar, from midnight UTC of its first day.
    Month,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

impl Unit {
    /// Its name in the configuration and in headers.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Requests => "requests",
            Unit::Tokens => "tokens",
        }
    }

    /// So many of it and nothing else.
    pub fn amount(self, count: u64) -> Amount {
        match self {
            Unit::Requests => Amount {
                requests: count,
                tokens: 0,
            },
            Unit::Tokens => Amount {
                requests: 0,
                tokens: count,
            },
        }
    }
}

/// A quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its windows.
    pub period: Period,
    /// What it counts.
    pub unit: Unit,
    /// How many there may be in a window.
    pub limit: u64,
    /// The status of a refusal: 403 as API Management has it, or 429.
    pub status: u16,
}

/// The records of quotas of requests. Those of tokens have a table of their own: how much of
/// either was used says nothing beside the other.
#[derive(Debug)]
pub struct RequestQuotas;

/// The records of quotas of tokens.
#[derive(Debug)]
pub struct TokenQuotas;

/// Both are alike but for their names.
macro_rules! quotas {
    ($kind:ty, $name:literal) => {
        impl Kind for $kind {
            const NAME: &'static str = $name;
            const PAGES: u32 = 64;
            const RECORDS: usize = 324;

            /// A window of which nothing was used says nothing.
            fn ends([ends, used]: Values) -> u64 {
                if used == 0 { 0 } else { ends }
            }

            /// Months end for all at once: who used least loses least.
            fn worth([_, used]: Values) -> u64 {
                used
            }

            /// A window belongs to the calendar, not to the clock that read it.
            fn shifted(values: Values, _by: u64) -> Values {
                values
            }
        }
    };
}

quotas!(RequestQuotas, "request-quotas");
quotas!(TokenQuotas, "token-quotas");

impl Period {
    /// Its name in the configuration and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Month => "month",
        }
    }

    /// When the window that `now` lies in ends; both in nanoseconds since 1970.
    pub fn end(self, now: u64) -> u64 {
        let seconds = now / SECOND;
        let next = |length: u64| {
            let begun = seconds.checked_div(length).unwrap_or(0);
            begun.saturating_add(1).saturating_mul(length)
        };
        let end = match self {
            Period::Hour => next(HOUR),
            Period::Day => next(DAY),
            Period::Month => first_of_next_month(seconds / DAY).saturating_mul(DAY),
        };
        end.saturating_mul(SECOND)
    }

    /// No window is longer than this, in nanoseconds.
    fn most(self) -> u64 {
        let days = match self {
            Period::Hour => return HOUR.saturating_mul(SECOND),
            Period::Day => 1,
            Period::Month => 31,
        };
        DAY.saturating_mul(SECOND).saturating_mul(days)
    }
}

const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// The day, counted from 1970, that is the first of the month after the one `day` lies in.
///
/// Years are counted from March, so that the leap day is the last of one and the lengths of
/// its months repeat every five (Neri and Schneider, "Euclidean affine functions and their
/// application to calendar algorithms", 2022).
fn first_of_next_month(day: u64) -> u64 {
    /// Days from 0000-03-01 to 1970-01-01.
    const TO_1970: u64 = 719_468;
    /// Days of four hundred years.
    const CYCLE: u64 = 146_097;
    let day = day.saturating_add(TO_1970);
    let (cycle, of_cycle) = (day / CYCLE, day % CYCLE);
    // Leap days of four and of four hundred years added, of a hundred left out.
    let years = of_cycle
        .saturating_sub(of_cycle / 1460)
        .saturating_add(of_cycle / 36_524)
        .saturating_sub(of_cycle / 146_096)
        / 365;
    let before = years
        .saturating_mul(365)
        .saturating_add(years / 4)
        .saturating_sub(years / 100);
    let of_year = of_cycle.saturating_sub(before);
    let month = of_year.saturating_mul(5).saturating_add(2) / 153;
    let next = month
        .saturating_add(1)
        .saturating_mul(153)
        .saturating_add(2)
        / 5;
    // After February comes the next year's March, whatever February's length.
    let year_length = {
        let next_year = years.saturating_add(1);
        let after = next_year
            .saturating_mul(365)
            .saturating_add(next_year / 4)
            .saturating_sub(next_year / 100)
            .saturating_add(next_year / 400);
        after.saturating_sub(before)
    };
    cycle
        .saturating_mul(CYCLE)
        .saturating_add(before)
        .saturating_add(next.min(year_length))
        .saturating_sub(TO_1970)
}

impl Quota {
    /// The record after taking `amount` at `now`, unless the window does not have it. Nothing
    /// is given when the window is used up, not even nothing.
    ///
    /// # Errors
    /// When its window ends, or that no window has as many.
    pub fn take(&self, values: Values, now: u64, amount: u64) -> Result<Values, Short> {
        let [ends, used] = self.current(values, now);
        let after = used.saturating_add(amount.max(1));
        if amount.max(1) > self.limit {
            Err(Short::Always)
        } else if after > self.limit {
            Err(Short::For(ends.saturating_sub(now)))
        } else {
            Ok([ends, used.saturating_add(amount)])
        }
    }

    /// What is left of the window that `now` lies in.
    pub fn left(&self, values: Values, now: u64) -> u64 {
        let [_, used] = self.current(values, now);
        self.limit.saturating_sub(used)
    }

    /// The record after charging `more` and giving `less` back, whatever there is.
    pub fn settle(&self, values: Values, now: u64, more: u64, less: u64) -> Values {
        let [ends, used] = self.current(values, now);
        [ends, used.saturating_add(more).saturating_sub(less)]
    }

    /// The record of the window that `now` lies in. One that ends a little later than any
    /// window could was begun by a worker whose clock was read a little later; one that ends
    /// much later by a clock that has since stepped back: its count counts for now.
    fn current(&self, values: Values, now: u64) -> Values {
        let [ends, used] = values;
        if ends <= now {
            [self.period.end(now), 0]
        } else if ends.saturating_sub(now) > self.period.most().saturating_add(JITTER) {
            [self.period.end(now), used]
        } else {
            values
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of the months from January, one by one, as a calendar on the wall has them.
    #[test]
    fn months_end_where_the_calendar_says() {
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
        };
        let mut first = 0;
        for year in 1970..2500 {
            let february = if is_leap(year) { 29 } else { 28 };
            for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                for day in [first, first + 1, first + length - 1] {
                    assert_eq!(
                        first_of_next_month(day),
                        first + length,
                        "day {day} of {year}"
                    );
                }
                first += length;
            }
        }
    }

    #[test]
    fn windows_end_with_the_calendar() {
        let second = |s: u64| s * SECOND;
        // 2026-11-21 19:12:03 UTC
        let now = second(1_795_288_323) + 5;
        for (period, end) in [
            (Period::Hour, 1_795_291_200),
            (Period::Day, 1_795_305_600),
            (Period::Month, 1_796_083_200),
        ] {
            assert_eq!(period.end(now), second(end), "{}", period.name());
            assert!(period.end(now) - now <= period.most());
        }
        assert_eq!(Period::Hour.end(second(HOUR)), second(2 * HOUR));
        assert_eq!(Period::Month.end(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_window_gives_what_it_has_and_begins_anew() {
        let quota = Quota {
            period: Period::Hour,
            unit: Unit::Tokens,
            limit: 100,
            status: 403,
        };
        let hour = HOUR * SECOND;
        let rows = [
            // Record, now, amount, after.
            ([0, 0], 5, 60, Ok([hour, 60])),
            ([hour, 60], 6, 40, Ok([hour, 100])),
            ([hour, 60], 6, 41, Err(Short::For(hour - 6))),
            ([hour, 100], 6, 0, Err(Short::For(hour - 6))),
            ([hour, 60], 6, 101, Err(Short::Always)),
            ([hour, 100], hour, 1, Ok([2 * hour, 1])),
            // A clock was a moment ahead, an hour, a year.
            ([2 * hour, 60], hour - 1, 1, Ok([2 * hour, 61])),
            ([2 * hour, 60], hour - 10 * SECOND, 1, Ok([hour, 61])),
            ([9000 * hour, 60], 6, 41, Err(Short::For(hour - 6))),
        ];
        for (values, now, amount, expected) in rows {
            assert_eq!(
                quota.take(values, now, amount),
                expected,
                "{values:?} {now}"
            );
        }
        assert_eq!(quota.settle([hour, 60], 6, 50, 0), [hour, 110]);
        assert_eq!(quota.settle([hour, 60], 6, 0, 90), [hour, 0]);
        assert_eq!(quota.settle([hour, 60], hour, 0, 90), [2 * hour, 0]);
        assert_eq!(quota.left([hour, 60], 6), 40);
        assert_eq!(quota.left([hour, 160], 6), 0);
        assert_eq!(quota.left([hour, 60], hour), 100);
        let nothing = Quota { limit: 0, ..quota };
        assert_eq!(nothing.take([0, 0], 5, 0), Err(Short::Always));
    }
}
