//! What an answer says about itself besides its content.

use xxhash_rust::xxh3::xxh3_64;

use crate::text;

/// Answers are "created" on one of the hundred days after this second (2025-06-15),
/// which day and second depends on the request: a clock would make them unpredictable.
const FIRST_SECOND: u64 = 1_749_945_600;
const SECONDS: u64 = 100 * 24 * 60 * 60;

/// Id, time, model and fingerprint of one answer.
#[derive(Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) seed: u64,
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) fingerprint: String,
    /// With Azure's content filter results, or as OpenAI answers.
    pub(crate) azure: bool,
}

impl<'a> Identity<'a> {
    /// The identity of the answer made from `seed`, with an id that starts with `prefix`.
    pub(crate) fn new(prefix: &str, seed: u64, model: &'a str, azure: bool) -> Self {
        Self {
            seed,
            id: format!("{prefix}{}", text::letters(seed, 29)),
            created: FIRST_SECOND + seed % SECONDS,
            model,
            fingerprint: format!("fp_{:010x}", xxh3_64(model.as_bytes()) >> 24),
            azure,
        }
    }
}
