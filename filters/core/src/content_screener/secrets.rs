//! Secrets in a text: keys, tokens and private keys, by the shape their issuers gave them.
//!
//! Most begin with a word of the issuer's. [`anchors`] gives those words to the matcher that
//! looks for all words at once, and [`check`] reads on where one stands. The others have their
//! mark elsewhere or none but their length: [`scan_unmarked`] finds them with masks of its own.
//!
//! Bounds: a check reads at most 700 bytes, but for private keys and JSON web tokens, which
//! may have any length. Of those no byte is read by two checks, because what one reads on
//! through cannot begin another. So the time is linear in any text.

mod alphabet;

mod connection;
mod formats;
mod jwt;
mod named_keys;
mod private_key;
mod unmarked;

#[cfg(test)]
mod tests;

use core::ops::Range;

use super::bytes::Bytes;
use formats::{FORMATS, Rest};

pub use formats::Kind;
pub use unmarked::scan_unmarked;

/// What a placeholder calls a secret: `SECRET` in `[SECRET_1]`.
pub const LABEL: &str = "SECRET";

/// A finding: bytes `start..end` of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

impl Found {
    fn new(kind: Kind, range: Range<usize>) -> Found {
        Found {
            kind,
            start: range.start,
            end: range.end,
        }
    }
}

/// A word that secrets begin with or stand behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// ASCII letters and digits, compared without case: [`check`] is exact.
    pub word: &'static str,
    /// It is a whole word of the text; else a word begins with it.
    pub is_whole: bool,
}

/// The anchors, each once.
pub fn anchors() -> Vec<Anchor> {
    let mut anchors: Vec<Anchor> = FORMATS
        .iter()
        .map(|format| anchor(format.literal))
        .collect();
    anchors.sort();
    anchors.dedup();
    anchors
}

/// The first word of `literal`; it is whole if something follows that is no word.
fn anchor(literal: &'static str) -> Anchor {
    let end = literal.bytes().take_while(u8::is_ascii_alphanumeric);
    let (word, rest) = literal
        .split_at_checked(end.count())
        .unwrap_or((literal, ""));
    Anchor {
        word,
        is_whole: !rest.is_empty(),
    }
}

/// The secret that begins with, or stands behind, the word at `at`; one that matches none of
/// the anchors gives none.
pub fn check(text: &[u8], at: usize) -> Option<Found> {
    let text = Bytes::new(text);
    FORMATS.iter().find_map(|format| {
        let from = at.saturating_add(format.literal.len());
        let range = match &format.rest {
            Rest::Run(run) if text.has(at, format.literal.as_bytes()) => at..run.end(text, from)?,
            Rest::Then(then) if text.has(at, format.literal.as_bytes()) => at..then(text, from)?,
            Rest::Named(find) if text.has_any_case(at, format.literal.as_bytes()) => {
                find(text, at)?
            }
            _ => return None,
        };
        Some(Found::new(format.kind, range))
    })
}
