//! What stands in a later copy's place: words that lead to where the block stands.

use core::fmt;

use crate::prompt_minimizer::saving::{saves, up_to};

/// What every reference begins with, and is known by again.
const BEGINNING: &str = "[Repeated text omitted: ";

/// Bytes quoted of a block's first line, enough to find it.
const FIRST_WORDS: usize = 48;

/// Characters quoted of the last line's end.
const LAST_WORDS: usize = 32;

/// Bytes of a block whose tokens are counted to know whether its reference pays; those of a
/// reference are fewer in all that is worth one.
const COUNTED: usize = 1024;

/// Tokens that must be saved: at a splice's ends, and in other encodings, some come and go.
const MARGIN: u32 = 8;

/// Names a block that stands earlier by the message, its length, first and last words.
#[derive(Debug)]
pub(super) struct Reference {
    lines: usize,
    /// How often the block stands here in a row.
    pub(super) times: usize,
    /// How many messages earlier it stands. Counted from here, so that it holds also where the
    /// conversation's beginning is dropped.
    messages_back: u32,
    first: String,
    last: String,
}

impl Reference {
    /// A reference to this block of so many lines.
    pub(super) fn new(block: &str, lines: usize, messages_back: u32) -> Reference {
        let block = block.trim();
        let last_line = block.lines().next_back().unwrap_or_default();
        let last_start = last_line
            .char_indices()
            .rev()
            .nth(LAST_WORDS.saturating_sub(1))
            .map_or(0, |(at, _)| at);
        Reference {
            lines,
            times: 1,
            messages_back,
            first: first_words(block).to_owned(),
            last: last_line
                .get(last_start..)
                .unwrap_or_default()
                .trim()
                .to_owned(),
        }
    }

    /// Whether this takes fewer tokens than the block.
    pub(super) fn pays(&self, block: &str) -> bool {
        let reference = self.to_string();
        reference.len() < block.len() && saves(up_to(block, COUNTED), &reference, MARGIN)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BEGINNING)?;
        match self.lines {
            1 => f.write_str("1 line")?,
            lines => write!(f, "{lines} lines")?,
        }
        if self.times > 1 {
            write!(f, ", {} times in a row,", self.times)?;
        }
        f.write_str(" identical to those ")?;
        match self.messages_back {
            0 => f.write_str("earlier in this message")?,
            1 => f.write_str("in the previous message")?,
            messages => write!(f, "{messages} messages earlier")?,
        }
        write!(f, ", from \"{}\" to \"{}\"]", self.first, self.last)
    }
}

/// How a line, or a block's first, is quoted.
pub(super) fn first_words(text: &str) -> &str {
    let words = up_to(text.trim_start(), FIRST_WORDS);
    let end = memchr::memchr(b'\n', words.as_bytes()).unwrap_or(words.len());
    words.get(..end).unwrap_or_default().trim_end()
}

/// Whether a line is a reference.
pub(super) fn is_reference(line: &str) -> bool {
    line.starts_with(BEGINNING)
}
