//! Streams as documents.

use super::*;

/// An answer captured from Azure, shortened.
const AZURE: [&str; 7] = [
    r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#,
    r#"{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1757279933,"id":"chatcmpl-1","model":"gpt-4o","obfuscation":"z2","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":"fp_1","usage":null}"#,
    r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"low"},"protected_material_text":{"detected":false,"filtered":false}},"delta":{"content":"Every \u00e9"},"finish_reason":null,"index":0,"logprobs":null}],"created":1757279933,"id":"chatcmpl-1","model":"gpt-4o","obfuscation":"OV","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":"fp_1","usage":null}"#,
    r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"delta":{"content":" \"clear\""},"finish_reason":null,"index":0,"logprobs":null}],"created":1757279933,"id":"chatcmpl-1","model":"gpt-4o","obfuscation":"","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":"fp_1","usage":null}"#,
    r#"{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":1757279933,"id":"chatcmpl-1","model":"gpt-4o","obfuscation":"OL","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":"fp_1","usage":null}"#,
    r#"{"choices":[],"created":1757279933,"id":"chatcmpl-1","latency_checkpoint":{"ms":5},"model":"gpt-4o","obfuscation":"XT","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":"fp_1","usage":{"completion_tokens":9,"prompt_tokens":8,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":0},"total_tokens":17}}"#,
    r#"{"choices":[{"content_filter_offsets":{"check_offset":44,"start_offset":0,"end_offset":9},"content_filter_results":{"hate":{"filtered":false,"severity":"medium"}},"finish_reason":null,"index":0}],"created":0,"id":"","model":"","object":""}"#,
];

#[test]
fn the_chunks_of_azure_become_a_document() {
    let mut stream = stream_of(&AZURE);
    stream += "data: [DONE]\n\n";
    let expected = r#"{"object":"chat.completion","choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"medium"},"protected_material_text":{"detected":false,"filtered":false}},"message":{"content":"Every \u00e9 \"clear\"","refusal":null,"role":"assistant"},"finish_reason":"stop","index":0,"logprobs":null}],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}],"created":1757279933,"id":"chatcmpl-1","model":"gpt-4o","service_tier":"default","system_fingerprint":"fp_1","usage":{"completion_tokens":9,"prompt_tokens":8,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":0},"total_tokens":17},"latency_checkpoint":{"ms":5}}"#;
    for ends in ["\n", "\r\n", "\r"] {
        let stream = format!(": ping\n\nid: 7\n{stream}").replace('\n', ends);
        assert_eq!(text(as_json(stream.as_bytes(), None).unwrap()), expected);
    }
    // No end but the last may be missing.
    for cut in 0..stream.len() {
        let is_whole = stream[..cut].trim_end().ends_with("[DONE]");
        assert_eq!(
            as_json(&stream.as_bytes()[..cut], None).is_some(),
            is_whole,
            "cut at {cut}"
        );
    }
}

