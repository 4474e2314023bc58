//! From counts to tokens.

use super::Encoding;
use super::features::{Counts, Features};
use super::weights::{CL100K, O200K};

/// The tokens of texts with these counts: what the weights say, or the [`floor`].
pub(super) fn estimate(encoding: Encoding, features: &Features) -> f64 {
    let weights = match encoding {
        Encoding::O200k => &O200K,
        Encoding::Cl100k => &CL100K,
    };
    let weighed: f64 = weights
        .iter()
        .zip(features.counts.row())
        .map(|(&weight, count)| f64::from(weight) * f64::from(count))
        .sum();
    weighed.max(floor(features))
}

/// Fewer tokens than any text people send has.
///
/// Some weights are negative: right where the counts they correct come with them, and
/// without bound where a sender makes a text of one class alone. A token has at most three
/// digits in both encodings, and a control character is one or two; letters and what is not
/// ASCII do not fill whole texts with longer tokens than these; the longest tokens of
/// punctuation and of spaces have 64 and 128 characters.
fn floor(features: &Features) -> f64 {
    let counts = &features.counts;
    let letters = sum(&[&counts.words, &counts.longer, &counts.unbroken]);
    f64::from(counts.digits[0]) / 3.0
        + f64::from(features.controls)
        + letters / 8.0
        + not_ascii(counts) / 8.0
        + f64::from(counts.marks[0].saturating_sub(features.controls)) / 64.0
        + f64::from(counts.indents[1]) / 128.0
}

fn not_ascii(counts: &Counts) -> f64 {
    let [han, _] = counts.han;
    sum(&[
        &[han],
        &counts.latin,
        &counts.greek,
        &counts.cyrillic,
        &counts.hebrew,
        &counts.arabic,
        &counts.devanagari,
        &counts.indic,
        &counts.thai,
        &counts.kana,
        &counts.cjk_marks,
        &counts.wide_marks,
        &counts.hangul,
        &counts.dashes_and_quotes,
        &counts.symbols,
        &counts.other,
        &counts.emoji,
    ])
}

fn sum(groups: &[&[u32]]) -> f64 {
    groups
        .iter()
        .copied()
        .flatten()
        .map(|&count| f64::from(count))
        .sum()
}
