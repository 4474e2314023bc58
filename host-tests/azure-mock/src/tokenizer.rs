//! Which real tokenizer a model has, and text as that tokenizer's tokens.

use std::borrow::Cow;

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

/// The tokenizer of `model`; a name nobody knows is taken for a new model, which all use
/// `o200k_base`. The first use of a vocabulary loads it, a tenth of a second.
pub(crate) fn of_model(model: &str) -> &'static CoreBPE {
    match get_tokenizer(model) {
        Some(Tokenizer::Cl100kBase) => tiktoken_rs::cl100k_base_singleton(),
        _ => tiktoken_rs::o200k_base_singleton(),
    }
}

/// A piece of an answer: what one event of a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: Cow<'static, str>,
    /// Tokens in it; more than one where a character is made of several.
    pub(crate) tokens: u64,
}

impl Piece {
    /// A piece that is one token.
    pub(crate) const fn word(text: &'static str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            tokens: 1,
        }
    }
}

/// Cuts `text` where its tokens meet. With no tokenizer (`--fixed-usage`) a piece is a
/// word with the space before it.
pub(crate) fn pieces(tokenizer: Option<&CoreBPE>, text: &str) -> Vec<Piece> {
    let Some(tokenizer) = tokenizer else {
        return words(text);
    };
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    let mut tokens = 0;
    for token in tokenizer.encode_ordinary(text) {
        // Every token the tokenizer made, it can decode.
        bytes.extend(tokenizer.decode_bytes(&[token]).unwrap_or_default());
        tokens += 1;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let text = Cow::Owned(text.to_owned());
            pieces.push(Piece { text, tokens });
            bytes.clear();
            tokens = 0;
        }
    }
    pieces
}

fn words(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| c != ' ').unwrap_or(rest.len());
        let end = rest[word..].find(' ').map_or(rest.len(), |end| word + end);
        let text = Cow::Owned(rest[..end].to_owned());
        pieces.push(Piece { text, tokens: 1 });
        rest = &rest[end..];
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_tokenizers() {
        let text = "日本語のテキスト";
        let o200k = tiktoken_rs::o200k_base_singleton().encode_ordinary(text);
        let cl100k = tiktoken_rs::cl100k_base_singleton().encode_ordinary(text);
        assert_ne!(o200k, cl100k);
        for (model, expected) in [
            ("gpt-4o-2024-11-20", &o200k),
            ("gpt-4.1-mini-2025-04-14", &o200k),
            ("gpt-5", &o200k),
            ("o4-mini", &o200k),
            ("made-up", &o200k),
            ("gpt-4", &cl100k),
            ("gpt-35-turbo-0125", &cl100k),
            ("text-embedding-3-small", &cl100k),
        ] {
            assert_eq!(&of_model(model).encode_ordinary(text), expected, "{model}");
        }
    }

    #[test]
    fn pieces_put_together_are_the_text() {
        let o200k = of_model("gpt-4o");
        for text in ["", "Hello, world!", "naïve 👩‍👩‍👧 日本", "  two  spaces ", "𓀀𓀁"]
        {
            for tokenizer in [Some(o200k), None] {
                let pieces = pieces(tokenizer, text);
                let together: String = pieces.iter().map(|p| p.text.as_ref()).collect();
                assert_eq!(together, text);
                if tokenizer.is_some() {
                    let tokens: u64 = pieces.iter().map(|p| p.tokens).sum();
                    assert_eq!(tokens, o200k.encode_ordinary(text).len() as u64, "{text}");
                }
            }
        }
    }
}
