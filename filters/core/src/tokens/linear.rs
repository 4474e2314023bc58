//! From counts to tokens.

use super::Encoding;
use super::features::COUNT;
use super::weights::{CL100K, O200K};

/// The tokens of a text with these counts.
pub(super) fn estimate(encoding: Encoding, counts: &[u32; COUNT]) -> f64 {
    let weights = match encoding {
        Encoding::O200k => &O200K,
        Encoding::Cl100k => &CL100K,
    };
    weights
        .iter()
        .zip(counts)
        .map(|(&weight, &count)| f64::from(weight) * f64::from(count))
        .sum()
}
