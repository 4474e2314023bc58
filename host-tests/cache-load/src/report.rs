//! The table: how each contestant stands to the floor first, then what was measured.

use std::time::Duration;

use tollgate_tests::table::{Align, Table, Tone};

use crate::hits::{Row, Turn};

/// What hits of the response-cache are meant to come to: answers a second of one worker, and the
/// time that the median takes longer than the floor's, at one connection.
pub const GOAL: (f64, f64) = (20_000.0, 40.0);

/// The rows under their headings.
pub fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("of the floor's rate", Align::Right),
        ("added to its median", Align::Right),
        ("answers/s", Align::Right),
        ("CPU each", Align::Right),
        ("p50 of one", Align::Right),
        ("p99 of one", Align::Right),
    ]);
    let Some(floor) = rows.first() else {
        return table;
    };
    for (place, row) in rows.iter().enumerate() {
        let is_floor = place == 0;
        let pairs = || row.turns.iter().zip(&floor.turns);
        let share = median(pairs().map(|(turn, floor)| turn.many.rate() / floor.many.rate()));
        let added =
            median(pairs().map(|(turn, floor)| micros(turn.one.median) - micros(floor.one.median)));
        let of = |what: fn(&Turn) -> f64| median(row.turns.iter().map(what));
        let rate = of(|turn| turn.many.rate());
        let processor: Vec<f64> = row
            .turns
            .iter()
            .filter_map(|turn| turn.processor.map(micros))
            .collect();
        let tone = |is_met: bool| match (place, is_met) {
            // The goals are those of the response-cache alone.
            (1, true) => Tone::Good,
            (1, false) => Tone::Warning,
            _ => Tone::Plain,
        };
        table.row([
            (row.name.to_owned(), Tone::Plain),
            (format!("{share:.2}"), Tone::Plain),
            (
                if is_floor {
                    String::new()
                } else {
                    format!("{added:+.0} µs")
                },
                tone(added <= GOAL.1),
            ),
            (format!("{rate:.0}"), tone(rate >= GOAL.0)),
            (
                match processor.is_empty() {
                    true => String::new(),
                    false => format!("{:.1} µs", median(processor.into_iter())),
                },
                Tone::Plain,
            ),
            (
                format!("{:.0} µs", of(|turn| micros(turn.one.median))),
                Tone::Plain,
            ),
            (
                format!("{:.0} µs", of(|turn| micros(turn.one.slow))),
                Tone::Plain,
            ),
        ]);
    }
    table
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The one in the middle, or between the two there.
fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let middle = |at: usize| numbers.get(at).copied().unwrap_or(f64::NAN);
    let half = numbers.len() / 2;
    match numbers.len() % 2 {
        1 => middle(half),
        _ => (middle(half.wrapping_sub(1)) + middle(half)) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Run;

    #[test]
    fn what_stands_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn rounds_are_compared_with_the_same_round_of_the_floor() {
        // Requests in a second and the median at one connection, round by round: in the second
        // the machine was busy.
        let row = |name, turns: [(u64, u64); 3]| Row {
            name,
            turns: turns
                .map(|(requests, median)| {
                    let run = Run {
                        requests,
                        duration: Duration::from_secs(1),
                        median: Duration::from_micros(median),
                        slow: Duration::from_micros(2 * median),
                    };
                    Turn {
                        many: run,
                        processor: Some(Duration::from_micros(10)),
                        one: run,
                    }
                })
                .to_vec(),
        };
        let rows = [
            row("floor", [(40_000, 30), (10_000, 90), (40_000, 32)]),
            row("cache", [(30_000, 50), (7_500, 110), (30_000, 52)]),
        ];
        let text = table(&rows).render(false);
        let cells: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            cells[1],
            [
                "floor", "1.00", "40000", "10.0", "µs", "32", "µs", "64", "µs"
            ]
        );
        assert_eq!(
            cells[2],
            [
                "cache", "0.75", "+20", "µs", "30000", "10.0", "µs", "52", "µs", "104", "µs"
            ]
        );
    }
}
