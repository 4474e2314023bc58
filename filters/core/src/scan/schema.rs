//! The part of the requests' shape that policies depend on, as tables: which keys an
//! object has, which types their values may have, and what each value is for.
//!
//! Source: OpenAI's API reference for chat completions, completions, embeddings and
//! responses; Azure's are the same. What is not here may have any type.

use super::event::TextKind;
use super::fields::Field;
use super::refusal::{Type, Types};
use crate::endpoint::Dialect;

/// An object of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Request(Dialect),
    StreamOptions,
    /// `text` of the Responses API.
    TextOptions,
    /// `reasoning` of the Responses API.
    ReasoningOptions,
    Message,
    /// An entry of the Responses API's `input`.
    Item,
    Part,
    ToolOutputPart,
    ReasoningPart,
    ImageUrl,
    InputAudio,
    File,
    ToolCall,
    /// `function` and `custom` of a tool call.
    CalledFunction,
    /// `function_call` of a message, the predecessor of `tool_calls`.
    FunctionCall,
}

/// An array of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Messages,
    Items,
    Parts,
    ToolOutputParts,
    ReasoningParts,
    ToolCalls,
    Prompts,
    EmbeddingInputs,
    TokenIds,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside<T> {
    /// Its content has any shape and is for nobody but the upstream.
    Any,
    /// This.
    Known(T),
}

/// Where a string is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StringSlot {
    None,
    Model,
    User,
    Role,
    Name,
    ToolCallId,
    ItemType,
    PartType,
    Url,
    Detail,
    Data,
    Format,
    Filename,
    FileId,
    CallId,
    CallName,
    Arguments,
}

/// Where a number is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberSlot {
    None,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    N,
    BestOf,
    TokenId,
}

/// Where a boolean is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BooleanSlot {
    None,
    Stream,
    IncludeUsage,
    Store,
}

/// What a value may be and what it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The types it may have.
    pub types: Types,
    /// As a string, the text the model reads.
    pub text: Option<TextKind>,
    pub string: StringSlot,
    pub number: NumberSlot,
    pub boolean: BooleanSlot,
    pub array: Inside<List>,
    pub object: Inside<Object>,
    /// Whether any value but `null` names something that the provider keeps.
    pub names_state: bool,
    /// The top-level field that this is in another place.
    pub field: Option<Field>,
}

const NOTHING: Shape = Shape {
    types: Types::NONE,
    text: None,
    string: StringSlot::None,
    number: NumberSlot::None,
    boolean: BooleanSlot::None,
    array: Inside::Any,
    object: Inside::Any,
    names_state: false,
    field: None,
};

impl Shape {
    const fn with(self, one: Type) -> Shape {
        Shape {
            types: self.types.with(one),
            ..self
        }
    }
    const fn null(self) -> Shape {
        self.with(Type::Null)
    }
    const fn any_object(self) -> Shape {
        self.with(Type::Object)
    }
    const fn string(self, string: StringSlot) -> Shape {
        Shape { string, ..self }.with(Type::String)
    }
    const fn text(self, kind: TextKind) -> Shape {
        Shape {
            text: Some(kind),
            ..self
        }
        .with(Type::String)
    }
    const fn number(self, number: NumberSlot) -> Shape {
        Shape { number, ..self }.with(Type::Number)
    }
    const fn boolean(self, boolean: BooleanSlot) -> Shape {
        Shape { boolean, ..self }.with(Type::Boolean)
    }
    const fn array(self, list: List) -> Shape {
        Shape {
            array: Inside::Known(list),
            ..self
        }
        .with(Type::Array)
    }
    const fn object(self, object: Object) -> Shape {
        Shape {
            object: Inside::Known(object),
            ..self
        }
        .with(Type::Object)
    }
    const fn names_state(self) -> Shape {
        Shape {
            names_state: true,
            ..self
        }
    }
    const fn field(self, field: Field) -> Shape {
        Shape {
            field: Some(field),
            ..self
        }
    }
}

