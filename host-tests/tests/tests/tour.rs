//! The demo shows what is so: every stop of its tour has the outcome that is written here.

use std::time::Instant;

use tollgate_tests::tour::{self, burst};

/// The estimator's own promise for a kind of text, in percent.
const MOST_ERROR: f64 = 12.0;
/// In a prompt of a few words one token more is many percent.
const MOST_TOKENS: u64 = 3;

#[test]
fn every_stop_ends_as_the_demo_tells() {
    // Status, and whether the filter counted the prompt.
    let expected = [
        ("a question", 200, true),
        ("the same as a stream (SSE)", 200, true),
        ("with a tool", 200, true),
        ("with an image, 1024 × 768", 200, true),
        ("in Chinese", 200, true),
        ("code to review, 6 KB", 200, true),
        ("a table as JSON, 12 KB", 200, true),
        ("a deployment with a name of its own", 200, true),
        ("the Responses API", 200, true),
        ("embeddings of two texts", 200, true),
        ("refused: messages is no list", 400, false),
        ("refused: a body no filter can read", 415, false),
        ("the route without the filters", 200, false),
    ];
    let stack = tour::stack().start().unwrap();
    let stops = tour::stops();
    assert_eq!(stops.len(), expected.len());
    for (stop, (name, status, counted)) in stops.iter().zip(expected) {
        let visit = tour::visit(stack.client(), stop).unwrap();
        assert_eq!(visit.name, name);
        assert_eq!(
            (visit.status, visit.estimate.is_some()),
            (status, counted),
            "{name}"
        );
        assert_eq!(visit.real.is_some(), status == 200, "{name}");
        assert_eq!(visit.refusal.is_some(), status != 200, "{name}");
        if let (Some(estimate), Some(real), Some(error)) =
            (visit.estimate, visit.real, visit.error())
        {
            assert!(
                error.abs() <= MOST_ERROR || estimate.abs_diff(real) <= MOST_TOKENS,
                "{name}: estimated {estimate}, counted {real}"
            );
        }
    }
}

/// Three at once, one a second more for as long as the burst took; then as it was told.
#[test]
fn a_burst_is_cut_and_its_tenant_recovers_when_told() {
    let stack = tour::stack().concurrency(2).start().unwrap();
    // Loads the tokenizer, which takes longer than a burst should.
    burst::burst(stack.client(), "warm", 1).unwrap();
    let began = Instant::now();
    let send = |tenant, requests| burst::burst(stack.client(), tenant, requests).unwrap();
    let first = send("busy", burst::REQUESTS);
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!(
        (3..=3 + seconds).contains(&first.admitted),
        "{}",
        first.admitted
    );
    assert_eq!(first.refused.len(), burst::REQUESTS - first.admitted);
    let wait = first.retry_after().unwrap();
    assert!((1..=1000).contains(&wait.as_millis()), "{wait:?}");
    assert_eq!(send("another", 1).admitted, 1);
    first.wait();
    assert_eq!(send("busy", 1).admitted, 1);
}
