//! The character classes the pre-tokenizers' patterns name.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// What a character is to a pre-tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `\p{Lu}`, `\p{Lt}`: capitals.
    Upper,
    /// `\p{Ll}`.
    Lower,
    /// `\p{Lm}`, `\p{Lo}`: letters without case.
    Uncased,
    /// `\p{M}`: marks, which only o200k counts among the letters.
    Mark,
    /// `\p{N}`.
    Number,
    /// `\r` and `\n`.
    LineEnd,
    /// Any other `\s`.
    Space,
    /// Everything else.
    Other,
}

impl Class {
    /// The class of `c`.
    #[inline]
    pub(super) fn of(c: char) -> Class {
        match c {
            'a'..='z' => Class::Lower,
            'A'..='Z' => Class::Upper,
            '0'..='9' => Class::Number,
            '\n' | '\r' => Class::LineEnd,
            ' ' | '\t' | '\x0b' | '\x0c' => Class::Space,
            '\0'..='\x7f' => Class::Other,
            _ => Class::of_unicode(c),
        }
    }

    fn of_unicode(c: char) -> Class {
        use GeneralCategory as G;
        match c.general_category() {
            G::UppercaseLetter | G::TitlecaseLetter => Class::Upper,
            G::LowercaseLetter => Class::Lower,
            G::ModifierLetter | G::OtherLetter => Class::Uncased,
            G::NonspacingMark | G::SpacingMark | G::EnclosingMark => Class::Mark,
            G::DecimalNumber | G::LetterNumber | G::OtherNumber => Class::Number,
            _ if c.is_whitespace() => Class::Space,
            _ => Class::Other,
        }
    }

    /// `\p{L}`.
    #[inline]
    pub(super) fn is_letter(self) -> bool {
        matches!(self, Class::Upper | Class::Lower | Class::Uncased)
    }

    /// `\s`.
    #[inline]
    pub(super) fn is_space(self) -> bool {
        matches!(self, Class::Space | Class::LineEnd)
    }

    /// `[^\r\n\p{L}\p{N}]`: may stand before the letters of a piece.
    #[inline]
    pub(super) fn is_prefix(self) -> bool {
        matches!(self, Class::Mark | Class::Space | Class::Other)
    }

    /// `[^\s\p{L}\p{N}]`: punctuation, symbols, and marks that follow no letter.
    #[inline]
    pub(super) fn is_sign(self) -> bool {
        matches!(self, Class::Mark | Class::Other)
    }
}
