//! What is learnt from and what is held out, and how alike two texts are.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use tollgate_core::content_screener::fold::fold;
use tollgate_core::words;

/// Words in a row that two texts hardly share by chance.
const GRAM: usize = 8;

/// A hash that is the same on every run.
pub fn hash(what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// The keys of the words of `text`, folded: what the model sees.
pub fn keys(text: &str) -> Vec<u64> {
    let mut keys = Vec::new();
    let mut folded = Vec::new();
    fold(text.as_bytes(), false, &mut folded);
    words::each(&folded, |word| {
        if !word.is_single {
            keys.push(word.key);
        }
    });
    keys
}

/// The runs of eight words of `text`; of a shorter one, the words in a row.
pub fn grams(text: &str) -> HashSet<u64> {
    let keys = keys(text);
    if keys.len() < GRAM {
        return HashSet::from([hash(&keys)]);
    }
    keys.windows(GRAM).map(hash).collect()
}

/// The part of `of` that is in `all`.
pub fn overlap(of: &HashSet<u64>, all: &HashSet<u64>) -> f64 {
    let shared = of.iter().filter(|gram| all.contains(gram)).count();
    shared as f64 / of.len().max(1) as f64
}

/// The cluster of each text: those that share more than a tenth of the shorter one's runs of
/// words are in one.
pub fn clusters(texts: &[&str]) -> Vec<usize> {
    let grams: Vec<HashSet<u64>> = texts.iter().map(|text| grams(text)).collect();
    let mut parent: Vec<usize> = (0..texts.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for (i, one) in grams.iter().enumerate() {
        for (j, other) in grams.iter().enumerate().skip(i + 1) {
            let (small, large) = if one.len() < other.len() {
                (one, other)
            } else {
                (other, one)
            };
            if overlap(small, large) > 0.1 {
                let (a, b) = (root(&mut parent, i), root(&mut parent, j));
                parent[b] = a;
            }
        }
    }
    (0..texts.len()).map(|i| root(&mut parent, i)).collect()
}
