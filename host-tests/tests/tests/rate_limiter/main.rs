//! The rate-limiter in a real Envoy: what clients are told, what every end of a stream costs,
//! and what workers, reloads and tenants do to the count.

mod answers;
mod chain;
mod ends;
mod growth;
mod reload;
mod routes;
mod tenants;
mod words;
mod workers;

use serde_json::{Value, json};
use tollgate_tests::{Builder, Client, Response, Stack};

const CONFIGURATION: &str = "envoy/rate-limiter/envoy.yaml";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// The configuration's own limits for each tenant, which tests replace by such as they reach.
const LIMITS: &str =
    r#""requests_per_minute": 1800, "tokens_per_minute": 300000, "burst_seconds": 3,"#;
const QUOTAS: &str = r#""quotas": [ { "period": "month", "tokens": 2000000000 } ],"#;

/// Three at once, one a second.
const SIXTY: &str = r#""requests_per_minute": 60, "tokens_per_minute": 60000, "burst_seconds": 3"#;

/// The configuration with these limits instead, such as `"requests_per_minute": 60`.
fn limited(limits: &str) -> Builder {
    Stack::of(CONFIGURATION)
        .replace(QUOTAS, "")
        .replace(LIMITS, &format!("{limits},"))
}

fn question() -> Value {
    json!({
        "messages": [
            {"role": "system", "content": "You answer in one sentence."},
            {"role": "user", "content": "Why is the sky blue in the day and red in the evening?"}
        ],
        "max_tokens": 40
    })
}

fn ask(client: &Client, tenant: &str) -> Response {
    let request = client.post(CHAT).header("api-key", tenant);
    request.json(&question()).send().unwrap()
}

/// The lines of the access log, once there are `count` of them.
fn access_log(stack: &Stack, count: usize) -> Vec<Value> {
    let lines = |envoy: &tollgate_tests::Envoy| -> Vec<Value> {
        let log = envoy.access_log();
        // The last one may be half written.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    };
    let what = format!("{count} lines of the access log");
    stack
        .envoy
        .wait_until(&what, |envoy| lines(envoy).len() >= count)
        .unwrap();
    let lines = lines(&stack.envoy);
    assert_eq!(lines.len(), count);
    lines
}

/// A metric of the rate-limiter.
fn stat(stack: &Stack, name: &str) -> u64 {
    let name = format!("wasmcustom.tollgate.rate_limiter.{name}");
    stack.envoy.stat(&name).unwrap()
}

fn number(response: &Response, header: &str) -> u64 {
    let value = response.header(header);
    let value = value.unwrap_or_else(|| panic!("no {header}: {:?}", response.headers));
    value.parse().unwrap()
}

/// The first refusal: time passes on a busy machine, and every second admits another request.
fn until_refused(ask: impl FnMut() -> Response) -> Response {
    let mut answers = std::iter::repeat_with(ask).take(20);
    let refused = answers.find(|answer| answer.status != 200);
    refused.expect("one of twenty requests is refused")
}
