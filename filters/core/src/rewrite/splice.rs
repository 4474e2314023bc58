//! A JSON text in which some strings are others.

use core::ops::Range;

use crate::json::{Unescaped, unescape};

/// The content of a string, without its escapes; what is no UTF-8 is none that a lexer let by.
pub(super) fn plain(content: &[u8]) -> String {
    let mut text = String::with_capacity(content.len());
    for run in unescape(content) {
        match run {
            Unescaped::Bytes(bytes) => {
                text.push_str(core::str::from_utf8(bytes).unwrap_or_default());
            }
            Unescaped::Char(character) => text.push(character),
        }
    }
    text
}

/// A text as the content of a string.
pub(super) fn escaped(text: &str) -> String {
    // Nothing that can be said of a string fails to be written.
    let mut written = serde_json::to_string(text).unwrap_or_default();
    written.pop();
    written.drain(..written.len().min(1));
    written
}

/// Whether the content of a string may hold a bracket: as it is, or as `\u005b`.
pub(super) fn may_hold_bracket(content: &[u8]) -> bool {
    memchr::memchr(b'[', content).is_some() || memchr::memmem::find(content, b"\\u").is_some()
}

/// Places of a text and what stands there instead, in order.
#[derive(Debug, Default)]
pub(super) struct Splices {
    splices: Vec<(Range<usize>, Vec<u8>)>,
}

impl Splices {
    pub(super) fn clear(&mut self) {
        self.splices.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// Puts `content`, which is JSON or, within a string, escaped, at `span`, which no other
    /// meets.
    pub(super) fn push(&mut self, span: Range<usize>, content: Vec<u8>) {
        let before = |(other, _): &(Range<usize>, _)| other.start < span.start;
        let place = self.splices.partition_point(before);
        self.splices.insert(place, (span, content));
    }

    /// Adds `text` with the splices in it to `out`; they were made for a text of which this
    /// one has `offset(place)` instead of `place`.
    pub(super) fn apply(&self, text: &[u8], offset: impl Fn(usize) -> usize, out: &mut Vec<u8>) {
        let mut from = 0;
        for (span, content) in &self.splices {
            out.extend_from_slice(text.get(from..offset(span.start)).unwrap_or_default());
            out.extend_from_slice(content);
            from = offset(span.end);
        }
        out.extend_from_slice(text.get(from..).unwrap_or_default());
    }
}
