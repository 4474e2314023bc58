//! Documents, expected to the byte.

use super::*;

#[test]
fn placeholders_of_documents_become_what_they_stand_for() {
    for (answer, expected, unmasked) in [
        (
            r#"{"choices":[{"message":{"content":"to [EMAIL_1] and [EMAIL_1]"}}],"usage":{}}"#,
            r#"{"choices":[{"message":{"content":"to ann@example.com and ann@example.com"}}],"usage":{}}"#,
            2,
        ),
        (
            r#"{"choices":[{"message":{"content":"\u005bEM\u0041IL_1]\n\\u005bEMAIL_1]"}}]}"#,
            r#"{"choices":[{"message":{"content":"ann@example.com\n\\u005bEMAIL_1]"}}]}"#,
            1,
        ),
        (
            r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"who\":\"[NAME_1]\"}"}}]}}]}"#,
            r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"who\":\"Ann \\\"A\\\" Ä\"}"}}]}}]}"#,
            1,
        ),
        (
            r#"{"choices":[{"text":"[NAME_1]","index":0}]}"#,
            r#"{"choices":[{"text":"Ann \"A\" Ä","index":0}]}"#,
            1,
        ),
        (
            r#"{"output":[{"content":[{"type":"output_text","text":"[EMAIL_1]"}]},{"arguments":"\"[NAME_1]\""}]}"#,
            r#"{"output":[{"content":[{"type":"output_text","text":"ann@example.com"}]},{"arguments":"\"Ann \\\"A\\\" Ä\""}]}"#,
            2,
        ),
        (
            r#"{"error":{"message":"cannot read '[EMAIL_1]'"},"instructions":["[EMAIL_1]"]}"#,
            r#"{"error":{"message":"cannot read 'ann@example.com'"},"instructions":["ann@example.com"]}"#,
            2,
        ),
        (r#""[EMAIL_1]" "#, r#""ann@example.com" "#, 1),
        (r#"{"a":"[EMAIL_1]""#, r#"{"a":"ann@example.com""#, 1),
        (r#"{"a":"x \u005bEMA"#, r#"{"a":"x \u005bEMA"#, 0),
        (
            r#"{"a":"\\[EMAIL_1\u005d[[NAME_\/[NAME_1]\"[EMAIL_1"}"#,
            r#"{"a":"\\ann@example.com[[NAME_\/Ann \"A\" Ä\"[EMAIL_1"}"#,
            2,
        ),
        (
            r#"{"arguments":["[NAME_1]"],"arguments" : "[NAME_1]","b":"arguments","c":"[NAME_1]"}"#,
            r#"{"arguments":["Ann \"A\" Ä"],"arguments" : "Ann \\\"A\\\" Ä","b":"arguments","c":"Ann \"A\" Ä"}"#,
            3,
        ),
        (r#"{"a":[[EMAIL_1],"b\"#, r#"{"a":[[EMAIL_1],"b\"#, 0),
        ("[EMAIL_1]", "[EMAIL_1]", 0),
        ("", "", 0),
    ] {
        for edits in [unmask, both] {
            let (sent, rewritten) = rewrite_every_way(JSON, edits, answer);
            assert_eq!(sent, expected);
            assert_eq!(rewritten.unmasked, unmasked, "{answer}");
            let is_json = serde_json::from_str::<serde_json::Value>(answer).is_ok();
            let is_looked_through = is_json || answer.is_empty() || edits().detect.is_none();
            assert_eq!(rewritten.passed == 0, is_looked_through, "{answer}");
        }
    }
}

#[test]
fn a_stopped_document_keeps_everything_but_what_the_model_wrote() {
    let results = r#""content_filter_results":{"violence":{"filtered":true,"severity":"high"}}"#;
    for (answer, expected) in [
        (
            r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"a dirty bomb"},"logprobs":{"content":[]},"finish_reason":"stop"}],"usage":{"total_tokens":7}}"#,
            format!(
                r#"{{"choices":[{{{results},"finish_reason":"content_filter","index":0,"logprobs":null,"message":{{"content":"","role":"assistant"}}}}],"id":"c1","usage":{{"total_tokens":7}}}}"#
            ),
        ),
        (
            r#"{"choices":[{"index":0,"message":{"content":"x","tool_calls":[{"function":{"arguments":"{\"q\":\"bomb\"}"}}]}}]}"#,
            format!(
                r#"{{"choices":[{{{results},"finish_reason":"content_filter","index":0,"message":{{"content":"","role":"assistant"}}}}]}}"#
            ),
        ),
        (
            r#"{"choices":[{"text":"bomb","finish_reason":"length"}]}"#,
            format!(r#"{{"choices":[{{{results},"finish_reason":"content_filter","text":""}}]}}"#),
        ),
        (
            r#"{"object":"response","status":"completed","output":[{"content":[{"type":"output_text","text":"b\u006fmb"}]}],"usage":{"output_tokens":3}}"#,
            format!(
                r#"{{"content_filters":[{{"blocked":true,{results},"source_type":"completion"}}],"incomplete_details":{{"reason":"content_filter"}},"object":"response","output":[],"status":"incomplete","usage":{{"output_tokens":3}}}}"#
            ),
        ),
    ] {
        for edits in [screen, both] {
            let (sent, rewritten) = rewrite_every_way(JSON, edits, &format!("{answer}\n"));
            assert_eq!(sent, expected);
            assert!(rewritten.is_blocked);
        }
    }
    // What the request said, and names, are not what the model wrote.
    let answer = r#"{"object":"response","instructions":"bomb","output":[{"name":"bomb"}]}"#;
    assert_eq!(rewrite_every_way(JSON, screen, answer).0, answer);
}

#[test]
fn a_document_beyond_what_is_held_is_unmasked_but_not_looked_through() {
    let text = "x bomb [EMAIL_1]".repeat(MAX_DOCUMENT / 16);
    let answer = format!(r#"{{"choices":[{{"message":{{"content":"{text}"}}}}]}}"#);
    let expected = answer.replace("[EMAIL_1]", "ann@example.com");
    for size in [answer.len(), 300_000, 4093] {
        let mut rewriter = rewriter(JSON, both()).unwrap();
        let mut sent = Vec::new();
        for chunk in answer.as_bytes().chunks(size) {
            let edited = rewriter.push(chunk, false);
            sent.extend_from_slice(edited.as_deref().unwrap_or(chunk));
            assert!(rewriter.held() <= MAX_DOCUMENT);
        }
        assert!(sent == expected.as_bytes(), "by {size}");
        assert_eq!(rewriter.rewritten().passed, 1);
    }
}

#[test]
fn a_document_goes_out_when_it_closes_not_when_the_stream_ends() {
    let mut rewriter = rewriter(JSON, both()).unwrap();
    assert_eq!(rewriter.push(br#"{"a":"[EMA"#, false), Some(vec![]));
    let sent = rewriter.push(br#"IL_1]"}"#, false).unwrap();
    assert_eq!(sent, br#"{"a":"ann@example.com"}"#);
    assert_eq!(rewriter.push(b"\n", false), None);
}

#[test]
fn a_document_that_is_not_looked_through_passes_as_it_comes() {
    let mut rewriter = rewriter(JSON, unmask()).unwrap();
    assert_eq!(rewriter.push(br#"{"a":"b","c":"d"#, false), None);
    assert_eq!(rewriter.push(br#"e [EMA"#, false), Some(b"e ".to_vec()));
    assert_eq!(rewriter.push(b"n", false), Some(b"[EMAn".to_vec()));
    assert_eq!(rewriter.push(b"\"}", false), None);
}
