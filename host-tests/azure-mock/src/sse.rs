//! Server-sent events, one `Bytes` each.

use bytes::Bytes;
use serde::Serialize;

/// `data: …` with this text, which has no line break.
pub(crate) fn data(text: &str) -> Bytes {
    Bytes::from(format!("data: {text}\n\n"))
}

/// `data: …` with this value.
pub(crate) fn json(value: &impl Serialize) -> Bytes {
    write(b"data: ", value)
}

/// An event with a name, as the Responses API sends them.
pub(crate) fn named(name: &str, value: &impl Serialize) -> Bytes {
    write(format!("event: {name}\ndata: ").as_bytes(), value)
}

fn write(start: &[u8], value: &impl Serialize) -> Bytes {
    let mut event = Vec::with_capacity(512);
    event.extend(start);
    // Into memory only a map with keys that are no strings could fail; there is none.
    let _ = serde_json::to_writer(&mut event, value);
    event.extend(b"\n\n");
    event.into()
}
