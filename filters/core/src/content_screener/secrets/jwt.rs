//! JSON web tokens in their compact form, RFC 7515, 3.1 and RFC 7516, 3.1.

use core::ops::Range;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::alphabet::url_safe;
use crate::content_screener::bytes::Bytes;

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);
/// The longest header that is decoded: one with a certificate chain is longer, but its first
/// members tell.
const HEADER: usize = 1024;

/// The token that begins at `start` with `eyJ`: a header that is a JSON object with `alg`, and
/// two parts more, or four. Whatever follows a character of a token begins none, so that no
/// byte is read twice.
pub(super) fn token(text: Bytes<'_>, start: usize) -> Option<Range<usize>> {
    let before = text.before(start, 1);
    if !text.has(start, b"eyJ") || url_safe(before) || before == b'.' {
        return None;
    }
    let header_end = text.run(start, usize::MAX, url_safe);
    if text.at(header_end) != b'.' || !is_header(text.slice(start..header_end)) {
        return None;
    }
    let mut end = header_end;
    let mut parts = 1usize;
    while parts < 5 && text.at(end) == b'.' {
        let next = end.saturating_add(1);
        let part_end = text.run(next, usize::MAX, url_safe);
        // An encrypted token may have no key; a sentence may end behind a signature.
        if part_end == next && parts != 1 {
            break;
        }
        end = part_end;
        parts = parts.saturating_add(1);
    }
    (parts >= 3).then_some(start..end)
}

fn is_header(encoded: &[u8]) -> bool {
    let whole = encoded.len() & !3;
    let encoded = encoded
        .get(..whole.min(HEADER))
        .filter(|_| encoded.len() > HEADER)
        .unwrap_or(encoded);
    let mut decoded = [0; HEADER];
    let Ok(len) = ENGINE.decode_slice(encoded, &mut decoded) else {
        return false;
    };
    let header = decoded.get(..len).unwrap_or_default();
    header.starts_with(b"{\"") && header.windows(5).any(|member| member == b"\"alg\"")
}