#[test]
fn what_comes_in_pieces_is_put_together() {
    // Choices of the chunks; those of the document.
    let rows: [(&[&str], &str); 8] = [
        (
            &[
                r#"{"index":1,"delta":{"role":"assistant","content":"b"}}"#,
                r#"{"index":0,"delta":{"role":"assistant","content":null}}"#,
                r#"{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"c"},"finish_reason":"length"}"#,
                r#"{"index":0,"delta":{"role":"assistant","content":"d"},"finish_reason":"stop"}"#,
            ],
            r#"{"index":0,"message":{"role":"assistant","content":"ad"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"bc"},"finish_reason":"length"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"["}},{"index":0,"function":{"arguments":"{\"x\":"}}]}}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"","type":"function","function":{"name":null,"arguments":"1}"}}]}}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"name":"","arguments":"]"}}]},"finish_reason":"tool_calls"}"#,
            ],
            r#"{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"[]"}}]},"finish_reason":"tool_calls"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"type":"custom","custom":{"name":"t","input":"a"}}]},"finish_reason":null}"#,
                r#"{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"input":"b"}}]},"finish_reason":"tool_calls"}"#,
            ],
            r#"{"index":0,"message":{"tool_calls":[{"type":"custom","custom":{"name":"t","input":"ab"}}]},"finish_reason":"tool_calls"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"function_call":{"name":"f","arguments":"{"}}}"#,
                r#"{"index":0,"delta":{"function_call":{"arguments":"}"}},"finish_reason":"function_call"}"#,
            ],
            r#"{"index":0,"message":{"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"reasoning_content":"h"},"logprobs":null}"#,
                r#"{"index":0,"delta":{"reasoning_content":"m","refusal":"n"},"logprobs":{"content":[1],"refusal":null}}"#,
                r#"{"index":0,"delta":{"refusal":"o","annotations":[{"a":1}]},"logprobs":{"content":[],"refusal":[2]}}"#,
                r#"{"index":0,"delta":{"annotations":[{"b":2}]},"logprobs":{"content":[3]},"finish_reason":"stop"}"#,
            ],
            r#"{"index":0,"message":{"reasoning_content":"hm","refusal":"no","annotations":[{"a":1},{"b":2}]},"logprobs":{"content":[1,3],"refusal":[2]},"finish_reason":"stop"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"content":"a"},"content_filter_results":{"hate":{"filtered":false,"severity":"medium"},"jailbreak":{"detected":true,"filtered":false}}}"#,
                r#"{"index":0,"delta":{},"content_filter_results":{"hate":{"filtered":false,"severity":"low"},"jailbreak":{"detected":false,"filtered":false}}}"#,
                r#"{"index":0,"finish_reason":"content_filter","content_filter_results":{"sexual":{"filtered":true,"severity":"safe"}}}"#,
                r#"{"index":0,"content_filter_results":{"sexual":{"filtered":false,"severity":"high"}}}"#,
            ],
            r#"{"index":0,"message":{"content":"a"},"content_filter_results":{"hate":{"filtered":false,"severity":"medium"},"jailbreak":{"detected":true,"filtered":false},"sexual":{"filtered":true,"severity":"safe"}},"finish_reason":"content_filter"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"content":"","x":{"y":1}},"stop_reason":null}"#,
                r#"{"index":0,"delta":{"x":{"y":1}},"finish_reason":"stop","stop_reason":"\n"}"#,
            ],
            r#"{"index":0,"message":{"content":"","x":{"y":1}},"finish_reason":"stop","stop_reason":"\n"}"#,
        ),
        (
            &[
                r#"{"index":0,"delta":{"tool_calls":[],"content":null}}"#,
                r#"{"index":0,"delta":{"tool_calls":null,"content":"\ud83d\ude00\/"},"finish_reason":"stop"}"#,
            ],
            r#"{"index":0,"message":{"tool_calls":[],"content":"\ud83d\ude00\/"},"finish_reason":"stop"}"#,
        ),
    ];
    for (choices, expected) in rows {
        let chunks: Vec<String> = choices
            .iter()
            .map(|choices| {
                format!(r#"{{"object":"chat.completion.chunk","id":"c","choices":[{choices}]}}"#)
            })
            .collect();
        let mut events: Vec<&str> = chunks.iter().map(String::as_str).collect();
        events.push("[DONE]");
        let stream = stream_of(&events);
        let document = text(as_json(stream.as_bytes(), None).unwrap_or_default());
        let expected = format!(r#"{{"object":"chat.completion","id":"c","choices":[{expected}]}}"#);
        assert_eq!(
            value(document.as_bytes()),
            value(expected.as_bytes()),
            "{stream}"
        );
        // Strings stay as they were written.
        let strings = |json: &str| {
            let mut strings: Vec<String> = json.split('"').map(str::to_owned).collect();
            strings.sort_unstable();
            strings
        };
        assert_eq!(strings(&document), strings(&expected), "{stream}");
    }
}

#[test]
fn completions_are_put_together() {
    let stream = stream_of(&[
        r#"{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"text":"so","index":0,"logprobs":{"tokens":["so"],"token_logprobs":[-0.5],"top_logprobs":null,"text_offset":[0]},"finish_reason":null}],"model":"m"}"#,
        r#"{"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"text":" it","index":0,"logprobs":{"tokens":[" it"],"token_logprobs":[-1],"top_logprobs":null,"text_offset":[2]},"finish_reason":"stop"}],"model":"m"}"#,
        "[DONE]",
    ]);
    let document = as_json(stream.as_bytes(), None).unwrap();
    let expected = r#"{"object":"text_completion","id":"cmpl-1","created":1,"choices":[{"text":"so it","index":0,"logprobs":{"tokens":["so"," it"],"token_logprobs":[-0.5,-1],"top_logprobs":null,"text_offset":[0,2]},"finish_reason":"stop"}],"model":"m"}"#;
    assert_eq!(text(document), expected);
}

#[test]
fn usage_that_no_event_said_is_what_the_entry_knows() {
    let chunk = r#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],"usage":null}"#;
    let said = r#"{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":7}}"#;
    let known = Usage {
        prompt: 3,
        completion: 2,
        cached: 1,
    };
    let made = r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1}}"#;
    let rows: [(&[&str], Option<Usage>, Option<&str>); 4] = [
        (&[chunk, "[DONE]"], None, None),
        (&[chunk, "[DONE]"], Some(known), Some(made)),
        (
            &[chunk, said, "[DONE]"],
            None,
            Some(r#"{"prompt_tokens":7}"#),
        ),
        (
            &[chunk, said, "[DONE]"],
            Some(known),
            Some(r#"{"prompt_tokens":7}"#),
        ),
    ];
    for (events, usage, expected) in rows {
        let document = as_json(stream_of(events).as_bytes(), usage).unwrap();
        let expected = expected.map(|usage| value(usage.as_bytes()));
        assert_eq!(value(&document).get("usage"), expected.as_ref());
    }
}

#[test]
fn an_answer_of_the_responses_api_is_what_the_last_event_carries() {
    let created =
        r#"{"type":"response.created","sequence_number":0,"response":{"status":"in_progress"}}"#;
    let delta = r#"{"type":"response.output_text.delta","delta":"x"}"#;
    let answer = r#"{"object":"response","status":"completed","output":[{"a":"\u00e9"}]}"#;
    let completed = format!(r#"{{"type":"response.completed","response": {answer} }}"#);
    let incomplete = format!(r#"{{"response":{answer},"type":"response.incomplete"}}"#);
    let rows: [(&[&str], Option<&str>); 6] = [
        (&[created, delta, &completed], Some(answer)),
        (&[created, delta, &incomplete], Some(answer)),
        (&[created, delta], None),
        (
            &[
                created,
                delta,
                r#"{"type":"response.failed","response":{}}"#,
            ],
            None,
        ),
        (
            &[created, r#"{"type":"error","code":"x"}"#, &completed],
            None,
        ),
        (
            &[created, r#"{"type":"response.completed","response":null}"#],
            None,
        ),
    ];
    for (events, expected) in rows {
        let stream = stream_of(events);
        assert_eq!(
            as_json(stream.as_bytes(), None).map(text).as_deref(),
            expected,
            "{stream}"
        );
    }
}

#[test]
fn what_has_no_clear_meaning_is_asked_for_again() {
    let choice =
        |choice: &str| format!(r#"{{"object":"chat.completion.chunk","choices":[{choice}]}}"#);
    let delta = |delta: &str| choice(&format!(r#"{{"index":0,"delta":{delta}}}"#));
    let stop = choice(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#);
    let many: String = (0..=MAX_INDEX)
        .map(|index| delta(&format!(r#"{{"tool_calls":[{{"index":{index}}}]}}"#)) + "\n\ndata: ")
        .collect();
    let rows = [
        "x".to_owned(),
        "[]".into(),
        "{}".into(),
        r#"{"error":{"message":"x"}}"#.into(),
        r#"{"choices":[],"object":"list"}"#.into(),
        r#"{"choices":[],"object":"text_completion"}"#.into(),
        r#"{"type":"error"}"#.into(),
        choice(r#"{"delta":{"content":"x"}}"#),
        choice(r#"{"index":1,"delta":{"content":"x"}}"#),
        choice(r#"{"index":0,"message":{"content":"x"}}"#),
        delta(r#"{"content":["x"]}"#),
        delta(r#"{"content":"x","content":"y"}"#),
        delta(r#"{"content":"\ud83d"}"#),
        delta(r#"{"audio":{"data":"AAAA"}}"#),
        delta(r#"{"role":"user"}"#),
        delta(r#"{"tool_calls":[{"function":{"name":"f"}}]}"#),
        delta(r#"{"new_text":"b"}"#),
        delta(r#"{"new_list":[2]}"#),
        many.trim_end_matches("\n\ndata: ").to_owned(),
    ];
    let before = delta(r#"{"role":"assistant","content":"","new_text":"b","new_list":[1]}"#);
    for chunk in rows {
        let stream = stream_of(&[&before, &chunk, &stop, "[DONE]"]);
        assert_eq!(as_json(stream.as_bytes(), None), None, "{stream}");
    }
    let whole = stream_of(&[&before, &stop, "[DONE]"]);
    assert!(as_json(whole.as_bytes(), None).is_some());
    for events in [
        &[&before, "[DONE]"][..],
        &["[DONE]"],
        &[],
        &[&before, &stop],
    ] {
        assert_eq!(
            as_json(stream_of(events).as_bytes(), None),
            None,
            "{events:?}"
        );
    }
}

/// One more than there may be.
const MAX_INDEX: usize = 128;
