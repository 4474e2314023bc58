//! The tables of what was saved.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::corpora::Corpus;
use crate::measure::{Outcome, Size, percent};
use crate::settings::Setting;

/// A corpus and what each setting made of it.
pub struct Section {
    /// Which.
    pub corpus: Corpus,
    /// How many requests it had.
    pub requests: usize,
    /// What they have.
    pub size: Size,
    /// In the order of a report.
    pub rows: Vec<(Setting, Outcome)>,
}

/// What every reader of these numbers has to know.
pub const CAVEATS: &str = "\
The conversations are made up: generated from a seed out of lists of words in this repository, in
the shapes that clients and tools write. They are nobody's traffic. Whether a model answers as well
from what is left was not measured. Tokens are o200k's, counted exactly over every text of a
request; time is native, on this machine, for finding the edits and making them.";

/// The corpus's table for people.
pub fn table(section: &Section) -> String {
    let Section {
        corpus,
        requests,
        size,
        rows,
    } = section;
    let mut table = format!(
        "{}: {}\n{requests} requests, {} bytes, {} tokens\n  {:14} {:>9} {:>8}   {:>9} {:>8}   {:>6}\n",
        corpus.name,
        corpus.about,
        grouped(size.bytes as i64),
        grouped(size.tokens as i64),
        "",
        "tokens",
        "%",
        "bytes",
        "%",
        "GB/s"
    );
    for (setting, outcome) in rows {
        let _ = writeln!(
            table,
            "  {:14} {:>9} {:>8}   {:>9} {:>8}   {:>6.2}",
            setting.name,
            grouped(outcome.tokens_saved()),
            per_cent(percent(outcome.tokens_saved(), size.tokens)),
            grouped(outcome.bytes_saved()),
            per_cent(percent(outcome.bytes_saved(), size.bytes)),
            outcome.gigabytes_a_second()
        );
    }
    table
}

/// A line a corpus, a column a setting, in Markdown: tokens saved, in per cent.
pub fn overview(sections: &[Section]) -> String {
    let Some(first) = sections.first() else {
        return String::new();
    };
    let names = first.rows.iter().map(|(setting, _)| setting.name.as_str());
    let names: Vec<&str> = names.collect();
    let mut table = format!(
        "| of tokens, % | {} |\n|---|{}\n",
        names.join(" | "),
        "---:|".repeat(names.len())
    );
    for section in sections {
        let cells = section
            .rows
            .iter()
            .map(|(_, outcome)| per_cent(percent(outcome.tokens_saved(), section.size.tokens)));
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(table, "| {} | {} |", section.corpus.name, cells.join(" | "));
    }
    table
}

/// The same for programs: a list of corpora with their rows.
pub fn json(sections: &[Section], seed: u64) -> Value {
    let rows = |section: &Section| -> Vec<Value> {
        let row = |(setting, outcome): &(Setting, Outcome)| {
            json!({"name": setting.name, "configuration": setting.json,
                "tokens_saved": outcome.tokens_saved(), "tokens_saved_as_told": outcome.told,
                "tokens_saved_percent": percent(outcome.tokens_saved(), section.size.tokens),
                "bytes_saved": outcome.bytes_saved(), "nanoseconds": outcome.time.as_nanos() as u64})
        };
        section.rows.iter().map(row).collect()
    };
    let corpora: Vec<Value> = sections
        .iter()
        .map(|section| {
            json!({"name": section.corpus.name, "about": section.corpus.about, "requests": section.requests,
                "bytes": section.size.bytes, "tokens": section.size.tokens, "rows": rows(section)})
        })
        .collect();
    json!({"seed": seed, "caveats": CAVEATS, "corpora": corpora})
}

/// Two digits behind the point, and nothing but a 0 where nothing is saved.
fn per_cent(value: f64) -> String {
    match value == 0.0 {
        true => "0".to_owned(),
        false => format!("{value:.2}"),
    }
}

/// `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match number < 0 {
        true => format!("-{grouped}"),
        false => grouped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_small_ones_shown() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (-1_234_567, "-1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
        for (value, expected) in [(0.0, "0"), (0.1, "0.10"), (0.004, "0.00"), (-2.5, "-2.50")] {
            assert_eq!(per_cent(value), expected);
        }
    }
}
