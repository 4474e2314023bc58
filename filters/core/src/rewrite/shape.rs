//! The members of an answer that are rewritten or say what is, and where they stand.
//!
//! <https://platform.openai.com/docs/api-reference/chat-streaming>,
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use crate::json::Container;

/// An object or array, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Node {
    /// None that matters.
    #[default]
    Other,
    /// A document, or an event of a stream.
    Answer,
    /// The answer that an event of the Responses API carries.
    Carried,
    Choices,
    Choice,
    /// What an event adds to a message.
    Delta,
    /// A whole message.
    Message,
    Calls,
    Call,
    /// The function or custom tool that a call names, and what for.
    Function,
    /// The `output` of the Responses API.
    Items,
    Item,
    /// Sound, and what it says.
    Audio,
    /// How likely each token was: it says the text again.
    Logprobs,
    /// Part of a delta that is not followed.
    Unfollowed,
    /// Content that is an array.
    Parts,
    Part,
}

/// A member of an object, as far as its name tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Member {
    /// None that matters; an element of an array.
    #[default]
    Other,
    Arguments,
    Audio,
    Calls,
    Choices,
    /// The code of an interpreter's call.
    Code,
    Content,
    Custom,
    Delta,
    FinishReason,
    Function,
    Index,
    /// The input of a custom tool.
    Input,
    Item,
    /// What something is called: no text.
    Label,
    Logprobs,
    Message,
    Obfuscation,
    Output,
    /// Which item of the output an event of the Responses API belongs to,
    OutputIndex,
    Part,
    /// and which part of it.
    PartIndex,
    Reasoning,
    Refusal,
    Response,
    SequenceNumber,
    Text,
    /// What some servers call [`Member::Reasoning`].
    Thinking,
    Transcript,
    Type,
}

impl Member {
    pub(super) fn named(name: &[u8]) -> Member {
        match name {
            b"arguments" => Member::Arguments,
            b"audio" => Member::Audio,
            b"choices" => Member::Choices,
            b"code" => Member::Code,
            b"content" => Member::Content,
            b"content_index" | b"summary_index" => Member::PartIndex,
            b"custom" => Member::Custom,
            b"delta" => Member::Delta,
            b"finish_reason" => Member::FinishReason,
            b"function" | b"function_call" => Member::Function,
            b"id" | b"name" | b"role" => Member::Label,
            b"index" => Member::Index,
            b"input" => Member::Input,
            b"item" => Member::Item,
            b"logprobs" => Member::Logprobs,
            b"message" => Member::Message,
            b"obfuscation" => Member::Obfuscation,
            b"output" => Member::Output,
            b"output_index" => Member::OutputIndex,
            b"part" => Member::Part,
            b"reasoning" => Member::Thinking,
            b"reasoning_content" => Member::Reasoning,
            b"refusal" => Member::Refusal,
            b"response" => Member::Response,
            b"sequence_number" => Member::SequenceNumber,
            b"summary" => Member::Content,
            b"text" => Member::Text,
            b"tool_calls" => Member::Calls,
            b"transcript" => Member::Transcript,
            b"type" => Member::Type,
            _ => Member::Other,
        }
    }
}

impl Node {
    /// What opens in it as this member.
    pub(super) fn child(self, member: Member, container: Container) -> Node {
        match (self, member, container) {
            (Node::Answer, Member::Choices, Container::Array) => Node::Choices,
            (Node::Answer, Member::Response, Container::Object) => Node::Carried,
            (Node::Answer | Node::Carried, Member::Output, Container::Array) => Node::Items,
            (Node::Answer, Member::Item, Container::Object) => Node::Item,
            (Node::Answer, Member::Part, Container::Object) => Node::Part,
            (Node::Choices, _, Container::Object) => Node::Choice,
            (Node::Choice, Member::Delta, Container::Object) => Node::Delta,
            (Node::Choice, Member::Message, Container::Object) => Node::Message,
            (Node::Delta | Node::Message, Member::Calls, Container::Array) => Node::Calls,
            (Node::Calls, _, Container::Object) => Node::Call,
            (
                Node::Delta | Node::Message | Node::Call,
                Member::Function | Member::Custom,
                Container::Object,
            ) => Node::Function,
            (Node::Items, _, Container::Object) => Node::Item,
            (Node::Message | Node::Item, Member::Content, Container::Array) => Node::Parts,
            (Node::Parts, _, Container::Object) => Node::Part,
            (Node::Choice | Node::Delta | Node::Answer | Node::Part, Member::Logprobs, _) => {
                Node::Logprobs
            }
            (Node::Delta | Node::Message, Member::Audio, Container::Object) => Node::Audio,
            (Node::Delta | Node::Unfollowed, _, _) => Node::Unfollowed,
            _ => Node::Other,
        }
    }
}
