//! Whose words a refusal has, for every limit there is.

use serde_json::{Value, json};

use crate::{CHAT, limited, number};

/// Where rules begin in the configuration.
const RULES: &str = r#""rules": ["#;

/// What a second request is told, whose first one used the limit up.
#[test]
fn every_limit_and_shape_has_its_words() {
    // Limits; status; whether waiting helps; what stands where in the body.
    type Row = (
        &'static str,
        u16,
        bool,
        &'static [(&'static str, &'static str)],
    );
    let rows: [Row; 8] = [
        (
            r#""tokens_per_minute": 1000"#,
            429,
            true,
            &[
                ("/error/code", "RateLimitReached"),
                (
                    "/error/message",
                    "Your requests to gpt-4o for gpt-4o in Sweden Central have exceeded the token rate limit for ",
                ),
            ],
        ),
        (
            r#""tokens_per_minute": 1000, "shape": "openai""#,
            429,
            true,
            &[
                ("/error/type", "tokens"),
                ("/error/code", "rate_limit_exceeded"),
                (
                    "/error/message",
                    "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 1000. Please try again in ",
                ),
            ],
        ),
        (
            r#""requests_per_minute": 2, "shape": "openai""#,
            429,
            true,
            &[
                ("/error/type", "requests"),
                (
                    "/error/message",
                    "Rate limit reached for gpt-4o on requests per min (RPM): Limit 2. Please try again in ",
                ),
            ],
        ),
        (
            r#""requests_per_minute": 2, "shape": "api_management""#,
            429,
            true,
            &[("/message", "Rate limit is exceeded. Try again in ")],
        ),
        (
            r#""quotas": [ { "period": "month", "requests": 1 } ]"#,
            403,
            true,
            &[
                ("/error/code", "QuotaExceeded"),
                ("/error/message", "Quota is exceeded. Try again in "),
            ],
        ),
        (
            r#""quotas": [ { "period": "month", "tokens": 300, "status": 429 } ], "shape": "openai""#,
            429,
            true,
            &[
                ("/error/code", "insufficient_quota"),
                ("/error/message", "Token quota is exceeded. Try again in "),
            ],
        ),
        (
            r#""quotas": [ { "period": "month", "tokens": 300 } ], "shape": "api_management""#,
            403,
            true,
            &[("/message", "Token quota is exceeded. Try again in ")],
        ),
        (
            r#""tokens_per_minute": 200"#,
            429,
            false,
            &[
                ("/error/code", "RateLimitReached"),
                (
                    "/error/message",
                    "Request too large for gpt-4o: it is charged ",
                ),
            ],
        ),
    ];
    let words = "word ".repeat(250);
    let body = json!({"messages": [{"role": "user", "content": words}], "max_tokens": 30});
    // A rule for each, chosen by a header.
    let rules = rows.iter().enumerate().map(|(at, (limits, ..))| {
        let header = json!({"name": "x-row", "value": at.to_string()});
        format!(
            r#"{{ "name": "row {at}", "match": {{ "header": {header} }}, "rate_limiter": {{ {limits} }} }},"#
        )
    });
    let rules: String = rules.collect();
    let stack = limited(r#""leases": true"#)
        .replace(RULES, &format!("{RULES} {rules}"))
        .start()
        .unwrap();
    for (at, (limits, status, may_wait, said)) in rows.into_iter().enumerate() {
        let send = || {
            // A tenant for each too: what one has learnt of answers is the same in every rule.
            let row = at.to_string();
            let request = stack.client().post(CHAT).header("api-key", &row);
            let request = request.header("x-row", &row);
            request.json(&body).send().unwrap()
        };
        let first = send();
        let fits = if may_wait { 200 } else { status };
        assert_eq!(first.status, fits, "{limits}: {}", first.text());
        let refused = send();
        assert_eq!(refused.status, status, "{limits}: {}", refused.text());
        for header in ["retry-after", "retry-after-ms"] {
            let is_there = refused.header(header).is_some();
            assert_eq!(is_there, may_wait, "{limits}: {:?}", refused.headers);
        }
        if may_wait {
            let seconds = number(&refused, "retry-after-ms").div_ceil(1000);
            assert_eq!(number(&refused, "retry-after"), seconds, "{limits}");
        }
        let should_retry = (!may_wait).then_some("false");
        assert_eq!(refused.header("x-should-retry"), should_retry, "{limits}");
        for (place, begin) in said {
            let json = refused.json();
            let text = json.pointer(place).and_then(Value::as_str);
            let begins = text.is_some_and(|text| text.starts_with(begin));
            assert!(begins, "{limits}: {place} of {json} is not `{begin}…`");
        }
    }
}
