//! Edits of a request's body: places in it and what stands there instead.

use crate::Span;

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

    /// The body with these edits: what they do not name is as it was, byte for byte.
    ///
    /// # Errors
    /// Where there is no memory for it.
    pub fn apply(&self, body: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
        let removed: usize = self.splices.iter().map(|(span, _)| span.len()).sum();
        let len = body
            .len()
            .saturating_add(self.text.len())
            .saturating_sub(removed);
        let mut edited = Vec::new();
        edited.try_reserve_exact(len).map_err(|_| OutOfMemory)?;
        let mut from = 0usize;
        for (span, text) in &self.splices {
            edited.extend_from_slice(body.get(from..span.start as usize).unwrap_or_default());
            edited.extend_from_slice(self.text.get(text.clone()).unwrap_or_default());
            from = span.end as usize;
        }
        edited.extend_from_slice(body.get(from..).unwrap_or_default());
        Ok(edited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut edits = Edits::default();
            for (start, end, text) in splices {
                edits.replace(Span::new(*start, *end), text.as_bytes());
            }
            let edited = edits.apply(b"0123456789").unwrap();
            assert_eq!(String::from_utf8(edited).unwrap(), expected);
        }
    }
}
