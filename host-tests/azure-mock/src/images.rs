//! What an image in a prompt costs, by the rules OpenAI publishes for each model family.
//!
//! Source: "Images and vision" of OpenAI's platform guide ("Calculating costs").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The size taken when it cannot be read: an `http` URL (nothing is fetched) or bytes no
/// decoder knows.
pub(crate) const ASSUMED_SIZE: (usize, usize) = (1024, 1024);

/// How a model family prices an image.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Price {
    /// A base, and as much again for every tile of 512 by 512 pixels.
    Tiles { base: u64, tile: u64 },
    /// A factor for every patch of 32 by 32 pixels.
    Patches { factor: f64 },
}

/// By the start of the model's name; the first that fits.
const PRICES: &[(&str, Price)] = &[
    (
        "gpt-4o-mini",
        Price::Tiles {
            base: 2833,
            tile: 5667,
        },
    ),
    ("gpt-4.1-mini", Price::Patches { factor: 1.62 }),
    ("gpt-4.1-nano", Price::Patches { factor: 2.46 }),
    ("gpt-5-mini", Price::Patches { factor: 1.62 }),
    ("gpt-5-nano", Price::Patches { factor: 2.46 }),
    ("o4-mini", Price::Patches { factor: 1.72 }),
    (
        "gpt-5",
        Price::Tiles {
            base: 70,
            tile: 140,
        },
    ),
    (
        "o1",
        Price::Tiles {
            base: 75,
            tile: 150,
        },
    ),
    (
        "o3",
        Price::Tiles {
            base: 75,
            tile: 150,
        },
    ),
    (
        "computer-use",
        Price::Tiles {
            base: 65,
            tile: 129,
        },
    ),
    (
        "",
        Price::Tiles {
            base: 85,
            tile: 170,
        },
    ),
];

/// The tokens of the image at `url` for `model`. `detail` is `low`, `high` or `auto`
/// (which is priced as `high`).
pub(crate) fn tokens(model: &str, url: &str, detail: Option<&str>) -> u64 {
    let price = PRICES
        .iter()
        .find(|(prefix, _)| model.starts_with(prefix))
        .map_or(
            Price::Tiles {
                base: 85,
                tile: 170,
            },
            |(_, price)| *price,
        );
    match price {
        Price::Tiles { base, .. } if detail == Some("low") => base,
        Price::Tiles { base, tile } => base + tile * tiles(size(url)),
        Price::Patches { factor } => (patches(size(url)) as f64 * factor).ceil() as u64,
    }
}

/// Width and height, from the image's own header.
fn size(url: &str) -> (usize, usize) {
    let decode = || {
        let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
        let bytes = STANDARD
            .decode(data)
            .ok()
            .filter(|_| kind.ends_with(";base64"))?;
        let size = imagesize::blob_size(&bytes).ok()?;
        (size.width > 0 && size.height > 0).then_some((size.width, size.height))
    };
    decode().unwrap_or(ASSUMED_SIZE)
}

/// Shrink into 2048 by 2048, then until the shorter side is 768, and count the tiles of
/// 512. Nothing is ever enlarged.
fn tiles((width, height): (usize, usize)) -> u64 {
    let (w, h) = (width as f64, height as f64);
    let fit = (2048.0 / w.max(h)).min(1.0);
    let (w, h) = (w * fit, h * fit);
    let short = (768.0 / w.min(h)).min(1.0);
    let along = |side: f64| ((side * short).round() / 512.0).ceil().max(1.0) as u64;
    along(w) * along(h)
}

/// Patches of 32 by 32, at most 1536: a larger image is first shrunk so far that its
/// patches fit, and then until a whole number of them lies along one side.
fn patches((width, height): (usize, usize)) -> u64 {
    const MOST: f64 = 1536.0;
    const SIDE: f64 = 32.0;
    let (w, h) = (width as f64, height as f64);
    let count = (w / SIDE).ceil() * (h / SIDE).ceil();
    if count <= MOST {
        return count as u64;
    }
    let shrink = (SIDE * SIDE * MOST / (w * h)).sqrt();
    let (across, down) = (w * shrink / SIDE, h * shrink / SIDE);
    let whole = (across.floor() / across).min(down.floor() / down);
    let (w, h) = (w * shrink * whole, h * shrink * whole);
    // A side that came out as a whole number of patches may be a hair above it.
    let along = |side: f64| (side / SIDE - 1e-9).ceil();
    (along(w) * along(h)).min(MOST) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG as far as the size: signature and the start of IHDR.
    fn png(width: u32, height: u32) -> String {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0]);
        format!("data:image/png;base64,{}", STANDARD.encode(bytes))
    }

    /// A JPEG as far as its frame header.
    fn jpeg(width: u16, height: u16) -> String {
        let mut bytes =
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08".to_vec();
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
        format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes))
    }

    /// The guide's own examples first (1024², 2048×4096, 4096×8192 low, 1800×2400).
    #[test]
    fn published_prices() {
        let rows = [
            ("gpt-4o", png(1024, 1024), None, 765),
            ("gpt-4o", png(2048, 4096), Some("high"), 1105),
            ("gpt-4o", png(4096, 8192), Some("low"), 85),
            ("gpt-4.1-mini", png(1024, 1024), None, 1659),
            ("gpt-4.1-mini", png(1800, 2400), None, 2353),
            ("gpt-4o-2024-11-20", png(512, 512), None, 255),
            ("gpt-4o-2024-11-20", png(1, 1), None, 255),
            ("gpt-4.1-2025-04-14", png(513, 512), None, 425),
            (
                "gpt-4o-mini-2024-07-18",
                png(1024, 1024),
                None,
                2833 + 4 * 5667,
            ),
            ("gpt-4o-mini", png(1024, 1024), Some("low"), 2833),
            ("o1", png(512, 512), None, 225),
            ("o3-2025", png(512, 512), Some("auto"), 225),
            ("gpt-5", png(512, 512), None, 210),
            ("computer-use-preview", png(512, 512), None, 194),
            ("gpt-5-nano", png(32, 33), None, 5),
            ("o4-mini", png(64, 64), Some("low"), 7),
            ("gpt-4o", jpeg(1024, 1024), None, 765),
            ("gpt-4o", jpeg(512, 300), None, 255),
            ("gpt-4o", "https://example.com/a.png".to_owned(), None, 765),
            ("gpt-4o", "data:image/png;base64,AAAA".to_owned(), None, 765),
            ("gpt-4o", "data:image/png,AAAA".to_owned(), None, 765),
        ];
        for (model, url, detail, expected) in rows {
            assert_eq!(
                tokens(model, &url, detail),
                expected,
                "{model} {detail:?} {url}"
            );
        }
    }

    #[test]
    fn patches_never_exceed_their_limit() {
        for width in (1..6000).step_by(37) {
            for height in (1..6000).step_by(41) {
                assert!(
                    (1..=1536).contains(&patches((width, height))),
                    "{width}x{height}"
                );
            }
        }
    }
}
