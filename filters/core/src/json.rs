//! JSON as it arrives: one push lexer that validates every byte and keeps none.
//!
//! The request scanner and the response reader both stand on it. It accepts exactly
//! RFC 8259 text in UTF-8, in any chunking, with a bounded depth and constant memory:
//! no DOM, no unescaping, no heap. What upstream parsers disagree about (a byte order
//! mark, lone surrogates, control characters in strings, trailing bytes) is refused.

mod compact;
mod error;
mod escape;
#[cfg(test)]
pub(crate) mod generated;
mod lexer;
mod number;
mod string;
mod utf8;

pub(crate) use compact::compactness;
pub use error::{Error, ErrorKind};
pub use escape::{Unescaped, unescape, unescape_short};
pub(crate) use escape::{escape_at, simple_escape};
pub use lexer::{Lexer, MAX_DEPTH};
pub use number::Number;

/// An object or an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
}

/// Where a string stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The name of an object's member.
    Key,
    /// A value.
    Value,
}

/// One of JSON's three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A part of a string's content, still escaped: what one push brought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The bytes, never cut inside a UTF-8 character, possibly cut inside an escape.
    pub bytes: &'a [u8],
    /// Offset of the first byte from the start of the text.
    pub at: usize,
    /// Offset up to which the string is made of whole characters: the end of `bytes`,
    /// or the start of an escape (or of a surrogate pair) of which more is to come. It
    /// may lie before `at`.
    pub whole_until: usize,
}

/// Receives the tokens of one JSON text, in order, with offsets from its start. What a handler
/// does not implement goes by.
///
/// An error returned by any method stops the lexer, which passes it on.
pub trait Handler {
    /// What the handler refuses; a syntax error is passed on as one.
    type Error: From<Error>;

    /// A container opens; `at` is its bracket.
    fn open(&mut self, _container: Container, _at: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A container closes; `end` is the offset after its bracket.
    fn close(&mut self, _container: Container, _end: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A string opens; `at` is its opening quote.
    fn string_start(&mut self, _place: Place, _at: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Content of the open string: once for each push that brings some of it, up to what is
    /// wrong with it.
    fn string_piece(&mut self, _piece: Piece<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The open string ends; `at` is its closing quote. `escaped` tells whether it holds
    /// a backslash, that is, whether its bytes differ from its meaning.
    fn string_end(&mut self, _at: usize, _escaped: bool) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A number, at `start..end`.
    fn number(&mut self, _number: Number, _start: usize, _end: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A literal, at `start..end`.
    fn literal(
        &mut self,
        _literal: Literal,
        _start: usize,
        _end: usize,
    ) -> Result<(), Self::Error> {
        Ok(())
    }
}