/// Any type, for nobody but the upstream.
pub(super) const ANY: Shape = Shape {
    types: Types::ALL,
    ..NOTHING
};

/// A known key and the shape of its value.
type Member = (&'static str, Shape);

const STREAM_OPTIONS: &[Member] = &[(
    "include_usage",
    NOTHING.boolean(BooleanSlot::IncludeUsage).null(),
)];

const TEXT_OPTIONS: &[Member] = &[
    ("format", ANY.field(Field::ResponseFormat)),
    ("verbosity", ANY.field(Field::Verbosity)),
];

const REASONING_OPTIONS: &[Member] = &[("effort", ANY.field(Field::ReasoningEffort))];

const MESSAGE: &[Member] = &[
    ("role", NOTHING.string(StringSlot::Role)),
    (
        "content",
        NOTHING.text(TextKind::Content).array(List::Parts).null(),
    ),
    (
        "name",
        NOTHING.text(TextKind::Name).string(StringSlot::Name).null(),
    ),
    ("tool_calls", NOTHING.array(List::ToolCalls).null()),
    (
        "tool_call_id",
        NOTHING.string(StringSlot::ToolCallId).null(),
    ),
    ("function_call", NOTHING.object(Object::FunctionCall).null()),
    ("refusal", NOTHING.text(TextKind::Refusal).null()),
    // An earlier spoken answer, by its id.
    ("audio", NOTHING.any_object().null().names_state()),
];

const ITEM: &[Member] = &[
    ("type", NOTHING.string(StringSlot::ItemType).null()),
    ("role", NOTHING.string(StringSlot::Role).null()),
    (
        "content",
        NOTHING.text(TextKind::Content).array(List::Parts).null(),
    ),
    ("call_id", NOTHING.string(StringSlot::CallId).null()),
    (
        "name",
        NOTHING
            .text(TextKind::ToolName)
            .string(StringSlot::CallName)
            .null(),
    ),
    (
        "arguments",
        NOTHING
            .text(TextKind::ToolArguments)
            .string(StringSlot::Arguments)
            .null(),
    ),
    (
        "input",
        NOTHING
            .text(TextKind::ToolArguments)
            .string(StringSlot::Arguments)
            .null(),
    ),
    (
        "output",
        NOTHING
            .text(TextKind::ToolOutput)
            .array(List::ToolOutputParts)
            .object(Object::ToolOutputPart)
            .null(),
    ),
    ("summary", NOTHING.array(List::ReasoningParts).null()),
    ("id", ANY),
    ("status", ANY),
    ("encrypted_content", ANY),
];

const fn part(text: TextKind) -> [Member; 11] {
    [
        ("type", NOTHING.string(StringSlot::PartType)),
        ("text", NOTHING.text(text).null()),
        ("refusal", NOTHING.text(TextKind::Refusal).null()),
        (
            "image_url",
            NOTHING
                .object(Object::ImageUrl)
                .string(StringSlot::Url)
                .null(),
        ),
        ("detail", NOTHING.string(StringSlot::Detail).null()),
        ("input_audio", NOTHING.object(Object::InputAudio)),
        ("file", NOTHING.object(Object::File)),
        (
            "file_id",
            NOTHING.string(StringSlot::FileId).null().names_state(),
        ),
        ("file_data", NOTHING.string(StringSlot::Data).null()),
        ("file_url", NOTHING.string(StringSlot::Url).null()),
        ("filename", NOTHING.string(StringSlot::Filename).null()),
    ]
}

const PART: &[Member] = &part(TextKind::Content);
const TOOL_OUTPUT_PART: &[Member] = &part(TextKind::ToolOutput);
const REASONING_PART: &[Member] = &part(TextKind::Reasoning);

const IMAGE_URL: &[Member] = &[
    ("url", NOTHING.string(StringSlot::Url)),
    ("detail", NOTHING.string(StringSlot::Detail).null()),
];

const INPUT_AUDIO: &[Member] = &[
    ("data", NOTHING.string(StringSlot::Data)),
    ("format", NOTHING.string(StringSlot::Format)),
];

const FILE: &[Member] = &[
    (
        "file_id",
        NOTHING.string(StringSlot::FileId).null().names_state(),
    ),
    ("file_data", NOTHING.string(StringSlot::Data).null()),
    ("filename", NOTHING.string(StringSlot::Filename).null()),
];

const TOOL_CALL: &[Member] = &[
    ("id", NOTHING.string(StringSlot::CallId).null()),
    ("type", ANY),
    ("function", NOTHING.object(Object::CalledFunction)),
    ("custom", NOTHING.object(Object::CalledFunction)),
];

const FUNCTION: &[Member] = &[
    (
        "name",
        NOTHING
            .text(TextKind::ToolName)
            .string(StringSlot::CallName),
    ),
    (
        "arguments",
        NOTHING
            .text(TextKind::ToolArguments)
            .string(StringSlot::Arguments),
    ),
    // A custom tool takes free text instead.
    (
        "input",
        NOTHING
            .text(TextKind::ToolArguments)
            .string(StringSlot::Arguments),
    ),
];

/// The shape of a top-level field.
fn request(dialect: Dialect, field: Field) -> &'static Shape {
    use Dialect::{Chat, Completions, Embeddings, Responses};
    const fn count(slot: NumberSlot) -> Shape {
        NOTHING.number(slot).null()
    }
    match (field, dialect) {
        (Field::Model, _) => &const { NOTHING.string(StringSlot::Model).null() },
        (Field::User, _) => &const { NOTHING.string(StringSlot::User).null() },
        (Field::Stream, _) => &const { NOTHING.boolean(BooleanSlot::Stream).null() },
        (Field::StreamOptions, _) => &const { NOTHING.object(Object::StreamOptions).null() },
        (Field::Store, _) => &const { NOTHING.boolean(BooleanSlot::Store).null() },
        (Field::MaxTokens, _) => &const { count(NumberSlot::MaxTokens) },
        (Field::MaxCompletionTokens, _) => &const { count(NumberSlot::MaxCompletionTokens) },
        (Field::MaxOutputTokens, _) => &const { count(NumberSlot::MaxOutputTokens) },
        (Field::N, _) => &const { count(NumberSlot::N) },
        (Field::BestOf, _) => &const { count(NumberSlot::BestOf) },
        (Field::Messages, Chat) => &const { NOTHING.array(List::Messages) },
        (Field::Prompt, Completions) => {
            &const { NOTHING.text(TextKind::Prompt).array(List::Prompts).null() }
        }
        (Field::Suffix, Completions) => &const { NOTHING.text(TextKind::Suffix).null() },
        (Field::Input, Embeddings) => {
            &const {
                NOTHING
                    .text(TextKind::EmbeddingInput)
                    .array(List::EmbeddingInputs)
            }
        }
        (Field::Input, Responses) => {
            &const { NOTHING.text(TextKind::Content).array(List::Items).null() }
        }
        (Field::Instructions, Responses) => &const { NOTHING.text(TextKind::Instructions).null() },
        (Field::PreviousResponseId, Responses) => {
            &const { NOTHING.string(StringSlot::None).null().names_state() }
        }
        (Field::Conversation, Responses) => {
            &const {
                NOTHING
                    .string(StringSlot::None)
                    .any_object()
                    .null()
                    .names_state()
            }
        }
        (Field::Prompt, Responses) => &const { NOTHING.any_object().null().names_state() },
        (Field::Text, Responses) => &const { NOTHING.object(Object::TextOptions).null() },
        (Field::Reasoning, Responses) => &const { NOTHING.object(Object::ReasoningOptions).null() },
        _ => &ANY,
    }
}

