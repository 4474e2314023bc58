//! An answer of the Responses API as the stream that would have brought it, and out of one.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use super::PIECE;
use super::raw::{Object, Raw, pieces};
use super::write::{Events, Json};

/// The answer that the last event of a stream carries: `name` is the `type` of `event`. The
/// inner `None` where more events follow, the outer one where the stream ends with an error.
pub(super) fn document<'a>(name: Raw<'a>, event: &Object<'a>) -> Option<Option<Raw<'a>>> {
    if name.is("response.completed") || name.is("response.incomplete") {
        let response = event.get("response")?;
        response.object()?;
        return Some(Some(response));
    }
    let is_failed = ["response.failed", "error"]
        .iter()
        .any(|failed| name.is(failed));
    (!is_failed).then_some(None)
}

/// Writes the stream of an answer that is whole; `document` is its text, on one line.
pub(super) fn stream(answer: &Object<'_>, document: &[u8]) -> Option<Vec<u8>> {
    let status = answer.get("status")?;
    let is_completed = status.is("completed");
    if !is_completed && !status.is("incomplete") {
        return None;
    }
    let mut stream = Stream {
        events: Events::of_document(document.len()),
        sequence_number: 0,
    };
    for name in ["response.created", "response.in_progress"] {
        stream.push(name, |json| {
            json.name(b"response");
            begun_answer(answer, json);
        })?;
    }
    for (output_index, item) in (0_u64..).zip(answer.get("output")?.items()?) {
        stream.item(output_index, item)?;
    }
    let last = if is_completed {
        "response.completed"
    } else {
        "response.incomplete"
    };
    stream.push(last, |json| {
        json.name(b"response");
        json.value(document.trim_ascii());
    })?;
    Some(stream.events.into_bytes())
}

/// An answer before it has any output.
fn begun_answer(answer: &Object<'_>, json: &mut Json) {
    json.open(b'{');
    for member in &answer.members {
        let value: &[u8] = match &*member.name {
            b"status" => b"\"in_progress\"",
            b"output" => b"[]",
            b"usage" | b"incomplete_details" | b"completed_at" => b"null",
            // Azure's verdicts on what has not been said yet.
            b"content_filters" => continue,
            _ => member.value.bytes(),
        };
        json.name(&member.name);
        json.value(value);
    }
    json.close(b'}');
}

/// An item or a part of one as it is announced: without what comes in pieces.
fn begun(object: &Object<'_>, json: &mut Json) {
    json.open(b'{');
    for member in &object.members {
        let value = member.value;
        json.name(&member.name);
        json.value(match (&*member.name, value.bytes().first()) {
            (b"status", Some(b'"')) => b"\"in_progress\"",
            (b"content" | b"summary" | b"annotations" | b"logprobs", Some(b'[')) => b"[]",
            (b"text" | b"refusal" | b"arguments" | b"input", Some(b'"')) => b"\"\"",
            _ => value.bytes(),
        });
    }
    json.close(b'}');
}

struct Stream {
    events: Events,
    sequence_number: u64,
}

/// What an event is about.
#[derive(Clone, Copy)]
struct Place<'a> {
    item_id: Raw<'a>,
    output_index: u64,
    /// `content_index` or `summary_index`, and which part that is.
    part: Option<(&'static str, u64)>,
}

impl Place<'_> {
    fn write(self, json: &mut Json) {
        json.member("item_id", self.item_id);
        json.number_member("output_index", self.output_index);
        if let Some((name, index)) = self.part {
            json.number_member(name, index);
        }
    }
}

/// A text that comes in pieces.
struct Text<'a> {
    /// The names of the events, without what they end with.
    event: &'static str,
    /// The member of the last one that has all of it.
    name: &'static str,
    content: &'a [u8],
    /// What each token was worth; streams say it with the text of an answer.
    logprobs: Option<Raw<'a>>,
    /// What the function is called that the text is for.
    called: Option<Raw<'a>>,
}

impl<'a> Text<'a> {
    /// The text that a member is.
    fn of(object: &Object<'a>, event: &'static str, name: &'static str) -> Option<Text<'a>> {
        Some(Text {
            event,
            name,
            content: object.get(name)?.string()?,
            logprobs: None,
            called: None,
        })
    }
}

impl Stream {
    fn push(&mut self, name: &str, write: impl FnOnce(&mut Json)) -> Option<()> {
        let sequence_number = self.sequence_number;
        self.sequence_number = sequence_number.saturating_add(1);
        self.events.push(Some(name), |json| {
            json.string_member("type", name.as_bytes());
            json.number_member("sequence_number", sequence_number);
            write(json);
        })
    }

    fn item(&mut self, output_index: u64, raw: Raw<'_>) -> Option<()> {
        let item = raw.object()?;
        self.push("response.output_item.added", |json| {
            json.number_member("output_index", output_index);
            json.name(b"item");
            begun(&item, json);
        })?;
        self.contents(output_index, &item)?;
        self.push("response.output_item.done", |json| {
            json.number_member("output_index", output_index);
            json.member("item", raw);
        })
    }

