//! What a client is told, and that it is true.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use tollgate_tests::{Response, Stack};

use crate::{CHAT, access_log, ask, limited, number, question, stat};

/// Three at once, one a second.
const SIXTY: &str = r#""requests_per_minute": 60, "tokens_per_minute": 60000, "burst_seconds": 3"#;

#[test]
fn a_refused_burst_is_told_as_azure_tells_it_and_when_to_come_again() {
    let stack = limited(SIXTY).start().unwrap();
    let began = Instant::now();
    for left in [2, 1, 0] {
        let answer = ask(stack.client(), "one");
        let seconds = began.elapsed().as_secs();
        assert_eq!(answer.status, 200, "{}", answer.text());
        // In place of the upstream's, which knows nothing of this tenant.
        assert_eq!(number(&answer, "x-ratelimit-limit-requests"), 60);
        assert_eq!(number(&answer, "x-ratelimit-limit-tokens"), 60_000);
        assert!(number(&answer, "x-ratelimit-remaining-tokens") <= 60_000);
        let remaining = number(&answer, "x-ratelimit-remaining-requests");
        // A request more for every second that the machine lets pass, and never more than
        // would be admitted at once.
        assert!((left..=(left + seconds).min(3)).contains(&remaining));
    }
    let refused = until_refused(|| ask(stack.client(), "one"));
    let at = Instant::now();
    assert_eq!(refused.status, 429, "{}", refused.text());
    let milliseconds = number(&refused, "retry-after-ms");
    assert!((1..=1000).contains(&milliseconds), "{milliseconds}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(refused.header("x-should-retry"), None);
    assert_eq!(number(&refused, "x-ratelimit-limit-requests"), 60);
    assert_eq!(number(&refused, "x-ratelimit-remaining-requests"), 0);
    assert!((2..=3).contains(&number(&refused, "x-ratelimit-reset-requests")));
    assert_eq!(
        refused.json(),
        json!({"error": {
            "code": "RateLimitReached",
            "message": "Your requests to gpt-4o for gpt-4o in Sweden Central have exceeded the call rate \
                limit for your current OpenAI S0 pricing tier. This request was for ChatCompletions_Create \
                under Azure OpenAI API version 2024-10-21. Please retry after 1 second. To increase your \
                default rate limit, visit: https://aka.ms/oai/quotaincrease."
        }})
    );
    let other = ask(stack.client(), "another");
    assert_eq!(other.status, 200, "{}", other.text());

    // Not sooner than told, where this process was not held up, and not later.
    let wait = Duration::from_millis(milliseconds);
    if at.elapsed() < wait / 2 {
        let soon = ask(stack.client(), "one");
        assert!(soon.status == 429 || at.elapsed() >= wait);
    }
    std::thread::sleep(wait.saturating_sub(at.elapsed()));
    let again = ask(stack.client(), "one");
    assert_eq!(again.status, 200, "{}", again.text());
}

#[test]
fn a_refusal_reaches_log_and_metrics_and_not_the_upstream() {
    let limits = r#""requests_per_minute": 1, "burst_seconds": 1"#;
    let stack = limited(limits).start().unwrap();
    assert_eq!(ask(stack.client(), "one").status, 200);
    assert_eq!(ask(stack.client(), "one").status, 429);
    let requests = stack.mock.regions().map(|region| region.requests().len());
    assert_eq!(requests.sum::<usize>(), 1);
    let [admitted, refused] = &access_log(&stack, 2)[..] else {
        unreachable!("two lines")
    };
    assert_eq!(admitted["rate_limit"], "admitted", "{admitted}");
    assert_eq!(refused["rate_limit"], "requests", "{refused}");
    assert_eq!(refused["details"], "tollgate_rate_limited", "{refused}");
    assert_eq!(refused["settled_tokens"], Value::Null, "{refused}");
    assert_eq!(refused["tenant"], admitted["tenant"]);
    assert_eq!(stat(&stack, "admitted"), 1);
    assert_eq!(stat(&stack, "refused.limit.requests"), 1);
    let prometheus = stack.envoy.admin_get("/stats/prometheus").unwrap();
    let line = r#"tollgate_rate_limiter_refused{tollgate_limit="requests"} 1"#;
    assert!(prometheus.contains(line), "{prometheus}");
}

/// What a second request is told, whose first one used the limit up.
#[test]
fn every_limit_and_shape_has_its_words() {
    // Limits; status; whether waiting helps; whether an SDK may try again by itself; what
    // stands where in the body.
    type Row = (
        &'static str,
        u16,
        bool,
        bool,
        &'static [(&'static str, &'static str)],
    );
    let rows: [Row; 8] = [
        (
            r#""tokens_per_minute": 1000"#,
            429,
            true,
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
            true,
            &[("/message", "Rate limit is exceeded. Try again in ")],
        ),
        (
            r#""quotas": [ { "period": "month", "requests": 1 } ]"#,
            403,
            true,
            false,
            &[
                ("/error/code", "QuotaExceeded"),
                ("/error/message", "Quota is exceeded. Try again in "),
            ],
        ),
        (
            r#""quotas": [ { "period": "month", "tokens": 300, "status": 429 } ], "shape": "openai""#,
            429,
            true,
            false,
            &[
                ("/error/code", "insufficient_quota"),
                ("/error/message", "Token quota is exceeded. Try again in "),
            ],
        ),
        (
            r#""quotas": [ { "period": "month", "tokens": 300 } ], "shape": "api_management""#,
            403,
            true,
            false,
            &[("/message", "Token quota is exceeded. Try again in ")],
        ),
        (
            r#""tokens_per_minute": 250"#,
            429,
            false,
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
    for (limits, status, may_wait, may_retry, said) in rows {
        let stack = limited(limits).start().unwrap();
        let send = || {
            let request = stack.client().post(CHAT).header("api-key", "one");
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
        let should_retry = (!may_retry).then_some("false");
        assert_eq!(refused.header("x-should-retry"), should_retry, "{limits}");
        for (place, begin) in said {
            let json = refused.json();
            let text = json.pointer(place).and_then(Value::as_str);
            let begins = text.is_some_and(|text| text.starts_with(begin));
            assert!(begins, "{limits}: {place} of {json} is not `{begin}…`");
        }
    }
}

#[test]
fn shadow_mode_counts_and_lets_pass() {
    let limits = r#""mode": "shadow", "requests_per_minute": 2"#;
    let stack = limited(limits).start().unwrap();
    let direct = stack.client().post(&format!("/unfiltered{CHAT}"));
    let direct = direct
        .header("api-key", "one")
        .json(&question())
        .send()
        .unwrap();
    for _ in 0..3 {
        let answer = ask(stack.client(), "one");
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The upstream's own: a limit that is only tried is not told.
        let limit = "x-ratelimit-limit-requests";
        assert_eq!(answer.header(limit), direct.header(limit));
    }
    let log = access_log(&stack, 4);
    let seen: Vec<&Value> = log.iter().skip(1).map(|line| &line["rate_limit"]).collect();
    assert_eq!(seen, ["admitted", "requests", "requests"]);
    assert_eq!(stat(&stack, "admitted"), 1);
    assert_eq!(stat(&stack, "shadow_refused.limit.requests"), 2);
    assert_eq!(stat(&stack, "refused.limit.requests"), 0);
}

/// Which limits count goes by the route and by the rule; a route may have none.
#[test]
fn routes_and_rules_have_limits_of_their_own() {
    let stack = limited(SIXTY).start().unwrap();
    let upstream = ask_at(&stack, "/unfiltered", &[]);
    assert_eq!(upstream.status, 200, "{}", upstream.text());
    let upstream = upstream.header("x-ratelimit-limit-requests").unwrap();
    // Headers of the request; its route; the limit that its answer tells.
    type Headers = &'static [(&'static str, &'static str)];
    let rows: [(Headers, &str, &str); 5] = [
        (&[], "llm", "60"),
        (&[("x-team", "batch")], "llm", "120"),
        (&[("host", "trial.llm.internal")], "trial", "60"),
        // The first rule that matches counts.
        (
            &[("host", "trial.llm.internal:10000"), ("x-team", "batch")],
            "trial",
            "60",
        ),
        (&[("host", "unlimited.llm.internal")], "unlimited", upstream),
    ];
    for (at, (headers, route, limit)) in rows.into_iter().enumerate() {
        let answer = ask_at(&stack, "", headers);
        assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
        assert_eq!(
            answer.header("x-ratelimit-limit-requests"),
            Some(limit),
            "{headers:?}"
        );
        let log = access_log(&stack, at + 2);
        assert_eq!(log[at + 1]["route"], route);
        let is_limited = route != "unlimited";
        assert_eq!(log[at + 1]["tenant"].is_string(), is_limited, "{headers:?}");
        assert!(log[at + 1]["prompt_tokens"].is_string(), "{headers:?}");
    }
    assert_eq!(access_log(&stack, 6)[0]["prompt_tokens"], Value::Null);
    // Counted apart: what the trial has used up is there elsewhere.
    until_refused(|| ask_at(&stack, "", &[("host", "trial.llm.internal")]));
    assert_eq!(ask(stack.client(), "one").status, 200);
}

/// The first refusal: time passes on a busy machine, and every second admits another request.
fn until_refused(ask: impl FnMut() -> Response) -> Response {
    let mut answers = std::iter::repeat_with(ask).take(20);
    let refused = answers.find(|answer| answer.status != 200);
    refused.expect("one of twenty requests is refused")
}

fn ask_at(stack: &Stack, prefix: &str, headers: &[(&str, &str)]) -> Response {
    let request = stack.client().post(&format!("{prefix}{CHAT}"));
    let request = request.header("api-key", "one").json(&question());
    let with = headers.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    with.send().unwrap()
}