impl Object {
    fn members(self) -> &'static [Member] {
        match self {
            // Looked up by name in `Field` instead.
            Object::Request(_) => &[],
            Object::StreamOptions => STREAM_OPTIONS,
            Object::TextOptions => TEXT_OPTIONS,
            Object::ReasoningOptions => REASONING_OPTIONS,
            Object::Message => MESSAGE,
            Object::Item => ITEM,
            Object::Part => PART,
            Object::ToolOutputPart => TOOL_OUTPUT_PART,
            Object::ReasoningPart => REASONING_PART,
            Object::ImageUrl => IMAGE_URL,
            Object::InputAudio => INPUT_AUDIO,
            Object::File => FILE,
            Object::ToolCall => TOOL_CALL,
            Object::CalledFunction | Object::FunctionCall => FUNCTION,
        }
    }

    /// The number of the key `name`, below 64; `None` for a key the schema does not know.
    pub(super) fn key(self, name: &[u8]) -> Option<u8> {
        if let Object::Request(_) = self {
            return Field::named(name).map(|field| field as u8);
        }
        let position = self
            .members()
            .iter()
            .position(|(key, _)| key.as_bytes() == name);
        position.and_then(|position| u8::try_from(position).ok())
    }

    /// The name and shape behind a number that [`Object::key`] gave.
    pub(super) fn member(self, key: u8) -> (&'static str, &'static Shape) {
        let index = usize::from(key);
        let known = match self {
            Object::Request(dialect) => Field::ALL
                .get(index)
                .map(|field| (field.name(), request(dialect, *field))),
            _ => self
                .members()
                .get(index)
                .map(|(name, shape)| (*name, shape)),
        };
        known.unwrap_or(("", &ANY))
    }
}

