//! A linear model of the words of jailbreaks: hashed words and pairs of words, summed over a
//! window that moves along the text.
//!
//! A text is as suspicious as its worst window, so that an attack inside a long document is
//! seen and a long document does not add up to one. Said again within a window, a word or a pair
//! counts once. What it learnt is in `weights.bin`, fitted by `screen-fit`; how good it is
//! stands in that crate's README.

use std::ops::Range;

use super::trained;

/// Words in a window: more than most jailbreaks have, fewer than a document.
pub const WINDOW: usize = 256;

/// Buckets of features, each with a weight.
pub const BUCKETS: usize = 1 << BITS;

const BITS: u32 = 16;

/// Features of a word: itself, and itself with the word before.
pub const FEATURES: usize = 2;

/// Places in which is remembered when a feature was last seen. Two that share one forget each
/// other, which then count again.
const MEMORY: usize = 1024;

/// Odd, and without pattern (the fractional part of the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The features of the words of a text, one word after another.
#[derive(Clone, Debug)]
pub struct Features {
    /// The hash of the last word.
    last: u64,
    /// How many words there were.
    words: u32,
    /// A feature's bucket, and the low half of the number of its word.
    memory: [(u16, u16); MEMORY],
}

impl Default for Features {
    fn default() -> Self {
        Self {
            last: 0,
            // So far ahead that what was never seen is not taken for just seen.
            words: WINDOW as u32,
            memory: [(0, 0); MEMORY],
        }
    }
}

impl Features {
    /// The buckets of the word that comes next, which has this key
    /// ([`crate::words::Word::key`]); `None` for what was said in the window before.
    #[inline(always)]
    pub fn next(&mut self, key: u64) -> [Option<u16>; FEATURES] {
        let hash = (key ^ key >> 29).wrapping_mul(MIX);
        let pair = (hash ^ self.last.rotate_left(21)).wrapping_mul(MIX);
        self.last = hash;
        self.words = self.words.wrapping_add(1);
        [hash, pair].map(|hash| self.fresh((hash >> (64 - BITS)) as u16))
    }

    #[inline(always)]
    fn fresh(&mut self, bucket: u16) -> Option<u16> {
        // The low half is enough: what it mistakes for recent is one in two hundred of what is
        // older than 65,536 words.
        let now = self.words as u16;
        let place = self.memory.get_mut(usize::from(bucket) % MEMORY)?;
        let (there, seen) = std::mem::replace(place, (bucket, now));
        let again = there == bucket && usize::from(now.wrapping_sub(seen)) < WINDOW;
        (!again).then_some(bucket)
    }
}

/// The words of one text, as they are summed.
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
    /// Where it stands in the text: from its first word to the start of its last.
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
    /// Adds the word that has the key `key` and begins at byte `at`: every word but single
    /// characters ([`crate::words::Word::is_single`]), of which the model knows nothing.
    #[inline(always)]
    pub fn word(&mut self, key: u64, at: usize) {
        let adds = self
            .features
            .next(key)
            .iter()
            .flatten()
            .filter_map(|bucket| trained::WEIGHTS.get(usize::from(*bucket)))
            .fold(0i32, |sum, weight| {
                sum.wrapping_add(i32::from(weight.cast_signed()))
            });
        let at = u32::try_from(at).unwrap_or(u32::MAX);
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
            self.range = self.window.get(oldest).map_or(0, |w| w.0)..at;
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
