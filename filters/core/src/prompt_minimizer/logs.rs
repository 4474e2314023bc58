//! Logs folded: lines that repeat become one and a count.
//!
//! Loses when each of them came, or which number each had: only where somebody asks for it.
//! Never touched: [protected](super::protected) places; empty lines; lines with few letters,
//! because rows of numbers are data.

use super::lines::{Line, lines};
use super::protected::{overlaps, protected};
use super::saving::up_to;
use super::splice::Splice;
use crate::tokens::{Encoding, exact};

/// Folds runs of three lines or more in `text`:
///
/// * of equal lines the first stays, and `[… repeated 41 more times]`;
/// * of lines that are equal but for their numbers (times, counters) the first and the last stay,
///   and between them `[… 39 more lines like these]`.
///
/// Does nothing where the note has more tokens than what goes.
pub fn fold(text: &str) -> Vec<Splice> {
    let mut run: Option<Run> = None;
    let mut runs = Vec::new();
    for line in lines(text) {
        if let Some(run) = &mut run
            && run.takes(&line)
        {
            continue;
        }
        runs.extend(run.replace(Run::new(line)).filter(Run::is_long));
    }
    runs.extend(run.filter(Run::is_long));
    if runs.is_empty() {
        return Vec::new();
    }
    let places = protected(text);
    let mut places = places.as_slice();
    runs.retain(|run| !overlaps(&mut places, &(run.first.start..run.last.next)));
    runs.iter().filter_map(|run| run.folded(text)).collect()
}

/// Shorter runs stay.
const SHORTEST_RUN: usize = 3;

/// Lines with fewer letters are rows of numbers, or signs.
const FEWEST_LETTERS: usize = 8;

/// Lines that are equal but for their numbers.
struct Run<'a> {
    first: Line<'a>,
    before_last: Line<'a>,
    last: Line<'a>,
    len: usize,
    /// To the last byte.
    is_equal: bool,
}

