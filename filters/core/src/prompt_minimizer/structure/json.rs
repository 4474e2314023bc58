//! What a JSON text has between its tokens: whitespace that means nothing.

use core::ops::Range;

use crate::json::{Container, Handler, Lexer, Literal, MAX_DEPTH, Number, Place, compactness};
use crate::prompt_minimizer::MAX_SPLICES;
use crate::prompt_minimizer::gap;
use crate::prompt_minimizer::keys::{Keys, LeftAlone};
use crate::prompt_minimizer::splice::Splice;

/// Takes out the whitespace around and between the tokens of `text`. `None` where it is
/// no object and no array, where it nests deeper than [`MAX_DEPTH`], and where one of its
/// objects may have two members of one name, of which readers keep the first, the last, or all;
/// also where that might not save a token, see [`worth`].
///
/// No token is looked into further than the grammar asks: numbers keep their spelling, strings
/// their escapes, members their order.
pub fn whitespace(text: &str) -> Option<Vec<Splice>> {
    let value = text.trim_matches(is_whitespace);
    if !value.starts_with(['{', '[']) || !value.ends_with(['}', ']']) {
        return None;
    }
    let is_worthless = text.len().saturating_sub(value.len()) < TOKEN_OF_ITS_OWN
        && !compactness(value.as_bytes()).has_gaps;
    if is_worthless {
        return None;
    }
    let mut gaps = Gaps {
        text: text.as_bytes(),
        found: Vec::new(),
        worth: 0,
        done: 0,
        name: None,
        keys: Keys::default(),
    };
    let mut lexer = Lexer::new(MAX_DEPTH);
    lexer.push(text.as_bytes(), &mut gaps).ok()?;
    lexer.finish(&mut gaps).ok()?;
    gaps.before(text.len()).ok()?;
    (gaps.worth > 0).then_some(gaps.found)
}

/// JSON's whitespace (RFC 8259 section 2), less than Unicode's.
fn is_whitespace(character: char) -> bool {
    matches!(character, ' ' | '\n' | '\r' | '\t')
}

/// Whitespace from this length on is a token, whatever stands beside it: a line's end may be part
/// of the marks before it, the last space part of those behind it, and one byte is left.
const TOKEN_OF_ITS_OWN: usize = 3;

/// What it is worth to take out whitespace of `len` bytes in front of `after`: about the tokens
/// it saves in O200k, and less where it may cost some.
///
/// A digit and a letter behind a quote begin new tokens, so that a space before them or before
/// the quote was one, or kept `","` and `":"` from being one; a word has it as its own first
/// letter. Other marks flow together with the
/// brackets and quotes around them, and what comes of it may be more tokens, or fewer: they
/// speak against it, and only a text with more in its favour is touched.
#[inline(always)]
fn worth(len: usize, after: &[u8]) -> isize {
    let own: isize = match after {
        [b'"', first, ..] if first.is_ascii_alphanumeric() => 1,
        [b'0'..=b'9', ..] => 1,
        [b'a'..=b'z', ..] => 0,
        _ if len >= TOKEN_OF_ITS_OWN => 0,
        _ => -1,
    };
    own.saturating_add(isize::from(len >= TOKEN_OF_ITS_OWN))
}

/// Collects what stands between the tokens.
struct Gaps<'t> {
    text: &'t [u8],
    found: Vec<Splice>,
    /// More than nothing where they save tokens.
    worth: isize,
    /// Where the last token ended.
    done: usize,
    /// Where the name that is being read began, behind its quote.
    name: Option<usize>,
    keys: Keys,
}

impl Gaps<'_> {
    /// Looks at what comes before the token at `at`.
    #[inline(always)]
    fn before(&mut self, at: usize) -> Result<(), LeftAlone> {
        let between = self.text.get(self.done..at).unwrap_or_default();
        let [ahead, behind] = gap::white_space(between, self.done);
        self.found(ahead)?;
        self.found(behind)
    }

    #[inline(always)]
    fn found(&mut self, range: Range<usize>) -> Result<(), LeftAlone> {
        if !range.is_empty() {
            let after = self.text.get(range.end..).unwrap_or_default();
            self.worth = self.worth.saturating_add(worth(range.len(), after));
            if self.found.len() > MAX_SPLICES {
                return Err(LeftAlone);
            }
            self.found.try_reserve(1).map_err(|_| LeftAlone)?;
            self.found.push(Splice::remove(range));
        }
        Ok(())
    }

    #[inline(always)]
    fn token(&mut self, start: usize, end: usize) -> Result<(), LeftAlone> {
        self.before(start)?;
        self.done = end;
        Ok(())
    }
}

impl Handler for Gaps<'_> {
    type Error = LeftAlone;

    fn open(&mut self, container: Container, at: usize) -> Result<(), LeftAlone> {
        if container == Container::Object {
            self.keys.open();
        }
        self.token(at, at.saturating_add(1))
    }

    fn close(&mut self, container: Container, end: usize) -> Result<(), LeftAlone> {
        if container == Container::Object {
            self.keys.close()?;
        }
        self.token(end.saturating_sub(1), end)
    }

    fn string_start(&mut self, place: Place, at: usize) -> Result<(), LeftAlone> {
        let content = at.saturating_add(1);
        self.name = (place == Place::Key).then_some(content);
        self.token(at, content)
    }

    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), LeftAlone> {
        if let Some(start) = self.name {
            let name = self.text.get(start..at).unwrap_or_default();
            self.keys.add(name, escaped)?;
        }
        self.done = at.saturating_add(1);
        Ok(())
    }

    fn number(&mut self, _: Number, start: usize, end: usize) -> Result<(), LeftAlone> {
        self.token(start, end)
    }

    fn literal(&mut self, _: Literal, start: usize, end: usize) -> Result<(), LeftAlone> {
        self.token(start, end)
    }
}
