//! What the parts of a message say where they meet, with nothing between them.
//!
//! The view of a message has a line's end between its parts. A model may be given them without
//! one, so the stretches around the places where they meet are read a second time, joined; parts
//! that are short are read whole, so a word cut over many of them is one.

use core::ops::Range;

/// Bytes of a part that are read on either side of where it meets the next: of a longer one its
/// beginning and its end.
const SEAM: usize = 128;

/// The joined stretches, and where in the view they come from.
#[derive(Debug, Default)]
pub(super) struct Seams {
    text: Vec<u8>,
    /// Where each stretch begins here, and where in the view.
    stretches: Vec<(usize, usize)>,
    /// Where here one part ends and the next begins.
    borders: Vec<usize>,
}

impl Seams {
    /// Joins the `parts` of `view`.
    pub(super) fn join(&mut self, view: &[u8], parts: impl Iterator<Item = Range<usize>>) {
        self.text.clear();
        self.stretches.clear();
        self.borders.clear();
        for part in parts.filter(|part| !part.is_empty()) {
            if !self.text.is_empty() {
                self.borders.push(self.text.len());
            }
            let head = part.start.saturating_add(SEAM);
            let tail = part.end.saturating_sub(SEAM);
            if head < tail {
                self.add(view, part.start..head);
                // What stands between is left out, and ends what goes before.
                self.text.push(b'\n');
                self.add(view, tail..part.end);
            } else {
                self.add(view, part);
            }
        }
    }

    fn add(&mut self, view: &[u8], stretch: Range<usize>) {
        self.stretches.push((self.text.len(), stretch.start));
        self.text
            .extend_from_slice(view.get(stretch).unwrap_or_default());
    }

    /// What is to be read: nothing where no two parts meet.
    pub(super) fn text(&self) -> &[u8] {
        if self.borders.is_empty() {
            &[]
        } else {
            &self.text
        }
    }

    /// Where in the view a range of the text stands; `None` where it lies in one part, and has
    /// been found there.
    pub(super) fn in_view(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let next = self
            .borders
            .partition_point(|border| *border <= range.start);
        let is_across = self
            .borders
            .get(next)
            .is_some_and(|border| *border < range.end);
        let place = |at: usize| {
            let after = self.stretches.partition_point(|(start, _)| *start <= at);
            let (start, in_view) = self.stretches.get(after.checked_sub(1)?)?;
            Some(in_view.saturating_add(at.saturating_sub(*start)))
        };
        let last = place(range.end.checked_sub(1)?)?;
        is_across.then_some(place(range.start)?..last.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_and_lead_back() {
        let long = "x".repeat(3 * SEAM);
        let view = format!("da\nr\n\nn {long} bo\nmb");
        let last = view.len();
        let parts = [0..2, 3..4, 5..5, 6..last - 3, last - 2..last];
        let mut seams = Seams::default();
        seams.join(view.as_bytes(), parts.into_iter());
        let text = String::from_utf8(seams.text().to_vec()).unwrap();
        assert!(
            text.starts_with("darn xxx") && text.ends_with("xxx bomb"),
            "{text}"
        );
        assert_eq!(text.len(), 3 + 2 * SEAM + 1 + 2);
        assert_eq!(seams.in_view(&(0..4)), Some(0..7));
        let bomb = text.find("bomb").unwrap();
        assert_eq!(seams.in_view(&(bomb..bomb + 4)), Some(last - 5..last));
        assert_eq!(seams.in_view(&(0..2)), None, "in one part");
        assert_eq!(seams.in_view(&(2..3)), None, "a part of its own");

        seams.join(b"one", core::iter::once(0..3));
        assert_eq!(seams.text(), b"");
    }
}
