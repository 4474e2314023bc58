//! Keys that are only base64: what names them makes them keys.

use core::ops::Range;

use super::alphabet::{base64, is_random};
use crate::content_screener::bytes::Bytes;

/// How far behind `aws` the secret half of a key may stand: a long name and a line's end.
const NEAR: usize = 64;
const AWS_SECRET: usize = 40;

/// `aws_secret_access_key = …`, `"secretAccessKey": "…"`: forty characters of base64 soon
/// after a name that says `secret` and `key`. Reads 64 bytes more than once at most.
pub(super) fn after_aws_name(text: Bytes<'_>, at: usize) -> Option<Range<usize>> {
    let mut from = at;
    let until = at.saturating_add(NEAR);
    while from < until {
        let end = text.run(from, AWS_SECRET.wrapping_add(1), base64);
        if end.wrapping_sub(from) == AWS_SECRET && text.at(end) != b'=' {
            let names = text.slice(at..from);
            let says = |word: &str| {
                let mut windows = names.windows(word.len());
                windows.any(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
            };
            let value = text.slice(from..end);
            return (says("secret") && says("key") && is_random(value)).then_some(from..end);
        }
        from = end.wrapping_add(1);
    }
    None
}

/// `AccountKey=` and 64 bytes as base64.
pub(super) fn account_key(text: Bytes<'_>, at: usize) -> Option<Range<usize>> {
    padded(text, at.saturating_add(b"AccountKey=".len()), 86, b"==")
}

/// `SharedAccessKey=` and 32 bytes as base64.
pub(super) fn shared_access_key(text: Bytes<'_>, at: usize) -> Option<Range<usize>> {
    padded(text, at.saturating_add(b"SharedAccessKey=".len()), 43, b"=")
}

fn padded(text: Bytes<'_>, from: usize, len: usize, padding: &[u8]) -> Option<Range<usize>> {
    let end = text.run(from, len.saturating_add(1), base64);
    let value = text.slice(from..end);
    (value.len() == len && text.has(end, padding) && is_random(value))
        .then(|| from..end.saturating_add(padding.len()))
}

/// `sig=` and 32 bytes as base64, percent-encoded as in an URL or not.
pub(super) fn signature(text: Bytes<'_>, at: usize) -> Option<Range<usize>> {
    let from = at.saturating_add(b"sig=".len());
    let mut end = from;
    for _ in 0..43 {
        let len = match text.at(end) {
            b'%' => match text.slice(end..end.saturating_add(3)) {
                [_, b'2', b'B' | b'b' | b'F' | b'f'] => 3,
                _ => return None,
            },
            byte if base64(byte) => 1,
            _ => return None,
        };
        end = end.saturating_add(len);
    }
    let padding = match text.slice(end..end.saturating_add(3)) {
        [b'%', b'3', b'D' | b'd'] => 3,
        [b'=', ..] => 1,
        _ => return None,
    };
    is_random(text.slice(from..end)).then(|| from..end.saturating_add(padding))
}
