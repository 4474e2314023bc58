//! What the scanner tells while it reads.

use super::{Field, JsonStr, Token};
use crate::Span;
use crate::json::unescape_short;

/// Receives what the scanner finds, in the order of the body.
pub trait Sink {
    /// Takes one finding.
    fn event(&mut self, event: Event<'_>);

    /// Takes one token, before what is found by it. Goes by where it is not implemented.
    #[inline(always)]
    fn token(&mut self, _token: Token) {}
}

/// Takes no interest.
impl Sink for () {
    fn event(&mut self, _: Event<'_>) {}
}

/// A finding. Offsets and spans are places in the request body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// A message (Responses API: an input item) begins.
    MessageStart {
        /// Its position in `messages` or `input`.
        index: u32,
        /// Offset of its opening brace.
        at: u32,
    },
    /// More of a text, as it arrives.
    Text(Text<'a>),
    /// A text is complete (also an empty one, which had no pieces).
    TextEnd {
        /// What it is.
        kind: TextKind,
        /// Its author as far as known: `role` may stand after it, see [`Message::role`].
        role: Option<Role>,
        /// All of it.
        content: JsonStr,
    },
    /// A part of a message's content or of a tool's output is complete.
    Part(&'a Part),
    /// A tool call in a message is complete (Responses API: a `function_call` item).
    ToolCall(&'a ToolCall),
    /// A message is complete.
    MessageEnd(&'a Message),
    /// One input given as token ids is complete.
    TokenIds {
        /// How many ids.
        count: u64,
        /// The array.
        span: Span,
    },
    /// A field of the request is complete, whatever its type; `null` counts.
    Field {
        /// Which.
        field: Field,
        /// Its value as it stands in the body, quotes and brackets included.
        value: Span,
    },
    /// A top-level field that [`Field`] has no name for.
    UnknownField {
        /// Its key.
        key: JsonStr,
        /// Its value as it stands in the body.
        value: Span,
    },
    /// A member, unknown to the schema, of a message or of an object inside one: it may
    /// hold text the model reads.
    UnknownMember {
        /// Its key.
        key: JsonStr,
        /// Its value as it stands in the body.
        value: Span,
    },
}

/// A piece of a text. Pieces are adjacent, never empty, and never cut a character, an
/// escape or a surrogate pair; how a text is cut into pieces depends on the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// What the text is.
    pub kind: TextKind,
    /// Its author as far as known.
    pub role: Option<Role>,
    /// Offset of the first byte.
    pub at: u32,
    /// The bytes, UTF-8, still escaped.
    pub bytes: &'a [u8],
}

/// What a text is. All of them are read by the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// A message's content, a text part of it, or the Responses API's `input` string.
    Content,
    /// `refusal`: an earlier answer in which the assistant declined.
    Refusal,
    /// A message's `name`.
    Name,
    /// The name of a called function.
    ToolName,
    /// The arguments of a called function, usually JSON, escaped once more.
    ToolArguments,
    /// What a called function gave back (Responses API; in chat it is the content of a
    /// message whose role is `tool`).
    ToolOutput,
    /// A summary of earlier reasoning, handed back (Responses API).
    Reasoning,
    /// `instructions` of the Responses API.
    Instructions,
    /// A prompt of legacy completions.
    Prompt,
    /// `suffix` of legacy completions.
    Suffix,
    /// A text to embed.
    EmbeddingInput,
}

/// Who a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `system`
    System,
    /// `developer`
    Developer,
    /// `user`
    User,
    /// `assistant`
    Assistant,
    /// `tool`
    Tool,
    /// `function`, the predecessor of `tool`
    Function,
    /// Any other word; what it means is up to the upstream.
    Other,
}

/// What an entry of `messages` or `input` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ItemKind {
    /// A message: every entry of `messages`, and items of type `message` or none.
    #[default]
    Message,
    /// `function_call`, `custom_tool_call`
    ToolCall,
    /// `function_call_output`, `custom_tool_call_output`
    ToolOutput,
    /// `reasoning`
    Reasoning,
    /// `item_reference`: an item that the provider keeps.
    Reference,
    /// Any other type, such as calls of the provider's own tools.
    Other,
}

/// A message, or an input item of the Responses API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its position in `messages` or `input`.
    pub index: u32,
    /// All of it, braces included.
    pub span: Span,
    /// What it is.
    pub kind: ItemKind,
    /// Who it is from; `None` where it has no role.
    pub role: Option<Role>,
    /// Its author's name.
    pub name: Option<JsonStr>,
    /// The call it answers: `tool_call_id`, or `call_id` of an output item; of an item of any other
    /// kind its `call_id`, whichever side of the call it is.
    pub tool_call_id: Option<JsonStr>,
}

