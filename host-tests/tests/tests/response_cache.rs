//! The response-cache in a real Envoy, in front of the token-estimator: what is answered again, in
//! which form, to whom, and that regions are not asked for it.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};
use tollgate_tests::{Builder, Client, Envoy, Response, Stack};

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

/// The answers to `count` requests like this that come together.
fn ask_together(stack: &Stack, count: usize, body: &Value) -> Vec<Response> {
    std::thread::scope(|scope| {
        let ask = || {
            let client = Client::new(stack.gateway());
            let request = client.post(CHAT).header("api-key", "ann");
            let request = request.header("host", "gateway.internal");
            let request = request.header("x-mock-fault", "latency=1s");
            request.json(body).send().unwrap()
        };
        let asking: Vec<_> = (0..count).map(|_| scope.spawn(ask)).collect();
        let answers = asking.into_iter().map(|asking| asking.join().unwrap());
        answers.collect()
    })
}

#[test]
fn like_requests_that_come_together_are_one_to_the_regions() {
    const TOGETHER: usize = 24;
    for (chain, builder) in stacks() {
        // Of four workers too one asks, and of a stream as of a whole answer.
        let stack = builder.concurrency(4).start().unwrap();
        for is_stream in [false, true] {
            let mut question = question(Some(0.0), is_stream);
            question["seed"] = json!(u8::from(is_stream));
            let answers = ask_together(&stack, TOGETHER, &question);
            let regions = stack.mock.regions();
            let asked: usize = regions.map(|region| region.take_requests().len()).sum();
            let count = |what| answers.iter().filter(|answer| told(answer) == what).count();
            assert_eq!(asked, 1, "{chain}");
            assert_eq!((count("miss"), count("hit")), (1, TOGETHER - 1), "{chain}");
            let first = said(&answers[0]);
            assert!(answers.iter().all(|answer| said(answer) == first));
        }
    }
}

#[test]
fn where_the_first_goes_away_another_asks() {
    for (chain, builder) in stacks() {
        let stack = builder.start().unwrap();
        let body = question(Some(0.0), false).to_string();
        let mut first = TcpStream::connect(stack.gateway()).unwrap();
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: gateway.internal\r\napi-key: ann\r\nx-mock-fault: latency=60s\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        first.write_all(head.as_bytes()).unwrap();
        let is_sent = |envoy: &Envoy| {
            let active = envoy.stat("cluster.azure.upstream_rq_active");
            active.is_ok_and(|active| active == 1)
        };
        stack
            .envoy
            .wait_until("the first request", is_sent)
            .unwrap();
        let answers = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| ask_together(&stack, 3, &question(Some(0.0), false)));
            let are_waiting = |envoy: &Envoy| {
                let active = envoy.stat("http.llm.downstream_rq_active");
                active.is_ok_and(|active| active == 4)
            };
            stack.envoy.wait_until("three more", are_waiting).unwrap();
            drop(first);
            waiting.join().unwrap()
        });
        let mut said: Vec<&str> = answers.iter().map(told).collect();
        said.sort_unstable();
        assert_eq!(said, ["hit", "hit", "miss"], "{chain}");
    }
}
