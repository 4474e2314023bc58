//! Puts the originals of placeholders back.

use core::fmt;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::splice::escaped;

/// The placeholders that a request was sent with, and what they stand for.
///
/// A placeholder is `[`, ASCII letters, digits and underscores, and `]`, as `[EMAIL_1]`: none
/// begins another, and none is changed by being part of JSON. What is added as something else
/// is left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Originals {
    originals: BTreeMap<Box<str>, Box<str>>,
    longest: usize,
}

/// What was masked is for no log.
impl fmt::Debug for Originals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = f.debug_struct("Originals");
        written
            .field("len", &self.originals.len())
            .finish_non_exhaustive()
    }
}

impl Originals {
    /// Remembers what `placeholder` stands for.
    pub fn add(&mut self, placeholder: &str, original: &str) {
        let inner = placeholder
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !inner.is_some_and(|inner| inner.bytes().all(is_part)) {
            return;
        }
        self.longest = self.longest.max(placeholder.len());
        self.originals.insert(placeholder.into(), original.into());
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// Bytes of the longest placeholder: what is held back of a text is less.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Adds `text`, with originals instead of placeholders, to `out`, as far as it is certain:
    /// what may become a placeholder is held back in `held` until more of the text comes, or
    /// none does (`is_last`). Gives the number of placeholders replaced.
    ///
    /// `in_json` tells that the text itself is JSON, as the arguments of a call are: there an
    /// original is written as part of a JSON string.
    pub(super) fn put_back(
        &self,
        held: &mut String,
        text: &str,
        is_last: bool,
        in_json: bool,
        out: &mut String,
    ) -> u32 {
        let joined;
        let mut rest = if held.is_empty() {
            text
        } else {
            held.push_str(text);
            joined = core::mem::take(held);
            &joined
        };
        let mut replaced = 0_u32;
        while let Some(open) = memchr::memchr(b'[', rest.as_bytes()) {
            let (plain, from) = rest.split_at_checked(open).unwrap_or((rest, ""));
            out.push_str(plain);
            match self.at_start(from) {
                Start::Placeholder(original, len) => {
                    replaced = replaced.saturating_add(1);
                    if in_json {
                        out.push_str(&escaped(original));
                    } else {
                        out.push_str(original);
                    }
                    rest = from.get(len..).unwrap_or_default();
                }
                Start::Unfinished if !is_last => {
                    held.push_str(from);
                    return replaced;
                }
                Start::Unfinished | Start::Other => {
                    out.push('[');
                    rest = from.get(1..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        replaced
    }

    /// Bytes of the longest placeholder with every byte written `\uXXXX`.
    pub(super) fn longest_escaped(&self) -> usize {
        self.longest.saturating_mul(6)
    }

    /// The content of a string that is whole, still escaped, with originals instead of
    /// placeholders, and the number of those; `None` where it has none.
    pub(super) fn put_back_escaped(&self, content: &[u8], in_json: bool) -> Option<(Vec<u8>, u32)> {
        let mut out = Vec::new();
        let (mut replaced, mut from, mut at) = (0_u32, 0, 0_usize);
        while let Some(rest) = content.get(at..)
            && let Some(next) = memchr::memchr2(b'[', b'\\', rest)
        {
            at = at.saturating_add(next);
            match self.step(content.get(at..).unwrap_or_default()) {
                Step::Original(original, len) => {
                    replaced = replaced.saturating_add(1);
                    out.extend_from_slice(content.get(from..at).unwrap_or_default());
                    let mut original = escaped(original);
                    if in_json {
                        original = escaped(&original);
                    }
                    out.extend_from_slice(original.as_bytes());
                    at = at.saturating_add(len);
                    from = at;
                }
                Step::Unit(len) => at = at.saturating_add(len),
                Step::Unfinished => at = at.saturating_add(1),
            }
        }
        out.extend_from_slice(content.get(from..).unwrap_or_default());
        (replaced > 0).then_some((out, replaced))
    }

    /// What escaped bytes of a string that begin with a bracket or a backslash begin with.
    pub(super) fn step(&self, escaped: &[u8]) -> Step<'_> {
        let (first, len) = match unit(escaped) {
            Unit::Unfinished => return Step::Unfinished,
            Unit::Ascii(byte, len) => (byte, len),
            Unit::Other(len) => return Step::Unit(len),
        };
        if first != b'[' {
            return Step::Unit(len);
        }
        let mut name = String::with_capacity(self.longest);
        name.push('[');
        let mut at = len;
        while name.len() < self.longest {
            match unit(escaped.get(at..).unwrap_or_default()) {
                Unit::Ascii(b']', last) => {
                    name.push(']');
                    let len = at.saturating_add(last);
                    return match self.originals.get(&*name) {
                        Some(original) => Step::Original(original, len),
                        None => break,
                    };
                }
                Unit::Ascii(byte, more) => {
                    name.push(char::from(byte));
                    at = at.saturating_add(more);
                }
                Unit::Unfinished if self.have_start(&name) => return Step::Unfinished,
                Unit::Unfinished | Unit::Other(_) => break,
            }
        }
        Step::Unit(len)
    }

    /// Whether a placeholder begins so.
    fn have_start(&self, text: &str) -> bool {
        let range = (Bound::Included(text), Bound::Unbounded);
        let next = self.originals.range::<str, _>(range).next();
        next.is_some_and(|(placeholder, _)| placeholder.starts_with(text))
    }

    /// What a text that begins with `[` begins with.
    fn at_start(&self, text: &str) -> Start<'_> {
        let bytes = text.as_bytes();
        let window = bytes.get(..self.longest).unwrap_or(bytes);
        if let Some(close) = memchr::memchr(b']', window) {
            let len = close.saturating_add(1);
            let original = text.get(..len).and_then(|name| self.originals.get(name));
            return original.map_or(Start::Other, |original| Start::Placeholder(original, len));
        }
        if self.have_start(text) {
            Start::Unfinished
        } else {
            Start::Other
        }
    }
}

/// What escaped bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A placeholder of so many bytes, and its original.
    Original(&'a str, usize),
    /// A character, of which these are so many bytes: all of its escape.
    Unit(usize),
    /// What more bytes may make a placeholder, or an escape.
    Unfinished,
}

/// One character of a string, of so many bytes.
enum Unit {
    Ascii(u8, usize),
    Other(usize),
    Unfinished,
}

fn unit(escaped: &[u8]) -> Unit {
    let digits = match escaped {
        [b'\\', b'u', digits @ ..] => digits,
        [b'\\', _, ..] => return Unit::Other(2),
        [] | [b'\\'] => return Unit::Unfinished,
        // A quote ends the string.
        [b'"', ..] => return Unit::Other(1),
        [byte, ..] if byte.is_ascii() => return Unit::Ascii(*byte, 1),
        _ => return Unit::Other(1),
    };
    let Some(digits) = digits.first_chunk::<4>() else {
        return Unit::Unfinished;
    };
    let text = core::str::from_utf8(digits).unwrap_or_default();
    match u8::from_str_radix(text, 16) {
        Ok(byte) if byte.is_ascii() => Unit::Ascii(byte, 6),
        _ => Unit::Other(6),
    }
}

enum Start<'a> {
    /// A placeholder of so many bytes, and its original.
    Placeholder(&'a str, usize),
    /// What more text may make a placeholder.
    Unfinished,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn originals() -> Originals {
        let mut originals = Originals::default();
        originals.add("[EMAIL_1]", "ann@example.com");
        originals.add("[EMAIL_12]", "bob@example.com");
        originals.add("[CARD_1]", "a \"card\"\n");
        originals
    }

    #[test]
    fn originals_come_back_however_the_text_is_cut() {
        for (text, expected, expected_in_json) in [
            ("", "", ""),
            ("no placeholder", "no placeholder", "no placeholder"),
            ("[EMAIL_1]", "ann@example.com", "ann@example.com"),
            ("<[EMAIL_12]>", "<bob@example.com>", "<bob@example.com>"),
            ("[[EMAIL_1]]", "[ann@example.com]", "[ann@example.com]"),
            (
                "[EMAIL_[EMAIL_1]",
                "[EMAIL_ann@example.com",
                "[EMAIL_ann@example.com",
            ),
            (
                "[EMAIL_2] [email_1]",
                "[EMAIL_2] [email_1]",
                "[EMAIL_2] [email_1]",
            ),
            ("[CARD_1]é[", "a \"card\"\né[", "a \\\"card\\\"\\né["),
            ("[EMAIL_1", "[EMAIL_1", "[EMAIL_1"),
            ("[EMAIL_1é]", "[EMAIL_1é]", "[EMAIL_1é]"),
            ("[你好你好你好]", "[你好你好你好]", "[你好你好你好]"),
        ] {
            let originals = originals();
            for (in_json, expected) in [(false, expected), (true, expected_in_json)] {
                for cut in (0..=text.len()).filter(|&cut| text.is_char_boundary(cut)) {
                    let (mut held, mut out) = (String::new(), String::new());
                    originals.put_back(&mut held, &text[..cut], false, in_json, &mut out);
                    assert!(held.len() < originals.longest(), "{held}");
                    originals.put_back(&mut held, &text[cut..], true, in_json, &mut out);
                    assert_eq!((&*out, &*held), (expected, ""), "{text:?} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_placeholder_is_not_taken_for_one() {
        let mut originals = Originals::default();
        for name in [
            "", "[", "EMAIL_1", "[EMAIL_1", "[A[B]", "[A]B]", "[é]", "[A\"]",
        ] {
            originals.add(name, "x");
        }
        assert!(originals.is_empty());
    }
}
