//! The prompt-minimizer in a real Envoy, in front of the token-estimator: what is sent by route,
//! what is told of it, and that a second turn begins with what the first one sent.

use serde_json::{Value, json};
use tollgate_tests::{Builder, Stack};

const CONFIGURATION: &str = "envoy/prompt-minimizer/envoy.yaml";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// One filter for each stage, or one for both of them.
fn stacks() -> [(&'static str, Builder); 2] {
    Stack::by_chain(CONFIGURATION, "prompt-minimizer", &["token-estimator"])
}

/// What a tool gave back, and it without the white space.
fn given_back() -> (String, String) {
    let hours: Vec<u32> = (0..24).collect();
    let value = json!({"city": "Zürich", "hours": hours, "temperature": 21.5});
    (
        serde_json::to_string_pretty(&value).unwrap(),
        value.to_string(),
    )
}

/// A conversation of `turns` questions, each answered with the help of a tool.
fn conversation(turns: usize, given_back: &str) -> Value {
    let turn = |at: usize| {
        let call = format!("call_{at}");
        [
            json!({"role": "user", "content": format!("Question  {at}?")}),
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": call, "type": "function", "function": {"name": "ask", "arguments": "{ }"}}]}),
            json!({"role": "tool", "tool_call_id": call, "content": given_back}),
        ]
    };
    let messages: Vec<Value> = (0..turns).flat_map(turn).collect();
    json!({"messages": messages})
}

/// The one body that a region received since the last time.
fn received(stack: &Stack) -> String {
    let requests = stack
        .mock
        .regions()
        .flat_map(|region| region.take_requests());
    let mut bodies = requests.map(|request| String::from_utf8(request.body.to_vec()).unwrap());
    let body = bodies.next().unwrap();
    assert_eq!(bodies.next(), None);
    body
}

#[test]
fn what_is_sent_differs_by_route_and_what_is_saved_is_told() {
    let (pretty, compact) = given_back();
    // As a client that writes JSON for people to read.
    let body = serde_json::to_string_pretty(&conversation(1, &pretty)).unwrap();
    let smaller = conversation(1, &compact).to_string();
    for (chain, builder) in stacks() {
        let stack = builder.start().unwrap();
        let mut counted = Vec::new();
        for (host, sent, is_told) in [
            ("gateway.internal", &smaller, true),
            ("agents.internal", &smaller, true),
            ("measured.internal", &body, false),
            ("unminimized.internal", &body, false),
        ] {
            if chain == "gateway.wasm" && host == "unminimized.internal" {
                // The route switches off the one filter there is.
                continue;
            }
            let request = stack.client().post(CHAT).header("api-key", "any");
            let request = request.header("host", host);
            let request = request.header("content-type", "application/json");
            let answer = request.body(body.clone()).send().unwrap();
            assert_eq!(answer.status, 200, "{chain}: {host}: {}", answer.text());
            assert_eq!(&received(&stack), sent, "{chain}: {host}");
            let told = answer.header("x-tollgate-tokens-saved");
            let saved: Option<u64> = told.map(|told| told.parse().unwrap());
            assert_eq!(
                saved.is_some_and(|saved| saved > 40),
                is_told,
                "{chain}: {host}: {told:?}"
            );
            let prompt = answer.header("x-tollgate-prompt-tokens").unwrap();
            counted.push(prompt.parse::<u64>().unwrap());
        }
        assert!(
            counted[0] + 40 < counted[2],
            "{chain}: what is sent is what is counted: {counted:?}"
        );
        let prometheus = stack.envoy.admin_get("/stats/prometheus").unwrap();
        for (name, value) in [
            (r#"requests{tollgate_outcome="minimized"}"#, " 3\n"),
            (r#"saved_tokens{tollgate_transform="structure"}"#, " "),
            (r#"reported_tokens{tollgate_transform="structure"}"#, " "),
        ] {
            let line = format!("tollgate_prompt_minimizer_{name}{value}");
            assert!(
                prometheus.contains(&line),
                "{chain}: {line} is not in\n{prometheus}"
            );
        }
    }
}

#[test]
fn a_second_turn_begins_with_what_the_first_one_sent() {
    let (pretty, _) = given_back();
    for (chain, builder) in stacks() {
        let stack = builder.start().unwrap();
        let [first, second] = [1, 2].map(|turns| {
            let request = stack.client().post(CHAT).header("api-key", "any");
            let request = request.header("host", "agents.internal");
            let answer = request.json(&conversation(turns, &pretty)).send().unwrap();
            assert_eq!(answer.status, 200, "{chain}: {}", answer.text());
            received(&stack)
        });
        let prefix = first.strip_suffix("]}").unwrap();
        assert!(second.starts_with(prefix), "{chain}:\n{first}\n{second}");
    }
}
