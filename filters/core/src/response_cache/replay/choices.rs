//! A document with choices as the stream that would have brought it: of chat completions, and
//! of the completions before chat.
//!
//! <https://platform.openai.com/docs/api-reference/chat-streaming>; on Azure, an event about the
//! prompt comes first: <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/content-filters>

use super::raw::{Member, Object, Raw, pieces};
use super::write::{Events, Json};
use super::{ENVELOPE, Kind, PIECE, TEXTS};

/// Writes the stream; `None` where the document has what no stream brings.
pub(super) fn stream(
    document: &Object<'_>,
    kind: Kind,
    include_usage: bool,
    len: usize,
) -> Option<Vec<u8>> {
    let choices = document.get("choices")?.items()?;
    if choices.is_empty() {
        return None;
    }
    let mut stream = Stream {
        events: Events::of_document(len),
        document,
        kind,
        include_usage,
        is_first: true,
    };
    stream.prompt_filter_results()?;
    for choice in choices {
        stream.choice(&Choice::read(choice.object()?, kind)?)?;
    }
    if include_usage {
        stream.usage(document.given("usage")?)?;
    }
    Some(stream.events.done())
}

struct Stream<'d, 'a> {
    events: Events,
    document: &'d Object<'a>,
    kind: Kind,
    include_usage: bool,
    is_first: bool,
}

/// A choice, and what of it has a place of its own in a stream.
struct Choice<'a> {
    index: u64,
    /// The message, or the text.
    content: Raw<'a>,
    finish_reason: Raw<'a>,
    logprobs: Option<Raw<'a>>,
    others: Vec<Member<'a>>,
}

impl<'a> Choice<'a> {
    fn read(choice: Object<'a>, kind: Kind) -> Option<Choice<'a>> {
        let content = match kind {
            Kind::Chat => "message",
            Kind::Completions => "text",
            Kind::Responses => return None,
        };
        let read = Choice {
            index: choice.get("index")?.whole()?,
            content: choice.get(content)?,
            finish_reason: choice.given("finish_reason")?,
            logprobs: choice.get("logprobs"),
            others: Vec::new(),
        };
        let named = [content, "index", "finish_reason", "logprobs"];
        let others = without(choice, &named);
        let is_clear = others.iter().all(|other| *other.name != *b"delta");
        is_clear.then_some(Choice { others, ..read })
    }

    fn given_logprobs(&self) -> Option<Raw<'a>> {
        self.logprobs.filter(|logprobs| !logprobs.is_null())
    }
}

/// The members of an object that are none of these.
fn without<'a>(object: Object<'a>, names: &[&str]) -> Vec<Member<'a>> {
    let mut members = object.members;
    members.retain(|member| !is_any(member, names));
    members
}

fn is_any(member: &Member<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| *member.name == *name.as_bytes())
}

/// What a chunk says of a choice.
struct Chunk<'c, 'a> {
    choice: &'c Choice<'a>,
    logprobs: Option<Raw<'a>>,
    is_last: bool,
}

impl<'c, 'a> Chunk<'c, 'a> {
    /// Another of the choice follows.
    fn more(choice: &'c Choice<'a>, logprobs: Option<Raw<'a>>) -> Chunk<'c, 'a> {
        Chunk {
            choice,
            logprobs,
            is_last: false,
        }
    }

    /// The choice ends with it.
    fn last(choice: &'c Choice<'a>, logprobs: Option<Raw<'a>>) -> Chunk<'c, 'a> {
        Chunk {
            is_last: true,
            ..Chunk::more(choice, logprobs)
        }
    }
}

impl Stream<'_, '_> {
    /// Azure's first event.
    fn prompt_filter_results(&mut self) -> Option<()> {
        let Some(results) = self.document.given("prompt_filter_results") else {
            return Some(());
        };
        self.events.push(None, |json| {
            json.name(b"choices");
            json.value(b"[]");
            json.number_member("created", 0);
            json.string_member("id", b"");
            json.string_member("model", b"");
            json.string_member("object", b"");
            json.member("prompt_filter_results", results);
        })
    }

