//! What a stopped answer looks like: as Azure's own filter stops one.

use serde_json::{Map, Value, json};

use super::screen::Blocked;

/// Why an answer of the Responses API is incomplete, and a choice finished.
const REASON: &str = "content_filter";

/// The last event of a stopped stream of chat completions or completions, and `[DONE]`:
/// `said` are the members that all its events begin with, each followed by a comma, and
/// `choices` those that were not finished.
pub(super) fn write_end_of_choices(
    blocked: &Blocked,
    said: &[u8],
    choices: &[u32],
    is_legacy: bool,
    out: &mut Vec<u8>,
) {
    let text = if is_legacy {
        r#""text":"""#
    } else {
        r#""delta":{}"#
    };
    let results = &blocked.results;
    let choices = choices.iter().map(|index| {
        format!(
            r#"{{"content_filter_results":{results},{text},"finish_reason":"{REASON}","index":{index},"logprobs":null}}"#
        )
    });
    let choices: Vec<String> = choices.collect();
    out.extend_from_slice(b"data: {");
    out.extend_from_slice(said);
    out.extend_from_slice(format!(r#""choices":[{}]}}"#, choices.join(",")).as_bytes());
    out.extend_from_slice(b"\n\ndata: [DONE]\n\n");
}

/// The last event of a stopped stream of the Responses API: `response` is the answer as far
/// as an event before has said what it is, `sequence_number` that of the event at hand.
pub(super) fn write_end_of_response(
    blocked: &Blocked,
    response: &[u8],
    sequence_number: u64,
    out: &mut Vec<u8>,
) {
    let mut response = serde_json::from_slice(response).unwrap_or_default();
    stop_response(&mut response, blocked);
    let event = json!({
        "type": "response.incomplete",
        "sequence_number": sequence_number,
        "response": response,
    });
    out.extend_from_slice(format!("event: response.incomplete\ndata: {event}\n\n").as_bytes());
}

/// A stopped document: without what the model wrote, with everything else.
pub(super) fn document(blocked: &Blocked, json: &[u8]) -> Vec<u8> {
    let mut answer: Value = serde_json::from_slice(json).unwrap_or_default();
    match answer.get_mut("choices").and_then(Value::as_array_mut) {
        Some(choices) => {
            for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
                stop_choice(choice, blocked);
            }
        }
        None => {
            let mut response = answer.as_object().cloned().unwrap_or_default();
            stop_response(&mut response, blocked);
            answer = Value::Object(response);
        }
    }
    answer.to_string().into_bytes()
}

fn results(blocked: &Blocked) -> Value {
    serde_json::from_str(&blocked.results).unwrap_or_default()
}

fn stop_choice(choice: &mut Map<String, Value>, blocked: &Blocked) {
    for (name, value) in choice.iter_mut() {
        match name.as_str() {
            "message" => *value = json!({"content": "", "role": "assistant"}),
            "text" => *value = json!(""),
            "logprobs" => *value = Value::Null,
            _ => {}
        }
    }
    choice.insert("finish_reason".to_owned(), json!(REASON));
    choice.insert("content_filter_results".to_owned(), results(blocked));
}

fn stop_response(response: &mut Map<String, Value>, blocked: &Blocked) {
    let filters = json!([{
        "blocked": true,
        "source_type": "completion",
        "content_filter_results": results(blocked),
    }]);
    for (name, value) in [
        ("object", json!("response")),
        ("status", json!("incomplete")),
        ("incomplete_details", json!({ "reason": REASON })),
        ("output", json!([])),
        ("content_filters", filters),
    ] {
        response.insert(name.to_owned(), value);
    }
    if let Some(text) = response.get_mut("output_text") {
        *text = json!("");
    }
}
