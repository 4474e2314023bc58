//! A text as the model reads it, and the way back to its source in the body.

use std::borrow::Cow;

use crate::append::append;
use crate::json::{escape_at, simple_escape};
use crate::simd::Block;

/// The text of a JSON string's content.
#[derive(Clone, Debug, Default)]
pub struct Source<'a> {
    text: Cow<'a, str>,
    /// Where text and content go side by side again: an offset of each, behind an escape.
    turns: Vec<(usize, usize)>,
}

impl<'a> Source<'a> {
    /// Reads the content of a string that was accepted, `escaped` where it has escapes. `None`
    /// where there is no memory for it.
    pub fn read(content: &'a [u8], escaped: bool) -> Option<Source<'a>> {
        if !escaped {
            let text = simdutf8::basic::from_utf8(content).ok()?;
            return Some(Source {
                text: Cow::Borrowed(text),
                turns: Vec::new(),
            });
        }
        let mut unescaped = Unescaped {
            content,
            read: 0,
            text: Vec::new(),
            turns: Vec::new(),
        };
        unescaped.text.try_reserve_exact(content.len()).ok()?;
        unescaped.run()?;
        Some(Source {
            text: Cow::Owned(String::from_utf8(unescaped.text).ok()?),
            turns: unescaped.turns,
        })
    }

    /// What the model reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The way from the text to the content.
    pub fn way(&self) -> Way<'_> {
        Way {
            ahead: &self.turns,
            last: (0, 0),
        }
    }
}

/// Leads from offsets of the text, asked for in order, to those of the content.
pub struct Way<'s> {
    ahead: &'s [(usize, usize)],
    last: (usize, usize),
}

impl Way<'_> {
    /// Where in the content the character stands that does at `at` in the text.
    pub fn to(&mut self, at: usize) -> usize {
        while let Some((next, rest)) = self.ahead.split_first()
            && next.0 <= at
        {
            self.last = *next;
            self.ahead = rest;
        }
        let (text, content) = self.last;
        content.saturating_add(at.saturating_sub(text))
    }
}

/// A content on its way to a text.
struct Unescaped<'a> {
    content: &'a [u8],
    /// How far it is in the text.
    read: usize,
    text: Vec<u8>,
    turns: Vec<(usize, usize)>,
}

impl Unescaped<'_> {
    fn run(&mut self) -> Option<()> {
        let mut at = 0usize;
        while let Some(block) = self.content.get(at..).and_then(<[u8]>::first_chunk::<64>) {
            let mut backslashes = Block::load(block).eq(b'\\');
            let mut next = at.saturating_add(block.len());
            while backslashes != 0 {
                let bit = backslashes.trailing_zeros();
                let index = bit as usize;
                let here = at.saturating_add(index);
                let kind = block.get(index.saturating_add(1));
                let Some(character) = kind.and_then(|kind| simple_escape(*kind)) else {
                    next = self.escape(here)?;
                    break;
                };
                self.plain(here);
                self.text.push(character);
                self.turn(here.saturating_add(2));
                // What is escaped may be a backslash itself.
                backslashes &= !(0b11 << bit);
            }
            at = next;
        }
        while let Some(skip) = memchr::memchr(b'\\', self.content.get(at..)?) {
            at = self.escape(at.saturating_add(skip))?;
        }
        self.plain(self.content.len());
        Some(())
    }

    /// Takes the escape at `here`, whatever it is; gives where it ends.
    fn escape(&mut self, here: usize) -> Option<usize> {
        self.plain(here);
        let (character, len) = escape_at(self.content.get(here..)?)?;
        self.text
            .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        let end = here.saturating_add(len);
        self.turn(end);
        Some(end)
    }

    /// Takes what has no escapes, up to `here`.
    #[inline(always)]
    fn plain(&mut self, here: usize) {
        let rest = self.content.get(self.read..).unwrap_or_default();
        let len = here.saturating_sub(self.read);
        append(&mut self.text, rest, len);
        self.read = here;
    }

    #[inline(always)]
    fn turn(&mut self, content: usize) {
        self.read = content;
        self.turns.push((self.text.len(), content));
    }
}

/// `text` as the content of a JSON string: only what must be is escaped.
pub fn escape(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_lead_back(parts in proptest::collection::vec((prop_oneof![any::<char>(), "[\\x00-\\x7f]".prop_map(|c| c.chars().next().unwrap())], any::<bool>()), 0..200), cut in any::<(usize, usize)>()) {
            let mut content = String::new();
            let mut starts = vec![];
            let mut text = String::new();
            for (c, is_escaped) in &parts {
                starts.push((text.len(), content.len()));
                text.push(*c);
                if *is_escaped {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        content.push_str(&format!("\\u{unit:04x}"));
                    }
                } else {
                    content.push_str(&escape(&c.to_string()));
                }
            }
            starts.push((text.len(), content.len()));
            let source = Source::read(content.as_bytes(), true).unwrap();
            prop_assert_eq!(source.text(), &text);
            let (a, b) = (cut.0 % starts.len(), cut.1 % starts.len());
            let (from, to) = (starts[a.min(b)], starts[a.max(b)]);
            let mut way = source.way();
            prop_assert_eq!((way.to(from.0), way.to(to.0)), (from.1, to.1));
            prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{}\"", escape(&text))).unwrap(), text);
        }
    }
}
