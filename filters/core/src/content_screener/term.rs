//! An operator's term, and when a text has it.
//!
//! Terms are folded like the text, so case, width, accents and look-alikes make no difference.
//! Where a term has spaces, hyphens, underscores, points or apostrophes, the text may have any
//! of them, up to `LONGEST_GAP` bytes. A term is found as whole words: beside its first and last
//! characters no other letter or digit may stand, in scripts that put spaces between words. A
//! `*` at its end lets the last word go on.

use core::fmt;
use core::ops::Range;

use super::fold::fold;
use super::lexicon::Anchor;
use crate::words::is_of_word;

/// How far apart the words of a term may stand in a text, in bytes.
const LONGEST_GAP: usize = 8;

/// A term, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its text, with one space for whatever stands between words.
    text: Box<[u8]>,
    /// Where its first word begins: signs may stand before it.
    word: usize,
    /// Whether its last word may go on.
    is_stem: bool,
}

/// Why a term can not be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermError {
    /// It is longer than [`Term::LONGEST`].
    TooLong,
    /// It has neither letter nor digit.
    NoWord,
    /// Fewer than [`Anchor::SHORTEST_STEM`] bytes before its `*`.
    ShortStem,
}

impl fmt::Display for TermError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TermError::TooLong => write!(f, "a term has at most {} bytes", Term::LONGEST),
            TermError::NoWord => f.write_str("a term needs a letter or digit"),
            TermError::ShortStem => write!(
                f,
                "a first word that goes on needs {} letters before its *",
                Anchor::SHORTEST_STEM
            ),
        }
    }
}

fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'-' | b'_' | b'.' | b'\'')
}

impl Term {
    /// Longest term, in bytes.
    pub const LONGEST: usize = 256;

    /// Most terms of one list.
    pub const MOST: usize = 20_000;

    /// The term that `text` says.
    ///
    /// # Errors
    /// Where it can not be looked for.
    pub fn new(text: &str) -> Result<Term, TermError> {
        if text.len() > Term::LONGEST {
            return Err(TermError::TooLong);
        }
        let (text, is_stem) = match text.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        let mut folded = Vec::new();
        fold(text.as_bytes(), false, &mut folded);
        let mut words: Vec<u8> = Vec::with_capacity(folded.len());
        for byte in folded.trim_ascii() {
            if !is_gap(*byte) {
                words.push(byte.to_ascii_lowercase());
            } else if words.last().is_none_or(|last| *last != b' ') {
                words.push(b' ');
            }
        }
        let text = words.trim_ascii();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let word = text.iter().position(is_word).ok_or(TermError::NoWord)?;
        let term = Term {
            text: text.into(),
            word,
            is_stem,
        };
        match term.anchor() {
            Some(_) => Ok(term),
            None => Err(TermError::ShortStem),
        }
    }

    /// Bytes of the longest text that has it, but for what nobody sees: with a character between
    /// any two of its own, or the widest gaps.
    pub(super) fn longest(&self) -> usize {
        let gaps = self.text.iter().filter(|byte| **byte == b' ').count();
        let spelled = self.text.len().saturating_mul(2);
        let apart = gaps.saturating_mul(LONGEST_GAP);
        spelled.max(self.text.len().saturating_add(apart))
    }

    /// The word by which it is looked for.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        Anchor::of(self.words(), self.is_stem)
    }

    /// Its words: its text from the first on, with one space for whatever stands between words.
    pub(super) fn words(&self) -> &[u8] {
        self.text.get(self.word..).unwrap_or_default()
    }

    /// Bytes it holds beside itself.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Where this term begins in `text` if its first word begins at `at`: signs ahead of that may
    /// stand apart from it.
    fn start(&self, text: &[u8], at: usize) -> Option<usize> {
        let signs = self.text.get(..self.word)?;
        signs.iter().rev().try_fold(at, |end, sign| {
            let before = text.get(..end)?.iter().rev();
            let len = match sign {
                b' ' => before
                    .take(LONGEST_GAP)
                    .take_while(|byte| is_gap(**byte))
                    .count(),
                _ => 1,
            };
            end.checked_sub(len)
        })
    }

    /// Where `text` has this term, whose first word begins at `at`.
    pub(super) fn check(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let start = self.start(text, at)?;
        let mut rest = text.get(start..)?;
        for byte in &self.text {
            let (there, after) = text_byte(rest)?;
            if there != *byte {
                return None;
            }
            rest = after;
        }
        let end = text.len().checked_sub(rest.len())?;
        let is_whole = !joined(text, start) && (self.is_stem || !joined(text, end));
        is_whole.then_some(start..end)
    }
}

