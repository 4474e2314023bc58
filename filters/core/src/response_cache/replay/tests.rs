//! Answers in one form and the other, as rows and generated ones, beside naive readers of
//! streams that have nothing in common with what wrote them.

mod documents;
mod oracle;
mod properties;
mod reader;
mod same;
mod streams;

use serde_json::Value;

use super::*;

/// A stream of these data.
fn stream_of(events: &[&str]) -> String {
    events
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(json)))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
