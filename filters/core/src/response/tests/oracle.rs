//! A naive reader that has all of an answer at once.

use serde_json::Value;

use super::super::{Endings, FinishReason, MAX_USAGE_TOKENS, ResponseSummary, Usage, UsageReport};
use super::tree::Tree;
use crate::tokens::{Encoding, Meter, Model};

/// Where output stands; of `|`, each.
const OUTPUT: &[&str] = &[
    "choices[].text",
    "choices[].delta|message.content|refusal|reasoning_content",
    "choices[].delta|message.content|reasoning_content[].text|refusal",
    "choices[].delta|message.function_call.name|arguments|input",
    "choices[].delta|message.tool_calls[].function|custom.name|arguments|input",
    "output[].name|arguments|input|code|content|summary",
    "output[].content|summary[].text|refusal",
];

fn is_output(path: &str) -> bool {
    let steps = |path: &str| -> Vec<String> {
        let path = path.replace("[]", ".[]");
        path.split('.').map(str::to_owned).collect()
    };
    let path = steps(path);
    OUTPUT.iter().any(|pattern| {
        let pattern = steps(pattern);
        pattern.len() == path.len()
            && pattern
                .iter()
                .zip(&path)
                .all(|(any, step)| any.split('|').any(|one| one == step))
    })
}

/// The output of an answer.
#[derive(Default)]
pub struct Output {
    /// Strings, where those of a stream that continue each other are together.
    texts: Vec<Vec<String>>,
    model: Option<String>,
}

impl Output {
    /// Reads a text; where it is none, as much as would be one if it were closed there.
    fn read(&mut self, text: &str) {
        let (tree, is_whole) = match serde_json::from_str::<Tree>(text) {
            Ok(tree) => (tree, true),
            Err(_) => (repair(text), false),
        };
        let mut is_audio = false;
        tree.strings("", &mut |path, string| {
            match path {
                "type" => is_audio = string.ends_with("audio.delta"),
                // A longer name is not kept.
                "model" | "response.model" if (1..=128).contains(&string.len()) => {
                    self.model.get_or_insert(string.to_owned());
                }
                _ => {}
            }
            if is_output(path) || (path == "delta" && !is_audio) {
                match self.texts.last_mut() {
                    Some(texts) => texts.push(string.to_owned()),
                    None => self.texts.push(vec![string.to_owned()]),
                }
            }
        });
        if !is_whole {
            self.texts.push(Vec::new());
        }
    }

    fn encoding(&self) -> Encoding {
        Model::named(self.model.as_deref().unwrap_or("gpt-4o")).encoding
    }

    fn of_document(&self) -> u64 {
        let texts: Vec<Vec<String>> = self.texts.concat().into_iter().map(|t| vec![t]).collect();
        measured(self.encoding(), &texts)
    }

    fn of_stream(&self) -> u64 {
        let strings = self.texts.iter().flatten();
        let deltas = strings.filter(|text| !text.is_empty()).count() as u64;
        let measured = measured(self.encoding(), &self.texts);
        match measured * 3 < deltas * 4 {
            true => deltas,
            false => measured,
        }
    }
}

/// The tokens of texts, each made of strings that continue each other, by the meter.
fn measured(encoding: Encoding, texts: &[Vec<String>]) -> u64 {
    let mut meter = Meter::new();
    for text in texts {
        let quoted = Value::from(text.concat()).to_string();
        meter.text(&quoted.as_bytes()[1..quoted.len() - 1], 0);
        meter.end_text();
    }
    meter.estimate(encoding).into()
}

/// The longest start of `text` that is JSON once its string and its brackets are closed.
fn repair(text: &str) -> Tree {
    let starts = (0..=text.len()).rev().filter_map(|end| text.get(..end));
    starts
        .flat_map(|start| [closed(start, "\""), closed(start, "")])
        .find_map(|text| serde_json::from_str(&text).ok())
        .unwrap_or(Tree::Other)
}

fn closed(start: &str, quote: &str) -> String {
    let mut open = Vec::new();
    let mut bytes = start.bytes();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'{' if !in_string => open.push('}'),
            b'[' if !in_string => open.push(']'),
            b'}' | b']' if !in_string => drop(open.pop()),
            _ => {}
        }
    }
    let brackets: String = open.into_iter().rev().collect();
    format!("{start}{quote}{brackets}")
}

