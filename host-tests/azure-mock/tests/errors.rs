//! Refusals: of requests that are wrong, and of requests that are too many.

mod common;

use azure_mock::{Quota, QuotaError, Region};
use common::*;

#[test]
fn refusals() {
    let (_mock, region) = one(|config| config.filter_words = vec!["forbidden".to_owned()]);
    let v1 = "/openai/v1/chat/completions";
    let rows = [
        (
            "/openai/deployments/nobody/chat/completions?api-version=2024-10-21",
            HELLO,
            404,
            "DeploymentNotFound",
        ),
        (
            v1,
            r#"{"model":"nobody","messages":[]}"#,
            404,
            "DeploymentNotFound",
        ),
        (
            "/v1/chat/completions",
            r#"{"model":"nobody","messages":[]}"#,
            404,
            "model_not_found",
        ),
        (v1, HELLO, 400, "no_model_name"),
        (
            "/models/chat/completions?api-version=2024-05-01-preview",
            HELLO,
            400,
            "no_model_name",
        ),
        (
            "/openai/deployments/gpt-4o/chat/completions",
            HELLO,
            404,
            "404",
        ),
        ("/nowhere", HELLO, 404, "404"),
        ("/openai/v1/models", HELLO, 405, "405"),
        (
            "/openai/responses?api-version=2024-10-21",
            r#"{"model":"gpt-4o","input":"x"}"#,
            400,
            "BadRequest",
        ),
        (
            CHAT,
            r#"{"messages":[{"role":"user","content":"forbidden"}]}"#,
            400,
            "content_filter",
        ),
        (CHAT, "", 400, ""),
        (CHAT, "{", 400, ""),
        (CHAT, "[]", 400, ""),
        (CHAT, "{}", 400, ""),
        (CHAT, "{\"messages\":\"\\ud800\"}", 400, ""),
        (CHAT, r#"{"messages":[],"n":0}"#, 400, ""),
        (CHAT, r#"{"messages":[],"stream":1}"#, 400, ""),
        (CHAT, r#"{"messages":[],"stream_options":{}}"#, 400, ""),
        (
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01",
            HELLO_STREAM,
            400,
            "",
        ),
    ];
    for (path, body, status, code) in rows {
        let got = post(&region, path, body);
        assert_eq!(
            (got.status.as_u16(), got.code().as_str()),
            (status, code),
            "{path} {body}"
        );
        assert!(got.json()["error"]["message"].is_string(), "{path} {body}");
        assert_eq!(got.header("x-ms-region"), "Sweden Central");
    }
    let deep = format!(
        r#"{{"messages":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(post(&region, CHAT, &deep).status, 400);
    // And the next request is served.
    assert_eq!(post(&region, CHAT, HELLO).status, 200);
}

#[test]
fn keys_are_asked_for() {
    type Row<'a> = (bool, &'a [(&'a str, &'a str)], u16);
    let rows: [Row; 4] = [
        (true, &[], 401),
        (true, &[("api-key", "any")], 200),
        (true, &[("authorization", "Bearer any")], 200),
        (false, &[], 200),
    ];
    for (require_auth, headers, status) in rows {
        let (_mock, region) = one(|config| config.require_auth = require_auth);
        let got = send(Http::One, &region, "POST", CHAT, headers, HELLO).unwrap();
        assert_eq!(got.status.as_u16(), status, "{require_auth} {headers:?}");
        if status == 401 {
            assert_eq!(got.header("content-length"), "224");
        }
    }
}

#[test]
fn a_body_above_the_limit_is_refused() {
    let (_mock, region) = one(|_| {});
    let body = "x".repeat((64 << 20) + 1);
    // The answer comes before the body was read: a client may see it or a broken pipe.
    let got = send(Http::Two, &region, "POST", CHAT, &[("api-key", "k")], &body);
    assert!(got.is_none_or(|got| got.status == 413));
    assert!(region.requests().is_empty());
    assert_eq!(post(&region, CHAT, HELLO).status, 200);
}

#[test]
fn requests_a_minute() {
    let (_mock, region) = one(|config| {
        config.regions[0] = Region {
            rpm: Some(6),
            ..Region::new("swedencentral")
        };
    });
    assert_eq!(
        post(&region, CHAT, HELLO).header("x-ratelimit-remaining-requests"),
        "0"
    );
    let got = post(&region, CHAT, HELLO);
    assert_eq!(
        (got.status.as_u16(), got.code().as_str()),
        (429, "RateLimitReached")
    );
    let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Your requests to gpt-4o-2024-11-20 for gpt-4o in Sweden Central have exceeded the call rate limit"), "{message}");
    assert!(
        message.contains("ChatCompletions_Create under Azure OpenAI API version 2024-10-21."),
        "{message}"
    );
    let seconds: u64 = got.header("retry-after").parse().unwrap();
    let milliseconds: u64 = got.header("retry-after-ms").parse().unwrap();
    assert!((1..=10).contains(&seconds) && milliseconds.div_ceil(1000) == seconds);
    assert!(
        message.contains(&format!("retry after {seconds} second")),
        "{message}"
    );
    assert_eq!(
        got.header("x-ratelimit-reset-requests"),
        seconds.to_string()
    );
    assert_eq!(got.header("policy-id"), "DeploymentRatelimit-Call");
    // Each deployment has its own.
    let other = CHAT.replace("gpt-4o", "gpt-4.1");
    assert_eq!(post(&region, &other, HELLO).status, 200);
}

#[test]
fn tokens_a_minute() {
    let (_mock, region) = one(|config| {
        config.regions[0] = Region {
            tpm: Some(100),
            ..Region::new("swedencentral")
        };
        config.quota_error = QuotaError::Code429;
    });
    // 8 for the prompt, and what the request allows for the answer.
    let body = r#"{"messages":[{"role":"user","content":"hello"}],"max_tokens":50}"#;
    assert_eq!(
        post(&region, CHAT, body).header("x-ratelimit-remaining-tokens"),
        "42"
    );
    let got = post(&region, CHAT, body);
    assert_eq!((got.status.as_u16(), got.code().as_str()), (429, "429"));
    assert!(
        got.text()
            .contains("have exceeded token rate limit of your current"),
        "{}",
        got.text()
    );
    assert_eq!(got.header("policy-id"), "DeploymentRatelimit-Token");
    assert_eq!(
        got.header("retry-after"),
        got.header("x-ratelimit-reset-tokens")
    );
    // 24 still fit; a new quota starts with nothing used up.
    assert_eq!(
        post(&region, CHAT, HELLO).header("x-ratelimit-remaining-tokens"),
        "18"
    );
    region.set_quota(Quota {
        rpm: None,
        tpm: Some(1000),
    });
    assert_eq!(
        post(&region, CHAT, body).header("x-ratelimit-remaining-tokens"),
        "942"
    );
}
