//! Which limits a request falls under.

use serde_json::Value;
use tollgate_tests::{Response, Stack};

use crate::{CHAT, SIXTY, access_log, ask, limited, question, until_refused};

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

fn ask_at(stack: &Stack, prefix: &str, headers: &[(&str, &str)]) -> Response {
    let request = stack.client().post(&format!("{prefix}{CHAT}"));
    let request = request.header("api-key", "one").json(&question());
    let with = headers.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    with.send().unwrap()
}
