//! What the clients of a stream make of it: its texts, read from whole events by `serde_json`.

use std::collections::BTreeMap;

use serde_json::Value;

/// Texts by choice or output item, by kind, and by call or part.
pub(super) type Texts = BTreeMap<(u64, String, u64), String>;

/// The data of the events of a stream whose lines end with line feeds.
pub(super) fn events(stream: &str) -> Vec<Value> {
    let data = stream.split("\n\n").filter_map(|event| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix("data: "))
    });
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

/// Its texts, pieces put together.
pub(super) fn texts(stream: &str) -> Texts {
    let mut texts = Texts::new();
    let mut add = |at: u64, kind: &str, part: u64, piece: &Value| {
        if let Some(piece) = piece.as_str() {
            *texts.entry((at, kind.to_owned(), part)).or_default() += piece;
        }
    };
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    for event in events(stream) {
        if let Some(kind) = event["type"].as_str() {
            let part = number(&event["content_index"]);
            add(number(&event["output_index"]), kind, part, &event["delta"]);
        }
        for choice in event["choices"].as_array().into_iter().flatten() {
            let index = number(&choice["index"]);
            let delta = &choice["delta"];
            add(index, "text", 0, &choice["text"]);
            for kind in ["content", "refusal", "reasoning_content"] {
                add(index, kind, 0, &delta[kind]);
            }
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let arguments = &call["function"]["arguments"];
                add(index, "arguments", number(&call["index"]), arguments);
            }
        }
    }
    texts
}

/// The texts with originals instead of placeholders; in arguments those are JSON.
pub(super) fn unmask(texts: Texts, originals: &[(&str, &str)]) -> Texts {
    let unmask = |((at, kind, part), mut text): ((u64, String, u64), String)| {
        for (placeholder, original) in originals {
            let json = serde_json::to_string(original).unwrap();
            let is_json = kind == "arguments";
            let original = if is_json {
                &json[1..json.len() - 1]
            } else {
                original
            };
            text = text.replace(placeholder, original);
        }
        ((at, kind, part), text)
    };
    texts.into_iter().map(unmask).collect()
}
