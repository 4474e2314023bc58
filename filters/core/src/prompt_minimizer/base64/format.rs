//! What data is, by its first bytes.

use super::blob::Blob;

/// Formats by what they begin with, from their specifications.
const FORMATS: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x7fELF", "application/x-elf"),
    (b"\0asm", "application/wasm"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
];

/// Nothing of unknown format that is shorter is elided: signatures of RSA have up to 684
/// characters, session tokens of clouds around a thousand.
const SHORTEST_UNKNOWN: usize = 2048;

/// Fewer different characters are a pattern, of which a token may hold many.
const FEWEST_DIFFERENT: usize = 32;

/// What `blob` is, of which `head` are the first bytes; `None` where it is text, a key, or
/// nothing one can tell.
pub(super) fn of<'a>(blob: &Blob<'a>, head: &[u8]) -> Option<&'a str> {
    let statistics = blob.statistics();
    if statistics.different < FEWEST_DIFFERENT || is_key(head) {
        return None;
    }
    let known = FORMATS
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, media_type)| *media_type)
        .or_else(|| inner_format(head));
    if known.is_none() && is_text(head) {
        return None;
    }
    if let Some(media_type) = blob.media_type {
        let is_type = media_type.contains('/') && media_type.len() <= 64;
        return Some(if is_type {
            media_type
        } else {
            known.unwrap_or("data")
        });
    }
    // Random bytes make a capital and a small letter of 26 in 64 each, a digit of 10: half of
    // that at least. Words, paths and sequences of genes do not.
    let all = blob.len.min(super::blob::HEAD);
    let has = |count: usize, share: usize| count.saturating_mul(share) >= all;
    let is_random =
        has(statistics.capitals, 5) && has(statistics.small, 5) && has(statistics.digits, 13);
    match known {
        Some(known) => Some(known),
        None => (is_random && blob.len >= SHORTEST_UNKNOWN).then_some("data"),
    }
}

/// Formats whose name stands further in.
fn inner_format(head: &[u8]) -> Option<&'static str> {
    let (outer, inner) = (head.get(..4)?, head.get(8..12)?);
    match (outer, inner) {
        (b"RIFF", b"WEBP") => Some("image/webp"),
        (b"RIFF", b"WAVE") => Some("audio/wav"),
        _ if head.get(4..8) == Some(b"ftyp") => Some(match inner {
            b"avif" => "image/avif",
            b"heic" => "image/heic",
            b"M4A " => "audio/mp4",
            _ => "video/mp4",
        }),
        _ => None,
    }
}

/// Keys and certificates: DER (a long SEQUENCE), what OpenSSH keeps them in, PGP.
fn is_key(head: &[u8]) -> bool {
    let is_ssh = head
        .strip_prefix(b"\0\0\0")
        .and_then(|rest| rest.get(1..))
        .is_some_and(|name| {
            let names: [&[u8]; 3] = [b"ssh-", b"ecdsa-", b"sk-"];
            names.iter().any(|one| name.starts_with(one))
        });
    is_ssh || head.starts_with(b"openssh-key-v1") || matches!(head, [0x30, 0x81..=0x83, ..])
}

/// Whether bytes are text: UTF-8, mostly printable in some other encoding, UTF-16.
fn is_text(head: &[u8]) -> bool {
    let of_all = |count: usize, percent: usize| {
        count.saturating_mul(100) >= head.len().saturating_mul(percent)
    };
    let is_printable = |byte: &&u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    let printable = head.iter().filter(is_printable).count();
    // Half of UTF-16's bytes are zero where the text is English.
    let zeros = head.iter().filter(|byte| **byte == 0).count();
    if of_all(printable, 85) || of_all(zeros, 40) && of_all(printable, 40) {
        return true;
    }
    let text = match core::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => head
            .get(..error.valid_up_to())
            .and_then(|whole| core::str::from_utf8(whole).ok())
            .unwrap_or_default(),
        Err(_) => return false,
    };
    !text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}