    fn choice(&mut self, choice: &Choice<'_>) -> Option<()> {
        match self.kind {
            Kind::Chat => self.message(choice),
            Kind::Completions => self.text(choice),
            Kind::Responses => None,
        }
    }

    fn text(&mut self, choice: &Choice<'_>) -> Option<()> {
        let text = choice.content.string()?;
        let mut logprobs = choice.given_logprobs();
        for piece in pieces(text, size_of_pieces(text, logprobs)) {
            self.push(Chunk::more(choice, logprobs.take()), |json| {
                json.string_member("text", piece)
            })?;
        }
        self.push(Chunk::last(choice, logprobs), |json| {
            json.string_member("text", b"")
        })
    }

    fn message(&mut self, choice: &Choice<'_>) -> Option<()> {
        let message = choice.content.object()?;
        let first = first_delta(&message)?;
        self.push(Chunk::more(choice, None), |json| {
            delta(json, |json| json.value(&first))
        })?;
        let mut logprobs = choice.given_logprobs();
        for name in TEXTS {
            let text = message.get(name).and_then(Raw::string).unwrap_or_default();
            // There are none of what the model thinks.
            let mut unsent = match name {
                "content" | "refusal" if !text.is_empty() => logprobs.take(),
                _ => None,
            };
            for piece in pieces(text, size_of_pieces(text, unsent)) {
                let logprobs = unsent.take();
                self.push(Chunk::more(choice, logprobs), |json| {
                    delta(json, |json| json.string_member(name, piece));
                })?;
            }
        }
        self.calls(choice, &message)?;
        if let Some(call) = message.given("function_call") {
            let function = Function::read(call, "arguments")?;
            for part in function.parts() {
                self.push(Chunk::more(choice, None), |json| {
                    delta(json, |json| {
                        json.name(b"function_call");
                        part.write(json);
                    });
                })?;
            }
        }
        self.push(Chunk::last(choice, logprobs), |json| delta(json, |_| {}))
    }

    fn calls(&mut self, choice: &Choice<'_>, message: &Object<'_>) -> Option<()> {
        let Some(calls) = message.given("tool_calls") else {
            return Some(());
        };
        for (index, call) in (0_u64..).zip(calls.items()?) {
            let call = call.object()?;
            let (name, text) = match (call.given("function"), call.given("custom")) {
                (Some(_), None) => ("function", "arguments"),
                (None, Some(_)) => ("custom", "input"),
                _ => return None,
            };
            let function = Function::read(call.get(name)?, text)?;
            let others = without(call, &[name, "index"]);
            let mut others = others.as_slice();
            for part in function.parts() {
                self.push(Chunk::more(choice, None), |json| {
                    delta(json, |json| {
                        json.name(b"tool_calls");
                        json.open(b'[');
                        json.open(b'{');
                        json.number_member("index", index);
                        write_members(json, core::mem::take(&mut others));
                        json.name(name.as_bytes());
                        part.write(json);
                        json.close(b'}');
                        json.close(b']');
                    });
                })?;
            }
        }
        Some(())
    }

    /// An event with one choice.
    fn push(&mut self, chunk: Chunk<'_, '_>, content: impl FnOnce(&mut Json)) -> Option<()> {
        let is_first = core::mem::take(&mut self.is_first);
        let (document, kind, include_usage) = (self.document, self.kind, self.include_usage);
        self.events.push(None, |json| {
            envelope(document, kind, json);
            json.name(b"choices");
            json.open(b'[');
            json.open(b'{');
            json.number_member("index", chunk.choice.index);
            content(json);
            match (chunk.logprobs, chunk.choice.logprobs) {
                (Some(logprobs), _) => json.member("logprobs", logprobs),
                (None, Some(_)) => json.null_member("logprobs"),
                (None, None) => {}
            }
            if chunk.is_last {
                json.member("finish_reason", chunk.choice.finish_reason);
                write_members(json, &chunk.choice.others);
            } else {
                json.null_member("finish_reason");
            }
            json.close(b'}');
            json.close(b']');
            if include_usage {
                json.null_member("usage");
            }
            if is_first {
                for member in &document.members {
                    let elsewhere = ["object", "choices", "usage", "prompt_filter_results"];
                    if !is_any(member, &elsewhere) && !is_any(member, &ENVELOPE) {
                        json.name(&member.name);
                        json.value(member.value.bytes());
                    }
                }
            }
        })
    }

