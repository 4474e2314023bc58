//! The size of an image from the first bytes of its data URL.
//!
//! Only as much base64 is decoded as the format's header needs; the image itself is not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Pixels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Decoded bytes looked at. PNG, GIF and WebP need thirty; a JPEG's size comes after its
/// metadata, of which a camera writes one or two segments of at most 64 KiB.
pub const MAX_HEADER_BYTES: usize = 128 * 1024;

/// Steps from marker to marker of a JPEG, fill bytes included; a camera's file has about ten
/// before its frame header.
const MAX_MARKERS: usize = 64;

/// The size of the image in a `data:…;base64,…` URL, as it stands escaped in a JSON string.
///
/// Nothing for other URLs, other formats than PNG, JPEG, GIF and WebP, and headers that are
/// cut short, malformed or longer than [`MAX_HEADER_BYTES`].
pub fn data_url_size(url: &[u8]) -> Option<ImageSize> {
    let comma = url.iter().take(128).position(|&byte| byte == b',')?;
    let (head, data) = url.split_at_checked(comma)?;
    // The media type has a slash too, which does not matter here.
    let prefix = head.get(..5)?;
    let kind = head.len().checked_sub(7).and_then(|at| head.get(at..))?;
    if !prefix.eq_ignore_ascii_case(b"data:") || !kind.eq_ignore_ascii_case(b";base64") {
        return None;
    }
    size(&mut Base64 {
        text: data.get(1..)?,
        groups: 0,
    })
}

/// Base64 read here and there, always forward.
struct Base64<'a> {
    /// From the next group on.
    text: &'a [u8],
    /// Groups of four characters, that is three bytes, before `text`.
    groups: usize,
}

impl Base64<'_> {
    /// The `N` decoded bytes at `at`, below [`MAX_HEADER_BYTES`]; not before the last ones' group.
    fn bytes<const N: usize>(&mut self, at: usize) -> Option<[u8; N]> {
        if at > MAX_HEADER_BYTES {
            return None;
        }
        let ahead = at.checked_div(3)?.checked_sub(self.groups)?;
        let skipped = escaped_len(self.text, ahead.checked_mul(4)?)?;
        self.text = self.text.get(skipped..)?;
        self.groups = self.groups.checked_add(ahead)?;
        let mut characters = [0; 12];
        let mut len = 0_usize;
        for (place, &character) in characters
            .iter_mut()
            .zip(self.text.iter().filter(|&&c| c != b'\\'))
        {
            *place = character;
            len = len.saturating_add(1);
        }
        let mut decoded = [0; 9];
        let written = STANDARD
            .decode_slice(characters.get(..len)?, &mut decoded)
            .ok()?;
        decoded
            .get(..written)?
            .get(at.checked_rem(3)?..)?
            .first_chunk()
            .copied()
    }

    fn u16_be(&mut self, at: usize) -> Option<u32> {
        self.bytes(at).map(u16::from_be_bytes).map(u32::from)
    }
}

/// How many bytes of `text` spell `count` characters, where `/` may be spelled `\/` (as
/// PHP's `json_encode` does).
fn escaped_len(text: &[u8], count: usize) -> Option<usize> {
    let mut len = 0_usize;
    let mut missing = count;
    while missing > 0 {
        let next = text.get(len..len.checked_add(missing)?)?;
        len = len.checked_add(missing)?;
        missing = next.iter().filter(|&&c| c == b'\\').count();
    }
    Some(len)
}

fn size(image: &mut Base64<'_>) -> Option<ImageSize> {
    let start: [u8; 4] = image.bytes(0)?;
    match start {
        [0x89, b'P', b'N', b'G'] => {
            // The IHDR chunk is the first: signature 8, length 4, type 4, width, height.
            let [w, h] = [image.bytes(16)?, image.bytes(20)?].map(u32::from_be_bytes);
            Some(ImageSize {
                width: w,
                height: h,
            })
        }
        [b'G', b'I', b'F', b'8'] => {
            let [w, h] = [image.bytes(6)?, image.bytes(8)?].map(u16::from_le_bytes);
            Some(ImageSize {
                width: w.into(),
                height: h.into(),
            })
        }
        [b'R', b'I', b'F', b'F'] if image.bytes(8)? == *b"WEBP" => webp(image),
        [0xff, 0xd8, 0xff, _] => jpeg(image),
        _ => None,
    }
}

/// WebP has three kinds (RFC 9649): lossy (a VP8 key frame), lossless, and extended.
fn webp(image: &mut Base64<'_>) -> Option<ImageSize> {
    match &image.bytes::<4>(12)? {
        b"VP8 " => {
            let [w, h] = [image.bytes(26)?, image.bytes(28)?].map(u16::from_le_bytes);
            // The two top bits are a scaling hint.
            Some(ImageSize {
                width: u32::from(w & 0x3fff),
                height: u32::from(h & 0x3fff),
            })
        }
        b"VP8L" => {
            // A signature byte, then 14 bits of width and 14 of height, each less one.
            let bits = u32::from_le_bytes(image.bytes(21)?);
            let side = |bits: u32| (bits & 0x3fff).wrapping_add(1);
            Some(ImageSize {
                width: side(bits),
                height: side(bits.wrapping_shr(14)),
            })
        }
        b"VP8X" => {
            let mut side = |at: usize| {
                let [a, b, c] = image.bytes(at)?;
                Some(u32::from_le_bytes([a, b, c, 0]).wrapping_add(1))
            };
            Some(ImageSize {
                width: side(24)?,
                height: side(27)?,
            })
        }
        _ => None,
    }
}

