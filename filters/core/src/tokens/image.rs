//! What an image costs, by the published rules, from its size and `detail`.
//!
//! The rules are those of OpenAI's guide "Images and vision", section "Calculating costs"
//! (tiles of 512 pixels with a base; patches of 32 pixels with a factor), which the PyPI
//! packages openai-vision-cost 1.0.0 and openai-image-token-counter 1.0.0 implement too.
//! Newer models may count otherwise.

mod size;

pub use size::{ImageSize, MAX_HEADER_BYTES, data_url_size};

/// How a model turns images into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageRule {
    /// Fit into 2048 × 2048, shrink the shorter side to 768, count tiles of 512 × 512.
    Tiles {
        /// Tokens of any image, and all of one with low detail.
        base: u32,
        /// Tokens of each tile.
        tile: u32,
    },
    /// Count patches of 32 × 32, at most 1536 of them after shrinking.
    Patches {
        /// Tokens of a hundred patches.
        hundredths: u32,
    },
}

/// How closely the model looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// One small version of the image.
    Low,
    /// All tiles.
    High,
    /// The model decides; it is counted as high, which is what larger images get.
    #[default]
    Auto,
}

impl Detail {
    /// The `detail` field of an image part; anything unknown is `auto`.
    pub fn named(name: &[u8]) -> Detail {
        match name {
            b"low" => Detail::Low,
            b"high" => Detail::High,
            _ => Detail::Auto,
        }
    }
}

/// The size assumed when it cannot be seen: behind a remote URL, or in a format not read
/// here. A picture of this size costs what the guide's own example (a 1024 × 1024) does.
pub const UNKNOWN_SIZE: ImageSize = ImageSize {
    width: 1024,
    height: 1024,
};

const FIT: u64 = 2048;
const SHORT_SIDE: u64 = 768;
const TILE: u64 = 512;
const PATCH: u64 = 32;
const MOST_PATCHES: u64 = 1536;

/// The images of a request, counted before it is known which model will see them: the
/// model's name may come after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Images {
    count: u32,
    tiles: u32,
    patches: u32,
}

impl Images {
    /// Adds an image of `size`.
    pub fn add(&mut self, size: ImageSize, detail: Detail) {
        let all = patches(size.width, size.height);
        let (tiles, patches) = match detail {
            // Tile models see the base alone, patch models a version of 512 × 512.
            Detail::Low => (0, all.min(patches(512, 512))),
            Detail::High | Detail::Auto => (tiles(size), all),
        };
        self.count = self.count.saturating_add(1);
        self.tiles = self.tiles.saturating_add(tiles);
        self.patches = self.patches.saturating_add(patches);
    }

    /// Tokens of all of them for a model with this rule.
    pub fn tokens(&self, rule: ImageRule) -> u32 {
        match rule {
            ImageRule::Tiles { base, tile } => base
                .saturating_mul(self.count)
                .saturating_add(tile.saturating_mul(self.tiles)),
            ImageRule::Patches { hundredths } => {
                self.patches.saturating_mul(hundredths).div_ceil(100)
            }
        }
    }
}

fn tiles(size: ImageSize) -> u32 {
    let (mut width, mut height) = (u64::from(size.width.max(1)), u64::from(size.height.max(1)));
    let long = width.max(height);
    if long > FIT {
        width = scale(width, FIT, long);
        height = scale(height, FIT, long);
    }
    let short = width.min(height);
    if short > SHORT_SIDE {
        width = scale(width, SHORT_SIDE, short);
        height = scale(height, SHORT_SIDE, short);
    }
    width.div_ceil(TILE).saturating_mul(height.div_ceil(TILE)) as u32
}

/// `length · to / from`, cut to whole pixels and at least one.
fn scale(length: u64, to: u64, from: u64) -> u64 {
    length
        .saturating_mul(to)
        .checked_div(from)
        .unwrap_or(length)
        .max(1)
}

/// The guide's algorithm: shrink by `r = √(32² · 1536 / (w · h))` when there are more than
/// 1536 patches, then a little more until the sides are whole patches.
fn patches(width: u32, height: u32) -> u32 {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let count = width.div_ceil(PATCH).saturating_mul(height.div_ceil(PATCH));
    if count <= MOST_PATCHES {
        return count as u32;
    }
    let (w, h, patch) = (width as f64, height as f64, PATCH as f64);
    let r = (patch * patch * MOST_PATCHES as f64 / (w * h)).sqrt();
    let (across, down) = (w * r / patch, h * r / patch);
    let r = r * (across.floor().max(1.0) / across).min(down.floor().max(1.0) / down);
    // The rounding keeps a side that is a whole number of patches from counting one more.
    let whole = |side: f64| (side * r / patch - 1e-6).ceil().max(1.0) as u64;
    whole(w).saturating_mul(whole(h)).min(MOST_PATCHES) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(rule: ImageRule, size: ImageSize, detail: Detail) -> u32 {
        let mut images = Images::default();
        images.add(size, detail);
        images.tokens(rule)
    }

    const GPT_4O: ImageRule = ImageRule::Tiles {
        base: 85,
        tile: 170,
    };
    const GPT_4O_MINI: ImageRule = ImageRule::Tiles {
        base: 2833,
        tile: 5667,
    };
    const MINI: ImageRule = ImageRule::Patches { hundredths: 162 };
    const PLAIN_PATCHES: ImageRule = ImageRule::Patches { hundredths: 100 };

    #[test]
    fn images_cost_what_the_guide_says() {
        use Detail::{Auto, High, Low};
        for (rule, width, height, detail, tokens) in [
            // The guide's own examples.
            (GPT_4O, 1024, 1024, High, 765),
            (GPT_4O, 2048, 4096, High, 1105),
            (GPT_4O, 4096, 8192, Low, 85),
            (PLAIN_PATCHES, 1024, 1024, High, 1024),
            (PLAIN_PATCHES, 1800, 2400, High, 1452),
            (GPT_4O, 1024, 1024, Auto, 765),
            (GPT_4O, 1, 1, High, 255),
            (GPT_4O, 512, 512, High, 255),
            (GPT_4O, 513, 512, High, 425),
            (GPT_4O_MINI, 1024, 1024, High, 25501),
            (MINI, 1024, 1024, High, 1659),
            (MINI, 1024, 1024, Low, 415),
            // A hostile header.
            (GPT_4O, 0, 0, High, 255),
            (GPT_4O, u32::MAX, 1, High, 765),
            (PLAIN_PATCHES, u32::MAX, u32::MAX, High, 1521),
            (PLAIN_PATCHES, u32::MAX, 1, High, 1536),
        ] {
            let found = one(rule, ImageSize { width, height }, detail);
            assert_eq!(found, tokens, "{rule:?} {width}×{height} {detail:?}");
        }
    }
}