/// The summary of a document; `is_complete` says what it says in an event.
pub fn document(text: &str) -> ResponseSummary {
    let mut output = Output::default();
    output.read(text);
    let value = serde_json::from_str(text).unwrap_or_default();
    ResponseSummary {
        output_tokens: output.of_document(),
        ..said(&value)
    }
}

/// What one JSON text says, its output aside.
fn said(text: &Value) -> ResponseSummary {
    let mut summary = ResponseSummary::default();
    let event = text["type"].as_str().unwrap_or_default();
    let finals = [
        "response.completed",
        "response.incomplete",
        "response.failed",
        "error",
    ];
    if finals.contains(&event) {
        summary.is_complete = true;
        summary.has_error = ["response.failed", "error"].contains(&event);
    }
    for answer in [text, &text["response"]] {
        summary.has_error |= !answer["error"].is_null();
        let usage = &answer["usage"];
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| usage.get(name));
        let count = |value: Option<&Value>| match value {
            None | Some(Value::Null) => Ok(0),
            Some(value) => value
                .as_u64()
                .filter(|count| *count <= MAX_USAGE_TOKENS)
                .ok_or(()),
        };
        let details = first(["prompt_tokens_details", "input_tokens_details"]);
        let counts = (
            count(first(["prompt_tokens", "input_tokens"])),
            count(first(["completion_tokens", "output_tokens"])),
            count(details.and_then(|details| details.get("cached_tokens"))),
        );
        let has_prompt =
            first(["prompt_tokens", "input_tokens"]).is_some_and(|value| !value.is_null());
        match counts {
            _ if usage.is_null() => {}
            (Ok(prompt), Ok(completion), Ok(cached)) if has_prompt => {
                summary.usage = UsageReport::Given(Usage {
                    prompt,
                    completion,
                    cached,
                });
            }
            _ => summary.usage = UsageReport::Unusable,
        }
    }
    for choice in text["choices"].as_array().into_iter().flatten() {
        if choice.is_object() {
            let reason = choice["finish_reason"]
                .as_str()
                .filter(|word| !word.is_empty());
            summary.endings.note(
                choice["index"].as_u64().unwrap_or_default(),
                reason.map(reason_named),
            );
        }
    }
    summary.endings.add(of_response(text));
    summary
}

fn reason_named(word: &str) -> FinishReason {
    match word {
        "stop" => FinishReason::Stop,
        "length" | "max_output_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

/// How the answer of the Responses API ended that a text is, or carries.
fn of_response(text: &Value) -> Endings {
    let mut endings = Endings::default();
    let answers = [text, &text["response"]];
    let reason = answers
        .iter()
        .find_map(|answer| answer["incomplete_details"]["reason"].as_str());
    match answers.iter().find_map(|answer| answer["status"].as_str()) {
        Some("completed") => endings.note(0, Some(FinishReason::Stop)),
        Some("incomplete") => {
            endings.note(0, Some(reason.map_or(FinishReason::Other, reason_named)))
        }
        Some("in_progress" | "queued" | "failed" | "cancelled") => endings.note(0, None),
        _ => {}
    }
    endings
}

/// The summary of a stream, by splitting it into lines.
pub fn stream(stream: &str) -> ResponseSummary {
    let mut summary = ResponseSummary::default();
    let mut output = Output::default();
    let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
    for event in lines.split("\n\n") {
        let data: Vec<&str> = event
            .split('\n')
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        let data = data.join("\n");
        if data == "[DONE]" {
            summary.is_complete = true;
            continue;
        }
        if "[DONE]".starts_with(&data) {
            continue;
        }
        output.read(&data);
        let Ok(data) = serde_json::from_str(&data) else {
            continue;
        };
        let event = said(&data);
        if event.usage != UsageReport::Absent {
            summary.usage = event.usage;
        }
        summary.is_complete |= event.is_complete;
        summary.has_error |= event.has_error;
        summary.endings.add(event.endings);
    }
    ResponseSummary {
        output_tokens: output.of_stream(),
        ..summary
    }
}

/// The tokens of these texts of a document.
pub fn tokens_of_texts(texts: &[&str]) -> u64 {
    Output {
        texts: vec![texts.iter().map(|&text| text.to_owned()).collect()],
        model: None,
    }
    .of_document()
}
