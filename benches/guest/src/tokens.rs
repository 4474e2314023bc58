//! Counting tokens. The input is the inside of one JSON string, still escaped.

use tollgate_core::tokens::{Encoding, Meter};

/// The fast tier.
pub fn tokens_fast(text: &[u8]) -> u64 {
    let mut meter = Meter::new();
    meter.text(text, 0);
    meter.end_text();
    u64::from(meter.estimate(Encoding::O200k))
}

/// The sampled tier.
pub fn tokens_sampled(text: &[u8]) -> u64 {
    let mut meter = Meter::new();
    meter.text(text, 0);
    meter.end_text();
    u64::from(meter.sampled(Encoding::O200k, text))
}
