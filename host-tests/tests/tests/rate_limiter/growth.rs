//! An answer that outgrows what was reserved for it is charged while it comes.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use azure_mock::{RawAnswer, Script};
use serde_json::json;

use crate::ends::read_until;
use crate::{CHAT, access_log, ask, limited, number};

/// Ten a second, and a whole minute's at once.
const LIMITS: &str = r#""tokens_per_minute": 600, "burst_seconds": 60"#;
/// Words of the answer that has come when it pauses.
const WORDS: usize = 200;

#[test]
fn a_long_answer_takes_from_the_limit_before_it_ends() {
    let stack = limited(LIMITS).start().unwrap();
    // Learnt: answers have 7 tokens.
    let learnt = ask(stack.client(), "one");
    assert_eq!(learnt.status, 200, "{}", learnt.text());
    let remaining = "x-ratelimit-remaining-tokens";
    let before = number(&ask(stack.client(), "one"), remaining);

    let event = |text: &str| {
        let event = json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]});
        format!("data: {event}\n\n")
    };
    let long: String = (0..WORDS).map(|_| event(" word")).collect();
    let mut answer = RawAnswer {
        chunks: vec![(long + &event(" pauses")).into(), "data: [DONE]\n\n".into()],
        // Longer than this test takes: its client leaves.
        pause: Duration::from_secs(60),
        ..RawAnswer::default()
    };
    let kind = "text/event-stream".parse().unwrap();
    answer.headers.insert("content-type", kind);
    let region = stack.mock.regions().next().unwrap();
    region.script(Script::raw(answer).when("outgrows"));

    let body = json!({"stream": true, "messages": [{"role": "user", "content": "What outgrows?"}]});
    let body = body.to_string();
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\napi-key: one\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = TcpStream::connect(stack.gateway()).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    read_until(&mut client, " pauses");
    let during = number(&ask(stack.client(), "one"), remaining);
    // Doubled to at least what has come, which in time takes a third of a minute to refill.
    assert!(during + 150 < before, "{during} of {before}");
    drop(client);

    let log = access_log(&stack, 4);
    let line = log.iter().find(|line| line["settled_tokens"] != "38");
    let line = line.expect("a long answer");
    let tokens = |key: &str| line[key].as_str().unwrap().parse::<usize>().unwrap();
    assert!(tokens("reserved_tokens") < 50, "{line}");
    assert!(tokens("settled_tokens") >= WORDS, "{line}");
}
