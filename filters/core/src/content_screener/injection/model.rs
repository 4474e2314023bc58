//! A linear model of the words of jailbreaks: hashed words and pairs of words, summed over a
//! window that moves along the text.
//!
//! A text is as suspicious as its worst window, so that an attack inside a long document is
//! seen and a long document does not add up to one. In a window every word and pair counts
//! once, however often it is said. What it learnt is in `weights.bin`, fitted by `screen-fit`; how good it is
//! stands in that crate's README.

use std::ops::Range;

use super::trained;
use crate::words::Word;

/// Words in a window: more than most jailbreaks have, fewer than a document.
pub const WINDOW: usize = 256;

/// Buckets of features, each with a weight.
pub const BUCKETS: usize = 1 << BITS;

const BITS: u32 = 16;

/// Features of a word: itself, and itself with the word before.
pub const FEATURES: usize = 2;

/// Odd, and without pattern (the fractional part of the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// A feature of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feature {
    /// Its bucket.
    pub bucket: u16,
    /// It counts: no word of the window before counts for the same bucket.
    pub is_new: bool,
}

/// The features of the words of a text, one word after another.
#[derive(Clone, Debug)]
pub struct Features {
    /// The hash of the last word.
    last: u64,
    /// How many words there were.
    words: usize,
    /// What each word of the window counts for.
    window: [[Feature; FEATURES]; WINDOW],
    /// A bit for each bucket, set while a word of the window counts for it.
    counted: [u64; BUCKETS / 64],
}

impl Default for Features {
    fn default() -> Self {
        Self {
            last: 0,
            words: 0,
            window: [[Feature::default(); FEATURES]; WINDOW],
            counted: [0; BUCKETS / 64],
        }
    }
}

impl Features {
    /// The features of the word that comes next, which has this key ([`Word::key`]). With it the
    /// window moves on.
    #[inline(always)]
    pub fn next(&mut self, key: u64) -> [Feature; FEATURES] {
        let hash = (key ^ key >> 29).wrapping_mul(MIX);
        let pair = (hash ^ self.last.rotate_left(21)).wrapping_mul(MIX);
        self.last = hash;
        let place = self.words % WINDOW;
        self.words = self.words.wrapping_add(1);
        self.forget(place);
        let counts = [hash, pair].map(|hash| self.count((hash >> (64 - BITS)) as u16));
        if let Some(place) = self.window.get_mut(place) {
            *place = counts;
        }
        counts
    }

    /// Begins another text.
    fn clear(&mut self) {
        for place in 0..self.words.min(WINDOW) {
            self.forget(place);
        }
        self.last = 0;
        self.words = 0;
    }

    // Whether a feature counts is hard to foresee, so nothing here branches on it.
    #[inline(always)]
    fn count(&mut self, bucket: u16) -> Feature {
        let bit = bucket % 64;
        let Some(bits) = self.counted.get_mut(usize::from(bucket / 64)) else {
            return Feature::default();
        };
        let is_new = *bits >> bit & 1 == 0;
        *bits |= 1 << bit;
        Feature { bucket, is_new }
    }

    #[inline(always)]
    fn forget(&mut self, place: usize) {
        let Some(place) = self.window.get_mut(place) else {
            return;
        };
        for Feature { bucket, is_new } in core::mem::take(place) {
            if let Some(bits) = self.counted.get_mut(usize::from(bucket / 64)) {
                *bits &= !(u64::from(is_new) << (bucket % 64));
            }
        }
    }
}

/// The words of one text, as they are summed. Room for the next text, once it is cleared.
#[derive(Clone, Debug)]
pub struct Score {
    features: Features,
    /// Where each word of the window begins, and what it adds.
    window: [(u32, i32); WINDOW],
    /// How many words there were.
    words: usize,
    sum: i32,
    /// The highest sum of a window, and where that begins and ends.
    best: i32,
    range: Range<u32>,
}

/// A window that looks like an injection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where it stands in the text.
    pub range: Range<usize>,
    /// How far its sum is above what it has to reach.
    pub margin: u32,
}

impl Default for Score {
    fn default() -> Self {
        Self {
            features: Features::default(),
            window: [(0, 0); WINDOW],
            words: 0,
            sum: 0,
            best: 0,
            range: 0..0,
        }
    }
}

impl Score {
    /// Begins another text. Costs no more than the words of the text before.
    pub fn clear(&mut self) {
        self.features.clear();
        for place in self.window.iter_mut().take(self.words) {
            *place = (0, 0);
        }
        (self.words, self.sum, self.best, self.range) = (0, 0, 0, 0..0);
    }

    /// Adds the next word. Of single characters ([`Word::is_single`]) the model knows nothing.
    #[inline(always)]
    pub fn word(&mut self, word: Word) {
        if word.is_single {
            return;
        }
        let mut adds = 0i32;
        for Feature { bucket, is_new } in self.features.next(word.key) {
            let weight = trained::WEIGHTS.get(usize::from(bucket)).copied();
            let weight = i32::from(weight.unwrap_or_default().cast_signed());
            adds = adds.wrapping_add(weight & i32::from(is_new).wrapping_neg());
        }
        let at = u32::try_from(word.at).unwrap_or(u32::MAX);
        let place = self.words % WINDOW;
        self.words = self.words.wrapping_add(1);
        if let Some(place) = self.window.get_mut(place) {
            self.sum = self.sum.wrapping_add(adds).wrapping_sub(place.1);
            *place = (at, adds);
        }
        if self.sum > self.best {
            self.best = self.sum;
            let oldest = if self.words < WINDOW {
                0
            } else {
                self.words % WINDOW
            };
            let start = self.window.get(oldest).map_or(0, |w| w.0);
            self.range = start..at.saturating_add(word.len);
        }
    }

    /// The highest sum of a window; 0 where none is above it.
    #[must_use]
    pub fn best(&self) -> i32 {
        self.best
    }

    /// The window with the highest sum, if that is high enough.
    #[must_use]
    pub fn finish(&self) -> Option<Verdict> {
        let margin = self.best.checked_sub(trained::THRESHOLD)?;
        Some(Verdict {
            range: self.range.start as usize..self.range.end as usize,
            margin: u32::try_from(margin).ok()?,
        })
    }
}

#[cfg(test)]
mod tests;
