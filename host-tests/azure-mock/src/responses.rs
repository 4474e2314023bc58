//! The Responses API on the wire: one JSON object, or its sequence of named events.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{Answer, Choice, Content, Finish};
use crate::fields::Fields;
use crate::identity::Identity;
use crate::sse;
use crate::text;
use crate::usage::{ResponsesUsage, Usage};

/// A response about to be written.
pub(crate) struct Speaker<'a> {
    pub(crate) fields: &'a Fields<'a>,
    pub(crate) identity: &'a Identity<'a>,
    pub(crate) answer: &'a Answer,
    pub(crate) usage: Usage,
}

/// Whether the request wants its response kept; yes unless it says no.
pub(crate) fn stored(fields: &Fields) -> bool {
    fields.get("store").is_none_or(|raw| raw.get() != "false")
}

impl Speaker<'_> {
    /// The body of a whole answer.
    pub(crate) fn json(&self) -> Vec<u8> {
        let texts = self.texts();
        let items = self.items(&texts);
        serde_json::to_vec(&self.response(self.status(), &items)).unwrap_or_default()
    }

    /// The events of a streamed answer.
    pub(crate) fn events(&self) -> Vec<Bytes> {
        let mut stream = Stream { events: Vec::new() };
        let begun = self.response("in_progress", &[]);
        stream.push("response.created", Details::Response { response: &begun });
        stream.push(
            "response.in_progress",
            Details::Response { response: &begun },
        );
        let texts = self.texts();
        let items = self.items(&texts);
        for (output_index, (choice, item)) in self.answer.choices.iter().zip(&items).enumerate() {
            let begun = item.begun();
            stream.push(
                "response.output_item.added",
                Details::Item {
                    output_index,
                    item: &begun,
                },
            );
            match item {
                Item::Message { id, content, .. } => stream.text(id, output_index, choice, content),
                Item::FunctionCall { id, arguments, .. } => {
                    stream.call(id, output_index, choice, arguments);
                }
            }
            stream.push(
                "response.output_item.done",
                Details::Item { output_index, item },
            );
        }
        let status = self.status();
        let response = self.response(status, &items);
        stream.push(
            &format!("response.{status}"),
            Details::Response {
                response: &response,
            },
        );
        stream.events
    }

    fn status(&self) -> &'static str {
        let cut = self
            .answer
            .choices
            .iter()
            .any(|choice| choice.finish == Finish::Length);
        if cut { "incomplete" } else { "completed" }
    }

    fn texts(&self) -> Vec<String> {
        self.answer.choices.iter().map(Choice::text).collect()
    }

    /// The output items, whole.
    fn items<'t>(&'t self, texts: &'t [String]) -> Vec<Item<'t>> {
        let choices = self.answer.choices.iter().zip(texts);
        choices
            .enumerate()
            .map(|(index, (choice, text))| {
                let seed = self.identity.seed.wrapping_add(index as u64);
                // Not the letters that the response's own id is made of.
                let id = text::letters(!seed, 32);
                match &choice.content {
                    Content::Text(_) => Item::Message {
                        id: format!("msg_{id}"),
                        status: match choice.finish {
                            Finish::Length => "incomplete",
                            Finish::Stop | Finish::ToolCalls => "completed",
                        },
                        role: "assistant",
                        content: vec![Part::new(text)],
                    },
                    Content::Call {
                        id: call_id, name, ..
                    } => Item::FunctionCall {
                        id: format!("fc_{id}"),
                        status: "completed",
                        call_id,
                        name,
                        arguments: text,
                    },
                }
            })
            .collect()
    }

    fn response<'r>(&'r self, status: &'static str, output: &'r [Item<'r>]) -> Response<'r> {
        let field = |key| self.fields.get(key);
        let or = |key, default| self.fields.get(key).unwrap_or_else(|| constant(default));
        Response {
            id: &self.identity.id,
            object: "response",
            created_at: self.identity.created,
            status,
            background: false,
            error: None,
            incomplete_details: (status == "incomplete").then_some(Incomplete {
                reason: "max_output_tokens",
            }),
            instructions: field("instructions"),
            max_output_tokens: field("max_output_tokens"),
            metadata: or("metadata", "{}"),
            model: self.identity.model,
            output,
            parallel_tool_calls: true,
            previous_response_id: field("previous_response_id"),
            store: stored(self.fields),
            temperature: or("temperature", "1.0"),
            text: or("text", r#"{"format":{"type":"text"}}"#),
            tool_choice: or("tool_choice", r#""auto""#),
            tools: or("tools", "[]"),
            top_p: or("top_p", "1.0"),
            truncation: "disabled",
            usage: (status != "in_progress").then(|| self.usage.responses()),
            user: field("user"),
        }
    }
}

fn constant(json: &'static str) -> &'static RawValue {
    serde_json::from_str(json).unwrap_or(RawValue::NULL)
}

struct Stream {
    events: Vec<Bytes>,
}

impl Stream {
    fn push(&mut self, name: &str, details: Details) {
        let event = Event {
            kind: name,
            sequence_number: self.events.len(),
            details,
        };
        self.events.push(sse::named(name, &event));
    }

    fn text(&mut self, item_id: &str, output_index: usize, choice: &Choice, content: &[Part]) {
        let part = |part| Details::Part {
            item_id,
            output_index,
            content_index: 0,
            part,
        };
        self.push("response.content_part.added", part(Part::new("")));
        for piece in choice.pieces() {
            let details = Details::TextDelta {
                item_id,
                output_index,
                content_index: 0,
                delta: &piece.text,
                logprobs: [],
            };
            self.push("response.output_text.delta", details);
        }
        for whole in content {
            let details = Details::TextDone {
                item_id,
                output_index,
                content_index: 0,
                text: whole.text,
                logprobs: [],
            };
            self.push("response.output_text.done", details);
            self.push("response.content_part.done", part(Part::new(whole.text)));
        }
    }

    fn call(&mut self, item_id: &str, output_index: usize, choice: &Choice, arguments: &str) {
        for piece in choice.pieces() {
            let details = Details::ArgumentsDelta {
                item_id,
                output_index,
                delta: &piece.text,
            };
            self.push("response.function_call_arguments.delta", details);
        }
        let details = Details::ArgumentsDone {
            item_id,
            output_index,
            arguments,
        };
        self.push("response.function_call_arguments.done", details);
    }
}

/// The response object; fields of the request are repeated as they were sent.
#[derive(Serialize)]
struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<()>,
    incomplete_details: Option<Incomplete>,
    instructions: Option<&'a RawValue>,
    max_output_tokens: Option<&'a RawValue>,
    metadata: &'a RawValue,
    model: &'a str,
    output: &'a [Item<'a>],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a RawValue>,
    store: bool,
    temperature: &'a RawValue,
    text: &'a RawValue,
    tool_choice: &'a RawValue,
    tools: &'a RawValue,
    top_p: &'a RawValue,
    truncation: &'static str,
    usage: Option<ResponsesUsage>,
    user: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        id: String,
        status: &'static str,
        role: &'static str,
        content: Vec<Part<'a>>,
    },
    FunctionCall {
        id: String,
        status: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
}

impl<'a> Item<'a> {
    /// The item as it is announced, before any of its content.
    fn begun(&self) -> Item<'a> {
        match self {
            Self::Message { id, role, .. } => Item::Message {
                id: id.clone(),
                status: "in_progress",
                role,
                content: Vec::new(),
            },
            Self::FunctionCall {
                id, call_id, name, ..
            } => Item::FunctionCall {
                id: id.clone(),
                status: "in_progress",
                call_id,
                name,
                arguments: "",
            },
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "output_text")]
struct Part<'a> {
    text: &'a str,
    annotations: [(); 0],
    logprobs: [(); 0],
}

impl<'a> Part<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            annotations: [],
            logprobs: [],
        }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    sequence_number: usize,
    #[serde(flatten)]
    details: Details<'a>,
}

/// What an event has besides its type and number.
#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Response {
        response: &'a Response<'a>,
    },
    Item {
        output_index: usize,
        item: &'a Item<'a>,
    },
    Part {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        part: Part<'a>,
    },
    TextDelta {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        delta: &'a str,
        logprobs: [(); 0],
    },
    TextDone {
        item_id: &'a str,
        output_index: usize,
        content_index: usize,
        text: &'a str,
        logprobs: [(); 0],
    },
    ArgumentsDelta {
        item_id: &'a str,
        output_index: usize,
        delta: &'a str,
    },
    ArgumentsDone {
        item_id: &'a str,
        output_index: usize,
        arguments: &'a str,
    },
}
