//! A stream as it was stored, with its usage where the client wants it and without where not.

use std::borrow::Cow;

use super::choices::envelope;
use super::raw::{Object, Raw};
use super::write::{Events, Json};
use super::{DONE, Kind, data};
use crate::response::Usage;
use crate::sse::events;

/// The stream for a client whose `stream_options.include_usage` is this: byte for byte, but for
/// the event with the usage, which is left out where nobody asked for it, and made from `usage`
/// where one did and none was stored. `None` where it is asked for and not known.
///
/// Streams of the Responses API always say their usage, and stay as they are.
pub fn same_form(
    stream: &[u8],
    include_usage: bool,
    usage: Option<Usage>,
) -> Option<Cow<'_, [u8]>> {
    let mut edited = Vec::new();
    // So many bytes of the stream have been dealt with, and so many been read.
    let (mut copied, mut read) = (0_usize, 0_usize);
    let mut has_usage = false;
    for event in events(stream) {
        let start = read;
        read = start.saturating_add(event.len());
        let may_matter = memchr::memmem::find(event, b"\"usage\"").is_some()
            || memchr::memmem::find(event, DONE).is_some();
        let Some(data) = may_matter.then(|| data(event)).flatten() else {
            continue;
        };
        if data.trim_ascii() == DONE {
            if include_usage && !has_usage {
                edited.extend_from_slice(stream.get(copied..start)?);
                edited.extend_from_slice(&event_with(stream, usage?)?);
                copied = start;
            }
            break;
        }
        let Some(chunk) = Raw::read(&data).and_then(Raw::object) else {
            continue;
        };
        if chunk.given("usage").is_some() {
            has_usage = true;
            if !include_usage && says_only_usage(&chunk) {
                edited.extend_from_slice(stream.get(copied..start)?);
                copied = read;
            }
        }
    }
    if copied == 0 && edited.is_empty() {
        return Some(Cow::Borrowed(stream));
    }
    edited.extend_from_slice(stream.get(copied..)?);
    Some(Cow::Owned(edited))
}

/// Whether an event is there for its usage.
fn says_only_usage(chunk: &Object<'_>) -> bool {
    let has_choices = chunk
        .given("choices")
        .is_none_or(|choices| !choices.is_empty());
    !has_choices && chunk.given("prompt_filter_results").is_none()
}

/// An event with this usage for a stream: `None` where it is none of chunks.
fn event_with(stream: &[u8], usage: Usage) -> Option<Vec<u8>> {
    // Not any will do: Azure's first one says nothing of the answer.
    events(stream).filter_map(data).find_map(|data| {
        let chunk = Raw::read(&data)?.object()?;
        let kind = Kind::of_chunk(chunk.get("object")?)?;
        let mut event = Events::of_document(data.len());
        event.push(None, |json| {
            envelope(&chunk, kind, json);
            json.name(b"choices");
            json.value(b"[]");
            write(usage, json);
        })?;
        Some(event.into_bytes())
    })
}

/// Adds the member `usage`.
pub(super) fn write(usage: Usage, json: &mut Json) {
    json.name(b"usage");
    json.open(b'{');
    json.number_member("prompt_tokens", usage.prompt);
    json.number_member("completion_tokens", usage.completion);
    json.number_member(
        "total_tokens",
        usage.prompt.saturating_add(usage.completion),
    );
    json.name(b"prompt_tokens_details");
    json.open(b'{');
    json.number_member("cached_tokens", usage.cached);
    json.close(b'}');
    json.close(b'}');
}
