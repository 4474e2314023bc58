//! Phrases of prompt injections and jailbreaks, found from their first word.

use std::ops::Range;

use super::table::PHRASES;
use super::words::{self, Word};
use crate::content_screener::fold::fold;

/// Words looked at from an anchor on, the anchor included: what a hit can cost.
const LONGEST: usize = 20;

/// The phrases, read from their notation once.
#[derive(Debug)]
pub struct Phrases {
    phrases: Vec<Vec<Step>>,
    anchors: Vec<Anchor>,
}

/// A word that phrases begin with.
#[derive(Debug)]
struct Anchor {
    word: String,
    /// It may be the beginning of a longer word, or more than one.
    goes_on: bool,
    /// Which phrases.
    phrases: Vec<usize>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// One of these words.
    One(Vec<Literal>),
    /// One of these words, or nothing.
    Maybe(Vec<Literal>),
    /// At most so many words, whatever they are.
    Gap(u32),
}

#[derive(Debug, PartialEq, Eq)]
struct Literal {
    text: String,
    /// The word may go on.
    prefix: bool,
    /// How many words it is: the characters of a script without spaces.
    words: u32,
}

impl Default for Phrases {
    fn default() -> Self {
        Self::new()
    }
}

impl Phrases {
    /// All phrases of the table.
    #[must_use]
    pub fn new() -> Self {
        let mut phrases = Vec::with_capacity(PHRASES.len());
        let mut anchors: Vec<Anchor> = Vec::new();
        // Texts are looked at folded, so the phrases are folded too: their signs stay signs.
        let mut folded = Vec::new();
        for notation in PHRASES {
            folded.clear();
            fold(notation.as_bytes(), false, &mut folded);
            let notation = std::str::from_utf8(&folded).unwrap_or_default();
            let Some(steps) = parse(notation) else {
                continue;
            };
            let number = phrases.len();
            if let Some(Step::One(first)) = steps.first() {
                for literal in first {
                    match anchors.iter_mut().find(|a| a.word == literal.text) {
                        Some(anchor) => {
                            anchor.goes_on |= literal.goes_on();
                            anchor.phrases.push(number);
                        }
                        None => anchors.push(Anchor {
                            word: literal.text.clone(),
                            goes_on: literal.goes_on(),
                            phrases: vec![number],
                        }),
                    }
                }
            }
            phrases.push(steps);
        }
        Self { phrases, anchors }
    }

    /// The words that phrases begin with, folded and in lower case, in the order of their
    /// numbers, and whether the words of the text may go on after them.
    pub fn anchors(&self) -> impl Iterator<Item = (&str, bool)> {
        self.anchors.iter().map(|a| (a.word.as_str(), a.goes_on))
    }

    /// Where a phrase stands that begins with anchor number `anchor`, which was found at byte
    /// `at` of the folded text `text`. Looks at no more than `LONGEST` words.
    #[must_use]
    pub fn check(&self, text: &[u8], at: usize, anchor: usize) -> Option<Range<usize>> {
        let mut near = Near::at(text, at)?;
        self.anchors
            .get(anchor)?
            .phrases
            .iter()
            .filter_map(|&number| self.phrases.get(number))
            .find_map(|steps| near.matched(steps))
            .map(|end| at..end)
    }
}

/// The words from an anchor on, found when they are first asked for.
struct Near<'a> {
    text: &'a [u8],
    words: [Word; LONGEST],
    known: usize,
}

impl<'a> Near<'a> {
    /// `None` where no word begins.
    fn at(text: &'a [u8], at: usize) -> Option<Self> {
        let first = words::next(text, at).filter(|word| word.start == at)?;
        Some(Self {
            text,
            words: [first; LONGEST],
            known: 1,
        })
    }

    fn word(&mut self, number: usize) -> Option<Word> {
        while self.known <= number {
            let last = self.words.get(self.known.checked_sub(1)?)?;
            let word = words::next(self.text, last.end)?;
            *self.words.get_mut(self.known)? = word;
            self.known = self.known.saturating_add(1);
        }
        self.words.get(number).copied()
    }

    /// Where the steps end.
    fn matched(&mut self, steps: &[Step]) -> Option<usize> {
        // Bit n: the steps so far may have taken the first n words.
        let mut taken = 1u32;
        for step in steps {
            taken = match step {
                Step::Gap(most) => (0..=*most).fold(0, |all, n| all | taken << n.min(31)),
                Step::One(literals) => self.after(taken, literals),
                Step::Maybe(literals) => taken | self.after(taken, literals),
            } & MASK;
            if taken == 0 {
                return None;
            }
        }
        let last = (taken.trailing_zeros() as usize).checked_sub(1)?;
        self.word(last).map(|word| word.end)
    }

    /// What is taken when one of `literals` follows what was taken before.
    fn after(&mut self, taken: u32, literals: &[Literal]) -> u32 {
        let mut after = 0;
        let mut left = taken;
        while left != 0 {
            let number = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            let Some(word) = self.word(number as usize) else {
                break;
            };
            for literal in literals {
                if literal.is_at(self.text, word) {
                    after |= 1u32 << number.saturating_add(literal.words).min(31);
                }
            }
        }
        after
    }
}

/// The counts of words that fit into [`Near::words`].
const MASK: u32 = (1 << (LONGEST + 1)) - 1;

impl Literal {
    /// Whether the word that begins it may be longer.
    fn goes_on(&self) -> bool {
        self.prefix || self.words > 1
    }

    fn is_at(&self, text: &[u8], word: Word) -> bool {
        let literal = self.text.as_bytes();
        let rest = text.get(word.start..).unwrap_or_default();
        let length = word.end.saturating_sub(word.start);
        (self.goes_on() || length == literal.len())
            && rest
                .get(..literal.len())
                .is_some_and(|there| there.eq_ignore_ascii_case(literal))
    }
}

/// Reads a phrase in the notation of the table; `None` for one that has no meaning.
fn parse(notation: &str) -> Option<Vec<Step>> {
    let steps: Vec<Step> = notation
        .split_whitespace()
        .map(|step| match step.strip_prefix('.') {
            Some(most) => most.parse().ok().filter(|n| *n < 10).map(Step::Gap),
            None => match step.strip_suffix('?') {
                Some(step) => literals(step).map(Step::Maybe),
                None => literals(step).map(Step::One),
            },
        })
        .collect::<Option<_>>()?;
    matches!(
        (steps.first()?, steps.last()?),
        (Step::One(_), Step::One(_))
    )
    .then_some(steps)
}

fn literals(step: &str) -> Option<Vec<Literal>> {
    step.split('|')
        .map(|word| {
            let text = word.trim_end_matches('*');
            let mut count = 0u32;
            let mut from = 0;
            while let Some(word) = words::next(text.as_bytes(), from) {
                from = word.end;
                count = count.saturating_add(1);
            }
            // An ASCII word with anything else in it would never match.
            let one = count == 1 || !text.is_ascii();
            (from == text.len() && count > 0 && one).then_some(Literal {
                text: text.to_owned(),
                prefix: text.len() < word.len(),
                words: count,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
