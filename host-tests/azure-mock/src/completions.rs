//! Legacy completions on the wire.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{self, Answer};
use crate::chat::Streaming;
use crate::identity::Identity;
use crate::usage::{ChatUsage, Usage};
use crate::{filter, sse};

#[derive(Serialize)]
struct Completion<'a> {
    choices: Vec<Choice<'a>>,
    created: u64,
    id: &'a str,
    model: &'a str,
    object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_filter_results: Option<&'static RawValue>,
    system_fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<ChatUsage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_filter_results: Option<&'static RawValue>,
    finish_reason: Option<&'static str>,
    index: usize,
    logprobs: Option<()>,
    text: &'a str,
}

fn completion<'a>(identity: &'a Identity, choices: Vec<Choice<'a>>) -> Completion<'a> {
    Completion {
        choices,
        created: identity.created,
        id: &identity.id,
        model: identity.model,
        object: "text_completion",
        prompt_filter_results: None,
        system_fingerprint: &identity.fingerprint,
        usage: None,
    }
}

/// The body of a whole answer.
pub(crate) fn json(answer: &Answer, identity: &Identity, usage: Usage) -> Vec<u8> {
    let texts: Vec<String> = answer.choices.iter().map(answer::Choice::text).collect();
    let choices = answer.choices.iter().zip(&texts).enumerate();
    let choices = choices.map(|(index, (choice, text))| Choice {
        content_filter_results: identity.azure.then(filter::completion),
        finish_reason: Some(choice.finish.reason()),
        index,
        logprobs: None,
        text,
    });
    let body = Completion {
        prompt_filter_results: identity.azure.then(filter::prompt),
        usage: Some(Some(usage.chat())),
        ..completion(identity, choices.collect())
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The events of a streamed answer, `[DONE]` included.
pub(crate) fn events(
    answer: &Answer,
    identity: &Identity,
    usage: Usage,
    streaming: Streaming,
) -> Vec<Bytes> {
    let mut events = Vec::new();
    let null_usage = streaming.include_usage.then_some(None);
    for (index, choice) in answer.choices.iter().enumerate() {
        let pieces = choice
            .pieces()
            .iter()
            .map(|piece| (piece.text.as_ref(), None));
        for (text, finish_reason) in pieces.chain([("", Some(choice.finish.reason()))]) {
            let choice = Choice {
                content_filter_results: identity.azure.then(filter::nothing),
                finish_reason,
                index,
                logprobs: None,
                text,
            };
            let mut chunk = completion(identity, vec![choice]);
            chunk.usage = null_usage;
            events.push(sse::json(&chunk));
        }
    }
    if streaming.include_usage {
        let mut chunk = completion(identity, Vec::new());
        chunk.usage = Some(Some(usage.chat()));
        events.push(sse::json(&chunk));
    }
    events.push(sse::data("[DONE]"));
    events
}
