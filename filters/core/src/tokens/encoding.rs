//! The vocabularies a model may have.

/// How a model turns text into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: gpt-4o and all that came after it.
    O200k,
    /// `cl100k_base`: gpt-4, gpt-3.5 and the embedding models.
    Cl100k,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Encoding; 2] = [Encoding::O200k, Encoding::Cl100k];

    /// Its name in OpenAI's tiktoken.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::O200k => "o200k_base",
            Encoding::Cl100k => "cl100k_base",
        }
    }
}
