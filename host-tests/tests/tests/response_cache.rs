//! The response-cache in a real Envoy, in front of the token-estimator: what is answered again, in
//! which form, to whom, and that regions are not asked for it.

use serde_json::{Value, json};
use tollgate_tests::{Builder, Response, Stack};

const CONFIGURATION: &str = "envoy/response-cache/envoy.yaml";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// One filter for each stage, or one for both of them.
fn stacks() -> [(&'static str, Builder); 2] {
    Stack::by_chain(CONFIGURATION, "response-cache", &["token-estimator"])
}

/// What the cache said of an answer.
fn told(answer: &Response) -> &str {
    answer.header("x-tollgate-cache").unwrap_or_default()
}

struct Asker<'a> {
    stack: &'a Stack,
}

impl Asker<'_> {
    /// The answer to `body`, and how often a region was asked for it.
    fn ask(&self, host: &str, key: &str, body: &Value) -> (Response, usize) {
        let request = self.stack.client().post(CHAT).header("api-key", key);
        let request = request.header("host", host);
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().unwrap();
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        let regions = self.stack.mock.regions();
        let asked = regions.map(|region| region.take_requests().len()).sum();
        (answer, asked)
    }
}

fn question(temperature: Option<f64>, is_stream: bool) -> Value {
    let mut question =
        json!({"messages": [{"role": "user", "content": "Which colour has the sky?"}]});
    if let Some(temperature) = temperature {
        question["temperature"] = json!(temperature);
    }
    if is_stream {
        question["stream"] = json!(true);
    }
    question
}

/// What a model says in an answer of either form.
fn said(answer: &Response) -> String {
    let text = answer.text();
    if !text.starts_with("data:") {
        let text = &answer.json()["choices"][0]["message"]["content"];
        return text.as_str().unwrap().to_owned();
    }
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let events = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "));
    let deltas = events.filter(|data| *data != "[DONE]").map(|data| {
        let chunk: Value = serde_json::from_str(data).unwrap();
        chunk["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    deltas.collect()
}

#[test]
fn a_question_is_sent_once_and_answered_in_either_form() {
    for (chain, builder) in stacks() {
        let stack = builder.start().unwrap();
        let asker = Asker { stack: &stack };
        for first_streams in [false, true] {
            // Another question each time.
            let question = |is_stream| {
                let mut question = question(Some(0.0), is_stream);
                question["seed"] = json!(u8::from(first_streams));
                question
            };
            let ask = |is_stream| asker.ask("gateway.internal", "ann", &question(is_stream));
            let (first, asked) = ask(first_streams);
            assert_eq!((told(&first), asked), ("miss", 1), "{chain}");
            let (again, asked) = ask(first_streams);
            assert_eq!((told(&again), asked), ("hit", 0), "{chain}");
            assert_eq!(again.text(), first.text(), "{chain}: byte for byte");
            assert_eq!(again.header("content-type"), first.header("content-type"));
            assert!(again.header("age").unwrap().parse::<u64>().unwrap() < 60);
            let (other, asked) = ask(!first_streams);
            assert_eq!((told(&other), asked), ("hit", 0), "{chain}");
            assert_eq!(said(&other), said(&first), "{chain}");
        }
    }
}

#[test]
fn answers_are_of_a_tenant_a_host_and_a_route() {
    for (chain, builder) in stacks() {
        let stack = builder.start().unwrap();
        let asker = Asker { stack: &stack };
        let rows = [
            ("gateway.internal", "ann", Some(0.0), "miss"),
            ("gateway.internal", "bob", Some(0.0), "miss"),
            ("gateway.internal", "bob", Some(0.0), "hit"),
            (
                "gateway.internal",
                "bob",
                None,
                "bypass; reason=not_deterministic",
            ),
            ("help.internal", "bob", None, "miss"),
            ("help.internal", "ann", None, "hit"),
            ("help.external", "ann", None, "miss"),
            ("uncached.internal", "bob", Some(0.0), ""),
        ];
        for (host, key, temperature, expected) in rows {
            if chain == "gateway.wasm" && host == "uncached.internal" {
                // The route switches off the one filter there is.
                continue;
            }
            let (answer, asked) = asker.ask(host, key, &question(temperature, false));
            assert_eq!(told(&answer), expected, "{chain}: {host} {key}");
            assert_eq!(
                asked,
                usize::from(expected != "hit"),
                "{chain}: {host} {key}"
            );
        }
        // What is purged is of one tenant.
        let purge = |key| {
            let request = stack.client().request("DELETE", "/tollgate/response-cache");
            request.header("api-key", key).send().unwrap()
        };
        assert_eq!(purge("bob").text(), r#"{"purged":"tenant"}"#, "{chain}");
        for (key, expected) in [("ann", "hit"), ("bob", "miss")] {
            let (answer, _) = asker.ask("gateway.internal", key, &question(Some(0.0), false));
            assert_eq!(told(&answer), expected, "{chain}: {key}");
        }
    }
}
