//! An operator's regular expression, run only around a literal that all its matches have.
//!
//! `regex-lite` takes time in proportion to expression times text, whatever they are. Its anchor
//! bounds the text: it is run from [`BEFORE`] bytes before the anchor to at least [`AFTER`] bytes
//! behind it, over every byte at most three times, and over [`BUDGET`] bytes of a request at most.

use core::ops::Range;

use regex_lite::{Regex, RegexBuilder};

use super::fold::fold;
use super::lexicon::Anchor;

/// Bytes before its anchor that a match may begin at.
pub const BEFORE: usize = 128;
/// Bytes behind the start of its anchor that a match may reach.
pub const AFTER: usize = 512;
/// Bytes of a request that one expression is run over.
pub const BUDGET: usize = 256 << 10;

/// Bytes a compiled expression may take.
const COMPILED: usize = 64 << 10;
/// Longest expression.
const LONGEST: usize = 1 << 10;

/// A compiled expression and its anchor.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    anchor: Anchor,
    literal: Vec<u8>,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// The expression itself.
    Regex(String),
    /// Its anchor.
    Anchor(String),
}

/// How much of a request an expression has been run over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Bytes of the request.
    pub bytes: usize,
    /// End of what it was run over in the text at hand.
    pub until: usize,
}

/// `text`, folded as the texts are in which it is looked for.
fn folded(text: &str) -> String {
    let mut folded = Vec::new();
    fold(text.as_bytes(), false, &mut folded);
    String::from_utf8_lossy(&folded).into_owned()
}

/// Moves `at` out of the word it cuts, at most 64 bytes: an expression that asks for the border
/// of a word must not find one there.
fn whole_word(text: &[u8], at: usize, is_start: bool) -> usize {
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let (before, after) = text.split_at_checked(at).unwrap_or((text, &[]));
    if !(before.last().as_ref().is_some_and(is_word) && after.first().as_ref().is_some_and(is_word))
    {
        return at;
    }
    if is_start {
        at.saturating_sub(before.iter().rev().take(64).take_while(is_word).count())
    } else {
        at.saturating_add(after.iter().take(64).take_while(is_word).count())
    }
}

impl Pattern {
    /// The expression `regex`, looked for where the text has `anchor`.
    ///
    /// # Errors
    /// Where it is no expression, is too large, or its anchor is none.
    pub fn new(regex: &str, anchor: &str) -> Result<Pattern, PatternError> {
        let wrong_anchor = |problem: &str| Err(PatternError::Anchor(problem.to_owned()));
        if regex.len() > LONGEST {
            let problem = format!("an expression has at most {LONGEST} bytes");
            return Err(PatternError::Regex(problem));
        }
        let (regex, anchor) = (folded(regex), folded(anchor).to_ascii_lowercase());
        let unescaped = regex.replace('\\', "").to_ascii_lowercase();
        if !unescaped.contains(&anchor) {
            return wrong_anchor("expected a literal that stands in the expression as it is");
        }
        let literal = anchor.into_bytes();
        let Some(first) = Anchor::of(&literal, true) else {
            return wrong_anchor(
                "expected at least three letters or digits, with which a word of the text begins",
            );
        };
        let compiled = RegexBuilder::new(&regex)
            .case_insensitive(true)
            .size_limit(COMPILED)
            .build();
        let regex = compiled.map_err(|error| PatternError::Regex(error.to_string()))?;
        if regex.is_match("") {
            let problem = "it matches the empty text, so it would be found everywhere";
            return Err(PatternError::Regex(problem.to_owned()));
        }
        Ok(Pattern {
            regex,
            anchor: first,
            literal,
        })
    }

    pub(super) fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Calls `found` with every match around the anchor that may stand at `at`. False where
    /// the budget is spent.
    pub(super) fn check(
        &self,
        text: &[u8],
        at: usize,
        spent: &mut Spent,
        found: &mut dyn FnMut(Range<usize>),
    ) -> bool {
        let here = text.get(at..).unwrap_or_default();
        let is_anchor = here
            .get(..self.literal.len())
            .is_some_and(|here| here.eq_ignore_ascii_case(&self.literal));
        // An anchor in the first half of what it was run over has been seen with it.
        if !is_anchor || at.saturating_add(AFTER).min(text.len()) <= spent.until {
            return true;
        }
        let start = whole_word(text, at.saturating_sub(BEFORE), true);
        let end = at.saturating_add(AFTER.saturating_mul(2)).min(text.len());
        let end = whole_word(text, end, false);
        let window = text.get(start..end).unwrap_or_default();
        spent.bytes = spent.bytes.saturating_add(window.len());
        if spent.bytes > BUDGET {
            return false;
        }
        spent.until = end;
        // Cut inside characters at both ends.
        let mut offset = start;
        for chunk in window.utf8_chunks() {
            for matched in self.regex.find_iter(chunk.valid()) {
                let place = |at: usize| offset.saturating_add(at);
                found(place(matched.start())..place(matched.end()));
            }
            let whole = chunk.valid().len();
            offset = offset
                .saturating_add(whole)
                .saturating_add(chunk.invalid().len());
        }
        true
    }
}
