//! Bytes as a person reads them. What is compared is the bytes themselves: two that differ may
//! look alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::headers::Headers;
use crate::message::Metadata;

use super::outcome::Outcome;

/// A text as it is; other bytes as a scenario writes them, `{ hex = "ff00" }`.
pub fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let mut digits = String::new();
            for byte in bytes {
                let _ = write!(digits, "{byte:02x}");
            }
            format!("{{ hex = \"{digits}\" }}")
        }
    }
}

/// A header's name or value on its line: a text as it is, of other bytes `\xff` for what is
/// none.
fn field(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

/// Bytes as a text, invalid UTF-8 shown as U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A message of a gRPC call to a line; a line for each.
pub fn grpc_messages(messages: &[Vec<u8>]) -> String {
    let lines = messages
        .iter()
        .map(|message| match std::str::from_utf8(message) {
            Ok("") => "(an empty message)".to_owned(),
            Ok(text) => text.escape_debug().to_string(),
            Err(_) => message.escape_ascii().to_string(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// METADATA frames, a line each, as a scenario writes them.
pub fn frames(frames: &[Metadata]) -> String {
    let frames = frames.iter().map(|frame| {
        let entries = frame.iter();
        let entries = entries.map(|(key, value)| format!("{} = {:?}", field(key), field(value)));
        format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
    });
    frames.collect::<Vec<_>>().join("\n")
}

/// All fields by name; values of one name in their order.
pub(super) fn by_name(headers: &Headers) -> Vec<(&[u8], &[u8])> {
    let mut fields: Vec<_> = headers.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

/// All fields, a line each, by name; values of one name in their order.
pub fn sorted(headers: &Headers) -> String {
    let fields = by_name(headers).into_iter();
    let lines = fields.map(|(name, value)| format!("{}: {}", field(name), field(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The fields called `name`, a line each.
pub(super) fn named(headers: &Headers, name: &str) -> String {
    let lines: Vec<_> = headers
        .all(name)
        .map(|value| format!("{name}: {}", field(value)))
        .collect();
    if lines.is_empty() {
        format!("(no {name})")
    } else {
        lines.join("\n")
    }
}

/// Values by key, a line each.
pub(super) fn entries(values: &BTreeMap<String, Vec<u8>>) -> String {
    let lines = values
        .iter()
        .map(|(key, value)| format!("{key}: {}", bytes(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Shared data by key as text.
pub(super) fn shared(outcome: &Outcome) -> BTreeMap<String, Vec<u8>> {
    let entries = outcome.shared_data.iter();
    entries
        .map(|(key, value)| (bytes(key), value.clone()))
        .collect()
}

/// Values as texts, invalid UTF-8 shown as U+FFFD.
pub(super) fn texts(values: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let texts = values.iter().map(|(key, value)| (key.clone(), text(value)));
    texts.collect()
}
