//! All that the token-estimator does with a body: scan, measure, estimate. And what the
//! response-cache does: scan, and make its key.

use tollgate_core::config::{Accuracy, Limits};
use tollgate_core::endpoint::Dialect;
use tollgate_core::models::Models;
use tollgate_core::request::{Keying, Request, RequestReader, Wanted};
use tollgate_core::response_cache::key::Scope;
use tollgate_core::response_cache::keyer::{KeyHash, Keyer};

const TOKENS: Wanted = Wanted {
    tokens: true,
    texts: false,
    key: None,
};

const TEXTS: Wanted = Wanted {
    tokens: false,
    texts: true,
    key: None,
};

/// Reads a body as stages do that look at texts, and leaves it at that; gives how many it has.
pub fn request_texts(body: &[u8]) -> u64 {
    texts(body).texts.len() as u64
}

/// A body so read.
pub(crate) fn texts(body: &[u8]) -> Request<'_> {
    let reader = RequestReader::new(Dialect::Chat, TEXTS, &Limits::default());
    let request = reader.finish(body, None, &Models::default());
    request.unwrap_or_else(|unread| panic!("the bench's body is a chat request: {unread:?}"))
}

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

/// The key, by SipHash.
pub fn request_key(body: &[u8]) -> u64 {
    key(body, KeyHash::Sip)
}

/// The key, by SHA-256.
pub fn request_key_sha256(body: &[u8]) -> u64 {
    key(body, KeyHash::Sha256)
}

/// The key's first bytes.
fn key(body: &[u8], hash: KeyHash) -> u64 {
    let wanted = Wanted {
        tokens: false,
        texts: false,
        key: Some(Keying::by(Keyer::new(hash, b"a bench's secret"))),
    };
    let mut reader = RequestReader::new(Dialect::Chat, wanted, &Limits::default());
    reader
        .push(body)
        .expect("the bench's body is a chat request");
    let request = reader.finish(body, None, &Models::default());
    let key = request.ok().and_then(|request| request.key);
    let key = key.expect("and a whole one").key(&Scope::default());
    let first = key.as_bytes().first_chunk().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}
