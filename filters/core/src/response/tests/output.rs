//! What an answer's output is, and what is none.

use super::oracle::{self, tokens_of_texts};
use super::{JSON, ResponseSummary, SSE, read, read_every_way};

/// Documents and the texts in them.
const DOCUMENTS: &[(&str, &[&str])] = &[
    // Chat.
    (
        r#"{"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there, world!","refusal":null}}]}"#,
        &["Hello there, world!"],
    ),
    (
        r#"{"choices":[{"message":{"content":"one of two"}},{"message":{"refusal":"I cannot help with that."}}]}"#,
        &["one of two", "I cannot help with that."],
    ),
    (
        r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Paris\"}"}},{"function":{"name":"f"}}]}}]}"#,
        &["get_weather", "{\"city\":\"Paris\"}", "f"],
    ),
    (
        r#"{"choices":[{"message":{"tool_calls":[{"type":"custom","custom":{"name":"shell","input":"ls -la"}}],"function_call":{"arguments":"{}","name":"old_way"}}}]}"#,
        &["shell", "ls -la", "{}", "old_way"],
    ),
    (
        r#"{"choices":[{"message":{"reasoning_content":"Let me think.","content":"Four."}}]}"#,
        &["Let me think.", "Four."],
    ),
    (
        r#"{"choices":[{"message":{"content":[{"type":"text","text":"in parts"},{"type":"refusal","refusal":"no"},"astray"]}}]}"#,
        &["in parts", "no"],
    ),
    // Completions.
    (
        r#"{"choices":[{"text":"\n\nonce upon a time","logprobs":{"tokens":["once"],"text_offset":[2]}}]}"#,
        &["\n\nonce upon a time"],
    ),
    // The Responses API.
    (
        r#"{"object":"response","instructions":"Be brief.","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"**Thinking**"}],"encrypted_content":"gAAAA"},{"type":"message","content":[{"type":"output_text","text":"Done.","annotations":[{"title":"no"}]}]},{"type":"function_call","arguments":"{\"a\":1}","name":"f","call_id":"call_2"},{"type":"custom_tool_call","input":"x"},{"type":"code_interpreter_call","code":"print(1)","outputs":[{"logs":"1"}]}]}"#,
        &["**Thinking**", "Done.", "{\"a\":1}", "f", "x", "print(1)"],
    ),
    // Escapes count by what they mean, in names too.
    (
        r#"{"choices":[{"message":{"\u0063ontent":"caf\u00e9 \ud83d\ude00\n\"q\""}}]}"#,
        &["café 😀\n\"q\""],
    ),
    (
        r#"{"\u0063\u0068\u006f\u0069\u0063\u0065\u0073":[{"\u006dessage":{"\u0072\u0065\u0061\u0073\u006f\u006e\u0069\u006e\u0067\u005f\u0063\u006f\u006e\u0074\u0065\u006e\u0074":"seen"}}]}"#,
        &["seen"],
    ),
    // What stands twice has passed twice.
    (
        r#"{"choices":[{"text":"one"}],"choices":[{"text":"two","text":"three"}]}"#,
        &["one", "two", "three"],
    ),
    // Nothing.
    (r#"{}"#, &[]),
    (r#"{"choices":null}"#, &[]),
    (r#"{"choices":"content"}"#, &[]),
    (r#"{"choices":{"message":{"content":"no array"}}}"#, &[]),
    (r#"{"choices":[[{"message":{"content":"too deep"}}]]}"#, &[]),
    (r#"{"choices":[{"message":null}]}"#, &[]),
    (r#"{"choices":[{"message":"content"}]}"#, &[]),
    (r#"{"choices":[{"message":[{"content":"array"}]}]}"#, &[]),
    (r#"{"choices":[{"message":{"content":7}}]}"#, &[]),
    (r#"{"choices":[{"message":{"content":""}}]}"#, &[]),
    (r#"{"choices":[{"message":{"content":{"text":"x"}}}]}"#, &[]),
    (r#"{"choices":[{"message":{"content":[["x"]]}}]}"#, &[]),
    (r#"{"choices":[{"text":["x"]},"astray",{"index":0}]}"#, &[]),
    (r#"{"choices":[{"text":"x"},"astray"]}"#, &["x"]),
    (
        r#"{"choices":[{"message":{"tool_calls":{"function":{"name":"no array"}}}}]}"#,
        &[],
    ),
    (
        r#"{"choices":[{"message":{"tool_calls":[{"name":"no function"}]}}]}"#,
        &[],
    ),
    (r#"{"message":{"content":"no choice"}}"#, &[]),
    (r#"{"x":{"choices":[{"text":"elsewhere"}]}}"#, &[]),
    (r#"[{"choices":[{"text":"in an array"}]}]"#, &[]),
    (r#"{"text":"x","content":"y","arguments":"z"}"#, &[]),
    (r#"{"data":[{"embedding":[0.5],"text":"x"}]}"#, &[]),
    (r#"{"error":{"message":"no output"}}"#, &[]),
    (
        r#"{"response":{"output":[{"arguments":"carried"}],"choices":[{"text":"carried"}]}}"#,
        &[],
    ),
];

#[test]
fn documents_hold_output() {
    for (answer, texts) in DOCUMENTS {
        let summary = read_every_way(JSON, answer.as_bytes());
        assert_eq!(summary.output_tokens, tokens_of_texts(texts), "{answer}");
        let expected = oracle::document(answer).output_tokens;
        assert_eq!(summary.output_tokens, expected, "{answer}");
    }
}

/// Half a surrogate pair is a character to the meter and none to the oracle.
fn is_comparable(start: &str) -> bool {
    let tail = start.len().saturating_sub(11);
    !start.as_bytes()[tail..]
        .windows(5)
        .any(|five| five == b"\\ud83")
}

#[test]
fn documents_that_break_off_hold_what_came() {
    // Without its model: cut inside the name, that is none.
    let answers = DOCUMENTS.iter().map(|(answer, _)| answer);
    for answer in answers.filter(|answer| !answer.contains("model")) {
        let starts = (0..answer.len()).filter_map(|end| answer.get(..end));
        for start in starts.filter(|start| is_comparable(start)) {
            let summary = read(JSON, [start.as_bytes()]);
            assert_eq!(
                summary.output_tokens,
                oracle::document(start).output_tokens,
                "{start}"
            );
            assert!(!summary.is_complete || start.is_empty(), "{start}");
        }
    }
}

#[test]
fn a_document_that_turns_out_to_be_none_holds_what_came() {
    let rows: &[(&[u8], &[&str])] = &[
        (
            b"{\"choices\":[{\"text\":\"one two\x01three\"}]}",
            &["one two"],
        ),
        (
            b"{\"choices\":[{\"text\":\"one two\\qthree\"}]}",
            &["one two"],
        ),
        (
            b"{\"choices\":[{\"text\":\"one two\\u00zz\"}]}",
            &["one two"],
        ),
        (
            b"{\"choices\":[{\"text\":\"one two\xffthree\"}]}",
            &["one two"],
        ),
        (b"{\"choices\":[{\"text\":\"one two\"]}", &["one two"]),
        (
            b"{\"choices\":[{\"text\":\"one two\"},{\"text\":1x,\"text\":\"y\"}",
            &["one two"],
        ),
        (
            b"{\"choices\":[{\"text\":\"one two\"}]}{\"choices\":[{\"text\":\"y\"}]}",
            &["one two"],
        ),
        (b"choices", &[]),
    ];
    for (answer, texts) in rows {
        let summary = read_every_way(JSON, answer);
        assert_eq!(
            summary.output_tokens,
            tokens_of_texts(texts),
            "{}",
            answer.escape_ascii()
        );
    }
}

/// Events, each on a `data:` line.
fn events(events: &[&str]) -> String {
    events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect()
}

#[test]
fn streams_hold_output() {
    let words = ["Hello", " there", ",", " world", "!"];
    let chat = |words: &[&str]| -> String {
        let event = |word: &&str| {
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}],\"usage\":null}}\n\n"
            )
        };
        words.iter().map(event).collect()
    };
    let five = "The quick brown fox jumps";
    let rows: Vec<(String, u64)> = vec![
        // Each delta is a token.
        (chat(&words), 5),
        (
            chat(&words)
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n",
            5,
        ),
        // The first and the last have no text.
        (
            events(&[
                r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}],"model":""}"#,
                r#"{"choices":[{"delta":{"role":"assistant","content":"","refusal":null}}]}"#,
                r#"{"choices":[{"delta":{"content":"Hi"},"content_filter_results":{"hate":{"filtered":false,"content":"x"}}}]}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                r#"{"choices":[{"content_filter_offsets":{"check_offset":35},"content":"x"}]}"#,
            ]),
            1,
        ),
        // Several tokens a delta: only the meter knows.
        (chat(&[five]), tokens_of_texts(&[five])),
        (
            chat(&["The quick", " brown fox", " jumps"]),
            tokens_of_texts(&[five]),
        ),
        // A delta is a token at least.
        (chat(&["H", "e", "l", "l", "o"]), 5),
        // Choices take turns, each with its own tokens.
        (
            events(&[
                r#"{"choices":[{"index":0,"delta":{"content":"to"}}]}"#,
                r#"{"choices":[{"index":1,"delta":{"content":"to"}}]}"#,
                r#"{"choices":[{"index":1,"delta":{"content":"ken"}},{"index":0,"delta":{"content":"ken"}}]}"#,
            ]),
            4,
        ),
        // Calls: the name, then the arguments.
        (
            events(&[
                r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"id":"call_1","function":{"arguments":"","name":"f"}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"city"}}]}}]}"#,
                r#"{"choices":[{"delta":{"function_call":{"arguments":"\":"}}}]}"#,
            ]),
            4,
        ),
        (
            events(&[
                r#"{"choices":[{"delta":{"reasoning_content":"Hm"}}]}"#,
                r#"{"choices":[{"delta":{"refusal":" no"}}]}"#,
            ]),
            2,
        ),
        // Completions.
        (
            events(&[
                r#"{"choices":[{"text":"Once"}]}"#,
                r#"{"choices":[{"text":" upon"}]}"#,
            ]),
            2,
        ),
        // The Responses API: what is done has come before.
        (
            events(&[
                r#"{"type":"response.created","response":{"usage":null,"output":[]}}"#,
                r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#,
                r#"{"type":"response.reasoning_summary_text.delta","delta":"Hm"}"#,
                r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi"}"#,
                r#"{"type":"response.output_text.delta","delta":" there","logprobs":[{"token":" there"}]}"#,
                r#"{"delta":"!","type":"response.output_text.delta"}"#,
                r#"{"type":"response.refusal.delta","delta":" No"}"#,
                r#"{"type":"response.function_call_arguments.delta","delta":"{}"}"#,
                r#"{"type":"response.output_text.done","text":"Hi there!"}"#,
                r#"{"type":"response.content_part.done","part":{"type":"output_text","text":"Hi there!"}}"#,
                r#"{"type":"response.output_item.done","item":{"type":"message","content":[{"type":"output_text","text":"Hi there!"}]}}"#,
                r#"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"Hi there!"}]}],"usage":null}}"#,
            ]),
            6,
        ),
        // Sound is no text; its transcript is.
        (
            events(&[
                r#"{"type":"response.output_audio.delta","delta":"UklGRiQAAABXQVZFZm10IBAAAAABAAEA"}"#,
                r#"{"type":"response.audio.delta","delta":"UklGRiQAAABXQVZFZm10IBAAAAABAAEA"}"#,
                r#"{"type":"response.output_audio_transcript.delta","delta":"Hi"}"#,
            ]),
            1,
        ),
        // Bad shapes.
        (
            events(&[
                r#"{"choices":[{"delta":null}]}"#,
                r#"{"choices":[{"delta":7}]}"#,
                r#"{"choices":[{"delta":"text"}]}"#,
                r#"{"choices":[{"delta":[{"content":"x"}]}]}"#,
                r#"{"choices":[{"delta":{"content":{"content":"x"}}}]}"#,
                r#"{"choices":[{"delta":{"content":3}}]}"#,
                r#"{"delta":null}"#,
                r#"{"delta":{"content":"x","text":"y"}}"#,
                r#"{"delta":["x"]}"#,
                r#""delta""#,
                r#"["delta"]"#,
            ]),
            0,
        ),
        (
            events(&[r#"{"choices":[{"delta":{"content":[{"type":"text","text":"Hi"}]}}]}"#]),
            1,
        ),
        // The text of an event that broke came nevertheless, and the next does not continue it.
        (
            events(&[
                r#"{"delta":"Hi"}}"#,
                r#"{"delta":" there"#,
                r#"{"delta":"\u26"#,
                r#"{"delta":"A"}"#,
            ]),
            3,
        ),
        (
            events(&[
                r#"{"delta":"Several tokens in a delta \u26"}"#,
                r#"{"delta":"ab, and as many after it."}"#,
            ]),
            tokens_of_texts(&["Several tokens in a delta ", "ab, and as many after it."]),
        ),
        (
            "data: {\"delta\":\"Hi\"}\n\ndata: {\"delta\":\" there".to_owned(),
            2,
        ),
    ];
    for (stream, tokens) in rows {
        let summary = read_every_way(SSE, stream.as_bytes());
        assert_eq!(summary.output_tokens, tokens, "{stream}");
        assert_eq!(summary, oracle::stream(&stream), "{stream}");
    }
}

#[test]
fn streams_that_break_off_hold_what_came() {
    let stream = events(&[
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Several tokens in a delta, "}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"\"quoted\" caf\u00e9 and 你好"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#,
    ]);
    for start in (0..stream.len()).filter_map(|end| stream.get(..end)) {
        assert_eq!(
            read(SSE, [start.as_bytes()]),
            oracle::stream(start),
            "{start}"
        );
    }
}

#[test]
fn the_model_says_how_its_text_is_cut_into_tokens() {
    let text = "यदि आपको संदेश नहीं मिलता है";
    let stream = |models: [&str; 2]| {
        let [first, second] = models;
        let stream = format!(
            "data: {{\"model\":\"{first}\",\"delta\":\"{text}\"}}\n\ndata: {{\"model\":\"{second}\"}}\n\n"
        );
        let summary = read_every_way(SSE, stream.as_bytes());
        assert_eq!(summary, oracle::stream(&stream), "{stream}");
        summary.output_tokens
    };
    let (new, old) = (
        stream(["gpt-4o-2024-11-20", ""]),
        stream(["gpt-4-0613", ""]),
    );
    assert!(old > 2 * new, "{old} and {new}");
    for (models, tokens) in [
        (["", "gpt-4-0613"], old),
        (["gpt-4-0613", "gpt-4o"], old),
        (["gpt-4o", "gpt-4-0613"], new),
        ([r"\u0067pt-4-0613", ""], old),
        (["unheard of", "gpt-4"], new),
        (["", ""], new),
    ] {
        assert_eq!(stream(models), tokens, "{models:?}");
    }
    let long = "x".repeat(1000);
    assert_eq!(
        stream([&long, "gpt-4-0613"]),
        old,
        "one that is too long to be kept is none"
    );
}

#[test]
fn many_choices_are_all_counted() {
    let choice = r#"{"message":{"content":"a choice"}}"#;
    let document = format!("{{\"choices\":[{}]}}", vec![choice; 2000].join(","));
    let ResponseSummary { output_tokens, .. } = read(JSON, document.as_bytes().chunks(1000));
    assert_eq!(output_tokens, tokens_of_texts(&["a choice"; 2000]));
}

#[test]
fn depth_beyond_what_matters_hides_nothing_after_it() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [1, 5, 6, 7, 8, 100] {
        let answer = format!(
            r#"{{"x":{0},"choices":[{0},{{"logprobs":{0},"message":{{"x":{0},"content":"still read"}}}}]}}"#,
            deep(depth)
        );
        let summary = read_every_way(JSON, answer.as_bytes());
        assert_eq!(
            summary.output_tokens,
            tokens_of_texts(&["still read"]),
            "{depth}"
        );
    }
}
