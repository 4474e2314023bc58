//! Streams as they were stored, with usage and without.

use super::*;

const KNOWN: Option<Usage> = Some(Usage {
    prompt: 3,
    completion: 2,
    cached: 0,
});

#[test]
fn a_stream_has_its_usage_where_it_is_wanted() {
    let prompt =
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}"#;
    let chunk = r#"{"choices":[{"delta":{"content":"\"usage\""},"index":0}],"id":"c","created":1,"model":"m","object":"chat.completion.chunk","usage":null}"#;
    let legacy = r#"{"choices":[{"text":"x","index":0}],"id":"c","object":"text_completion"}"#;
    let usage =
        r#"{"choices":[],"id":"c","object":"chat.completion.chunk","usage":{"prompt_tokens":9}}"#;
    let with_choice = r#"{"choices":[{"delta":{},"index":0}],"object":"chat.completion.chunk","usage":{"prompt_tokens":9}}"#;
    let late = r#"{"choices":[{"index":0,"content_filter_offsets":{}}],"id":"","object":""}"#;
    let made = r#"{"object":"chat.completion.chunk","id":"c","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0}}}"#;
    let made_legacy = r#"{"object":"text_completion","id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0}}}"#;
    let created = r#"{"type":"response.created","response":{"usage":null}}"#;
    let completed = r#"{"type":"response.completed","response":{"usage":{"input_tokens":9}}}"#;
    let done = "[DONE]";
    type Events<'a> = &'a [&'a str];
    let rows: [(Events, bool, Option<Usage>, Option<Events>); 14] = [
        (
            &[prompt, chunk, done],
            false,
            KNOWN,
            Some(&[prompt, chunk, done]),
        ),
        (
            &[prompt, chunk, done],
            true,
            KNOWN,
            Some(&[prompt, chunk, made, done]),
        ),
        (
            &[prompt, chunk, late, done],
            true,
            KNOWN,
            Some(&[prompt, chunk, late, made, done]),
        ),
        (&[prompt, chunk, done], true, None, None),
        (
            &[prompt, chunk, usage, done],
            true,
            None,
            Some(&[prompt, chunk, usage, done]),
        ),
        (
            &[prompt, chunk, usage, done],
            false,
            None,
            Some(&[prompt, chunk, done]),
        ),
        (
            &[prompt, chunk, usage, late, done],
            false,
            None,
            Some(&[prompt, chunk, late, done]),
        ),
        (
            &[chunk, with_choice, done],
            false,
            None,
            Some(&[chunk, with_choice, done]),
        ),
        (
            &[chunk, with_choice, done],
            true,
            None,
            Some(&[chunk, with_choice, done]),
        ),
        (
            &[legacy, done],
            true,
            KNOWN,
            Some(&[legacy, made_legacy, done]),
        ),
        (&[prompt, done], true, KNOWN, None),
        (
            &[created, completed],
            false,
            None,
            Some(&[created, completed]),
        ),
        (
            &[created, completed],
            true,
            None,
            Some(&[created, completed]),
        ),
        (&[], false, None, Some(&[])),
    ];
    for (events, include_usage, usage, expected) in rows {
        for ends in ["\n", "\r\n"] {
            let stream = format!(": x\n\n{}", stream_of(events)).replace('\n', ends);
            let same = same_form(stream.as_bytes(), include_usage, usage);
            let same = same.map(|same| text(same.into_owned()).replace("\r\n", "\n"));
            let expected = expected.map(|events| format!(": x\n\n{}", stream_of(events)));
            assert_eq!(same, expected, "{stream}");
        }
    }
}

#[test]
fn what_needs_no_change_is_not_copied() {
    let stream =
        b"event: \xff\ndata: {}\n\ndata: \"usage\"\r\r\n\ndata: {\"usage\":\n\ndata: [DONE]";
    let same = same_form(stream, false, None).unwrap();
    assert!(matches!(same, Cow::Borrowed(same) if same == stream));
}
