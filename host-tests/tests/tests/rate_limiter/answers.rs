//! What a client is told, and that it is true.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{CHAT, SIXTY, access_log, ask, limited, number, question, stat, until_refused};

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
    assert_eq!(seen, ["admitted", "shadow:requests", "shadow:requests"]);
    assert_eq!(stat(&stack, "admitted"), 1);
    assert_eq!(stat(&stack, "shadow_refused.limit.requests"), 2);
    assert_eq!(stat(&stack, "refused.limit.requests"), 0);
}
