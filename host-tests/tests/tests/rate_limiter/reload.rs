//! What outlives an update of the configuration: everything that is counted, as long as the
//! filter's `vm_id` stays.

use std::time::{Duration, Instant};

use tollgate_tests::{Response, Stack};

use crate::{ask, limited, number};

/// One request a minute: longer than this test takes.
const SLOW: &str = r#""requests_per_minute": 1"#;

#[test]
fn updates_keep_what_was_counted() {
    let mut stack = limited(SLOW).concurrency(2).updatable().start().unwrap();
    assert_eq!(ask(stack.client(), "one").status, 200);
    let refused = ask(stack.client(), "one");
    let (at, wait) = (Instant::now(), retry_after(&refused));
    // What changes, and what the new configuration's answers say.
    type Update = (&'static [(&'static str, &'static str)], &'static str);
    let updates: [Update; 2] = [
        // Another configuration of the same code.
        (&[("\"Sweden Central\"", "\"East US 2\"")], "in East US 2 "),
        // Another code too: every VM is new.
        (
            &[
                ("\"East US 2\"", "\"Japan East\""),
                ("rate-limiter.wasm", "gateway.wasm"),
            ],
            "in Japan East ",
        ),
    ];
    for (replacements, says) in updates {
        stack.update(replacements).unwrap();
        let refused = until(&stack, |answer| answer.text().contains(says));
        let told = at.elapsed() + retry_after(&refused);
        let difference = told.abs_diff(wait);
        assert!(
            difference < Duration::from_millis(500),
            "{says}: {difference:?}"
        );
        // Only this tenant's count was there before.
        assert_eq!(ask(stack.client(), says).status, 200, "{says}");
    }
    // So that the above is seen to be able to fail: under another name nothing was counted.
    let renamed = ("vm_id: tollgate", "vm_id: another");
    stack.update(&[renamed]).unwrap();
    until(&stack, |answer| answer.status == 200);
}

fn retry_after(refused: &Response) -> Duration {
    assert_eq!(refused.status, 429, "{}", refused.text());
    Duration::from_millis(number(refused, "retry-after-ms"))
}

/// What the tenant is told as soon as it is by the new configuration. Until then, and on
/// connections that were open before, the old one refuses it.
fn until(stack: &Stack, is_new: impl Fn(&Response) -> bool) -> Response {
    let began = Instant::now();
    loop {
        let answer = ask(stack.client(), "one");
        if is_new(&answer) {
            return answer;
        }
        assert_eq!(answer.status, 429, "{}", answer.text());
        let is_late = began.elapsed() > Duration::from_secs(10);
        assert!(!is_late, "still by the old one: {}", answer.text());
        std::thread::sleep(Duration::from_millis(10));
    }
}
