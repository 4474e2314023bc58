//! A text's lines, and the windows that begin at them.
//!
//! Only LF ends a line here: a copy is one to the byte, the CR ahead of an LF included.

use super::reference::is_reference;
use crate::prompt_minimizer::protected::fence::marks;

/// Lines of a text that is looked through; a text of more is left alone, and not referred to.
pub(super) const MAX_LINES: usize = 1 << 17;

/// Odd, so that it has an inverse and windows can lose their first line again.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

const INVERSE: u64 = inverse(BASE);

/// A line, its end left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
    hash: u64,
    /// Whether no block goes over it.
    pub(super) is_barrier: bool,
}

/// The fewest lines from one on that are long enough for a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) hash: u64,
    /// The line behind its last.
    pub(super) until: usize,
    /// Where its last line ends.
    pub(super) end: usize,
}

/// The lines of a text; `None` for too many.
pub(super) fn read(text: &str) -> Option<Vec<Line>> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0usize;
    let last = (!text.ends_with('\n')).then_some(bytes.len());
    let ends = memchr::memchr_iter(b'\n', bytes).chain(last);
    for end in ends {
        if lines.len() >= MAX_LINES {
            return None;
        }
        let line = text.get(start..end).unwrap_or_default();
        lines.push(Line {
            start,
            end,
            hash: hash(line.as_bytes()),
            // Indented as far as it likes, it may be a fence in a list.
            is_barrier: marks(line.trim_ascii_start()).is_some() || is_reference(line),
        });
        start = end.saturating_add(1);
    }
    Some(lines)
}

/// The windows of at least `min_bytes` of these lines, for as many of them as have one.
pub(super) fn windows(run: &[Line], min_bytes: usize) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut ahead = run.iter();
    let mut until = 0usize;
    let mut end = 0usize;
    let mut hash = 0u64;
    // BASE to the power of one less than the window's lines.
    let mut first_power = INVERSE;
    for line in run {
        while end.saturating_sub(line.start) < min_bytes || until == windows.len() {
            let Some(next) = ahead.next() else {
                return windows;
            };
            hash = hash.wrapping_mul(BASE).wrapping_add(next.hash);
            first_power = first_power.wrapping_mul(BASE);
            until = until.saturating_add(1);
            end = next.end;
        }
        windows.push(Window { hash, until, end });
        hash = hash.wrapping_sub(line.hash.wrapping_mul(first_power));
        first_power = first_power.wrapping_mul(INVERSE);
    }
    windows
}

/// The hash of a line: what a block is found by, not what it is told apart by.
pub(super) fn hash(line: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(BASE);
        mixed ^ (mixed >> 29)
    };
    let (words, rest) = line.as_chunks::<8>();
    let hash = words.iter().fold(line.len() as u64, |hash, word| {
        mix(hash, u64::from_le_bytes(*word))
    });
    let last = match line.last_chunk::<8>() {
        // Some of them are in the last word already.
        Some(last) => u64::from_le_bytes(*last),
        None => rest
            .iter()
            .fold(1u64, |word, byte| word << 8 | u64::from(*byte)),
    };
    mix(mix(hash, last), INVERSE)
}

/// The number that, multiplied by this odd one, is 1 modulo 2^64: Newton's steps double the
/// bits that are right, of which there are three at first.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut right_bits = 3u32;
    while right_bits < 64 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        right_bits = right_bits.wrapping_mul(2);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_roll_as_they_are_counted_anew() {
        let text = (0..400)
            .map(|i| format!("{}\n", "x".repeat(i * 7 % 61)))
            .collect::<String>();
        let lines = read(&text).unwrap();
        let rolled = windows(&lines, 300);
        for (at, window) in rolled.iter().enumerate() {
            let anew = windows(&lines[at..window.until], 300);
            assert_eq!(
                (anew[0].hash, anew[0].end),
                (window.hash, window.end),
                "line {at}"
            );
            assert_eq!(anew[0].until + at, window.until);
            let before = lines[window.until - 1].start.saturating_sub(1);
            assert!(
                window.end - lines[at].start >= 300 && before.saturating_sub(lines[at].start) < 300
            );
        }
        let last = lines[rolled.len()].start;
        assert!(text.len() - last < 300);
    }
}