    /// What comes between the announcement of an item and its end. Of items that are not the
    /// model's words those two are enough.
    fn contents(&mut self, output_index: u64, item: &Object<'_>) -> Option<()> {
        let kind = item.get("type")?;
        let kinds = [
            "message",
            "reasoning",
            "function_call",
            "mcp_call",
            "custom_tool_call",
        ];
        let Some(kind) = kinds.into_iter().find(|known| kind.is(known)) else {
            return Some(());
        };
        let place = Place {
            item_id: item.get("id")?,
            output_index,
            part: None,
        };
        let text = match kind {
            "message" => return self.parts(place, item.get("content")?),
            "reasoning" => {
                self.summaries(place, item.get("summary")?)?;
                return match item.given("content") {
                    Some(content) => self.parts(place, content),
                    None => Some(()),
                };
            }
            "function_call" => Text {
                called: item.get("name"),
                ..Text::of(item, "response.function_call_arguments", "arguments")?
            },
            "mcp_call" => Text::of(item, "response.mcp_call_arguments", "arguments")?,
            _ => Text::of(item, "response.custom_tool_call_input", "input")?,
        };
        self.text(place, &text)
    }

    fn summaries(&mut self, place: Place<'_>, summaries: Raw<'_>) -> Option<()> {
        for (index, raw) in (0_u64..).zip(summaries.items()?) {
            let summary = raw.object()?;
            let place = Place {
                part: Some(("summary_index", index)),
                ..place
            };
            let text = Text::of(&summary, "response.reasoning_summary_text", "text")?;
            self.part("response.reasoning_summary_part", place, raw, &text, None)?;
        }
        Some(())
    }

    fn parts(&mut self, place: Place<'_>, parts: Raw<'_>) -> Option<()> {
        for (index, raw) in (0_u64..).zip(parts.items()?) {
            let part = raw.object()?;
            let kind = part.get("type")?;
            let text = if kind.is("output_text") {
                let logprobs = part.given("logprobs");
                Text {
                    logprobs: Some(logprobs.unwrap_or(Raw::EMPTY_ARRAY)),
                    ..Text::of(&part, "response.output_text", "text")?
                }
            } else if kind.is("refusal") {
                Text::of(&part, "response.refusal", "refusal")?
            } else if kind.is("reasoning_text") {
                Text::of(&part, "response.reasoning_text", "text")?
            } else {
                return None;
            };
            let place = Place {
                part: Some(("content_index", index)),
                ..place
            };
            let annotations = part.given("annotations");
            self.part("response.content_part", place, raw, &text, annotations)?;
        }
        Some(())
    }

    /// A part, which events announce and end whose names begin with `event`.
    fn part(
        &mut self,
        event: &str,
        place: Place<'_>,
        raw: Raw<'_>,
        text: &Text<'_>,
        annotations: Option<Raw<'_>>,
    ) -> Option<()> {
        let part = raw.object()?;
        self.push(&format!("{event}.added"), |json| {
            place.write(json);
            json.name(b"part");
            begun(&part, json);
        })?;
        self.deltas(place, text)?;
        let annotations = annotations.map_or(Some(Vec::new()), Raw::items)?;
        for (index, annotation) in (0_u64..).zip(annotations) {
            self.push("response.output_text.annotation.added", |json| {
                place.write(json);
                json.number_member("annotation_index", index);
                json.member("annotation", annotation);
            })?;
        }
        self.done(place, text)?;
        self.push(&format!("{event}.done"), |json| {
            place.write(json);
            json.member("part", raw);
        })
    }

    fn text(&mut self, place: Place<'_>, text: &Text<'_>) -> Option<()> {
        self.deltas(place, text)?;
        self.done(place, text)
    }

    fn deltas(&mut self, place: Place<'_>, text: &Text<'_>) -> Option<()> {
        // Logprobs are those of the whole text, which is then sent in one piece with them.
        if let Some(logprobs) = text.logprobs.filter(|logprobs| !logprobs.is_empty()) {
            return self.delta(place, text, text.content, logprobs);
        }
        for piece in pieces(text.content, PIECE) {
            self.delta(place, text, piece, Raw::EMPTY_ARRAY)?;
        }
        Some(())
    }

    fn delta(
        &mut self,
        place: Place<'_>,
        text: &Text<'_>,
        piece: &[u8],
        logprobs: Raw<'_>,
    ) -> Option<()> {
        self.push(&format!("{}.delta", text.event), |json| {
            place.write(json);
            json.string_member("delta", piece);
            if text.logprobs.is_some() {
                json.member("logprobs", logprobs);
            }
        })
    }

    fn done(&mut self, place: Place<'_>, text: &Text<'_>) -> Option<()> {
        self.push(&format!("{}.done", text.event), |json| {
            place.write(json);
            if let Some(called) = text.called {
                json.member("name", called);
            }
            json.string_member(text.name, text.content);
            if let Some(logprobs) = text.logprobs {
                json.member("logprobs", logprobs);
            }
        })
    }
}
