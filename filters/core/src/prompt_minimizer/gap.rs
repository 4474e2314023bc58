//! What stands between two tokens of JSON.

use core::ops::Range;

/// The comma or colon in what stands between two tokens, all else of which is white space.
#[inline(always)]
pub(super) fn sign(between: &[u8]) -> Option<usize> {
    between.iter().position(|byte| matches!(byte, b',' | b':'))
}

/// The white space ahead of that sign and behind it, of which either may be none, in a text
/// where `between` begins at `start`.
#[inline(always)]
pub(super) fn white_space(between: &[u8], start: usize) -> [Range<usize>; 2] {
    let end = start.saturating_add(between.len());
    match sign(between).map(|at| start.saturating_add(at)) {
        Some(sign) => [start..sign, sign.saturating_add(1)..end],
        None => [start..end, end..end],
    }
}
