//! Chat completions on the wire: one JSON body, or the sequence of events captured from
//! Azure. Keys are in alphabetical order there, so they are here.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{Answer, Choice, Content};
use crate::fields::Fields;
use crate::identity::Identity;
use crate::text;
use crate::usage::{ChatUsage, Usage};
use crate::{filter, sse};

/// How a chat or legacy completion is streamed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Streaming {
    /// An event with the usage before the end, and `usage: null` in all others.
    pub(crate) include_usage: bool,
    /// Padding that hides the length of tokens from who watches the wire.
    pub(crate) obfuscation: bool,
}

impl Streaming {
    /// Reads `stream` and `stream_options`; `None` when the request does not stream.
    ///
    /// # Errors
    /// When either has the wrong type, or options come without a stream.
    pub(crate) fn read(fields: &Fields) -> Result<Option<Self>, String> {
        let stream = fields.read("stream")?.unwrap_or(false);
        let options: Option<Fields> = fields.read("stream_options")?;
        if !stream {
            return match options {
                Some(_) => Err(
                    "The 'stream_options' parameter is only allowed when 'stream' is enabled."
                        .to_owned(),
                ),
                None => Ok(None),
            };
        }
        let options = options.unwrap_or_default();
        Ok(Some(Self {
            include_usage: options.read("include_usage")?.unwrap_or(false),
            obfuscation: options.read("include_obfuscation")?.unwrap_or(true),
        }))
    }
}

/// The body of a whole answer.
pub(crate) fn json(answer: &Answer, identity: &Identity, usage: Usage) -> Vec<u8> {
    #[derive(Serialize)]
    struct Completion<'a> {
        choices: Vec<Whole<'a>>,
        created: u64,
        id: &'a str,
        model: &'a str,
        object: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_filter_results: Option<&'static RawValue>,
        service_tier: &'static str,
        system_fingerprint: &'a str,
        usage: ChatUsage,
    }
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        content_filter_results: Option<&'static RawValue>,
        finish_reason: &'static str,
        index: usize,
        logprobs: Option<()>,
        message: Message<'a>,
    }
    #[derive(Serialize)]
    struct Message<'a> {
        annotations: [(); 0],
        content: Option<String>,
        refusal: Option<()>,
        role: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_calls: Option<[ToolCall<'a>; 1]>,
    }

    fn message(choice: &Choice) -> Message<'_> {
        let text = choice.text();
        let (content, tool_calls) = match tool_call(choice) {
            None => (Some(text), None),
            Some((id, name)) => (None, Some([ToolCall::whole(id, name, text)])),
        };
        Message {
            annotations: [],
            content,
            refusal: None,
            role: "assistant",
            tool_calls,
        }
    }

    // A type without maps and with valid strings always serializes.
    serde_json::to_vec(&Completion {
        choices: answer
            .choices
            .iter()
            .enumerate()
            .map(|(index, choice)| Whole {
                content_filter_results: identity.azure.then(filter::completion),
                finish_reason: choice.finish.reason(),
                index,
                logprobs: None,
                message: message(choice),
            })
            .collect(),
        created: identity.created,
        id: &identity.id,
        model: identity.model,
        object: "chat.completion",
        prompt_filter_results: identity.azure.then(filter::prompt),
        service_tier: "default",
        system_fingerprint: &identity.fingerprint,
        usage: usage.chat(),
    })
    .unwrap_or_default()
}

/// The events of a streamed answer, `[DONE]` included.
pub(crate) fn events(
    answer: &Answer,
    identity: &Identity,
    usage: Usage,
    streaming: Streaming,
) -> Vec<Bytes> {
    let mut stream = Stream {
        identity,
        streaming,
        events: Vec::with_capacity(answer.tokens() as usize + 6),
    };
    if identity.azure {
        stream.events.push(sse::data(filter::PROMPT_EVENT));
    }
    for (index, choice) in answer.choices.iter().enumerate() {
        stream.choice(index, choice);
    }
    if streaming.include_usage {
        stream.push(&[], Some(usage.chat()));
    }
    stream.events.push(sse::data("[DONE]"));
    stream.events
}

struct Stream<'a> {
    identity: &'a Identity<'a>,
    streaming: Streaming,
    events: Vec<Bytes>,
}

impl Stream<'_> {
    fn choice(&mut self, index: usize, choice: &Choice) {
        let call = tool_call(choice);
        let role = Delta::Role {
            content: call.is_none().then_some(""),
            refusal: None,
            role: "assistant",
            tool_calls: call.map(|(id, name)| [ToolCall::whole(id, name, String::new())]),
        };
        self.delta(index, false, role, None);
        for piece in choice.pieces() {
            let delta = match call {
                None => Delta::Content {
                    content: &piece.text,
                },
                Some(_) => Delta::Arguments {
                    tool_calls: [ToolCall::more(&piece.text)],
                },
            };
            self.delta(index, true, delta, None);
        }
        self.delta(
            index,
            false,
            Delta::Nothing {},
            Some(choice.finish.reason()),
        );
    }

    fn delta(
        &mut self,
        index: usize,
        filtered: bool,
        delta: Delta,
        finish_reason: Option<&'static str>,
    ) {
        let results = || {
            if filtered {
                filter::delta()
            } else {
                filter::nothing()
            }
        };
        let choice = ChunkChoice {
            content_filter_results: self.identity.azure.then(results),
            delta,
            finish_reason,
            index,
            logprobs: None,
        };
        self.push(&[choice], None);
    }

    fn push(&mut self, choices: &[ChunkChoice], usage: Option<ChatUsage>) {
        let padding = self.identity.seed.wrapping_add(self.events.len() as u64);
        let chunk = Chunk {
            choices,
            created: self.identity.created,
            id: &self.identity.id,
            model: self.identity.model,
            obfuscation: self
                .streaming
                .obfuscation
                .then(|| text::letters(padding, (padding % 16) as usize)),
            object: "chat.completion.chunk",
            service_tier: "default",
            system_fingerprint: &self.identity.fingerprint,
            usage: self.streaming.include_usage.then_some(usage),
        };
        self.events.push(sse::json(&chunk));
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    choices: &'a [ChunkChoice<'a>],
    created: u64,
    id: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    obfuscation: Option<String>,
    object: &'static str,
    service_tier: &'static str,
    system_fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<ChatUsage>>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_filter_results: Option<&'static RawValue>,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
    index: usize,
    logprobs: Option<()>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Delta<'a> {
    Role {
        content: Option<&'a str>,
        refusal: Option<()>,
        role: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_calls: Option<[ToolCall<'a>; 1]>,
    },
    Content {
        content: &'a str,
    },
    Arguments {
        tool_calls: [ToolCall<'a>; 1],
    },
    Nothing {},
}

#[derive(Serialize)]
struct ToolCall<'a> {
    function: FunctionCall<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    index: usize,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    arguments: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl<'a> ToolCall<'a> {
    fn whole(id: &'a str, name: &'a str, arguments: String) -> Self {
        Self {
            function: FunctionCall {
                arguments,
                name: Some(name),
            },
            id: Some(id),
            index: 0,
            kind: Some("function"),
        }
    }

    fn more(arguments: &str) -> Self {
        Self {
            function: FunctionCall {
                arguments: arguments.to_owned(),
                name: None,
            },
            id: None,
            index: 0,
            kind: None,
        }
    }
}

fn tool_call(choice: &Choice) -> Option<(&str, &str)> {
    match &choice.content {
        Content::Text(_) => None,
        Content::Call { id, name, .. } => Some((id, name)),
    }
}