/// Walks a JPEG's segments to its frame header (ITU-T T.81, B.2.2).
fn jpeg(image: &mut Base64<'_>) -> Option<ImageSize> {
    let mut at = 2_usize;
    for _ in 0..MAX_MARKERS {
        let [mark, kind] = image.bytes(at)?;
        match (mark, kind) {
            // Fill bytes may precede a marker.
            (0xff, 0xff) => at = at.checked_add(1)?,
            // SOF0 to SOF15, without DHT, JPG and DAC, which share their range.
            (0xff, 0xc0..=0xcf) if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let height = image.u16_be(at.checked_add(5)?)?;
                let width = image.u16_be(at.checked_add(7)?)?;
                return Some(ImageSize { width, height });
            }
            // Markers without a segment.
            (0xff, 0x01 | 0xd0..=0xd8) => at = at.checked_add(2)?,
            // The image data or its end: too late for a frame header.
            (0xff, 0xd9 | 0xda) => return None,
            (0xff, _) => {
                let len = image.u16_be(at.checked_add(2)?)?;
                at = at.checked_add(2)?.checked_add(len.max(2) as usize)?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(bytes: &[u8]) -> Vec<u8> {
        format!("data:image/png;base64,{}", STANDARD.encode(bytes)).into_bytes()
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 1, 2, 3, 4]);
        bytes
    }

    /// A JPEG with `metadata` bytes before its frame header.
    fn jpeg(width: u16, height: u16, metadata: usize) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        let mut left = metadata;
        while left > 0 {
            let len = left.min(65_000);
            bytes.extend([0xff, 0xe1]);
            bytes.extend((len as u16 + 2).to_be_bytes());
            bytes.extend(vec![7; len]);
            left -= len;
        }
        bytes.extend([0xff, 0xff, 0xc2, 0, 17, 8]);
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0xda]);
        bytes
    }

    fn webp(kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
        [
            b"RIFF\x64\0\0\0WEBP",
            kind.as_slice(),
            b"\x10\0\0\0",
            rest,
            &[0; 8],
        ]
        .concat()
    }

    #[test]
    fn sizes_are_read_from_the_first_bytes() {
        let filled = |fill: usize| {
            let frame = jpeg(8, 6, 0);
            [&frame[..2], &vec![0xff; fill], &frame[2..]].concat()
        };
        let size = |width, height| Some(ImageSize { width, height });
        for (name, bytes, expected) in [
            ("png", png(640, 480), size(640, 480)),
            ("png", png(u32::MAX, 1), size(u32::MAX, 1)),
            (
                "gif",
                b"GIF89a\x40\x01\xf0\x00\xf7\0\0".to_vec(),
                size(320, 240),
            ),
            ("jpeg", jpeg(1920, 1080, 0), size(1920, 1080)),
            (
                "jpeg with metadata",
                jpeg(4000, 3000, 60_000),
                size(4000, 3000),
            ),
            (
                "jpeg at the limit",
                jpeg(4000, 3000, MAX_HEADER_BYTES - 40),
                size(4000, 3000),
            ),
            (
                "jpeg beyond the limit",
                jpeg(4000, 3000, MAX_HEADER_BYTES + 40),
                None,
            ),
            ("jpeg with fill bytes", filled(MAX_MARKERS - 2), size(8, 6)),
            ("jpeg with too many", filled(MAX_MARKERS), None),
            (
                "lossy",
                webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\x20\x43\x58\x02"),
                size(800, 600),
            ),
            (
                "lossless",
                webp(
                    b"VP8L",
                    &[&[0x2f][..], &(799u32 | 599 << 14).to_le_bytes()].concat(),
                ),
                size(800, 600),
            ),
            (
                "extended",
                webp(b"VP8X", &[0, 0, 0, 0, 0x1f, 3, 0, 0x57, 2, 0]),
                size(800, 600),
            ),
            ("bmp", b"BM123456789012345678901234567890".to_vec(), None),
            ("empty", Vec::new(), None),
            (
                "jpeg data before a frame",
                vec![0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 2],
                None,
            ),
            (
                "jpeg with zero lengths",
                [vec![0xff, 0xd8], [0xff, 0xe1, 0, 0].repeat(50)].concat(),
                None,
            ),
        ] {
            assert_eq!(data_url_size(&url(&bytes)), expected, "{name}");
            let escaped = String::from_utf8(url(&bytes)).unwrap().replace('/', "\\/");
            assert_eq!(
                data_url_size(escaped.as_bytes()),
                expected,
                "{name} with escaped slashes"
            );
            // Cut anywhere it is either unknown or right.
            for len in 0..bytes.len().min(80) {
                let cut = data_url_size(&url(&bytes[..len]));
                assert!(cut.is_none() || cut == expected, "{name} cut at {len}");
            }
        }
    }

    #[test]
    fn other_urls_have_no_size() {
        for text in [
            "",
            "https://example.org/a.png",
            "data:image/png,abc",
            "data:image/png;base64",
            "data:;base64,",
            "data:image/png;base64,\\u0041",
            "data:image/png;base64,????????",
            "file:x;base64,iVBORw0KGgo",
        ] {
            assert_eq!(data_url_size(text.as_bytes()), None, "{text}");
        }
    }
}
