//! What a model's name says: how it counts text and images, and what to call it in metrics.

use super::Encoding;
use super::image::ImageRule;

/// What is known of a model from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// A name from a short fixed list, fit for a metric's label: `gpt-4o`, …, `other`.
    pub family: &'static str,
    /// How it turns text into tokens.
    pub encoding: Encoding,
    /// How it turns images into tokens.
    pub images: ImageRule,
    /// Whether the name was recognised; if not, the newest encoding is assumed.
    pub known: bool,
}

const TILES_4O: ImageRule = ImageRule::Tiles {
    base: 85,
    tile: 170,
};

/// Name prefixes, the longer before the shorter that begin alike; OpenAI's model list and
/// tiktoken's `model.py` for the encodings, the vision guide for the images (see `image`).
#[rustfmt::skip]
const MODELS: &[(&str, Model)] = &[
    ("gpt-4o-mini",  model("gpt-4o-mini", Encoding::O200k, ImageRule::Tiles { base: 2833, tile: 5667 })),
    ("gpt-4o",       model("gpt-4o", Encoding::O200k, TILES_4O)),
    ("chatgpt-4o",   model("gpt-4o", Encoding::O200k, TILES_4O)),
    ("gpt-4.1-mini", model("gpt-4.1-mini", Encoding::O200k, ImageRule::Patches { hundredths: 162 })),
    ("gpt-4.1-nano", model("gpt-4.1-nano", Encoding::O200k, ImageRule::Patches { hundredths: 246 })),
    ("gpt-4.1",      model("gpt-4.1", Encoding::O200k, TILES_4O)),
    ("gpt-4.5",      model("gpt-4.5", Encoding::O200k, TILES_4O)),
    ("gpt-5-mini",   model("gpt-5-mini", Encoding::O200k, ImageRule::Patches { hundredths: 162 })),
    ("gpt-5-nano",   model("gpt-5-nano", Encoding::O200k, ImageRule::Patches { hundredths: 246 })),
    ("gpt-5.1",      model("gpt-5", Encoding::O200k, ImageRule::Tiles { base: 70, tile: 140 })),
    ("gpt-5.2",      model("gpt-5", Encoding::O200k, ImageRule::Tiles { base: 70, tile: 140 })),
    ("gpt-5",        model("gpt-5", Encoding::O200k, ImageRule::Tiles { base: 70, tile: 140 })),
    ("gpt-oss",      model("gpt-oss", Encoding::O200k, TILES_4O)),
    ("o4-mini",      model("o-series", Encoding::O200k, ImageRule::Patches { hundredths: 172 })),
    ("o1",           model("o-series", Encoding::O200k, ImageRule::Tiles { base: 75, tile: 150 })),
    ("o3",           model("o-series", Encoding::O200k, ImageRule::Tiles { base: 75, tile: 150 })),
    ("o4",           model("o-series", Encoding::O200k, ImageRule::Tiles { base: 75, tile: 150 })),
    ("computer-use", model("computer-use", Encoding::O200k, ImageRule::Tiles { base: 65, tile: 129 })),
    ("gpt-4",        model("gpt-4", Encoding::Cl100k, TILES_4O)),
    ("gpt-35-turbo", model("gpt-35-turbo", Encoding::Cl100k, TILES_4O)),
    ("gpt-3.5",      model("gpt-35-turbo", Encoding::Cl100k, TILES_4O)),
    ("text-embedding-3",       model("embedding-3", Encoding::Cl100k, TILES_4O)),
    ("text-embedding-ada-002", model("embedding-ada", Encoding::Cl100k, TILES_4O)),
];

const OTHER: Model = Model {
    family: "other",
    encoding: Encoding::O200k,
    images: TILES_4O,
    known: false,
};

const fn model(family: &'static str, encoding: Encoding, images: ImageRule) -> Model {
    Model {
        family,
        encoding,
        images,
        known: true,
    }
}