impl List {
    /// The shape of the elements.
    pub(super) fn element(self) -> &'static Shape {
        match self {
            List::Messages => &const { NOTHING.object(Object::Message) },
            List::Items => &const { NOTHING.object(Object::Item) },
            List::Parts => &const { NOTHING.object(Object::Part) },
            List::ToolOutputParts => &const { NOTHING.object(Object::ToolOutputPart) },
            List::ReasoningParts => &const { NOTHING.object(Object::ReasoningPart) },
            List::ToolCalls => &const { NOTHING.object(Object::ToolCall) },
            List::Prompts => {
                &const {
                    NOTHING
                        .text(TextKind::Prompt)
                        .number(NumberSlot::TokenId)
                        .array(List::TokenIds)
                }
            }
            List::EmbeddingInputs => {
                &const {
                    NOTHING
                        .text(TextKind::EmbeddingInput)
                        .number(NumberSlot::TokenId)
                        .array(List::TokenIds)
                }
            }
            List::TokenIds => &const { NOTHING.number(NumberSlot::TokenId) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::refusal::SCHEMA_DEPTH;

    /// The deepest container of the schema inside (and with) one of this shape.
    fn depth(shape: &Shape) -> usize {
        let array = match shape.array {
            Inside::Known(list) => 1 + depth(list.element()),
            Inside::Any => 0,
        };
        let object = match shape.object {
            Inside::Known(object) => {
                let keys = 0..64u8;
                1 + keys.map(|key| depth(object.member(key).1)).max().unwrap()
            }
            Inside::Any => 0,
        };
        array.max(object)
    }

    #[test]
    fn the_schema_is_as_deep_as_paths_are() {
        for dialect in [
            Dialect::Chat,
            Dialect::Completions,
            Dialect::Embeddings,
            Dialect::Responses,
        ] {
            let reached = depth(&NOTHING.object(Object::Request(dialect)));
            assert!(reached <= SCHEMA_DEPTH, "{dialect:?} reaches {reached}");
        }
        assert_eq!(
            depth(&NOTHING.object(Object::Request(Dialect::Chat))),
            SCHEMA_DEPTH
        );
    }

    #[test]
    fn keys_are_found_by_name() {
        for object in [
            Object::Message,
            Object::Item,
            Object::Part,
            Object::Request(Dialect::Chat),
        ] {
            for key in 0..64 {
                let (name, _) = object.member(key);
                assert!(
                    name.is_empty() || object.key(name.as_bytes()) == Some(key),
                    "{name}"
                );
            }
            assert_eq!(object.key(b"unheard_of"), None);
        }
    }
}
