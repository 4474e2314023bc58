//! A text read by index: outside it there is only NUL, so no detector can read past an
//! end, and tests count what is read.

use core::ops::Range;

/// A text; reading outside it gives 0.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(text: &'a [u8]) -> Bytes<'a> {
        Bytes(text)
    }

    /// The byte at `index`.
    #[inline(always)]
    pub(super) fn at(self, index: usize) -> u8 {
        work::count(1);
        self.0.get(index).copied().unwrap_or(0)
    }

    /// The byte `back` bytes before `index`.
    #[inline(always)]
    pub(super) fn before(self, index: usize, back: usize) -> u8 {
        index.checked_sub(back).map_or(0, |index| self.at(index))
    }

    /// The bytes of `range`, as far as the text has them.
    #[inline]
    pub(super) fn slice(self, range: Range<usize>) -> &'a [u8] {
        let end = range.end.min(self.0.len());
        let slice = self.0.get(range.start.min(end)..end).unwrap_or_default();
        work::count(slice.len());
        slice
    }

    /// The `len` bytes before `index`, or what the text has of them.
    pub(super) fn slice_before(self, index: usize, len: usize) -> &'a [u8] {
        self.slice(index.saturating_sub(len)..index)
    }

    /// Whether `literal` stands at `index`.
    #[inline]
    pub(super) fn has(self, index: usize, literal: &[u8]) -> bool {
        self.0
            .get(index)
            .is_some_and(|first| literal.first() == Some(first))
            && self.slice(index..index.saturating_add(literal.len())) == literal
    }

    /// Whether `literal` stands at `index`, in whatever ASCII case.
    #[inline]
    pub(super) fn has_any_case(self, index: usize, literal: &[u8]) -> bool {
        self.slice(index..index.saturating_add(literal.len()))
            .eq_ignore_ascii_case(literal)
    }

    /// Where the run of bytes of a kind that begins at `from` ends, at most `most` bytes on.
    #[inline]
    pub(super) fn run(self, from: usize, most: usize, kind: impl Fn(u8) -> bool) -> usize {
        let rest = self.0.get(from..).unwrap_or_default();
        let len = rest.iter().take(most).take_while(|&&b| kind(b)).count();
        work::count(len);
        from.saturating_add(len)
    }

    /// Where the run of bytes of a kind that ends at `to` begins, at most `most` bytes back.
    #[inline]
    pub(super) fn run_back(self, to: usize, most: usize, kind: impl Fn(u8) -> bool) -> usize {
        let start = self.0.get(..to).unwrap_or_default();
        let bytes = start.iter().rev();
        let len = bytes.take(most).take_while(|&&b| kind(b)).count();
        work::count(len);
        to.saturating_sub(len)
    }

    /// Whether one of `words`, in lower case, stands in `within`, in whatever case, as a word:
    /// no ASCII letter beside it.
    pub(super) fn mentions(self, within: Range<usize>, words: &[&str]) -> bool {
        let window = self.slice(within.clone());
        let mut before = self.before(within.start, 1);
        (0..window.len()).any(|offset| {
            let rest = window.get(offset..).unwrap_or_default();
            let inside = before.is_ascii_alphabetic();
            before = rest.first().copied().unwrap_or(0);
            // Where no letter stands no word begins: what is near numbers is mostly numbers.
            let begins = before.is_ascii_alphabetic() || before >= 0xc0;
            !inside
                && begins
                && words.iter().any(|word| {
                    let end = within
                        .start
                        .saturating_add(offset)
                        .saturating_add(word.len());
                    rest.get(..word.len())
                        .is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
                        && !self.at(end).is_ascii_alphabetic()
                })
        })
    }
}

/// How many bytes detectors have read on this thread.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local!(static READ: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count(bytes: usize) {
        READ.with(|read| read.set(read.get() + bytes));
    }

    /// What `job` read.
    pub(in crate::content_screener) fn of(job: impl FnOnce()) -> usize {
        let before = READ.with(Cell::get);
        job();
        READ.with(Cell::get) - before
    }
}

#[cfg(not(test))]
mod work {
    #[inline(always)]
    pub(super) fn count(_bytes: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_outside_the_text() {
        let bytes = Bytes::new(b"abc");
        assert_eq!(
            (bytes.at(2), bytes.at(3), bytes.at(usize::MAX)),
            (b'c', 0, 0)
        );
        assert_eq!((bytes.before(2, 1), bytes.before(0, 1)), (b'b', 0));
        assert_eq!(bytes.slice(1..9), b"bc");
        assert_eq!(bytes.slice(7..9), b"");
        assert_eq!(bytes.slice_before(2, 9), b"ab");
        assert_eq!(bytes.run(1, 9, |b| b.is_ascii_lowercase()), 3);
        assert_eq!(bytes.run(0, 2, |b| b.is_ascii_lowercase()), 2);
        assert_eq!(bytes.run_back(3, 2, |b| b.is_ascii_lowercase()), 1);
        assert!(bytes.has(1, b"bc") && !bytes.has(1, b"bcd"));
    }

    #[test]
    fn a_word_has_no_letter_beside_it() {
        let bytes = Bytes::new("my Tel: 1, motel 电话2".as_bytes());
        assert!(bytes.mentions(0..9, &["tel"]));
        assert!(!bytes.mentions(10..40, &["tel"]));
        assert!(bytes.mentions(10..40, &["电话"]));
    }
}
