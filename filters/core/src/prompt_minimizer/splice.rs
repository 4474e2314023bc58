//! What a transform does to a text: places in it, and what stands there instead.

use core::ops::Range;

use crate::append::append;

/// A place in a text and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The place, in bytes, from one character's start to another's.
    pub range: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

impl Splice {
    /// Takes out what stands at `range`.
    pub fn remove(range: Range<usize>) -> Splice {
        Splice {
            range,
            text: String::new(),
        }
    }
}

/// The text with these splices, which are in order and do not overlap; what does not fit is
/// left out.
pub fn apply(text: &str, splices: &[Splice]) -> String {
    let bytes = text.as_bytes();
    let mut edited = Vec::with_capacity(text.len());
    let mut from = 0usize;
    for Splice { range, text: new } in splices {
        let fits = from <= range.start
            && text.is_char_boundary(range.start)
            && text.is_char_boundary(range.end);
        if !fits {
            continue;
        }
        let kept = bytes.get(from..).unwrap_or_default();
        append(&mut edited, kept, range.start.saturating_sub(from));
        append(&mut edited, new.as_bytes(), new.len());
        from = range.end;
    }
    edited.extend_from_slice(bytes.get(from..).unwrap_or_default());
    // Pieces of texts, cut where characters begin.
    String::from_utf8(edited).unwrap_or_default()
}

/// The splices that do to a text what `first` does, and then `second` to what that leaves.
pub fn compose(first: Vec<Splice>, second: &[Splice]) -> Vec<Splice> {
    if second.is_empty() {
        return first;
    }
    if first.is_empty() {
        return second.to_vec();
    }
    let mut left = Pieces::new(first);
    let mut all = Composed::default();
    let mut at = 0usize;
    for Splice { range, text } in second {
        left.take(range.start.saturating_sub(at), |piece| all.keep(piece));
        left.take(range.len(), |_| ());
        all.new.push_str(text);
        at = range.end;
    }
    left.take(usize::MAX, |piece| all.keep(piece));
    all.splices
}

/// A piece of an edited text.
enum Piece {
    /// As it stands in the source.
    Same(Range<usize>),
    New(String),
}

/// The pieces of an edited text, from the first that is not taken.
struct Pieces {
    left: std::collections::VecDeque<Piece>,
}

impl Pieces {
    fn new(splices: Vec<Splice>) -> Pieces {
        let mut from = 0usize;
        let mut left = std::collections::VecDeque::new();
        for splice in splices {
            left.push_back(Piece::Same(from..splice.range.start));
            left.push_back(Piece::New(splice.text));
            from = splice.range.end;
        }
        left.push_back(Piece::Same(from..usize::MAX));
        Pieces { left }
    }

    /// Gives `each` the pieces of the next `len` bytes.
    fn take(&mut self, mut len: usize, mut each: impl FnMut(Piece)) {
        while len > 0 {
            match self.left.pop_front() {
                None => return,
                Some(Piece::Same(range)) if range.len() > len => {
                    let cut = range.start.saturating_add(len);
                    self.left.push_front(Piece::Same(cut..range.end));
                    each(Piece::Same(range.start..cut));
                    return;
                }
                Some(Piece::New(mut text)) if text.len() > len => {
                    // Cuts are where characters begin; elsewhere nothing is cut.
                    let rest = match text.is_char_boundary(len) {
                        true => text.split_off(len),
                        false => String::new(),
                    };
                    self.left.push_front(Piece::New(rest));
                    each(Piece::New(text));
                    return;
                }
                Some(piece) => {
                    len = len.saturating_sub(match &piece {
                        Piece::Same(range) => range.len(),
                        Piece::New(text) => text.len(),
                    });
                    each(piece);
                }
            }
        }
    }
}

/// Splices as they come out.
#[derive(Default)]
struct Composed {
    splices: Vec<Splice>,
    /// How far the source is done.
    from: usize,
    /// What stands there instead of what comes.
    new: String,
}

impl Composed {
    fn keep(&mut self, piece: Piece) {
        match piece {
            Piece::New(text) => self.new.push_str(&text),
            Piece::Same(range) if range.is_empty() => {}
            Piece::Same(range) => {
                if range.start > self.from || !self.new.is_empty() {
                    self.splices.push(Splice {
                        range: self.from..range.start,
                        text: core::mem::take(&mut self.new),
                    });
                }
                self.from = range.end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Splices of a text of `len` ASCII characters.
    fn splices(len: usize, cuts: &[(usize, usize, String)]) -> Vec<Splice> {
        let mut at = 0;
        let mut all = Vec::new();
        for (skip, take, text) in cuts {
            let start = at + skip;
            let end = start + take;
            if end > len || start == end {
                break;
            }
            all.push(Splice {
                range: start..end,
                text: text.clone(),
            });
            at = end;
        }
        all
    }

    proptest! {
        #[test]
        fn composed_splices_do_what_both_do(
            text in "[a-z]{0,60}",
            one in proptest::collection::vec((0usize..8, 1usize..6, "[A-Z]{0,5}"), 0..8),
            two in proptest::collection::vec((0usize..8, 1usize..6, "[0-9]{0,5}"), 0..8),
        ) {
            let first = splices(text.len(), &one);
            let middle = apply(&text, &first);
            let second = splices(middle.len(), &two);
            let expected = apply(&middle, &second);
            let both = compose(first, &second);
            prop_assert!(both.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start), "{both:?}");
            prop_assert_eq!(apply(&text, &both), expected);
        }
    }
}
