//! Rows of every kind, what stands around them, naive twins, and the work that is done.

mod oracles;

use super::{Found, Kind, Kinds, scan};
use crate::content_screener::bytes::work;
use crate::content_screener::vectors;

const VECTORS: &str = include_str!("../../../vectors/personal_data.toml");

fn all(text: &[u8], kinds: Kinds) -> Vec<Found> {
    let mut all = Vec::new();
    scan(text, kinds, &mut |found| all.push(found));
    all
}

fn spans(text: &str, kinds: Kinds) -> Vec<(&'static str, usize, usize)> {
    let all = all(text.as_bytes(), kinds);
    all.iter()
        .map(|f| (f.kind.name(), f.start, f.end))
        .collect()
}

#[test]
fn every_row_is_found_or_passed_as_it_says() {
    vectors::check(VECTORS, Kind::ALL.iter().map(|kind| kind.name()), |text| {
        spans(text, Kinds::all())
    });
}

/// Findings do not depend on where in its block a text begins, nor on the text's end.
#[test]
fn every_row_is_found_wherever_it_stands() {
    for row in vectors::rows(VECTORS) {
        let expected = spans(&row.text, Kinds::all());
        for shift in 1..70 {
            for (before, after) in [(" ", ""), ("\n", "\n"), ("。", "。 and so on, and so on")] {
                let mut lead = "a ".repeat(shift / 2);
                lead.push_str(if shift % 2 == 0 { "" } else { "," });
                let text = format!("{lead}{before}{}{after}", row.text);
                let offset = lead.len() + before.len();
                // A section's number only opens a line.
                if row.text.starts_with("4.3.2.1") {
                    continue;
                }
                let found: Vec<_> = spans(&text, Kinds::all())
                    .into_iter()
                    .map(|(kind, start, end)| (kind, start - offset, end - offset))
                    .collect();
                assert_eq!(found, expected, "{text:?}");
            }
        }
    }
}

#[test]
fn only_kinds_that_are_asked_for_are_found() {
    for row in vectors::rows(VECTORS) {
        for kind in Kind::ALL {
            let found = all(row.text.as_bytes(), [kind].into_iter().collect());
            assert!(found.iter().all(|f| f.kind == kind), "{}", row.text);
            if kind.name() == row.kind {
                assert_eq!(found.len(), row.found.len(), "{}", row.text);
            }
        }
        assert_eq!(spans(&row.text, Kinds::default()), []);
    }
}

#[test]
fn names_are_read_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(Kind::from_name("iris"), None);
}

/// Sixty-four bytes' masks are not counted: they are the same for every text.
#[test]
fn the_work_is_linear_in_any_text() {
    let patterns = [
        "1",
        "1-",
        "1 ",
        "1.",
        "1/",
        "(1",
        "1)",
        "1) ",
        "@",
        "a@",
        "a.@",
        "@a.",
        "a@a.de",
        ".",
        ":",
        "::",
        "a:",
        "1:",
        "2001:",
        "+1",
        "+49 ",
        "DE89",
        "DE89 3704 ",
        "GB82WEST",
        "4111 ",
        "4111-",
        "4111 1111 1111 1111 ",
        "123-45-6789 ",
        "tel 415 555 ",
        "ssn 123456789 ",
        "0171/",
        "138 0013 ",
        "8.8.8.8 ",
        "8.8.8.8.",
        "v8.8.8.8-",
        "11010519491231002",
        "é1",
        "1a",
    ];
    for pattern in patterns {
        let read = |size: usize| {
            let text = pattern.repeat(size / pattern.len());
            work::of(|| drop(all(text.as_bytes(), Kinds::all())))
        };
        let (half, whole) = (read(32 << 10), read(64 << 10));
        // Twice the text, twice the work, and at most so much for a byte.
        assert!(
            whole <= half * 2 + 4096,
            "{pattern:?}: {half}, then {whole}"
        );
        assert!(
            whole <= 500 * (64 << 10),
            "{pattern:?}: {} a byte",
            whole >> 16
        );
    }
}
