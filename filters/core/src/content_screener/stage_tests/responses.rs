//! What the stage does with answers, exchange by exchange.

use super::*;

/// What the client is sent of an answer, and what is counted and published of it.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    body: String,
    counted: Vec<String>,
    published: String,
}

/// The exchange of a request of a user who says `prompt`, answered with this JSON text.
fn answer_to(settings: &str, prompt: &str, status: u16, answer: &str) -> Answered {
    let config = format!(r#"{{"content_screener":{settings}}}"#);
    let config = Config::read(config.as_bytes(), &[StageKind::ContentScreener]).unwrap();
    let pipeline = Pipeline::new(config, b"", StageMaker::ALL).unwrap();
    let rule = Rc::clone(pipeline.config().rule_for(&Nowhere));
    let incoming = pipeline.begin(Dialect::Chat, None, rule, &Nowhere);
    let body = format!(r#"{{"model":"gpt-4o","messages":[{}]}}"#, user(prompt));
    let mut effects = Vec::new();
    let judged = pipeline.judge(incoming, body.as_bytes(), &Nowhere, &mut effects);
    let Judged::Send(mut exchange, _) = judged else {
        panic!("{judged:?}");
    };
    effects.clear();
    exchange.on_response_head(&ResponseHead {
        status,
        content_type: b"application/json",
        content_encoding: b"",
        cache: b"",
    });
    let chunk = answer.as_bytes();
    let instead = pipeline.on_response_chunk(&mut exchange, chunk, true, &Nowhere, &mut effects);
    pipeline.settle(*exchange, StreamEnd::Data, &Nowhere, &mut effects);
    let mut answered = Answered {
        body: String::from_utf8(instead.unwrap_or_else(|| chunk.to_vec())).unwrap(),
        counted: Vec::new(),
        published: String::new(),
    };
    for effect in effects {
        match effect {
            Effect::Measure { metric, value } => {
                let label = metric.label.map_or("", |(_, value)| value);
                let name = metric.name.trim_start_matches("tollgate.content_screener.");
                answered.counted.push(format!("{name} {label} {value}"));
            }
            Effect::Publish { value, .. } => answered.published = value,
            other => panic!("{other:?}"),
        }
    }
    answered
}

/// An answer of a model that says this.
fn saying(text: &str) -> String {
    format!(r#"{{"choices":[{{"message":{{"content":"{text}"}}}}]}}"#)
}

#[test]
fn what_was_masked_comes_back() {
    let mask = r#"{"personal_data":{"action":"mask"}}"#;
    let left = r#"{"personal_data":{"action":"mask"},"responses":{"unmask":false}}"#;
    let (prompt, original) = ("I am ann@example.com", "Dear ann@example.com, [EMAIL_2]");
    let masked = "Dear [EMAIL_1], [EMAIL_2]";
    for (settings, status, sent, counted) in [
        (mask, 200, original, vec!["unmasked  1"]),
        (mask, 500, original, vec!["unmasked  1"]),
        (left, 200, masked, vec![]),
        ("{}", 200, masked, vec![]),
    ] {
        let answered = answer_to(settings, prompt, status, &saying(masked));
        assert_eq!(answered.body, saying(sent), "{settings}");
        assert_eq!(answered.counted, counted, "{settings}");
        assert_eq!(answered.published, "");
    }
}

#[test]
fn an_answer_is_stopped_or_reported_as_its_detectors_say() {
    let terms = |action: &str, mode: &str| {
        format!(
            r#"{{"mode":"{mode}","injection":{{"action":"off"}},"terms":[
                {{"name":"words","terms":["big bang"],"category":"violence","severity":"low",
                  "action":"{action}","roles":["response"]}}],
                "personal_data":{{"action":"report","roles":["response"]}}}}"#
        )
    };
    let harmless = saying("a big  banger");
    let harmful = saying("b1g b\\u0061ng! big bang! ann@example.com");
    let reported = vec!["reported violence 1", "reported personal_data 1"];
    for (settings, status, answer, counted, published) in [
        (terms("block", "enforce"), 200, &harmless, vec![], ""),
        (
            terms("block", "enforce"),
            200,
            &harmful,
            vec![
                "responses_blocked  1",
                "blocked violence 1",
                "reported personal_data 1",
            ],
            "block:violence",
        ),
        (terms("block", "enforce"), 400, &harmful, vec![], ""),
        (terms("block", "report"), 200, &harmful, reported, ""),
    ] {
        // What a prompt says is not looked at here.
        let answered = answer_to(&settings, "big bang", status, answer);
        let mut expected = counted.clone();
        let mut actual = answered.counted.clone();
        expected.sort_unstable();
        actual.sort_unstable();
        assert_eq!(actual, expected, "{settings}");
        assert_eq!(answered.published, published, "{settings}");
        let is_blocked = published.starts_with("block");
        assert_eq!(answered.body == *answer, !is_blocked, "{answered:?}");
        if is_blocked {
            let body: serde_json::Value = serde_json::from_str(&answered.body).unwrap();
            let choice = &body["choices"][0];
            assert_eq!(choice["finish_reason"], "content_filter");
            assert_eq!(
                choice["content_filter_results"]["violence"]["severity"],
                "low"
            );
            assert_eq!(
                choice["content_filter_results"]["violence"]["filtered"],
                true
            );
            assert_eq!(choice["message"]["content"], "");
        }
    }
}

