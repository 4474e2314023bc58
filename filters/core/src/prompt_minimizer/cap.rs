//! A cap on the length of a text: its head and its tail stay.
//!
//! Loses what stands between them, whatever it is: only where somebody asks for it.

use super::saving::{saves, up_to};
use super::splice::Splice;

/// The note about the bytes left out, line's end and all, is not longer: a count has 20 digits.
const LONGEST_NOTE: usize = 48;

/// Whether a head and a tail of so many bytes leave enough room under a cap: for the note, and
/// for so much to leave out that the note pays. What [`cap`] is asked for must.
pub fn fits(max_bytes: usize, head: usize, tail: usize) -> bool {
    head.checked_add(tail)
        .and_then(|kept| kept.checked_add(LONGEST_NOTE))
        .is_some_and(|all| all <= max_bytes)
}

/// Cuts a `text` of more than `max_bytes` down to no more than its first `head` and its last
/// `tail` bytes, with `[… 12345 bytes left out …]` between them. It cuts between lines, else
/// between words, else between characters, and gives up at most half of a head or tail for that.
///
/// Does nothing where the three lengths do not [fit](fits), and where what would be left out has
/// fewer tokens than the note.
pub fn cap(text: &str, max_bytes: usize, head: usize, tail: usize) -> Vec<Splice> {
    if text.len() <= max_bytes || !fits(max_bytes, head, tail) {
        return Vec::new();
    }
    let from = head_end(text, head);
    let to = tail_start(text, text.len().saturating_sub(tail)).max(from);
    let left_out = text.get(from..to).unwrap_or_default();
    let mut note = format!("[… {} bytes left out …]", left_out.len());
    // The tail's first line begins a line, and goes on nobody else's.
    let ends_line = left_out.ends_with(['\n', '\r']) && to < text.len();
    if ends_line {
        note.push('\n');
    }
    if !saves(up_to(left_out, COUNTED), &note, SEAMS) {
        return Vec::new();
    }
    vec![Splice {
        range: from..to,
        text: note,
    }]
}

/// The head of what is left out is counted, not all of it.
const COUNTED: usize = 4096;

/// Tokens that the cuts may cost, where they part what was one.
const SEAMS: u32 = 4;

/// Where a head of at most `len` bytes ends best.
fn head_end(text: &str, len: usize) -> usize {
    let len = text.floor_char_boundary(len);
    let half = text.floor_char_boundary(len / 2);
    let second = text.get(half..len).unwrap_or_default();
    let behind = |at: usize| half.saturating_add(at).saturating_add(1);
    // A CRLF stays whole.
    let line = second.rfind('\n').or_else(|| second.rfind('\r'));
    let is_crlf = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with('\n'));
    line.map(behind)
        .filter(|at| !is_crlf(at))
        .or_else(|| second.rfind([' ', '\t']).map(behind))
        .unwrap_or(len)
}

/// Where a tail that does not begin before `at` begins best.
fn tail_start(text: &str, at: usize) -> usize {
    let at = text.ceil_char_boundary(at);
    let half = at.saturating_add(text.len().saturating_sub(at) / 2);
    let first = up_to(text, half).get(at..).unwrap_or_default();
    let behind = |found: usize| at.saturating_add(found).saturating_add(1);
    // After a lone CR, too; in a CRLF there is the LF.
    let line = first.find('\n').or_else(|| first.find('\r'));
    line.map(behind)
        .or_else(|| first.find([' ', '\t']).map(behind))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prompt_minimizer::samples;
    use crate::prompt_minimizer::splice::apply;
    use crate::tokens::{Encoding, exact};

    #[test]
    fn head_and_tail_stay() {
        let lines: String = (10..60).map(|n| format!("line {n}\n")).collect();
        let words = "some words of a text ".repeat(20);
        let letters = "añb".repeat(100);
        for (text, (max, head, tail), expected) in [
            (
                &lines,
                (100, 30, 20),
                "line 10\nline 11\nline 12\n[… 360 bytes left out …]\nline 58\nline 59\n",
            ),
            (
                &lines,
                (100, 0, 20),
                "[… 384 bytes left out …]\nline 58\nline 59\n",
            ),
            (
                &lines,
                (100, 30, 0),
                "line 10\nline 11\nline 12\n[… 376 bytes left out …]",
            ),
            (&lines, (60, 0, 0), "[… 400 bytes left out …]"),
            (&lines, (400, 30, 20), &lines),
            (
                &words,
                (100, 18, 20),
                "some words of a [… 388 bytes left out …]words of a text ",
            ),
            (
                &letters,
                (100, 11, 9),
                "añbañbañ[… 380 bytes left out …]bañbañb",
            ),
            // The least cap that these fit under, and one byte less.
            (
                &lines,
                (98, 30, 20),
                "line 10\nline 11\nline 12\n[… 360 bytes left out …]\nline 58\nline 59\n",
            ),
            (&lines, (97, 30, 20), &lines),
            // Lengths that do not fit, and what is not worth a note.
            (&lines, (100, 60, 30), &lines),
            (&lines, (100, usize::MAX, 30), &lines),
            (&" ".repeat(500), (200, 20, 20), &" ".repeat(500)),
        ] {
            let capped = apply(text, &cap(text, max, head, tail));
            assert_eq!(capped, expected);
        }
    }

    #[test]
    fn bad_input_is_read_in_time() {
        for text in [
            "a b".repeat(1 << 20),
            "é".repeat(1 << 20),
            "\r\n".repeat(1 << 20),
            "\r".repeat(1 << 20),
        ] {
            let splices = cap(&text, 1 << 18, 1 << 17, 1 << 16);
            assert_eq!(splices.len(), 1);
            let capped = apply(&text, &splices);
            assert!(
                capped.len() <= 1 << 18 && capped.len() >= 1 << 16,
                "{}",
                capped.len()
            );
        }
    }

    proptest! {
        #[test]
        fn laws_hold(text in samples::texts(), max in 0usize..600, head in 0usize..300, tail in 0usize..300) {
            let splices = cap(&text, max, head, tail);
            let capped = apply(&text, &splices);
            prop_assert_eq!(cap(&capped, max, head, tail), vec![]);
            prop_assert!(exact::count(Encoding::O200k, &capped) <= exact::count(Encoding::O200k, &text));
            for splice in &splices {
                prop_assert!(capped.len() <= max);
                prop_assert!(splice.range.start <= head && text.len() - splice.range.end <= tail);
                let kept = splice.range.start + text.len() - splice.range.end;
                prop_assert!(2 * kept + 16 >= head + tail, "{kept}");
            }
        }
    }
}
