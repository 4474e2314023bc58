//! The Responses API on the wire: one JSON object, or its sequence of named events.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::answer::{Answer, Choice, Content, Finish};
use crate::fields::Fields;
use crate::identity::Identity;
use crate::sse;
use crate::text;
use crate::usage::Usage;

/// The response object; fields of the request are repeated as they were sent.
#[derive(Serialize)]
struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<()>,
    incomplete_details: Option<Value>,
    instructions: Option<&'a RawValue>,
    max_output_tokens: Option<&'a RawValue>,
    metadata: &'a RawValue,
    model: &'a str,
    output: &'a [Value],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a RawValue>,
    store: bool,
    temperature: &'a RawValue,
    text: &'a RawValue,
    tool_choice: &'a RawValue,
    tools: &'a RawValue,
    top_p: &'a RawValue,
    truncation: &'static str,
    usage: Option<Value>,
    user: Option<&'a RawValue>,
}

/// A response and all its parts.
pub(crate) struct Speaker<'a> {
    pub(crate) fields: &'a Fields<'a>,
    pub(crate) identity: &'a Identity<'a>,
    pub(crate) answer: &'a Answer,
    pub(crate) usage: Usage,
}

impl<'a> Speaker<'a> {
    /// The body of a whole answer.
    pub(crate) fn json(&self) -> Vec<u8> {
        let items = self.items(true);
        serde_json::to_vec(&self.response(self.status(), &items)).unwrap_or_default()
    }

    /// The events of a streamed answer.
    pub(crate) fn events(&self) -> Vec<Bytes> {
        let mut stream = Stream::default();
        let begun = self.response("in_progress", &[]);
        stream.response("response.created", &begun);
        stream.response("response.in_progress", &begun);
        let begun = self.items(false);
        let items = self.items(true);
        for (index, choice) in self.answer.choices.iter().enumerate() {
            stream.push(
                "response.output_item.added",
                json!({"output_index": index, "item": begun[index]}),
            );
            let item_id = &items[index]["id"];
            match choice.content {
                Content::Text(_) => stream.text(index, item_id, choice),
                Content::Call { .. } => stream.call(index, item_id, choice),
            }
            stream.push(
                "response.output_item.done",
                json!({"output_index": index, "item": items[index]}),
            );
        }
        let status = self.status();
        stream.response(
            &format!("response.{status}"),
            &self.response(status, &items),
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

    /// The output items, filled in or as they are announced.
    fn items(&self, done: bool) -> Vec<Value> {
        let choices = self.answer.choices.iter().zip(self.identity.seed..);
        choices
            .map(|(choice, seed)| item(choice, seed, done))
            .collect()
    }

    fn response<'r>(&'r self, status: &'static str, output: &'r [Value]) -> Response<'r> {
        let field = |key| self.fields.get(key);
        let or = |key, default| self.fields.get(key).unwrap_or_else(|| constant(default));
        let over = status != "in_progress";
        Response {
            id: &self.identity.id,
            object: "response",
            created_at: self.identity.created,
            status,
            background: false,
            error: None,
            incomplete_details: (status == "incomplete")
                .then(|| json!({"reason": "max_output_tokens"})),
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
            usage: over.then(|| json!(self.usage.responses())),
            user: field("user"),
        }
    }
}

/// Whether the request wants its response kept; yes unless it says no.
pub(crate) fn stored(fields: &Fields) -> bool {
    fields.get("store").is_none_or(|raw| raw.get() != "false")
}

fn constant(json: &'static str) -> &'static RawValue {
    serde_json::from_str(json).unwrap_or(RawValue::NULL)
}

fn item(choice: &Choice, seed: u64, done: bool) -> Value {
    let id = text::letters(seed.rotate_left(32), 32);
    let status = match (done, choice.finish) {
        (false, _) => "in_progress",
        (true, Finish::Length) => "incomplete",
        (true, _) => "completed",
    };
    match &choice.content {
        Content::Text(_) => {
            let content = done.then(|| part(&choice.text()));
            let content: Vec<Value> = content.into_iter().collect();
            json!({"id": format!("msg_{id}"), "type": "message", "status": status,
                   "role": "assistant", "content": content})
        }
        Content::Call {
            id: call_id, name, ..
        } => {
            let arguments = if done { choice.text() } else { String::new() };
            json!({"id": format!("fc_{id}"), "type": "function_call", "status": status,
                   "call_id": call_id, "name": name, "arguments": arguments})
        }
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

#[derive(Default)]
struct Stream {
    events: Vec<Bytes>,
}

impl Stream {
    /// An event; `type` and `sequence_number` are added to its fields.
    fn push(&mut self, name: &str, mut fields: Value) {
        fields["type"] = name.into();
        fields["sequence_number"] = self.events.len().into();
        self.events.push(sse::named(name, &fields));
    }

    fn response(&mut self, name: &str, response: &Response) {
        #[derive(Serialize)]
        struct Event<'a> {
            r#type: &'a str,
            sequence_number: usize,
            response: &'a Response<'a>,
        }
        let event = Event {
            r#type: name,
            sequence_number: self.events.len(),
            response,
        };
        self.events.push(sse::named(name, &event));
    }

    fn text(&mut self, index: usize, item_id: &Value, choice: &Choice) {
        let at = json!({"item_id": item_id, "output_index": index, "content_index": 0});
        let with = |key: &str, value: Value| {
            let mut event = at.clone();
            event[key] = value;
            event
        };
        self.push("response.content_part.added", with("part", part("")));
        for piece in choice.pieces() {
            let mut event = with("delta", piece.text.as_ref().into());
            event["logprobs"] = json!([]);
            self.push("response.output_text.delta", event);
        }
        let mut event = with("text", choice.text().into());
        event["logprobs"] = json!([]);
        self.push("response.output_text.done", event);
        self.push(
            "response.content_part.done",
            with("part", part(&choice.text())),
        );
    }

    fn call(&mut self, index: usize, item_id: &Value, choice: &Choice) {
        for piece in choice.pieces() {
            let event = json!({"item_id": item_id, "output_index": index, "delta": piece.text});
            self.push("response.function_call_arguments.delta", event);
        }
        let event = json!({"item_id": item_id, "output_index": index, "arguments": choice.text()});
        self.push("response.function_call_arguments.done", event);
    }
}