impl Model {
    /// What `name` says: a model or deployment name, in any case, with or without the date
    /// or version behind it, with or without a provider before it (`azure/gpt-4o`) or the
    /// mark of a fine-tuned model (`ft:gpt-4o:…`).
    pub fn named(name: &str) -> Model {
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        let begins = |prefix: &str| {
            let head = name.as_bytes().get(..prefix.len())?;
            let next = name.as_bytes().get(prefix.len());
            // `o1` is not `o15`, and an unlisted `gpt-4.9` would not be a `gpt-4`.
            let whole = next.is_none_or(|&byte| !byte.is_ascii_alphanumeric() && byte != b'.');
            (head.eq_ignore_ascii_case(prefix.as_bytes()) && whole).then_some(())
        };
        MODELS
            .iter()
            .find(|(prefix, _)| begins(prefix).is_some())
            .map_or(OTHER, |&(_, model)| model)
    }

    /// Whether it is known to think before it answers, in tokens that are charged and not
    /// shown.
    pub fn thinks(&self) -> bool {
        matches!(
            self.family,
            "o-series" | "gpt-5" | "gpt-5-mini" | "gpt-5-nano" | "gpt-oss" | "computer-use"
        )
    }

    /// The families there are, for a metric's labels.
    pub fn families() -> impl Iterator<Item = &'static str> {
        MODELS
            .iter()
            .map(|(_, model)| model.family)
            .chain([OTHER.family])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_family_and_encoding() {
        use Encoding::{Cl100k, O200k};
        for (name, family, encoding, known) in [
            ("gpt-4o", "gpt-4o", O200k, true),
            ("gpt-4o-2024-08-06", "gpt-4o", O200k, true),
            ("GPT-4o-Mini-2024-07-18", "gpt-4o-mini", O200k, true),
            ("gpt-4o-audio-preview", "gpt-4o", O200k, true),
            ("gpt-4.1", "gpt-4.1", O200k, true),
            ("gpt-4.1-nano-2025-04-14", "gpt-4.1-nano", O200k, true),
            ("gpt-4", "gpt-4", Cl100k, true),
            ("gpt-4-turbo-2024-04-09", "gpt-4", Cl100k, true),
            ("gpt-4-32k", "gpt-4", Cl100k, true),
            ("gpt-35-turbo-16k", "gpt-35-turbo", Cl100k, true),
            ("gpt-3.5-turbo-0125", "gpt-35-turbo", Cl100k, true),
            ("gpt-5", "gpt-5", O200k, true),
            ("gpt-5-mini", "gpt-5-mini", O200k, true),
            ("gpt-5.1-chat", "gpt-5", O200k, true),
            ("gpt-4.9", "other", O200k, false),
            ("o1-preview", "o-series", O200k, true),
            ("o3-mini", "o-series", O200k, true),
            ("o4-mini-2025-04-16", "o-series", O200k, true),
            ("o15", "other", O200k, false),
            ("text-embedding-3-large", "embedding-3", Cl100k, true),
            ("text-embedding-ada-002", "embedding-ada", Cl100k, true),
            ("azure/gpt-4o", "gpt-4o", O200k, true),
            (
                "ft:gpt-4o-mini-2024-07-18:acme::id",
                "gpt-4o-mini",
                O200k,
                true,
            ),
            ("my-deployment", "other", O200k, false),
            ("", "other", O200k, false),
        ] {
            let model = Model::named(name);
            assert_eq!(
                (model.family, model.encoding, model.known),
                (family, encoding, known),
                "{name}"
            );
        }
    }

    #[test]
    fn no_prefix_hides_a_longer_one_below_it() {
        for (index, (prefix, model)) in MODELS.iter().enumerate() {
            assert_eq!(Model::named(prefix), *model, "{prefix} at {index}");
            assert!(Model::families().any(|family| family == model.family));
        }
    }
}
