//! The request's top-level fields, in a struct of fixed size.

use crate::Span;

/// A string in the body: what stands between its quotes, still escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonStr {
    /// The content, without the quotes.
    pub span: Span,
    /// Whether it holds escapes, that is, whether the bytes differ from their meaning.
    pub escaped: bool,
}

/// Declares [`Field`] with the names the fields have on the wire: as bytes, because a
/// `match` on bytes becomes a decision tree, on `str` a chain of comparisons.
macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// A top-level field that Tollgate knows, in any dialect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Field {
            $(#[doc = concat!("`", stringify!($variant), "` in snake case. ")] $(#[$doc])* $variant,)*
        }

        impl Field {
            /// Every field, in the order of their discriminants.
            pub const ALL: &[Field] = &[$(Field::$variant),*];

            /// The field's key.
            pub const fn name(self) -> &'static str {
                let name: &'static [u8] = match self { $(Field::$variant => $name),* };
                match core::str::from_utf8(name) {
                    Ok(name) => name,
                    Err(_) => "",
                }
            }

            /// The field with this key.
            pub fn named(key: &[u8]) -> Option<Field> {
                Some(match key { $($name => Field::$variant,)* _ => return None })
            }
        }
    };
}

fields! {
    Audio b"audio",
    Background b"background",
    BestOf b"best_of",
    Conversation b"conversation",
    Dimensions b"dimensions",
    Echo b"echo",
    EncodingFormat b"encoding_format",
    FrequencyPenalty b"frequency_penalty",
    FunctionCall b"function_call",
    Functions b"functions",
    Include b"include",
    Input b"input",
    Instructions b"instructions",
    LogitBias b"logit_bias",
    Logprobs b"logprobs",
    MaxCompletionTokens b"max_completion_tokens",
    MaxOutputTokens b"max_output_tokens",
    MaxTokens b"max_tokens",
    MaxToolCalls b"max_tool_calls",
    Messages b"messages",
    Metadata b"metadata",
    Modalities b"modalities",
    Model b"model",
    N b"n",
    ParallelToolCalls b"parallel_tool_calls",
    Prediction b"prediction",
    PresencePenalty b"presence_penalty",
    PreviousResponseId b"previous_response_id",
    Prompt b"prompt",
    PromptCacheKey b"prompt_cache_key",
    Reasoning b"reasoning",
    /// In the Responses API `reasoning.effort`.
    ReasoningEffort b"reasoning_effort",
    /// In the Responses API `text.format`.
    ResponseFormat b"response_format",
    SafetyIdentifier b"safety_identifier",
    Seed b"seed",
    ServiceTier b"service_tier",
    Stop b"stop",
    Store b"store",
    Stream b"stream",
    StreamOptions b"stream_options",
    Suffix b"suffix",
    Temperature b"temperature",
    Text b"text",
    ToolChoice b"tool_choice",
    Tools b"tools",
    TopK b"top_k",
    TopLogprobs b"top_logprobs",
    TopP b"top_p",
    Truncation b"truncation",
    User b"user",
    /// In the Responses API `text.verbosity`.
    Verbosity b"verbosity",
    WebSearchOptions b"web_search_options",
}

/// The scanner marks keys it has seen in 64 bits.
const _: () = assert!(Field::ALL.len() <= 64);

/// What the request says at its top level. `null` is as good as absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fields {
    /// `model`
    pub model: Option<JsonStr>,
    /// `user`
    pub user: Option<JsonStr>,
    /// `stream`
    pub stream: Option<bool>,
    /// `stream_options.include_usage`
    pub include_usage: Option<bool>,
    /// `store`
    pub store: Option<bool>,
    /// `max_tokens`. Like every count here: `u64::MAX` for what does not fit 64 bits.
    pub max_tokens: Option<u64>,
    /// `max_completion_tokens`
    pub max_completion_tokens: Option<u64>,
    /// `max_output_tokens`
    pub max_output_tokens: Option<u64>,
    /// `n`
    pub n: Option<u64>,
    /// `best_of`
    pub best_of: Option<u64>,
    /// Entries of `messages`, or items of the Responses API's `input`.
    pub messages: u32,
    /// Prompts of completions, or texts to embed.
    pub inputs: u32,
    /// Token ids in the inputs.
    pub token_ids: u64,
    /// Whether the request names something that the provider keeps (an earlier response, a
    /// conversation, a stored prompt or item, a file, earlier audio): the model reads more
    /// than the body shows, and only the region that keeps it can answer.
    pub names_provider_state: bool,
    values: [Span; Field::ALL.len()],
}

impl Default for Fields {
    fn default() -> Fields {
        Fields {
            model: None,
            user: None,
            stream: None,
            include_usage: None,
            store: None,
            max_tokens: None,
            max_completion_tokens: None,
            max_output_tokens: None,
            n: None,
            best_of: None,
            messages: 0,
            inputs: 0,
            token_ids: 0,
            names_provider_state: false,
            values: [Span::default(); Field::ALL.len()],
        }
    }
}

impl Fields {
    /// The value of `field` as it stands in the body, quotes and brackets included;
    /// `None` where the request does not have it.
    pub fn value(&self, field: Field) -> Option<Span> {
        self.values
            .get(usize::from(field as u8))
            .copied()
            .filter(|span| !span.is_empty())
    }

    pub(super) fn set_value(&mut self, field: Field, value: Span) {
        if let Some(place) = self.values.get_mut(usize::from(field as u8)) {
            *place = value;
        }
    }
}
