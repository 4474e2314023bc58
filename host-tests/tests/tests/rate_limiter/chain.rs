//! Two filters in a chain: the second takes what the first has estimated, for the body it was
//! made of and no other.

use serde_json::json;
use tollgate_tests::Stack;

use crate::{CHAT, CONFIGURATION, access_log};

/// The rate-limiter as it stands in the configuration, and told to estimate in another way
/// than the token-estimator before it: so what it reserves says whose estimate it took.
const SHARED: &str = "configuration: *configuration";
const SAMPLED: &str = r#"configuration:
                          "@type": type.googleapis.com/google.protobuf.StringValue
                          value: |
                            { "hold_headers": true, "token_estimator": { "accuracy": "sampled" },
                              "rate_limiter": { "tokens_per_minute": 10000000, "reserve": "prompt" } }"#;
/// Comes before the rate-limiter.
const RATE_LIMITER: &str = "- name: rate-limiter\n                    typed_config:";
const REWRITES: &str = r#"- name: envoy.filters.http.lua
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                      default_source_code:
                        inline_string: |
                          function envoy_on_request(handle)
                            local body = handle:body()
                            local text = body:getBytes(0, body:length())
                            handle:headers():replace("content-length", body:setBytes(text .. "\n"))
                          end
                  "#;

#[test]
fn an_estimate_is_taken_over_for_the_body_it_is_of() {
    let models = r#""models":"#;
    let fast = format!(r#""token_estimator": {{ "accuracy": "fast" }}, {models}"#);
    let chain = || {
        Stack::of(CONFIGURATION)
            .replace(SHARED, SAMPLED)
            .replace(models, &fast)
    };
    let changed = format!("{REWRITES}{RATE_LIMITER}");
    // What is between the two; whether the second takes the first's estimate.
    let rows = [
        ("nothing", chain(), true),
        (
            "a filter that changes the body",
            chain().replace(RATE_LIMITER, &changed),
            false,
        ),
        (
            "another secret",
            chain().replace(
                "environment_variables: *secrets",
                "environment_variables: {}",
            ),
            false,
        ),
    ];
    // Where the two ways differ by much: letters in no order.
    let mut state = 1_u32;
    let letters: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from((state >> 24) % 26).unwrap())
    })
    .take(20_000)
    .collect();
    let body = json!({"messages": [{"role": "user", "content": letters}], "max_tokens": 8});
    let mut own = Vec::new();
    for (between, stack, is_taken) in rows {
        let stack = stack.start().unwrap();
        let request = stack.client().post(CHAT).header("api-key", "one");
        let answer = request.json(&body).send().unwrap();
        assert_eq!(answer.status, 200, "{between}: {}", answer.text());
        let line = access_log(&stack, 1).pop().unwrap();
        let (first, second) = (&line["prompt_tokens"], &line["reserved_tokens"]);
        assert_eq!(first == second, is_taken, "{between}: {line}");
        if !is_taken {
            own.push(second.clone());
        }
    }
    assert_eq!(own[0], own[1], "of the same text by the same way");
}
