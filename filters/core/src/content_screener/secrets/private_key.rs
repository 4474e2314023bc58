//! Private keys as text: RFC 7468's encapsulation, OpenSSH's, and PGP's armor (RFC 9580, 6.2).

use core::ops::Range;

use super::alphabet::base64;
use crate::content_screener::bytes::Bytes;

const DASHES: &[u8] = b"-----";
/// `PGP PRIVATE KEY BLOCK` and longer ones.
const LABEL: usize = 48;
/// A key's shortest line, of the few bytes of an elliptic curve.
const LINE: usize = 40;

/// The block whose `BEGIN` stands at `begin`, from its first dash to the last of its end; to
/// the end of its lines where the end is missing. Reads up to the next five dashes: nothing
/// that another block would read.
pub(super) fn block(text: Bytes<'_>, begin: usize) -> Option<Range<usize>> {
    let start = begin.checked_sub(DASHES.len())?;
    if !text.has(start, DASHES) || !text.has(begin, b"BEGIN ") {
        return None;
    }
    let label = begin.saturating_add(b"BEGIN ".len());
    let label_end = text.run(label, LABEL, |b| b.is_ascii_alphanumeric() || b == b' ');
    let label = text.slice(label..label_end);
    if !label.windows(11).any(|words| words == b"PRIVATE KEY") || !text.has(label_end, DASHES) {
        return None;
    }
    let body = label_end.saturating_add(DASHES.len());
    let (mut at, mut lines_end) = (body, None);
    loop {
        let end = text.run(at, usize::MAX, base64);
        // In code a line's end is written out: the `n` of `\n` is taken for a letter.
        if end.wrapping_sub(at) >= LINE {
            lines_end = Some(end);
        }
        let after = end.saturating_add(1);
        match text.at(end) {
            b'-' if text.has(end, DASHES) => {
                let closed = closes(text, end.saturating_add(DASHES.len()));
                let lines_end = lines_end?;
                return Some(start..closed.unwrap_or(lines_end));
            }
            0 => return lines_end.map(|end| start..end),
            _ => at = after,
        }
    }
}

/// Where the last line, behind whose first dashes `at` is, ends.
fn closes(text: Bytes<'_>, at: usize) -> Option<usize> {
    let end = text.run(at, LABEL, |b| b.is_ascii_alphanumeric() || b == b' ');
    (text.has(at, b"END ") && text.has(end, DASHES)).then(|| end.saturating_add(DASHES.len()))
}