    fn usage(&mut self, usage: Raw<'_>) -> Option<()> {
        let (document, kind) = (self.document, self.kind);
        self.events.push(None, |json| {
            envelope(document, kind, json);
            json.name(b"choices");
            json.value(b"[]");
            json.member("usage", usage);
        })
    }
}

/// What every chunk says of the answer.
pub(super) fn envelope(document: &Object<'_>, kind: Kind, json: &mut Json) {
    json.string_member("object", kind.object_of_chunk().as_bytes());
    for member in &document.members {
        if is_any(member, &ENVELOPE) {
            json.name(&member.name);
            json.value(member.value.bytes());
        }
    }
}

/// The size of the pieces of a text: logprobs are those of the whole text, which is then sent in
/// one piece with them.
fn size_of_pieces(text: &[u8], logprobs: Option<Raw<'_>>) -> usize {
    match logprobs {
        Some(_) => text.len().max(1),
        None => PIECE,
    }
}

fn write_members(json: &mut Json, members: &[Member<'_>]) {
    for member in members {
        json.name(&member.name);
        json.value(member.value.bytes());
    }
}

fn delta(json: &mut Json, write: impl FnOnce(&mut Json)) {
    json.name(b"delta");
    json.open(b'{');
    write(json);
    json.close(b'}');
}

/// The members of the first delta of a message: its role, and all that does not come in
/// pieces.
fn first_delta(message: &Object<'_>) -> Option<Vec<u8>> {
    let mut json = Json::default();
    for member in &message.members {
        let value = member.value;
        if is_any(member, &TEXTS) && !value.is_null() {
            // Content that is an array of parts comes in no stream.
            value.string()?;
            json.name(&member.name);
            json.string(b"");
            continue;
        }
        let is_in_pieces = match &*member.name {
            b"tool_calls" => !value.is_null() && !value.is_empty(),
            b"function_call" => !value.is_null(),
            // A document has a whole file, a stream parts of another format.
            b"audio" if !value.is_null() => return None,
            _ => false,
        };
        if !is_in_pieces {
            json.name(&member.name);
            json.value(value.bytes());
        }
    }
    Some(json.into_bytes())
}

/// What a call gives to a function or a custom tool.
struct Function<'a> {
    members: Vec<Member<'a>>,
    /// The member that comes in pieces.
    text_name: &'static str,
    text: &'a [u8],
}

/// A part of one.
struct Part<'f, 'a> {
    members: &'f [Member<'a>],
    text_name: &'static str,
    text: &'a [u8],
}

impl<'a> Function<'a> {
    fn read(function: Raw<'a>, text_name: &'static str) -> Option<Function<'a>> {
        let function = function.object()?;
        let text = function.get(text_name)?.string()?;
        Some(Function {
            members: without(function, &[text_name]),
            text_name,
            text,
        })
    }

    /// First what does not come in pieces.
    fn parts(&self) -> impl Iterator<Item = Part<'_, 'a>> {
        let part = |members, text| Part {
            members,
            text_name: self.text_name,
            text,
        };
        let first = core::iter::once(part(&self.members, &b""[..]));
        first.chain(pieces(self.text, PIECE).map(move |text| part(&[], text)))
    }
}

impl Part<'_, '_> {
    fn write(&self, json: &mut Json) {
        json.open(b'{');
        write_members(json, self.members);
        json.string_member(self.text_name, self.text);
        json.close(b'}');
    }
}