/// What a content part is, by its `type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartKind {
    /// `text`, `input_text`, `output_text`, `summary_text`, `reasoning_text`
    Text,
    /// `refusal`
    Refusal,
    /// `image_url`, `input_image`, `computer_screenshot`
    Image,
    /// `input_audio`
    Audio,
    /// `file`, `input_file`
    File,
    /// None, or one that is not known.
    #[default]
    Other,
}

/// A content part. Its text, if any, was told before, as [`Event::TextEnd`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its position in the array; 0 for a lone object.
    pub index: u32,
    /// All of it, braces included.
    pub span: Span,
    /// What it is.
    pub kind: PartKind,
    /// Where an image or file comes from, often a `data:` URL.
    pub url: Option<JsonStr>,
    /// An image's `detail`.
    pub detail: Option<JsonStr>,
    /// The base64 of audio (`data`) or of a file (`file_data`).
    pub data: Option<JsonStr>,
    /// Audio's `format`.
    pub format: Option<JsonStr>,
    /// A file's name.
    pub filename: Option<JsonStr>,
    /// A file or image that the provider keeps.
    pub file_id: Option<JsonStr>,
}

/// A call of a function by the assistant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// All of it, braces included.
    pub span: Span,
    /// `id`, `call_id` in the Responses API; the old `function_call` has none.
    pub id: Option<JsonStr>,
    /// The function's name.
    pub name: Option<JsonStr>,
    /// Its arguments.
    pub arguments: Option<JsonStr>,
}

/// Words longer than any that is compared: `custom_tool_call_output` has 23 characters.
const WORD: usize = 32;

/// What a word of the protocol means, by a function from its unescaped bytes.
fn read<T>(word: JsonStr, body: &[u8], other: T, meaning: impl Fn(&[u8]) -> T) -> T {
    let raw = word.span.of(body);
    if !word.escaped {
        return meaning(raw);
    }
    let mut room = [0; WORD];
    unescape_short(raw, &mut room).map_or(other, meaning)
}

impl Role {
    pub(super) fn read(word: JsonStr, body: &[u8]) -> Role {
        read(word, body, Role::Other, |word| match word {
            b"system" => Role::System,
            b"developer" => Role::Developer,
            b"user" => Role::User,
            b"assistant" => Role::Assistant,
            b"tool" => Role::Tool,
            b"function" => Role::Function,
            _ => Role::Other,
        })
    }
}

impl ItemKind {
    pub(super) fn read(word: JsonStr, body: &[u8]) -> ItemKind {
        read(word, body, ItemKind::Other, |word| match word {
            b"message" => ItemKind::Message,
            b"function_call" | b"custom_tool_call" => ItemKind::ToolCall,
            b"function_call_output" | b"custom_tool_call_output" => ItemKind::ToolOutput,
            b"reasoning" => ItemKind::Reasoning,
            b"item_reference" => ItemKind::Reference,
            _ => ItemKind::Other,
        })
    }
}

impl PartKind {
    pub(super) fn read(word: JsonStr, body: &[u8]) -> PartKind {
        read(word, body, PartKind::Other, |word| match word {
            b"text" | b"input_text" | b"output_text" | b"summary_text" | b"reasoning_text" => {
                PartKind::Text
            }
            b"refusal" => PartKind::Refusal,
            b"image_url" | b"input_image" | b"computer_screenshot" => PartKind::Image,
            b"input_audio" => PartKind::Audio,
            b"file" | b"input_file" => PartKind::File,
            _ => PartKind::Other,
        })
    }
}