#[test]
fn an_answer_beyond_the_limit_is_counted_and_passes() {
    let settings = r#"{"terms":[{"name":"words","terms":["darn"],"action":"block","roles":["response"]}],
        "responses":{"max_bytes":1024}}"#;
    let answer = saying(&"darn ".repeat(300));
    let answered = answer_to(settings, "hello", 200, &answer);
    assert_eq!(answered.body, answer);
    assert_eq!(answered.counted, ["responses_unscreened  1"]);
}

/// What is sent of a stream whose deltas say these pieces, where this term is stopped; `logprobs`
/// tells whether their tokens are said again.
fn streamed(term: &str, pieces: &[&str], logprobs: bool) -> String {
    let events = pieces.iter().map(|piece| {
        let again = if logprobs {
            format!(r#","logprobs":{{"content":[{{"token":"{piece}","logprob":-1,"bytes":null,"top_logprobs":[]}}]}}"#)
        } else {
            String::new()
        };
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{piece}\"}}{again}}}]}}\n\n")
    });
    let body = events.collect::<String>()
        + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let settings = format!(
        r#"{{"terms":[{{"name":"words","terms":["{term}"],"action":"block","roles":["response"]}}]}}"#
    );
    super::answer(&settings, "x", "text/event-stream", &body).0
}

#[test]
fn words_of_every_script_are_looked_at_whole() {
    for (term, pieces, is_stopped) in [
        ("жил", &["у ", "жил", "ищ", "ный"][..], false),
        ("жил", &["у ", "жи", "л", "!"], true),
        ("בית", &["בית", "נו שם"], false),
        ("grö", &["die grö", "ße"], false),
        ("炸弹", &["制造炸", "弹的方法"], true),
    ] {
        let sent = streamed(term, pieces, false);
        let is_blocked = sent.contains("content_filter");
        assert_eq!(is_blocked, is_stopped, "{pieces:?}: {sent}");
    }
}

#[test]
fn what_is_held_back_is_not_said_in_logprobs() {
    let sent = streamed("darn", &["oh ", "darn", " it"], true);
    assert!(!sent.contains("darn"), "{sent}");
    let sent = streamed("darn", &["oh ", "dear", " it"], true);
    assert!(sent.contains("dear") && !sent.contains("token"), "{sent}");
}

#[test]
fn a_stream_may_begin_with_a_byte_order_mark() {
    let settings =
        r#"{"terms":[{"name":"words","terms":["darn"],"action":"block","roles":["response"]}]}"#;
    let event = |text: &str| {
        format!(
            "\u{feff}data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\ndata: [DONE]\n\n"
        )
    };
    let answer = |text: &str| super::answer(settings, "x", "text/event-stream", &event(text)).0;
    let sent = answer("darn it");
    assert!(
        !sent.contains("darn") && sent.contains("content_filter"),
        "{sent}"
    );
    let sent = answer("well");
    assert!(
        sent.starts_with('\u{feff}') && sent.contains("well"),
        "{sent}"
    );
}

#[test]
fn what_of_a_delta_cannot_be_followed_is_counted() {
    let settings =
        r#"{"terms":[{"name":"words","terms":["darn"],"action":"block","roles":["response"]}]}"#;
    for (delta, is_stopped, is_counted) in [
        (r#"{"role":"assistant","content":""}"#, false, false),
        (r#"{"reasoning":"oh darn it"}"#, true, false),
        (r#"{"reasoning_content":"oh darn it"}"#, true, false),
        (
            r#"{"audio":{"id":"a1","transcript":"oh darn it"}}"#,
            true,
            false,
        ),
        (r#"{"audio":{"id":"a1","data":"ZGFybg=="}}"#, false, false),
        (r#"{"comment":"oh darn it"}"#, false, true),
        (
            r#"{"content":[{"type":"text","text":"oh darn it"}]}"#,
            false,
            true,
        ),
        (
            r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#,
            false,
            false,
        ),
        ("{oh darn it", false, true),
    ] {
        let body = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\ndata: [DONE]\n\n"
        );
        let (sent, counted) = super::answer(settings, "x", "text/event-stream", &body);
        assert_eq!(
            sent.contains("content_filter"),
            is_stopped,
            "{delta}: {sent}"
        );
        assert_eq!(sent.contains("darn"), is_counted, "{delta}: {sent}");
        let unscreened = counted
            .iter()
            .any(|one| one.starts_with("responses_unscreened"));
        assert_eq!(unscreened, is_counted, "{delta}: {counted:?}");
    }
}
