//! The demo shows what is so: every stop of its tour has the outcome that is written here.

use std::time::Instant;

use serde_json::Value;
use tollgate_tests::tour::{self, burst, cached, masked, minimized};

/// The estimator's own promise for a kind of text, in percent.
const MOST_ERROR: f64 = 12.0;
/// In a prompt of a few words one token more is many percent.
const MOST_TOKENS: u64 = 3;

#[test]
fn every_stop_ends_as_the_demo_tells() {
    // Status; whether the filter counted the prompt; what the content-screener made of it.
    let expected = [
        ("a question", 200, true, Some("pass")),
        ("the same as a stream (SSE)", 200, true, Some("pass")),
        ("with a tool", 200, true, Some("pass")),
        ("with an image, 1024 × 768", 200, true, Some("pass")),
        ("in Chinese", 200, true, Some("pass")),
        ("code to review, 6 KB", 200, true, Some("pass")),
        ("a table as JSON, 12 KB", 200, true, Some("pass")),
        (
            "a deployment with a name of its own",
            200,
            true,
            Some("pass"),
        ),
        ("the Responses API", 200, true, Some("pass")),
        ("embeddings of two texts", 200, true, Some("pass")),
        (
            "blocked: a jailbreak",
            400,
            false,
            Some("block:injection_phrase"),
        ),
        (
            "blocked: the like in a tool's answer, disguised",
            400,
            false,
            Some("block:injection_phrase"),
        ),
        (
            "blocked: a cloud key in a log",
            400,
            false,
            Some("block:aws_access_key"),
        ),
        (
            "masked: an address and a card",
            200,
            true,
            Some("mask:email,card"),
        ),
        ("reported: an IP address", 200, true, Some("report:ip")),
        ("refused: messages is no list", 400, false, None),
        ("refused: a body no filter can read", 415, false, None),
        ("the route without the filters", 200, false, None),
    ];
    let stack = tour::stack().start().unwrap();
    let stops = tour::stops();
    assert_eq!(stops.len(), expected.len());
    for (stop, (name, status, counted, screen)) in stops.iter().zip(expected) {
        let visit = tour::visit(stack.client(), stop).unwrap();
        assert_eq!(visit.name, name);
        assert_eq!(
            (visit.status, visit.estimate.is_some()),
            (status, counted),
            "{name}"
        );
        assert_eq!(visit.screen.as_deref(), screen, "{name}");
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

#[test]
fn a_masked_question_has_its_address_for_the_client_alone() {
    let seen = masked::masked(&tour::stack().start().unwrap()).unwrap();
    assert!(seen.sent.contains("bob@example.com"));
    assert_eq!(seen.received, "Tell [EMAIL_1] that the order is late.");
    assert_eq!(seen.returned, "I have written to bob@example.com.");
}

#[test]
fn a_conversation_is_sent_smaller_and_its_second_turn_begins_as_the_first() {
    let turns = minimized::conversation(&tour::stack().start().unwrap()).unwrap();
    for turn in &turns {
        assert!(turn.received.len() < turn.sent.len());
        let saved = turn.sent_tokens - turn.received_tokens;
        assert!(saved * 100 > turn.sent_tokens * 25, "{saved}");
        let error = turn.saved.abs_diff(saved) as f64 * 100.0 / saved as f64;
        assert!(error <= MOST_ERROR, "{} for {saved}", turn.saved);
        let [sent, received] = [&turn.sent, &turn.received].map(|body| meant(body));
        assert_eq!(sent, received);
    }
    let [first, second] = &turns;
    let kept = minimized::kept(&first.received, &second.received).unwrap();
    assert_eq!(kept.len() + "]}".len(), first.received.len());
}

/// A body, and what its tools' texts say.
fn meant(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap();
    for message in body["messages"].as_array_mut().unwrap() {
        if message["role"] == "tool" {
            message["content"] =
                serde_json::from_str(message["content"].as_str().unwrap()).unwrap();
        }
    }
    body
}

#[test]
fn what_is_asked_again_is_answered_here_in_either_form() {
    let all = cached::asked_again(&tour::stack().start().unwrap()).unwrap();
    let seen = all
        .each_ref()
        .map(|asked| (&*asked.cache, asked.is_sent, asked.is_stream));
    let expected = [
        ("miss", true, false),
        ("hit", false, false),
        ("hit", false, true),
        ("miss", true, false),
    ];
    assert_eq!(seen, expected);
    let [first, again, stream, _] = &all;
    assert_eq!(again.answer.body, first.answer.body);
    assert!(!first.text().is_empty());
    assert_eq!(stream.text(), first.text());
    for asked in &all {
        assert_eq!(asked.tokens, first.tokens, "{}", asked.name);
        let waited = asked.time.as_millis() >= 600;
        assert!(waited || !asked.is_sent, "{}: {:?}", asked.name, asked.time);
    }
}

mod needs_redis {
    use tollgate_tests::tour::fleet;

    #[test]
    fn what_one_envoy_was_asked_another_answers() {
        let all = fleet::asked_of_two().unwrap();
        let seen = all.each_ref().map(|asked| (&*asked.cache, asked.is_sent));
        assert_eq!(seen, [("miss", true), ("hit; store=fleet", false)]);
        assert_eq!(all[0].answer.body, all[1].answer.body);
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
