//! The tokens of a body, for those who follow all of it and not only what the schema names.

use crate::json::{Literal, Place};

/// A token of the body's JSON text, at any depth, in order, with offsets in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// A container opens.
    Open {
        /// Offset of its bracket.
        at: usize,
    },
    /// A container closes.
    Close {
        /// Offset after its bracket.
        end: usize,
    },
    /// A string opens.
    String {
        /// Whether it is a key.
        place: Place,
        /// Offset of its opening quote.
        at: usize,
    },
    /// More of the open string has arrived.
    Piece {
        /// Offset up to which it is made of whole characters and escapes.
        whole_until: usize,
    },
    /// The open string ends.
    StringEnd {
        /// Offset of its closing quote.
        at: usize,
        /// Whether it holds escapes.
        escaped: bool,
    },
    /// A number.
    Number {
        /// Offset of its first byte.
        start: usize,
        /// Offset after its last byte.
        end: usize,
    },
    /// A literal.
    Literal {
        /// Which.
        literal: Literal,
        /// Offset of its first byte.
        start: usize,
        /// Offset after its last byte.
        end: usize,
    },
}
