//! The canonical text of a JSON value, made while the value arrives: two texts that say the same
//! become the same bytes.
//!
//! - White space outside strings is left out.
//! - A string has the escapes it cannot do without, in their shortest spelling: `\u0041` becomes
//!   `A`, `\/` becomes `/`, `\u000A` becomes `\n`. Its characters stay as they are: whether `é` is
//!   one character or two is for the model to see.
//! - A number is spelled in one way for its exact value: plainly where that is short, else as its
//!   digits and an exponent. So `1`, `1.0` and `10e-1` are the same.
//! - The order of an object's members stays, and so do members of equal names.
//!
//! It is JSON again, but for numbers that no parser would take, and JSON's grammar is unambiguous:
//! what differs in meaning differs in bytes. What clients send is canonical almost everywhere,
//! so it goes out in long runs of the body and only what is spelled otherwise is made anew.

mod number;
mod string;

use crate::json::Place;
use crate::scan::Token;

/// Takes canonical text.
pub(super) trait Output {
    /// Takes the next `bytes` of it. `end` is the offset in the body after what they stand for.
    fn write(&mut self, bytes: &[u8], end: usize);
}

/// Makes the canonical text of one value after the other out of a body's tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canonical {
    /// Up to where the body has been written.
    written: usize,
    /// Up to where it is known to be canonical, so that it can be written as it stands.
    settled: usize,
    /// What has to stand between the last token and the next.
    gap: Gap,
    /// In a string: up to where it is made of whole characters and escapes.
    whole: Option<usize>,
}

/// What stands between two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    Nothing,
    Colon,
    Comma,
}

impl Gap {
    fn bytes(self) -> &'static [u8] {
        match self {
            Gap::Nothing => b"",
            Gap::Colon => b":",
            Gap::Comma => b",",
        }
    }
}

impl Canonical {
    /// For the value that begins at `at`.
    pub(super) fn at(at: usize) -> Canonical {
        Canonical {
            written: at,
            settled: at,
            gap: Gap::Nothing,
            whole: None,
        }
    }

    /// Takes the value's next token.
    #[inline(always)]
    pub(super) fn token(&mut self, token: Token, body: &[u8], output: &mut impl Output) {
        match token {
            Token::Open { at } => {
                self.join(at, body, output);
                self.settle(at.wrapping_add(1), Gap::Nothing);
            }
            Token::Close { end } => {
                // No comma stands before a bracket that closes.
                self.gap = Gap::Nothing;
                self.join(end.wrapping_sub(1), body, output);
                self.settle(end, Gap::Comma);
            }
            Token::String { place, at } => {
                self.join(at, body, output);
                let gap = match place {
                    Place::Key => Gap::Colon,
                    Place::Value => Gap::Comma,
                };
                self.settle(at.wrapping_add(1), gap);
                self.whole = Some(self.settled);
            }
            Token::Piece { whole_until } => self.whole = Some(whole_until),
            Token::StringEnd { at, escaped } => {
                if escaped {
                    self.fold(at, body, output);
                }
                self.settled = at.wrapping_add(1);
                self.whole = None;
            }
            Token::Number { start, end } => {
                self.join(start, body, output);
                let spelled = body.get(start..end).unwrap_or_default();
                if !number::is_canonical(spelled) {
                    self.write_until(start, body, output);
                    number::write(spelled, |bytes| output.write(bytes, end));
                    self.written = end;
                }
                self.settle(end, Gap::Comma);
            }
            Token::Literal { start, end, .. } => {
                self.join(start, body, output);
                self.settle(end, Gap::Comma);
            }
        }
    }

    /// Takes the next token of a value that counts as it stands, white space included.
    #[inline]
    pub(super) fn token_as_is(&mut self, token: Token) {
        self.settled = match token {
            Token::Open { at } | Token::String { at, .. } | Token::StringEnd { at, .. } => {
                at.wrapping_add(1)
            }
            Token::Piece { whole_until } => whole_until.max(self.settled),
            Token::Close { end } | Token::Number { end, .. } | Token::Literal { end, .. } => end,
        };
    }

    /// Writes what is known so far.
    pub(super) fn flush(&mut self, body: &[u8], output: &mut impl Output) {
        if let Some(whole) = self.whole.filter(|whole| *whole > self.settled) {
            self.fold(whole, body, output);
            self.settled = whole;
        }
        self.write_until(self.settled, body, output);
    }

    #[inline(always)]
    fn settle(&mut self, until: usize, gap: Gap) {
        self.settled = until;
        self.gap = gap;
    }

    /// The next token begins at `at`: where that is right after the gap it has to have, it
    /// belongs to the run that the last one is in.
    #[inline(always)]
    fn join(&mut self, at: usize, body: &[u8], output: &mut impl Output) {
        let gap = usize::from(self.gap != Gap::Nothing);
        if self.settled.wrapping_add(gap) != at {
            self.skip_space(at, body, output);
        }
    }

    /// The next token begins at `at`, after white space.
    #[inline(never)]
    fn skip_space(&mut self, at: usize, body: &[u8], output: &mut impl Output) {
        let gap = self.gap.bytes();
        let rest = body.get(self.settled..at).unwrap_or_default();
        if rest.starts_with(gap) {
            let end = self.settled.saturating_add(gap.len());
            self.write_until(end, body, output);
        } else {
            self.write_until(self.settled, body, output);
            output.write(gap, at);
        }
        self.written = at;
    }

    /// Writes the string's escapes from where it is settled `until` there as they should be
    /// spelled.
    #[inline(never)]
    fn fold(&mut self, until: usize, body: &[u8], output: &mut impl Output) {
        let content = body.get(self.settled..until).unwrap_or_default();
        let mut after = 0;
        while let Some(from) = string::next_other_spelling(content, after) {
            let start = self.settled.saturating_add(from);
            self.write_until(start, body, output);
            let rest = content.get(from..).unwrap_or_default();
            let mut room = [0; string::ROOM];
            let (spelled, read) = string::spell(rest, &mut room);
            after = from.saturating_add(read);
            self.written = self.settled.saturating_add(after);
            output.write(spelled, self.written);
        }
    }

    #[inline]
    fn write_until(&mut self, end: usize, body: &[u8], output: &mut impl Output) {
        let run = body.get(self.written..end).unwrap_or_default();
        if !run.is_empty() {
            output.write(run, end);
            self.written = end;
        }
    }
}