impl<'a> Run<'a> {
    fn new(first: Line<'a>) -> Run<'a> {
        Run {
            first,
            before_last: first,
            last: first,
            len: 1,
            is_equal: true,
        }
    }

    /// Whether `line` goes on with the run.
    fn takes(&mut self, line: &Line<'a>) -> bool {
        let is_equal = self.first.text == line.text;
        if !is_equal && !are_alike(self.first.text, line.text) {
            return false;
        }
        self.is_equal &= is_equal;
        self.before_last = core::mem::replace(&mut self.last, *line);
        self.len = self.len.saturating_add(1);
        true
    }

    fn is_long(&self) -> bool {
        let letters = self.first.text.chars().filter(|c| c.is_alphabetic());
        // Its own notes are never folded.
        self.len >= SHORTEST_RUN
            && !self.first.text.starts_with("[… ")
            && letters.take(FEWEST_LETTERS).count() == FEWEST_LETTERS
    }

    fn folded(&self, text: &str) -> Option<Splice> {
        let (note, to, lines) = match self.is_equal {
            true => {
                let more = self.len.saturating_sub(1);
                (
                    format!("[… repeated {more} more times]"),
                    self.last.end(),
                    more,
                )
            }
            false => {
                let more = self.len.saturating_sub(2);
                (
                    format!("[… {more} more lines like these]"),
                    self.before_last.end(),
                    more,
                )
            }
        };
        self.is_paid(lines, &note).then_some(())?;
        // The ends of the lines on either side stay: notes end as lines do.
        let from = self.first.next;
        text.get(from..to)?;
        Some(Splice {
            range: from..to,
            text: note,
        })
    }

    fn is_paid(&self, lines: usize, note: &str) -> bool {
        let counted = up_to(self.first.text, COUNTED);
        let mut least = counted.to_owned();
        if !self.is_equal {
            // The numbers of the others may have fewer digits.
            least.clear();
            let mut follows_digit = false;
            for c in counted.chars() {
                if !core::mem::replace(&mut follows_digit, c.is_ascii_digit()) || !follows_digit {
                    least.push(c);
                }
            }
        }
        Encoding::ALL.into_iter().all(|encoding| {
            let tokens = u64::from(exact::count(encoding, &least));
            let tokens = tokens.saturating_mul(lines as u64);
            tokens >= u64::from(exact::count(encoding, note)).saturating_add(SEAMS)
        })
    }
}

/// Of a line so much is counted.
const COUNTED: usize = 256;

/// Tokens that the cuts may cost, where they part what was one.
const SEAMS: u64 = 2;

/// Whether two lines are equal but for the digits of their numbers.
fn are_alike(one: &str, other: &str) -> bool {
    let mut one = one.as_bytes();
    let mut other = other.as_bytes();
    loop {
        match (one, other) {
            ([], []) => return true,
            ([a, one_rest @ ..], [b, other_rest @ ..]) => {
                if a.is_ascii_digit() && b.is_ascii_digit() {
                    one = behind_digits(one);
                    other = behind_digits(other);
                } else if a == b {
                    one = one_rest;
                    other = other_rest;
                } else {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn behind_digits(mut bytes: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prompt_minimizer::samples;
    use crate::prompt_minimizer::splice::apply;

    #[test]
    fn runs_are_folded() {
        let equal = "connection to the server was refused, will try again\n";
        let alike = |n: usize| {
            format!(
                "2024-05-06T07:08:{n:02}Z INFO request {n} took {} ms\n",
                n * n
            )
        };
        let many: String = (0..20).map(alike).collect();
        for (text, expected) in [
            (equal.repeat(2), equal.repeat(2)),
            (
                equal.repeat(3),
                format!("{equal}[… repeated 2 more times]\n"),
            ),
            (
                format!("a\n{}b", equal.repeat(42)),
                format!("a\n{equal}[… repeated 41 more times]\nb"),
            ),
            (
                equal.repeat(9).trim_end().to_owned(),
                format!("{equal}[… repeated 8 more times]"),
            ),
            (
                equal.repeat(9).replace('\n', "\r\n"),
                format!("{}\r\n[… repeated 8 more times]\r\n", equal.trim_end()),
            ),
            (
                many,
                format!("{}[… 18 more lines like these]\n{}", alike(0), alike(19)),
            ),
            (
                format!("{}{}", equal.repeat(5), alike(1).repeat(5)),
                format!(
                    "{equal}[… repeated 4 more times]\n{}[… repeated 4 more times]\n",
                    alike(1)
                ),
            ),
            // Not worth a note, empty, rows of numbers, its own notes.
            ("okay okay\n".repeat(3), "okay okay\n".repeat(3)),
            ("\n".repeat(99), "\n".repeat(99)),
            ("1, 2.5, 3\n".repeat(99), "1, 2.5, 3\n".repeat(99)),
            // As many letters as a line must have, and one less.
            (
                "abcd efgh 1\n".repeat(99),
                "abcd efgh 1\n[… repeated 98 more times]\n".to_owned(),
            ),
            ("abcd efg 1\n".repeat(99), "abcd efg 1\n".repeat(99)),
            (
                "[… repeated 8 more times]\n".repeat(99),
                "[… repeated 8 more times]\n".repeat(99),
            ),
            // Protected.
            (
                format!("```\n{}```", equal.repeat(9)),
                format!("```\n{}```", equal.repeat(9)),
            ),
            (
                format!("    {equal}").repeat(9),
                format!("    {equal}").repeat(9),
            ),
        ] {
            assert_eq!(apply(&text, &fold(&text)), expected);
        }
    }

    #[test]
    fn bad_input_is_read_in_time() {
        for (text, expected) in [
            ("a".repeat(1 << 20), 0),
            ("12345678901234567890\n".repeat(1 << 15), 0),
            ("some words of a text\n".repeat(1 << 15), 1),
            ("a\n".repeat(1 << 19), 0),
            (format!("{}\n", "a1".repeat(1 << 17)).repeat(4), 1),
        ] {
            assert_eq!(fold(&text).len(), expected, "{}", &text[..20]);
        }
    }

    proptest! {
        #[test]
        fn laws_hold(
            texts in proptest::collection::vec((samples::texts(), 0usize..6), 0..4),
            runs in proptest::collection::vec(("[a-z]{2,9} [a-z.]{2,9}( [a-z]{2,9})?", 0u64..2000, any::<bool>(), 1u64..8), 0..6),
        ) {
            let mut text = String::new();
            for (some, times) in texts {
                text.push_str(&some.repeat(times));
            }
            for (words, number, counts, times) in runs {
                for n in 0..times {
                    text.push_str(&format!("{words} {} end\n", if counts { number + 7 * n } else { number }));
                }
            }
            let splices = fold(&text);
            let folded = apply(&text, &splices);
            prop_assert_eq!(fold(&folded), vec![], "{}", folded);
            for place in protected(&text) {
                prop_assert!(splices.iter().all(|splice| splice.range.end <= place.start || place.end <= splice.range.start));
            }
            for encoding in Encoding::ALL {
                prop_assert!(exact::count(encoding, &folded) <= exact::count(encoding, &text), "{}\n{}", text, folded);
            }
            // Every line of the text is still there once.
            for line in lines(&text) {
                prop_assert!(lines(&folded).any(|other| are_alike(line.text, other.text)));
            }
        }
    }
}
