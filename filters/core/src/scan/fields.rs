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

/// Declares [`Field`] with the names the fields have on the wire.
macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// A top-level field that Tollgate knows, in any dialect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Field {
            $($(#[$doc])* #[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Field {
            /// Every field, in the order of their discriminants.
            pub const ALL: &[Field] = &[$(Field::$variant),*];

            /// The field's key.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => $name),* }
            }

            /// The field with this key.
            pub fn named(key: &str) -> Option<Field> {
                Some(match key { $($name => Field::$variant,)* _ => return None })
            }
        }
    };
}

fields! {
    Audio "audio",
    Background "background",
    BestOf "best_of",
    Conversation "conversation",
    Dimensions "dimensions",
    Echo "echo",
    EncodingFormat "encoding_format",
    FrequencyPenalty "frequency_penalty",
    FunctionCall "function_call",
    Functions "functions",
    Include "include",
    Input "input",
    Instructions "instructions",
    LogitBias "logit_bias",
    Logprobs "logprobs",
    MaxCompletionTokens "max_completion_tokens",
    MaxOutputTokens "max_output_tokens",
    MaxTokens "max_tokens",
    MaxToolCalls "max_tool_calls",
    Messages "messages",
    Metadata "metadata",
    Modalities "modalities",
    Model "model",
    N "n",
    ParallelToolCalls "parallel_tool_calls",
    Prediction "prediction",
    PresencePenalty "presence_penalty",
    PreviousResponseId "previous_response_id",
    Prompt "prompt",
    PromptCacheKey "prompt_cache_key",
    Reasoning "reasoning",
    /// In the Responses API `reasoning.effort`:
    ReasoningEffort "reasoning_effort",
    /// In the Responses API `text.format`:
    ResponseFormat "response_format",
    SafetyIdentifier "safety_identifier",
    Seed "seed",
    ServiceTier "service_tier",
    Stop "stop",
    Store "store",
    Stream "stream",
    StreamOptions "stream_options",
    Suffix "suffix",
    Temperature "temperature",
    Text "text",
    ToolChoice "tool_choice",
    Tools "tools",
    TopK "top_k",
    TopLogprobs "top_logprobs",
    TopP "top_p",
    Truncation "truncation",
    User "user",
    /// In the Responses API `text.verbosity`:
    Verbosity "verbosity",
    WebSearchOptions "web_search_options",
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
