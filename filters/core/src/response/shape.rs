//! The members of an answer that matter, and where they stand.
//!
//! Chat completions and completions put their output into `choices`, the Responses API into
//! `output`, and in a stream into the `delta` of its events.
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
    /// The answer that an event of the Responses API carries. Its text has come before, in
    /// deltas, and is not read again.
    Carried,
    Usage,
    /// What `usage` says of the prompt.
    PromptDetails,
    Choices,
    Choice,
    /// A `message`, or the `delta` of one.
    Message,
    Calls,
    Call,
    /// The function or custom tool that a call names, and what for.
    Function,
    /// The `output` of the Responses API.
    Items,
    Item,
    /// Why an answer of the Responses API is incomplete.
    Details,
    /// Content that is an array.
    Parts,
    Part,
}

/// A member of such an object, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Member {
    /// None that matters; an element of an array.
    #[default]
    Other,
    Error,
    Type,
    Status,
    Details,
    Reason,
    FinishReason,
    Index,
    Model,
    Carried,
    Usage,
    PromptTokens,
    CompletionTokens,
    CachedTokens,
    PromptDetails,
    Choices,
    Message,
    Calls,
    Function,
    Items,
    /// Output where it is a string.
    Text,
    /// Output where it is a string or an array of parts.
    Content,
    /// Output where it is a string, unless the event's type says that it is audio.
    Delta,
}

impl Node {
    /// The member of this name.
    pub(super) fn member(self, name: &[u8]) -> Member {
        match self {
            Node::Answer => match name {
                b"choices" => Member::Choices,
                b"delta" => Member::Delta,
                b"error" => Member::Error,
                b"incomplete_details" => Member::Details,
                b"model" => Member::Model,
                b"output" => Member::Items,
                b"response" => Member::Carried,
                b"status" => Member::Status,
                b"type" => Member::Type,
                b"usage" => Member::Usage,
                _ => Member::Other,
            },
            Node::Carried => match name {
                b"error" => Member::Error,
                b"incomplete_details" => Member::Details,
                b"model" => Member::Model,
                b"status" => Member::Status,
                b"usage" => Member::Usage,
                _ => Member::Other,
            },
            Node::Usage => match name {
                b"prompt_tokens" | b"input_tokens" => Member::PromptTokens,
                b"completion_tokens" | b"output_tokens" => Member::CompletionTokens,
                b"prompt_tokens_details" | b"input_tokens_details" => Member::PromptDetails,
                _ => Member::Other,
            },
            Node::PromptDetails => match name {
                b"cached_tokens" => Member::CachedTokens,
                _ => Member::Other,
            },
            Node::Details => match name {
                b"reason" => Member::Reason,
                _ => Member::Other,
            },
            Node::Choice => match name {
                b"delta" | b"message" => Member::Message,
                b"finish_reason" => Member::FinishReason,
                b"index" => Member::Index,
                b"text" => Member::Text,
                _ => Member::Other,
            },
            Node::Message => match name {
                b"content" | b"reasoning_content" => Member::Content,
                b"refusal" => Member::Text,
                b"tool_calls" => Member::Calls,
                b"function_call" => Member::Function,
                _ => Member::Other,
            },
            Node::Call => match name {
                b"function" | b"custom" => Member::Function,
                _ => Member::Other,
            },
            Node::Function => match name {
                b"name" | b"arguments" | b"input" => Member::Text,
                _ => Member::Other,
            },
            Node::Item => match name {
                b"content" | b"summary" => Member::Content,
                b"name" | b"arguments" | b"input" | b"code" => Member::Text,
                _ => Member::Other,
            },
            Node::Part => match name {
                b"text" | b"refusal" => Member::Text,
                _ => Member::Other,
            },
            Node::Other | Node::Choices | Node::Calls | Node::Items | Node::Parts => Member::Other,
        }
    }

    /// Whether its members have names that matter.
    pub(super) fn has_members(self) -> bool {
        !matches!(
            self,
            Node::Other | Node::Choices | Node::Calls | Node::Items | Node::Parts
        )
    }

    /// What opens in it as this member.
    pub(super) fn child(self, member: Member, container: Container) -> Node {
        match (container, member) {
            (Container::Object, Member::Carried) => Node::Carried,
            (Container::Object, Member::Usage) => Node::Usage,
            (Container::Object, Member::Details) => Node::Details,
            (Container::Object, Member::PromptDetails) => Node::PromptDetails,
            (Container::Object, Member::Message) => Node::Message,
            (Container::Object, Member::Function) => Node::Function,
            (Container::Object, Member::Other) => match self {
                Node::Choices => Node::Choice,
                Node::Calls => Node::Call,
                Node::Items => Node::Item,
                Node::Parts => Node::Part,
                _ => Node::Other,
            },
            (Container::Array, Member::Choices) => Node::Choices,
            (Container::Array, Member::Calls) => Node::Calls,
            (Container::Array, Member::Items) => Node::Items,
            (Container::Array, Member::Content) => Node::Parts,
            _ => Node::Other,
        }
    }
}
