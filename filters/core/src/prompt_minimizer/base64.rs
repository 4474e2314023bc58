//! Base64 of what is no text, which costs a token for every other character and tells a model
//! nothing.
//!
//! Never touched: hex, tokens and signatures (JWT, JWE), PEM blocks, keys and certificates, the
//! URL-safe alphabet (which is theirs), whatever reads as text when decoded, and base64 in
//! fences, diffs and tables. Without a data URL or a format's first bytes to tell what it is,
//! only what is longer than keys and session tokens are.

mod blob;
mod format;

use super::protected::{literal, overlaps};
use super::splice::Splice;
use blob::{Blob, Blobs};

/// Replaces base64 data in `text`, data URLs and bare runs of 256 characters or more, in one line
/// or wrapped, by `[base64 image/png, 12345 bytes]`: the type by the data URL or the first bytes,
/// else `data`, and how many bytes it decodes to.
pub fn elide(text: &str) -> Vec<Splice> {
    let mut blobs = Blobs::new(text).peekable();
    if blobs.peek().is_none() {
        return Vec::new();
    }
    let places = literal(text);
    let mut places = places.as_slice();
    let mut splices = Vec::new();
    for blob in blobs {
        let Some(note) = note(&blob) else {
            continue;
        };
        if !overlaps(&mut places, &blob.range) {
            splices.push(Splice {
                range: blob.range,
                text: note,
            });
        }
    }
    splices
}

/// What stands there instead; `None` where it stays.
fn note(blob: &Blob) -> Option<String> {
    let head = blob.head()?;
    let media_type = format::of(blob, &head)?;
    Some(format!("[base64 {media_type}, {} bytes]", blob.bytes))
}

#[cfg(test)]
mod tests;
