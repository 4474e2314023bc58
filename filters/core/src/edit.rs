//! Edits of a request's body: places in it and what stands there instead.

use crate::Span;
use crate::append::append;

/// The edits one stage makes, in the order of the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    splices: Vec<(Span, core::ops::Range<usize>)>,
    /// What is put in, one after the other.
    text: Vec<u8>,
}

/// An edited body could not be made, for want of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl Edits {
    /// Puts `text` where `span` is. Spans come in order and do not overlap; one that does not
    /// is left out.
    pub fn replace(&mut self, span: Span, text: &[u8]) {
        let in_order = self
            .splices
            .last()
            .is_none_or(|(last, _)| last.end <= span.start);
        if in_order && span.start <= span.end {
            let start = self.text.len();
            self.text.extend_from_slice(text);
            self.splices.push((span, start..self.text.len()));
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// These edits and those `under` them: of the latter, those that these leave room for.
    pub fn over(&self, under: &Edits) -> Edits {
        let mut both = Edits::default();
        let mut own = self.iter().peekable();
        for (span, text) in under.iter() {
            while let Some((span, text)) = own.next_if(|(first, _)| first.start <= span.start) {
                both.replace(span, text);
            }
            if own.peek().is_none_or(|(next, _)| next.start >= span.end) {
                // What the last of these covers is left out here.
                both.replace(span, text);
            }
        }
        for (span, text) in own {
            both.replace(span, text);
        }
        both
    }

    fn iter(&self) -> impl Iterator<Item = (Span, &[u8])> {
        let text = |range: &core::ops::Range<usize>| self.text.get(range.clone());
        let splices = self.splices.iter();
        splices.map(move |(span, range)| (*span, text(range).unwrap_or_default()))
    }

    /// By how many bytes the body becomes shorter; 0 where it does not.
    pub fn saved(&self) -> u64 {
        self.removed().saturating_sub(self.text.len()) as u64
    }

    /// Bytes of the body that do not stay.
    fn removed(&self) -> usize {
        self.splices.iter().map(|(span, _)| span.len()).sum()
    }

    /// The body with these edits: what they do not name is as it was, byte for byte.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub fn apply(&self, body: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
        let len = body
            .len()
            .saturating_add(self.text.len())
            .saturating_sub(self.removed());
        let mut edited = Vec::new();
        edited.try_reserve_exact(len).map_err(|_| OutOfMemory)?;
        let mut from = 0usize;
        for (span, text) in &self.splices {
            let kept = body.get(from..).unwrap_or_default();
            append(
                &mut edited,
                kept,
                (span.start as usize).saturating_sub(from),
            );
            let new = self.text.get(text.start..).unwrap_or_default();
            append(&mut edited, new, text.len());
            from = span.end as usize;
        }
        edited.extend_from_slice(body.get(from..).unwrap_or_default());
        Ok(edited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(splices: &[(usize, usize, &str)]) -> Edits {
        let mut edits = Edits::default();
        for (start, end, text) in splices {
            edits.replace(Span::new(*start, *end), text.as_bytes());
        }
        edits
    }

    #[test]
    fn of_edits_that_overlap_those_above_count() {
        type Splices<'a> = &'a [(usize, usize, &'a str)];
        let rows: [(Splices, Splices, &str); 6] = [
            (&[], &[(1, 2, "x")], "0x23456789"),
            (&[(1, 2, "x")], &[], "0x23456789"),
            (
                &[(1, 2, "x"), (7, 9, "")],
                &[(0, 1, ""), (2, 4, "y"), (9, 10, "z")],
                "xy456z",
            ),
            (
                &[(2, 6, "x")],
                &[(1, 3, "a"), (3, 4, "b"), (5, 7, "c"), (7, 8, "d")],
                "01x6d89",
            ),
            (&[(2, 3, "x"), (4, 5, "y")], &[(1, 9, "a")], "01x3y56789"),
            (&[(2, 6, "x")], &[(2, 6, "a"), (6, 7, "")], "01x789"),
        ];
        for (over, under, expected) in rows {
            let both = edits(over).over(&edits(under));
            let edited = both.apply(b"0123456789").unwrap();
            assert_eq!(String::from_utf8(edited).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        type Row<'a> = (&'a [(usize, usize, &'a str)], &'a str);
        let rows: [Row; 6] = [
            (&[], "0123456789"),
            (&[(0, 0, "a")], "a0123456789"),
            (&[(0, 2, ""), (2, 3, "x"), (9, 10, "yz")], "x345678yz"),
            (&[(10, 10, "end")], "0123456789end"),
            // Out of order, overlapping: left out.
            (&[(4, 6, "a"), (5, 7, "b"), (1, 2, "c")], "0123a6789"),
            (&[(0, 10, "")], ""),
        ];
        for (splices, expected) in rows {
            let edited = edits(splices).apply(b"0123456789").unwrap();
            assert_eq!(String::from_utf8(edited).unwrap(), expected);
        }
    }
}
