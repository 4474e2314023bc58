//! A question that is asked again: who answers it, in which form, and what that saves.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{CHAT, answer};
use crate::client::Response;
use crate::stack::Stack;

/// How long the model takes, as `x-mock-fault` says it.
pub const MODEL_TAKES: &str = "latency=600ms";

/// One request, and what was seen of it.
pub struct Asked {
    /// What the request is, in a few words.
    pub name: &'static str,
    /// What the cache says of it: `x-tollgate-cache`.
    pub cache: String,
    /// Whether a region was asked.
    pub is_sent: bool,
    /// Whether the answer came as a stream.
    pub is_stream: bool,
    /// Tokens of prompt and answer, by the answer's usage.
    pub tokens: u64,
    /// From the request's first byte to the answer's last.
    pub time: Duration,
    /// The whole answer.
    pub answer: Response,
}

impl Asked {
    /// What the model says, whole or put together from a stream.
    pub fn text(&self) -> String {
        let of = |choice: &Value, part: &str| choice[part]["content"].as_str().map(str::to_owned);
        match self.is_stream {
            true => {
                let events = self.answer.events();
                let deltas = events.iter().map(|event| of(&event["choices"][0], "delta"));
                deltas.flatten().collect()
            }
            false => of(&self.answer.json()["choices"][0], "message").unwrap_or_default(),
        }
    }
}

/// The question.
pub(super) fn question() -> Value {
    json!({
        "temperature": 0,
        "max_tokens": 200,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. Answer in one paragraph."},
            {"role": "user", "content": "Why do leaves turn red in autumn?"},
        ],
    })
}

/// Asks a question, asks it again, then for a stream of the same, then as another tenant.
///
/// # Errors
/// When an answer does not come, or does not say what it cost.
pub fn asked_again(stack: &Stack) -> Result<[Asked; 4]> {
    let question = question();
    let mut streamed = question.clone();
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({"include_usage": true});
    let ask = |name, tenant, question| ask(stack, name, tenant, question);
    Ok([
        ask("asked for the first time", "demo-tenant-a", &question)?,
        ask("asked again", "demo-tenant-a", &question)?,
        ask("asked again, as a stream", "demo-tenant-a", &streamed)?,
        ask("asked by tenant B", "demo-tenant-b", &question)?,
    ])
}

/// Asks a question by the name that all Envoys have: answers are of the host that was asked.
///
/// # Errors
/// When the answer does not come, or does not say what it cost.
pub(super) fn ask(
    stack: &Stack,
    name: &'static str,
    tenant: &str,
    question: &Value,
) -> Result<Asked> {
    asked(stack, name, tenant, question).context(name)
}

fn asked(stack: &Stack, name: &'static str, tenant: &str, question: &Value) -> Result<Asked> {
    let received = || {
        let regions = stack.mock.regions();
        regions
            .map(|region| region.take_requests().len())
            .sum::<usize>()
    };
    received();
    let request = stack.client().post(CHAT).header("api-key", tenant);
    let request = request.header("host", "gateway.internal");
    let request = request.header("x-mock-fault", MODEL_TAKES).json(question);
    let began = Instant::now();
    let response = request.send()?;
    let time = began.elapsed();
    ensure!(response.status == 200, "{}", response.text());
    let cache = response.header("x-tollgate-cache");
    let tokens = answer(&response)["usage"]["total_tokens"].as_u64();
    Ok(Asked {
        name,
        cache: cache.context("no x-tollgate-cache")?.to_owned(),
        is_sent: received() > 0,
        is_stream: response.text().starts_with("data:"),
        tokens: tokens.context("no usage")?,
        time,
        answer: response,
    })
}
