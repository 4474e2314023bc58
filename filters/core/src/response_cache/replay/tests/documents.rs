//! Documents as streams.

use super::*;

#[test]
fn a_chat_completion_becomes_its_chunks() {
    let document = r#"{
  "id": "chatcmpl-1",
  "object": "chat.completion",
  "created": 1700000000,
  "model": "gpt-4o",
  "choices": [
    {
      "index": 0,
      "message": {"role": "assistant", "content": "Caf\u00e9,\nyes \"now\"\/", "refusal": null, "annotations": []},
      "logprobs": null,
      "finish_reason": "stop"
    }
  ],
  "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
  "system_fingerprint": "fp_1"
}
"#
    .replace("Café,\n", r"Café,\n");
    let head = r#""object":"chat.completion.chunk","id":"chatcmpl-1","created":1700000000,"model":"gpt-4o","system_fingerprint":"fp_1""#;
    let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#;
    for include_usage in [false, true] {
        let null = if include_usage {
            r#","usage":null"#
        } else {
            ""
        };
        let chunk = |delta: &str, reason: &str| {
            format!(
                r#"{{{head},"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}]{null}}}"#
            )
        };
        let mut expected = vec![
            chunk(
                r#"{"role":"assistant","content":"","refusal":null,"annotations":[]}"#,
                "null",
            ),
            chunk(r#"{"content":"Caf\u00e9,\nyes \"now\"\/"}"#, "null"),
            chunk("{}", r#""stop""#),
        ];
        if include_usage {
            expected.push(format!(r#"{{{head},"choices":[],{usage}}}"#));
        }
        expected.push("[DONE]".to_owned());
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let stream = as_sse(document.as_bytes(), include_usage).unwrap();
        assert_eq!(text(stream), stream_of(&expected));
    }
}

/// The part of every chunk that comes before its choices.
const HEAD: &str = r#""object":"chat.completion.chunk","id":"c""#;

#[test]
fn what_a_message_has_comes_in_its_order() {
    // The message, more of its choice; the choices of the chunks.
    let rows: [(&str, &str, &[&str]); 8] = [
        (
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}},{"id":"call_2","type":"function","function":{"name":"g","arguments":""}}]}"#,
            "",
            &[
                r#"{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\": 1}"}}]},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"g","arguments":""}}]},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"finish_reason":"end"}"#,
            ],
        ),
        (
            r#"{"tool_calls":[{"index":7,"id":"x","type":"custom","custom":{"input":"go","name":"t"}}]}"#,
            "",
            &[
                r#"{"index":0,"delta":{},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","type":"custom","custom":{"name":"t","input":""}}]},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"input":"go"}}]},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"finish_reason":"end"}"#,
            ],
        ),
        (
            r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}"#,
            "",
            &[
                r#"{"index":0,"delta":{"role":"assistant"},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"function_call":{"name":"f","arguments":""}},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"function_call":{"arguments":"{}"}},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"finish_reason":"end"}"#,
            ],
        ),
        (
            r#"{"content":"so","reasoning_content":"hm","refusal":null}"#,
            "",
            &[
                r#"{"index":0,"delta":{"content":"","reasoning_content":"","refusal":null},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"content":"so"},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"finish_reason":"end"}"#,
            ],
        ),
        (
            r#"{"content":null,"refusal":"no"}"#,
            "",
            &[
                r#"{"index":0,"delta":{"content":null,"refusal":""},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"refusal":"no"},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"finish_reason":"end"}"#,
            ],
        ),
        (
            r#"{"content":"a b"}"#,
            r#","logprobs":{"content":[{"token":"a"},{"token":" b"}],"refusal":null}"#,
            &[
                r#"{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":null}"#,
                r#"{"index":0,"delta":{"content":"a b"},"logprobs":{"content":[{"token":"a"},{"token":" b"}],"refusal":null},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"end"}"#,
            ],
        ),
        (
            r#"{"content":""}"#,
            r#","logprobs":{"content":[]},"content_filter_results":{"hate":{"filtered":false}},"stop_reason":7"#,
            &[
                r#"{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"logprobs":{"content":[]},"finish_reason":"end","content_filter_results":{"hate":{"filtered":false}},"stop_reason":7}"#,
            ],
        ),
        (
            r#"{"tool_calls":[],"x":{"y":[1]}}"#,
            "",
            &[
                r#"{"index":0,"delta":{"tool_calls":[],"x":{"y":[1]}},"finish_reason":null}"#,
                r#"{"index":0,"delta":{},"finish_reason":"end"}"#,
            ],
        ),
    ];
    for (message, more, choices) in rows {
        let document = format!(
            r#"{{"id":"c","object":"chat.completion","choices":[{{"index":0,"message":{message},"finish_reason":"end"{more}}}]}}"#
        );
        let mut expected: Vec<String> = choices
            .iter()
            .map(|choice| format!(r#"{{{HEAD},"choices":[{choice}]}}"#))
            .collect();
        expected.push("[DONE]".to_owned());
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let stream = as_sse(document.as_bytes(), false).unwrap();
        assert_eq!(text(stream), stream_of(&expected), "{document}");
    }
}

#[test]
fn several_choices_come_one_after_the_other_after_azures_event_about_the_prompt() {
    let document = r#"{"choices":[{"finish_reason":"stop","index":1,"message":{"content":"b"}},{"finish_reason":"length","index":0,"message":{"content":"a"}}],"citations":["u"],"id":"c","object":"chat.completion","prompt_filter_results":[{"prompt_index":0}]}"#;
    let stream = as_sse(document.as_bytes(), false).unwrap();
    let expected = [
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"object":"chat.completion.chunk","id":"c","choices":[{"index":1,"delta":{"content":""},"finish_reason":null}],"citations":["u"]}"#,
        r#"{"object":"chat.completion.chunk","id":"c","choices":[{"index":1,"delta":{"content":"b"},"finish_reason":null}]}"#,
        r#"{"object":"chat.completion.chunk","id":"c","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"object":"chat.completion.chunk","id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]}"#,
        r#"{"object":"chat.completion.chunk","id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
        r#"{"object":"chat.completion.chunk","id":"c","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
        "[DONE]",
    ];
    assert_eq!(text(stream), stream_of(&expected));
}

