//! Placeholders of one exchange and what they stand for.

use core::fmt;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use memchr::memmem;

use crate::json::{Unescaped, unescape};

/// What was masked in one request. It belongs to its exchange and ends with it.
#[derive(Default)]
pub struct Masks {
    /// Placeholders, and what they stand for without its JSON escapes.
    masked: Vec<(String, Vec<u8>)>,
}

/// What was masked is for no log.
impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = f.debug_struct("Masks");
        written
            .field("len", &self.masked.len())
            .finish_non_exhaustive()
    }
}

impl Masks {
    /// Placeholders and what each stands for, unescaped.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.masked
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_slice()))
    }

    /// Whether nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.masked.is_empty()
    }

    /// How many placeholders there are.
    pub fn len(&self) -> usize {
        self.masked.len()
    }
}

/// Gives out the placeholders of one request.
pub(super) struct Numbering<'a> {
    body: &'a [u8],
    masks: Masks,
    /// What each text is masked by: the position of its placeholder.
    known: hashbrown::HashMap<(String, Vec<u8>), usize>,
    labels: hashbrown::HashMap<String, Label>,
}

/// What is known of the placeholders of one label.
struct Label {
    /// Numbers that the request uses itself: to a reader they would be ours.
    taken: BTreeSet<u32>,
    last: u32,
}

impl<'a> Numbering<'a> {
    /// For the request with this body.
    pub(super) fn new(body: &'a [u8]) -> Numbering<'a> {
        Numbering {
            body,
            masks: Masks::default(),
            known: hashbrown::HashMap::new(),
            labels: hashbrown::HashMap::new(),
        }
    }

    /// The placeholder of the string content `escaped`: the same for the same text.
    pub(super) fn placeholder(&mut self, label: &str, escaped: &[u8]) -> &str {
        let mut text = Vec::with_capacity(escaped.len());
        for run in unescape(escaped) {
            match run {
                Unescaped::Bytes(bytes) => text.extend_from_slice(bytes),
                Unescaped::Char(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        let at = match self.known.get(&(label.to_owned(), text.clone())) {
            Some(at) => *at,
            None => self.add(label, text),
        };
        self.masks
            .masked
            .get(at)
            .map_or("", |(name, _)| name.as_str())
    }

    fn add(&mut self, label: &str, text: Vec<u8>) -> usize {
        let body = self.body;
        let of_label = self
            .labels
            .entry(label.to_owned())
            .or_insert_with(|| Label {
                taken: taken(body, label),
                last: 0,
            });
        loop {
            of_label.last = of_label.last.saturating_add(1);
            if !of_label.taken.contains(&of_label.last) || of_label.last == u32::MAX {
                break;
            }
        }
        let mut name = String::new();
        let _ = write!(name, "[{label}_{}]", of_label.last);
        let at = self.masks.masked.len();
        self.known.insert((label.to_owned(), text.clone()), at);
        self.masks.masked.push((name, text));
        at
    }

    pub(super) fn finish(self) -> Masks {
        self.masks
    }
}

/// The numbers with which `body` has placeholders of this label.
fn taken(body: &[u8], label: &str) -> BTreeSet<u32> {
    let before = format!("[{label}_");
    let numbers = memmem::find_iter(body, &before).filter_map(|at| {
        let digits = body.get(at.saturating_add(before.len())..)?;
        let len = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        core::str::from_utf8(digits.get(..len)?).ok()?.parse().ok()
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_placeholder_and_no_other_has_it() {
        let mut numbering = Numbering::new(b"they wrote [EMAIL_2] and [PHONE_x] [EMAIL_");
        for (label, text, expected) in [
            ("EMAIL", "a@b.com", "[EMAIL_1]"),
            ("EMAIL", "c@d.com", "[EMAIL_3]"),
            ("EMAIL", r"a\u0040b.com", "[EMAIL_1]"),
            ("PHONE", "a@b.com", "[PHONE_1]"),
        ] {
            assert_eq!(numbering.placeholder(label, text.as_bytes()), expected);
        }
        let masks = numbering.finish();
        let pairs: Vec<_> = masks.iter().collect();
        assert_eq!(
            pairs,
            [
                ("[EMAIL_1]", &b"a@b.com"[..]),
                ("[EMAIL_3]", b"c@d.com"),
                ("[PHONE_1]", b"a@b.com"),
            ]
        );
        assert_eq!(format!("{masks:?}"), "Masks { len: 3, .. }");
    }
}
