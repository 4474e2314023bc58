//! The lines of a text.

use core::ops::Range;

/// A line, and where it stands. Lines end as CommonMark has it: with LF, CRLF, or a CR that no
/// LF follows (section 2.1 of the specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Without its end.
    pub(super) text: &'a str,
    pub(super) start: usize,
    /// Where the next line begins.
    pub(super) next: usize,
}

impl<'a> Line<'a> {
    /// With its end.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.next
    }

    /// Where its text ends.
    pub(super) fn end(&self) -> usize {
        self.start.saturating_add(self.text.len())
    }

    /// Nothing but blanks.
    pub(super) fn is_blank(&self) -> bool {
        self.text.bytes().all(is_blank)
    }

    /// Spaces and tabs it begins with, in bytes.
    pub(super) fn indentation(&self) -> usize {
        let text = self.text.trim_start_matches([' ', '\t']);
        self.text.len().saturating_sub(text.len())
    }

    /// What stands behind its indentation.
    pub(super) fn indented(&self) -> &'a str {
        self.text.trim_start_matches([' ', '\t'])
    }
}

/// Space or tab.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The lines of `text` in order; the last may have no end, and is not empty then.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0usize;
    core::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(len)?;
        let end = match after.as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [_, ..] => 1,
            [] => 0,
        };
        let from = start;
        start = start.saturating_add(len).saturating_add(end);
        Some(Line {
            text: line,
            start: from,
            next: start,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_lf_crlf_or_cr() {
        for (text, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("\n", &[""]),
            ("a\nb\r\nc\rd", &["a", "b", "c", "d"]),
            ("a\r\r\n\n\r", &["a", "", "", ""]),
        ] {
            let found: Vec<_> = lines(text).collect();
            let texts: Vec<_> = found.iter().map(|line| line.text).collect();
            assert_eq!(texts, expected, "{text:?}");
            assert_eq!(found.last().map_or(0, |line| line.next), text.len());
            assert!(found.windows(2).all(|pair| pair[0].next == pair[1].start));
        }
    }
}
