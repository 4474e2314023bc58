//! Plain text made up from a number: the same number, the same text.

use std::ops::RangeInclusive;

use crate::tokenizer::Piece;

/// Sentences of an answer.
const SENTENCES: RangeInclusive<u64> = 1..=3;
/// Words of a sentence after its first.
const WORDS_AFTER: RangeInclusive<u64> = 5..=11;

/// First words of a sentence. Each of these words, with and without the space before it,
/// is one token of both `o200k_base` and `cl100k_base`: the count of an answer needs no
/// tokenizer.
const OPENINGS: [&str; 8] = [
    " The", " This", " When", " Each", " Some", " One", " That", " Every",
];

const WORDS: [&str; 64] = [
    " answer", " river", " house", " light", " small", " green", " water", " road", " open",
    " keeps", " finds", " makes", " early", " under", " over", " with", " near", " and", " then",
    " time", " stone", " paper", " field", " north", " south", " quick", " quiet", " first",
    " second", " third", " table", " letter", " number", " garden", " window", " morning",
    " evening", " market", " story", " music", " cloud", " forest", " island", " bridge",
    " engine", " metal", " signal", " simple", " clear", " round", " holds", " gives", " takes",
    " turns", " moves", " shows", " between", " before", " after", " across", " into", " from",
    " through", " around",
];

/// A sequence of numbers from one seed (SplitMix64, Steele et al. 2014).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.next() % from.len() as u64) as usize]
    }
}

/// One word.
pub(crate) fn word(seed: u64) -> &'static str {
    Numbers::new(seed).pick(&WORDS).trim_start()
}

/// A few sentences, one token a piece.
pub(crate) fn sentences(seed: u64) -> Vec<Piece> {
    let mut numbers = Numbers::new(seed);
    let mut pieces = Vec::with_capacity(40);
    for sentence in 0..numbers.between(SENTENCES) {
        let opening = numbers.pick(&OPENINGS);
        // Only the first has no space before it.
        let opening = if sentence == 0 {
            opening.trim_start()
        } else {
            opening
        };
        pieces.push(Piece::word(opening));
        for _ in 0..numbers.between(WORDS_AFTER) {
            pieces.push(Piece::word(numbers.pick(&WORDS)));
        }
        pieces.push(Piece::word("."));
    }
    pieces
}

/// `length` letters and digits.
pub(crate) fn letters(seed: u64, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut numbers = Numbers::new(seed);
    (0..length)
        .map(|_| char::from(numbers.pick(LETTERS)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::of_model;

    #[test]
    fn every_piece_is_one_token_of_both_tokenizers() {
        for model in ["gpt-4o", "gpt-4"] {
            let tokenizer = of_model(model);
            for seed in 0..500 {
                let pieces = sentences(seed);
                let text: String = pieces.iter().map(|p| p.text.as_ref()).collect();
                assert!((7..=39).contains(&pieces.len()));
                assert_eq!(
                    tokenizer.encode_ordinary(&text).len(),
                    pieces.len(),
                    "{text}"
                );
                assert!(
                    text.ends_with('.') && text.starts_with(char::is_uppercase),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(sentences(1), sentences(1));
        assert_ne!(sentences(1), sentences(2));
        assert_eq!(letters(9, 29).len(), 29);
        assert_ne!(letters(9, 29), letters(10, 29));
    }
}
