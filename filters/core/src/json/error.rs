//! Why a text is not JSON, and where.

use core::fmt;

/// Why a text is not JSON that every parser reads alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nothing but white space.
    Empty,
    /// U+FEFF before the value: RFC 8259 section 8.1 forbids sending it.
    ByteOrderMark,
    /// Bytes that are not UTF-8 (also a character that the end of the text cuts).
    InvalidUtf8,
    /// A byte that cannot stand here.
    UnexpectedByte,
    /// An unescaped character below U+0020 in a string.
    ControlCharacter,
    /// A backslash followed by what is no escape.
    InvalidEscape,
    /// Half of a surrogate pair, which is no character.
    LoneSurrogate,
    /// Digits, signs and points that are no number, such as `01`, `1.` or `+1`.
    InvalidNumber,
    /// A word that is not `true`, `false` or `null`.
    InvalidLiteral,
    /// More containers inside each other than the lexer's limit.
    TooDeep,
    /// Something after the value.
    TrailingBytes,
    /// The text ends before the value does.
    UnexpectedEnd,
}

/// A syntax error: what, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Offset of the offending byte, or of the start of the offending character or escape.
    pub at: usize,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::Empty => "the text is empty",
            ErrorKind::ByteOrderMark => "the text starts with a byte order mark",
            ErrorKind::InvalidUtf8 => "the text is not UTF-8",
            ErrorKind::UnexpectedByte => "unexpected character",
            ErrorKind::ControlCharacter => "unescaped control character in a string",
            ErrorKind::InvalidEscape => "invalid escape in a string",
            ErrorKind::LoneSurrogate => "surrogate escape without its other half",
            ErrorKind::InvalidNumber => "invalid number",
            ErrorKind::InvalidLiteral => "invalid word (only true, false and null exist)",
            ErrorKind::TooDeep => "too many nested objects and arrays",
            ErrorKind::TrailingBytes => "there is more after the end of the value",
            ErrorKind::UnexpectedEnd => "the text ends too early",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.at)
    }
}

impl core::error::Error for Error {}
