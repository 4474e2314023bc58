//! Rows of every kind, what stands around them, and the work that is done.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Anchor, Found, Kind, anchors, check, scan_unmarked};
use crate::content_screener::bytes::work;
use crate::content_screener::vectors;

const VECTORS: &str = include_str!("../../../vectors/secrets.toml");

/// What is in `text`, with a naive matcher: every word against every anchor. Of findings that
/// overlap the first stays.
fn all(text: &[u8], anchors: &[Anchor]) -> Vec<Found> {
    let mut all = Vec::new();
    scan_unmarked(text, &mut |found| all.push(found));
    let mut at = 0;
    while at < text.len() {
        let word = text[at..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        let word = &text[at..at + word];
        for anchor in anchors {
            let there = match word.get(..anchor.word.len()) {
                Some(start) => start.eq_ignore_ascii_case(anchor.word.as_bytes()),
                None => false,
            };
            if there && (!anchor.is_whole || word.len() == anchor.word.len()) {
                all.extend(check(text, at));
            }
        }
        at += word.len() + 1;
    }
    all.sort_by_key(|found| (found.start, usize::MAX - found.end));
    let mut from = 0;
    all.retain(|found| {
        let apart = found.start >= from;
        from = from.max(found.end);
        apart
    });
    all
}

fn spans(text: &str) -> Vec<(&'static str, usize, usize)> {
    static ANCHORS: LazyLock<Vec<Anchor>> = LazyLock::new(anchors);
    let all = all(text.as_bytes(), &ANCHORS);
    all.iter()
        .map(|f| (f.kind.name(), f.start, f.end))
        .collect()
}

#[test]
fn every_row_is_found_or_passed_as_it_says() {
    vectors::check(VECTORS, Kind::ALL.iter().map(|kind| kind.name()), spans);
}

#[test]
fn every_row_is_found_wherever_it_stands() {
    for row in vectors::rows(VECTORS) {
        let expected = spans(&row.text);
        for shift in (1..66).step_by(3) {
            for (before, after) in [
                (" ", ""),
                ("\n", "\n"),
                ("。", "。 and so on"),
                ("\"", "\","),
            ] {
                let text = format!("{}{before}{}{after}", ", ".repeat(shift), row.text);
                let offset = shift * 2 + before.len();
                let found = spans(&text).into_iter();
                let found: Vec<_> = found
                    .map(|(kind, start, end)| (kind, start - offset, end - offset))
                    .collect();
                assert_eq!(found, expected, "{text:?}");
            }
        }
    }
}

/// A secret that lost its last character, or one in its middle, is another format's or none.
#[test]
fn what_is_cut_short_is_never_found_past_its_end() {
    for row in vectors::rows(VECTORS) {
        for (end, _) in row.text.char_indices().step_by(7) {
            for (kind, start, found_end) in spans(&row.text[..end]) {
                assert!(start < found_end && found_end <= end, "{kind}");
            }
        }
    }
}

#[test]
fn anchors_are_words_and_each_is_there_once() {
    let anchors = anchors();
    for (index, anchor) in anchors.iter().enumerate() {
        assert!(anchor.word.len() >= 2, "{anchor:?}");
        assert!(anchor.word.bytes().all(|b| b.is_ascii_alphanumeric()));
        // No two differ in case only: the matcher could not tell them apart.
        for other in &anchors[..index] {
            let same = other.word.eq_ignore_ascii_case(anchor.word);
            assert!(!same || other.is_whole != anchor.is_whole, "{other:?}");
        }
    }
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(*kind));
    }
}

#[test]
fn the_work_is_linear_in_any_text() {
    let anchors = anchors();
    let mut patterns = Vec::new();
    for format in super::formats::FORMATS {
        for after in ["", " ", "Ab1"] {
            patterns.push((2 << 10, format!("{}{after}", format.literal)));
        }
    }
    for pattern in [
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOiJIUzI1NiJ9-",
        "eyJhbGciOiJIUzI1NiJ9.. ",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY----- A\n",
        "-",
        "a",
        "a1",
        "abcdef.",
        ".",
        "8Q~",
        "~",
        ":AA",
        "12345678:AA",
        "aws secret key ",
        "AccountKey=AAAA",
        "sig=%2B",
        "SG.a",
        "a.b",
        "é",
    ] {
        patterns.push((32 << 10, pattern.to_owned()));
    }
    for (size, pattern) in patterns {
        let read = |size: usize| {
            let text = pattern.repeat(size / pattern.len());
            work::of(|| drop(all(text.as_bytes(), &anchors)))
        };
        let (half, whole) = (read(size), read(2 * size));
        assert!(
            whole <= half * 2 + half / 4 + 4096,
            "{pattern:?}: {half}, then {whole}"
        );
        assert!(
            whole <= 500 * 2 * size,
            "{pattern:?}: {} a byte",
            whole / (2 * size)
        );
    }
}

proptest! {
    // The naive matcher is slow, and the rows of the tests above are many.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands in a text, findings lie in it and on characters' borders.
    #[test]
    fn findings_lie_in_the_text(pieces in proptest::collection::vec(piece(), 0..16)) {
        let text = pieces.concat();
        for (_, start, end) in spans(&text) {
            prop_assert!(start < end && text.get(start..end).is_some());
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    let rows = vectors::rows(VECTORS);
    let texts: Vec<String> = rows.into_iter().map(|row| row.text).collect();
    prop_oneof![
        2 => proptest::sample::select(texts),
        1 => proptest::sample::select(super::formats::FORMATS.iter().map(|f| f.literal.to_owned()).collect::<Vec<_>>()),
        1 => "[A-Za-z0-9_.~:-]{1,90}",
        1 => "\\PC{0,6}",
    ]
}
