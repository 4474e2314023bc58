//! The stack itself: what other tests and the demo rely on.

use serde_json::json;
use tollgate_tests::{Stack, exchange};

const CONFIGURATION: &str = "envoy/token-estimator/envoy.yaml";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// Two at once, each with its own ports: a request through one is not seen by the other.
#[test]
fn stacks_do_not_meet() {
    let stacks = [1, 2].map(|workers| {
        let stack = Stack::of(CONFIGURATION).concurrency(workers);
        stack.start().unwrap()
    });
    let [one, other] = &stacks;
    let body = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let answer = one
        .client()
        .post(CHAT)
        .header("api-key", "any")
        .json(&body)
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    one.envoy
        .wait_until("the access log's line", |envoy| {
            envoy
                .access_log()
                .contains("/openai/deployments/gpt-4o/chat/completions")
        })
        .unwrap();
    assert_eq!(one.envoy.stat("http.llm.downstream_rq_2xx").unwrap(), 1);
    assert_eq!(other.envoy.stat("http.llm.downstream_rq_2xx").unwrap(), 0);
    assert_eq!(other.envoy.access_log(), "");
    assert_eq!(one.envoy.stat("server.concurrency").unwrap(), 1);
    assert_eq!(other.envoy.stat("server.concurrency").unwrap(), 2);
}

/// HTTP/2 and single pieces on the wire reach the same route.
#[test]
fn every_way_in_is_answered() {
    let stack = Stack::of(CONFIGURATION).start().unwrap();
    let body = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let http2 = stack.http2_client();
    let answer = http2
        .post(CHAT)
        .header("api-key", "any")
        .json(&body)
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());

    let body = body.to_string();
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\napi-key: any\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let raw = exchange(stack.gateway(), request.as_bytes().chunks(40)).unwrap();
    assert_eq!(raw.status, 200, "{}", raw.head);
    assert_eq!(
        raw.body, answer.body,
        "the same request has the same answer"
    );
}

/// What a configuration lacks or Envoy refuses is said, with Envoy's own words.
#[test]
fn what_cannot_start_says_why() {
    let rows = [
        (Stack::of("envoy/none.yaml"), "cannot read"),
        (
            Stack::of(CONFIGURATION).replace("not there", ""),
            "it has no `not there`",
        ),
        (
            Stack::of(CONFIGURATION).replace("port_value: 9901", "port_value: 99"),
            "port_value: 9901",
        ),
        (
            Stack::of(CONFIGURATION).replace("target/filters/", "/nowhere/"),
            "no filter would be tested",
        ),
        (
            Stack::of(CONFIGURATION).replace("name: llm", "name: other"),
            "no listener `llm`, only: other",
        ),
        (
            Stack::of(CONFIGURATION).replace("stat_prefix:", "stat_prefiks:"),
            "stat_prefiks",
        ),
    ];
    for (stack, named) in rows {
        let error = format!("{:#}", stack.start().err().expect(named));
        assert!(error.contains(named), "{error}");
    }
}