#[test]
fn a_completion_becomes_its_chunks() {
    let document = r#"{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"so it is","index":0,"logprobs":{"tokens":["so"],"top_logprobs":null},"finish_reason":"stop"},{"text":"","index":1,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":1}}"#;
    let head = r#""object":"text_completion","id":"cmpl-1","created":1,"model":"m""#;
    let expected = [
        &format!(
            r#"{{{head},"choices":[{{"index":0,"text":"so it is","logprobs":{{"tokens":["so"],"top_logprobs":null}},"finish_reason":null}}],"usage":null}}"#
        ),
        &format!(
            r#"{{{head},"choices":[{{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}}],"usage":null}}"#
        ),
        &format!(
            r#"{{{head},"choices":[{{"index":1,"text":"","logprobs":null,"finish_reason":"length"}}],"usage":null}}"#
        ),
        &format!(r#"{{{head},"choices":[],"usage":{{"prompt_tokens":1}}}}"#),
        "[DONE]",
    ];
    let stream = as_sse(document.as_bytes(), true).unwrap();
    assert_eq!(text(stream), stream_of(&expected));
}

#[test]
fn a_response_becomes_its_events() {
    let document = r#"{"id":"resp_1","object":"response","created_at":1,"status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"},"model":"m","output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]},{"type":"message","id":"msg_1","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"Some","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[]}]},{"type":"function_call","id":"fc_1","status":"completed","call_id":"call_1","name":"f","arguments":"{}"},{"type":"web_search_call","id":"ws_1","status":"completed"}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let begun = r#"{"id":"resp_1","object":"response","created_at":1,"status":"in_progress","error":null,"incomplete_details":null,"model":"m","output":[],"usage":null}"#;
    let message = r#"{"type":"message","id":"msg_1","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"Some","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[]}]}"#;
    let rows: [(&str, String); 21] = [
        ("created", format!(r#""response":{begun}"#)),
        ("in_progress", format!(r#""response":{begun}"#)),
        ("output_item.added", r#""output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[]}"#.into()),
        ("reasoning_summary_part.added", r#""item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}"#.into()),
        ("reasoning_summary_text.delta", r#""item_id":"rs_1","output_index":0,"summary_index":0,"delta":"hm""#.into()),
        ("reasoning_summary_text.done", r#""item_id":"rs_1","output_index":0,"summary_index":0,"text":"hm""#.into()),
        ("reasoning_summary_part.done", r#""item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"hm"}"#.into()),
        ("output_item.done", r#""output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]}"#.into()),
        ("output_item.added", r#""output_index":1,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[]}"#.into()),
        ("content_part.added", r#""item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}"#.into()),
        ("output_text.delta", r#""item_id":"msg_1","output_index":1,"content_index":0,"delta":"Some","logprobs":[]"#.into()),
        ("output_text.annotation.added", r#""item_id":"msg_1","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation","url":"u"}"#.into()),
        ("output_text.done", r#""item_id":"msg_1","output_index":1,"content_index":0,"text":"Some","logprobs":[]"#.into()),
        ("content_part.done", r#""item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Some","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[]}"#.into()),
        ("output_item.done", format!(r#""output_index":1,"item":{message}"#)),
        ("output_item.added", r#""output_index":2,"item":{"type":"function_call","id":"fc_1","status":"in_progress","call_id":"call_1","name":"f","arguments":""}"#.into()),
        ("function_call_arguments.delta", r#""item_id":"fc_1","output_index":2,"delta":"{}""#.into()),
        ("function_call_arguments.done", r#""item_id":"fc_1","output_index":2,"name":"f","arguments":"{}""#.into()),
        ("output_item.done", r#""output_index":2,"item":{"type":"function_call","id":"fc_1","status":"completed","call_id":"call_1","name":"f","arguments":"{}"}"#.into()),
        ("output_item.added", r#""output_index":3,"item":{"type":"web_search_call","id":"ws_1","status":"in_progress"}"#.into()),
        ("output_item.done", r#""output_index":3,"item":{"type":"web_search_call","id":"ws_1","status":"completed"}"#.into()),
    ];
    let last = ("incomplete", format!(r#""response":{document}"#));
    let expected: String = (rows.iter().chain([&last]).enumerate())
        .map(|(number, (name, rest))| {
            format!("event: response.{name}\ndata: {{\"type\":\"response.{name}\",\"sequence_number\":{number},{rest}}}\n\n")
        })
        .collect();
    let stream = text(as_sse(document.as_bytes(), false).unwrap());
    assert_eq!(stream, expected);
    assert_eq!(oracle::response(&stream), value(document.as_bytes()));
    assert_eq!(
        as_json(stream.as_bytes(), None).unwrap(),
        document.as_bytes()
    );
}

#[test]
fn long_texts_come_in_pieces() {
    let long = "é\\n\\ud83d\\ude00".repeat(10_000);
    let document = format!(
        r#"{{"object":"chat.completion","choices":[{{"index":0,"message":{{"content":"{long}"}},"finish_reason":"stop"}}]}}"#
    );
    let stream = text(as_sse(document.as_bytes(), false).unwrap());
    let longest = stream.lines().map(str::len).max().unwrap();
    assert!((PIECE..PIECE + 256).contains(&longest), "{longest}");
    assert!(stream.len() < document.len() * 11 / 10);
    assert_eq!(oracle::document(&stream), value(document.as_bytes()));
}

#[test]
fn what_no_stream_brings_is_asked_for_again() {
    let chat = |choice: &str| format!(r#"{{"object":"chat.completion","choices":[{choice}]}}"#);
    let message = |message: &str| {
        chat(&format!(
            r#"{{"index":0,"finish_reason":"stop","message":{message}}}"#
        ))
    };
    let response = |rest: &str| format!(r#"{{"object":"response",{rest}}}"#);
    let rows = [
        String::new(),
        "x".into(),
        "[]".into(),
        "{}".into(),
        r#"{"object":"list","data":[]}"#.into(),
        r#"{"error":{"code":"429"}}"#.into(),
        r#"{"object":"chat.completion"}"#.into(),
        r#"{"object":"chat.completion","choices":[]}"#.into(),
        chat("1"),
        chat(r#"{"index":0,"finish_reason":"stop"}"#),
        chat(r#"{"index":0,"finish_reason":null,"message":{"content":"x"}}"#),
        chat(r#"{"index":-1,"finish_reason":"stop","message":{"content":"x"}}"#),
        chat(r#"{"finish_reason":"stop","message":{"content":"x"}}"#),
        chat(r#"{"index":0,"finish_reason":"stop","message":{"content":"x"},"delta":{}}"#),
        message(r#"{"content":[{"type":"text","text":"x"}]}"#),
        message(r#"{"content":"x","content":"y"}"#),
        message(r#"{"content":"x","audio":{"id":"a","data":"AAAA"}}"#),
        message(r#"{"tool_calls":[{"id":"a"}]}"#),
        message(r#"{"tool_calls":[{"function":{"arguments":{}}}]}"#),
        message(r#"{"tool_calls":{}}"#),
        message(r#"{"content":"x"}"#).replace("}]}", "}]"),
        message(r#"{"content":"\ud800"}"#),
        response(r#""status":"in_progress","output":[]"#),
        response(r#""status":"failed","error":{"code":"x"},"output":[]"#),
        response(r#""status":"completed""#),
        response(
            r#""status":"completed","output":[{"type":"message","id":"m","content":[{"type":"sound"}]}]"#,
        ),
        response(r#""status":"completed","output":[{"type":"function_call","arguments":"{}"}]"#),
        response(r#""output":[]"#),
    ];
    for document in rows {
        assert_eq!(as_sse(document.as_bytes(), false), None, "{document}");
    }
    let unknown_usage = message(r#"{"content":"x"}"#);
    assert!(as_sse(unknown_usage.as_bytes(), false).is_some());
    assert_eq!(as_sse(unknown_usage.as_bytes(), true), None);
}

#[test]
fn what_every_chunk_repeats_is_bounded() {
    let long = "x".repeat(100_000);
    let calls = [r#"{"function":{"name":"f","arguments":"{}"}}"#; 1000].join(",");
    let document = format!(
        r#"{{"object":"chat.completion","id":"{long}","choices":[{{"index":0,"message":{{"tool_calls":[{calls}]}},"finish_reason":"stop"}}]}}"#
    );
    assert_eq!(as_sse(document.as_bytes(), false), None);
}