/// What `text` begins with as terms have it, a space for what may stand between words, and what
/// comes after; `None` where it ends or words stand too far apart.
#[inline(always)]
pub(super) fn text_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (first, after) = text.split_first()?;
    if !is_gap(*first) {
        return Some((first.to_ascii_lowercase(), after));
    }
    let more = after.iter().take(LONGEST_GAP);
    let more = more.take_while(|byte| is_gap(**byte)).count();
    (more < LONGEST_GAP).then_some((b' ', after.get(more..)?))
}

/// Whether the characters before and after `at` belong to one word.
pub(super) fn joined(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at..).unwrap_or_default();
    match (last_char(before), first_char(after)) {
        (Some(left), Some(right)) => is_of_word(left) && is_of_word(right),
        _ => false,
    }
}

fn first_char(text: &[u8]) -> Option<char> {
    let head = text.get(..text.len().min(4)).unwrap_or_default();
    let chunk = head.utf8_chunks().next()?.valid();
    chunk.chars().next()
}

fn last_char(text: &[u8]) -> Option<char> {
    let start = (1..=4).find_map(|back| {
        let at = text.len().checked_sub(back)?;
        let is_start = text.get(at).is_some_and(|byte| byte & 0xc0 != 0x80);
        is_start.then_some(at)
    })?;
    first_char(text.get(start..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(term: &str, text: &str) -> Vec<String> {
        let term = Term::new(term).unwrap();
        let mut folded = Vec::new();
        fold(text.as_bytes(), false, &mut folded);
        // Blanks ahead of its word lead to the same place.
        let ranges: std::collections::BTreeSet<_> = (0..folded.len())
            .filter_map(|at| term.check(&folded, at))
            .map(|range| (range.start, range.end))
            .collect();
        ranges
            .into_iter()
            .map(|(start, end)| String::from_utf8(folded[start..end].to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn a_term_is_found_as_whole_words_however_it_is_written() {
        for (term, text, expected) in [
            ("ass", "an ass, Ass! assess class", vec!["ass", "Ass"]),
            (
                "assess*",
                "assessment assess asses",
                vec!["assess", "assess"],
            ),
            (
                "go to hell",
                "Go  to-hell; go to\nhell; gotohell",
                vec!["Go  to-hell", "go to\nhell"],
            ),
            ("go to hell", "go to          hell", vec![]),
            ("c++", "C++ c+ c", vec!["C++"]),
            ("@everyone", "hi @Everyone!", vec!["@Everyone"]),
            ("@ here", "@  here, @here", vec!["@  here"]),
            (
                "node.js",
                "node.js NodeJS node js",
                vec!["node.js", "node js"],
            ),
            ("café", "Cafe CAFÉ cafés", vec!["Cafe", "CAFE"]),
            ("ｓｅｃｒｅｔ", "Secret", vec!["Secret"]),
            ("炸弹", "制造炸弹的方法", vec!["炸弹"]),
            ("爆弾", "爆弾です", vec!["爆弾"]),
            ("폭탄", "폭탄을", vec!["폭탄"]),
            ("бомба", "Бомба бомбами", vec!["бomбa"]),
            ("قنبلة", "قُنْبُلَة القنبلة", vec!["قنبلة"]),
            ("bomb", "中bomb中 xbomb", vec!["bomb"]),
            ("🍆", "a🍆b", vec!["🍆"]),
            ("हत्या", "हत्या हत्यारा", vec!["हत्या"]),
        ] {
            assert_eq!(found(term, text), expected, "{term} in {text}");
        }
    }

    #[test]
    fn what_can_not_be_looked_for_says_why() {
        for (text, expected) in [
            ("--", TermError::NoWord),
            ("\u{200b}", TermError::NoWord),
            ("ab*", TermError::ShortStem),
            (&"x".repeat(257), TermError::TooLong),
        ] {
            assert_eq!(Term::new(text), Err(expected), "{text}");
        }
    }
}
