//! All that the token-estimator does with a body: scan, measure, estimate.

use tollgate_core::config::{Accuracy, Limits};
use tollgate_core::endpoint::Dialect;
use tollgate_core::models::Models;
use tollgate_core::request::{RequestReader, Wanted};

const TOKENS: Wanted = Wanted {
    tokens: true,
    texts: false,
    key: None,
};

/// With the fast tier.
pub fn request_fast(body: &[u8]) -> u64 {
    prompt_tokens(body, Accuracy::Fast)
}

/// With the sampled tier.
pub fn request_sampled(body: &[u8]) -> u64 {
    prompt_tokens(body, Accuracy::Sampled)
}

fn prompt_tokens(body: &[u8], accuracy: Accuracy) -> u64 {
    let mut reader = RequestReader::new(Dialect::Chat, TOKENS, &Limits::default());
    reader
        .push(body)
        .expect("the bench's body is a chat request");
    let request = reader.finish(body, Some("gpt-4o"), &Models::default());
    request
        .map(|request| request.prompt_tokens(accuracy))
        .expect("and a whole one")
}
