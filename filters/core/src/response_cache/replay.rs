//! A stored answer, sent to a client that wants it in the other form: a document as a stream,
//! a stream as a document, and a stream with its usage or without.
//!
//! Strings and values are copied as they were written. What cannot be said in the other form
//! without loss gives nothing, and is asked for again: a document with sound or with content
//! in parts, a stream with members of unknown meaning that come in pieces, one that is not
//! whole or holds an error, and any text of which readers understand different things.

mod choices;
mod merge;
mod raw;
mod responses;
mod usage;
mod write;

use std::borrow::Cow;

use crate::response::Usage;
use crate::sse::{Data, events};
use raw::{Raw, on_one_line};

pub use usage::same_form;

/// What OpenAI's streams send as their last event, which is not JSON.
const DONE: &[u8] = b"[DONE]";

/// Text is sent in pieces of about so many bytes: some clients read no line longer than 64 KiB.
const PIECE: usize = 4 << 10;

/// What every chunk of a stream says of the answer, beside its `object`.
const ENVELOPE: [&str; 5] = [
    "id",
    "created",
    "model",
    "service_tier",
    "system_fingerprint",
];

/// The members of a message that come in pieces, in the order in which models write them: what
/// they think, as two kinds of servers call it, before what they say.
const TEXTS: [&str; 4] = ["reasoning_content", "reasoning", "content", "refusal"];

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chat,
    /// The completions before chat.
    Completions,
    Responses,
}

impl Kind {
    /// The `object` of a document.
    fn object(self) -> &'static str {
        match self {
            Kind::Chat => "chat.completion",
            Kind::Completions => "text_completion",
            Kind::Responses => "response",
        }
    }

    /// The `object` of a chunk of a stream.
    fn object_of_chunk(self) -> &'static str {
        match self {
            Kind::Chat => "chat.completion.chunk",
            Kind::Completions | Kind::Responses => self.object(),
        }
    }

    fn of_document(object: Raw<'_>) -> Option<Kind> {
        let mut kinds = [Kind::Chat, Kind::Completions, Kind::Responses].into_iter();
        kinds.find(|kind| object.is(kind.object()))
    }

    fn of_chunk(object: Raw<'_>) -> Option<Kind> {
        let mut kinds = [Kind::Chat, Kind::Completions].into_iter();
        kinds.find(|kind| object.is(kind.object_of_chunk()))
    }
}

/// The stream that says what a document says: of chat completions, completions, or the
/// Responses API. `include_usage` is the request's `stream_options.include_usage`; streams of
/// the Responses API always say their usage.
pub fn as_sse(document: &[u8], include_usage: bool) -> Option<Vec<u8>> {
    let document = on_one_line(document);
    let answer = Raw::read(&document)?.object()?;
    if answer.given("error").is_some() {
        return None;
    }
    match Kind::of_document(answer.get("object")?)? {
        Kind::Responses => responses::stream(&answer, &document),
        kind => choices::stream(&answer, kind, include_usage, document.len()),
    }
}

/// The document that says what a whole stream says. `usage` is what the answer cost, for streams
/// that do not say it.
pub fn as_json(stream: &[u8], usage: Option<Usage>) -> Option<Vec<u8>> {
    let mut merged = merge::Answer::default();
    let mut is_done = false;
    let data: Vec<Cow<'_, [u8]>> = events(stream).filter_map(data).collect();
    for data in &data {
        if data.trim_ascii() == DONE {
            is_done = true;
            break;
        }
        let event = Raw::read(data)?.object()?;
        match event.get("type") {
            Some(name) if event.get("choices").is_none() => {
                if let Some(document) = responses::document(name, &event)? {
                    return Some(document.bytes().to_vec());
                }
            }
            _ => merged.add(&event)?,
        }
    }
    if is_done { merged.finish(usage) } else { None }
}

/// The data of an event, on one line; `None` where it has none.
fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = Data::of(event)?.text;
    if text.trim_ascii().is_empty() {
        return None;
    }
    Some(match text {
        Cow::Borrowed(text) => on_one_line(text),
        Cow::Owned(text) => Cow::Owned(on_one_line(&text).into_owned()),
    })
}

#[cfg(test)]
mod tests;
