//! Naive readers of streams: what a client ends up with that adds up what comes.

use serde_json::{Map, Value, json};

/// The data of the events, by lines; it must end with `[DONE]` where that is asked for.
pub fn data(stream: &str) -> Vec<Value> {
    let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
    let mut data = Vec::new();
    for event in lines.split("\n\n") {
        let lines = event
            .split('\n')
            .filter_map(|line| line.strip_prefix("data:"));
        let lines: Vec<&str> = lines.map(str::trim).collect();
        let text = lines.join("\n");
        if text == "[DONE]" {
            break;
        }
        if !text.is_empty() {
            data.push(serde_json::from_str(&text).expect("data is JSON"));
        }
    }
    data
}

/// The document that the chunks of a stream add up to.
pub fn document(stream: &str) -> Value {
    let mut document = Map::new();
    let mut choices: Vec<Value> = Vec::new();
    for chunk in data(stream) {
        let chunk = chunk.as_object().unwrap();
        let names_none = chunk.get("object").is_none_or(|object| object == "");
        for (name, value) in chunk {
            match name.as_str() {
                "choices" => {
                    for choice in value.as_array().unwrap() {
                        add_choice(&mut choices, choice);
                    }
                }
                "object" if !names_none => {
                    let object = value.as_str().unwrap().trim_end_matches(".chunk");
                    document.insert("object".to_owned(), json!(object));
                }
                "object" | "obfuscation" => {}
                "id" | "created" | "model" | "system_fingerprint" | "service_tier"
                    if names_none => {}
                "id" | "created" | "model" => {
                    document.entry(name).or_insert_with(|| value.clone());
                }
                _ if value.is_null() => {
                    document.entry(name).or_insert(Value::Null);
                }
                _ => {
                    document.insert(name.clone(), value.clone());
                }
            }
        }
    }
    if document.get("usage").is_some_and(Value::is_null) {
        document.remove("usage");
    }
    choices.sort_by_key(|choice| choice["index"].as_u64());
    document.insert("choices".to_owned(), Value::Array(choices));
    Value::Object(document)
}

fn add_choice(choices: &mut Vec<Value>, chunk: &Value) {
    let known = choices
        .iter_mut()
        .position(|known| known["index"] == chunk["index"]);
    let known = known.unwrap_or_else(|| {
        choices.push(json!({"index": chunk["index"]}));
        choices.len() - 1
    });
    let choice = &mut choices[known];
    for (name, value) in chunk.as_object().unwrap() {
        match name.as_str() {
            "delta" => add(&mut choice["message"], value),
            "finish_reason" if value.is_null() => {
                choice
                    .as_object_mut()
                    .unwrap()
                    .entry(name)
                    .or_insert(Value::Null);
            }
            "index" | "finish_reason" => choice[name] = value.clone(),
            _ => add(&mut choice[name], value),
        }
    }
}

/// What a client makes of what it has and what comes: strings and arrays continue, calls are
/// told apart by their index, objects are added member by member.
fn add(known: &mut Value, more: &Value) {
    match (known, more) {
        (_, Value::Null) => {}
        (Value::String(known), Value::String(more)) => known.push_str(more),
        (Value::Object(known), Value::Object(more)) => {
            for (name, more) in more {
                let known = known.entry(name).or_insert(Value::Null);
                match (name.as_str(), &known) {
                    ("role" | "id" | "type", Value::String(_)) => assert_eq!(known, more),
                    ("tool_calls", _) => add_calls(known, more),
                    _ => add(known, more),
                }
            }
        }
        (Value::Array(known), Value::Array(more)) => known.extend(more.iter().cloned()),
        (known, Value::Object(more)) => {
            *known = json!({});
            add(known, &Value::Object(more.clone()));
        }
        (known, more) => *known = more.clone(),
    }
}

fn add_calls(known: &mut Value, more: &Value) {
    if more.is_null() {
        return;
    }
    if known.is_null() {
        *known = json!([]);
    }
    let known = known.as_array_mut().unwrap();
    for more in more.as_array().into_iter().flatten() {
        let index = more["index"].as_u64().unwrap() as usize;
        known.resize(known.len().max(index + 1), json!({}));
        let mut more = more.clone();
        more.as_object_mut().unwrap().remove("index");
        add(&mut known[index], &more);
    }
}

/// The output of a stream of the Responses API, from the items as they were announced and the
/// deltas; it must be what the events at the ends say.
pub fn response(stream: &str) -> Value {
    let mut output: Vec<Value> = Vec::new();
    let mut last = Value::Null;
    for (number, event) in data(stream).into_iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number), "{event}");
        let kind = event["type"].as_str().unwrap().to_owned();
        assert!(stream.contains(&format!("event: {kind}\ndata: ")), "{kind}");
        assert_eq!(last, Value::Null, "nothing follows the last event");
        let at = event["output_index"].as_u64().unwrap_or_default() as usize;
        match kind.trim_start_matches("response.") {
            "created" | "in_progress" => {
                assert_eq!(event["response"]["output"], json!([]));
                assert_eq!(event["response"]["status"], json!("in_progress"));
            }
            "output_item.added" => {
                assert_eq!(at, output.len());
                output.push(event["item"].clone());
            }
            "output_item.done" => {
                output[at]["status"] = event["item"]["status"].clone();
                if event["item"].get("status").is_none() {
                    output[at].as_object_mut().unwrap().remove("status");
                }
                assert_eq!(output[at], event["item"]);
            }
            "completed" | "incomplete" => {
                last = event["response"].clone();
                assert_eq!(last["output"], json!(output));
            }
            name => {
                if event.get("item_id").is_some() {
                    assert_eq!(event["item_id"], output[at]["id"], "{event}");
                }
                item_event(&mut output[at], name, &event);
            }
        }
    }
    last
}

fn item_event(item: &mut Value, name: &str, event: &Value) {
    let (parts, index) = match event.get("summary_index") {
        Some(index) => ("summary", index),
        None => ("content", &event["content_index"]),
    };
    let Some(index) = index.as_u64().map(|index| index as usize) else {
        let member = match name {
            name if name.starts_with("custom_tool_call_input.") => "input",
            _ => "arguments",
        };
        if name.ends_with(".delta") {
            add(&mut item[member], &event["delta"]);
        } else {
            assert_eq!(item[member], event[member]);
        }
        return;
    };
    if name.ends_with("_part.added") {
        let parts = item[parts].as_array_mut().unwrap();
        assert_eq!(parts.len(), index);
        parts.push(event["part"].clone());
        return;
    }
    let part = &mut item[parts][index];
    let member = if name.starts_with("refusal") {
        "refusal"
    } else {
        "text"
    };
    if name.ends_with("_part.done") {
        assert_eq!(*part, event["part"]);
    } else if name.ends_with("annotation.added") {
        let annotations = part["annotations"].as_array_mut().unwrap();
        assert_eq!(event["annotation_index"], json!(annotations.len()));
        annotations.push(event["annotation"].clone());
    } else if name.ends_with(".delta") {
        add(&mut part[member], &event["delta"]);
        if let Some(logprobs) = event["logprobs"]
            .as_array()
            .filter(|logprobs| !logprobs.is_empty())
        {
            add(&mut part["logprobs"], &json!(logprobs));
        }
    } else {
        assert!(name.ends_with(".done"), "{name}");
        assert_eq!(part[member], event[member]);
    }
}
