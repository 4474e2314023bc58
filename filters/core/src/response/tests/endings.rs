//! Which answers are whole, and why their choices ended.

use super::*;
use FinishReason::*;

const REASONS: [FinishReason; 5] = [Stop, Length, ToolCalls, ContentFilter, Other];

/// Whether an answer is whole, and why its choices ended.
fn told(content_type: &[u8], answer: &str, dialect: Dialect) -> (bool, Vec<FinishReason>) {
    let summary = read_every_way(content_type, answer.as_bytes());
    let reasons = REASONS
        .into_iter()
        .filter(|&reason| summary.endings.has(reason));
    (summary.is_whole(dialect), reasons.collect())
}

#[test]
fn a_document_is_whole_when_each_of_its_choices_ended() {
    use Dialect::*;
    let deep = "[".repeat(130);
    let rows: &[(Dialect, &str, bool, &[FinishReason])] = &[
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop","index":0}]}"#,
            true,
            &[Stop],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"length"}]}"#,
            true,
            &[Length],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"tool_calls","index":0},{"finish_reason":"stop","index":1}]}"#,
            true,
            &[Stop, ToolCalls],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"function_call"}]}"#,
            true,
            &[ToolCalls],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"content_filter"}]}"#,
            true,
            &[ContentFilter],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"s\u0074op"}]}"#,
            true,
            &[Stop],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"eos"}]}"#,
            true,
            &[Other],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop","index":127}]}"#,
            true,
            &[Stop],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop","index":128}]}"#,
            false,
            &[],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop","index":0},{"finish_reason":null,"index":1}]}"#,
            false,
            &[Stop],
        ),
        (Chat, r#"{"choices":[{"index":0}]}"#, false, &[]),
        (Chat, r#"{"choices":[{"finish_reason":""}]}"#, false, &[]),
        (Chat, r#"{"choices":[{"finish_reason":1}]}"#, false, &[]),
        (
            Chat,
            r#"{"choices":[{"message":{"finish_reason":"stop"}}]}"#,
            false,
            &[],
        ),
        (Chat, r#"{"choices":[]}"#, false, &[]),
        (Chat, "{}", false, &[]),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop"}],"error":{"code":"x"}}"#,
            false,
            &[Stop],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop"}]"#,
            false,
            &[Stop],
        ),
        (
            Chat,
            r#"{"choices":[{"finish_reason":"stop"}]} x"#,
            false,
            &[Stop],
        ),
        (Chat, &deep, false, &[]),
        (
            Completions,
            r#"{"choices":[{"text":"x","finish_reason":"stop"}]}"#,
            true,
            &[Stop],
        ),
        (Embeddings, r#"{"data":[],"object":"list"}"#, true, &[]),
        (Embeddings, r#"{"error":{}}"#, false, &[]),
        (
            Responses,
            r#"{"status":"completed","error":null,"incomplete_details":null}"#,
            true,
            &[Stop],
        ),
        (
            Responses,
            r#"{"incomplete_details":{"reason":"max_output_tokens"},"status":"incomplete"}"#,
            true,
            &[Length],
        ),
        (
            Responses,
            r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#,
            true,
            &[ContentFilter],
        ),
        (
            Responses,
            r#"{"status":"incomplete","incomplete_details":null}"#,
            true,
            &[Other],
        ),
        (
            Responses,
            r#"{"status":"in_progress","output":[{"status":"completed"}]}"#,
            false,
            &[],
        ),
        (Responses, r#"{"status":"queued"}"#, false, &[]),
        (
            Responses,
            r#"{"status":"failed","error":{"code":"x"}}"#,
            false,
            &[],
        ),
        (Responses, r#"{"status":"cancelled"}"#, false, &[]),
        (
            Responses,
            r#"{"output":[{"status":"completed"}]}"#,
            false,
            &[],
        ),
    ];
    for (dialect, answer, is_whole, reasons) in rows {
        assert_eq!(
            told(JSON, answer, *dialect),
            (*is_whole, reasons.to_vec()),
            "{answer}"
        );
    }
}

#[test]
fn a_stream_is_whole_when_each_of_its_choices_ended_and_it_did() {
    let done = "[DONE]";
    let open = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":null,"index":0}]}"#;
    let stop = r#"{"choices":[{"delta":{},"finish_reason":"stop","index":0}]}"#;
    let other = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls","index":1}]}"#;
    let offsets =
        r#"{"choices":[{"content_filter_offsets":{},"finish_reason":null,"index":0}],"id":""}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1}}"#;
    let error = r#"{"error":{"message":"x"}}"#;
    let rows: [(&[&str], bool, &[FinishReason]); 10] = [
        (&[open, stop, done], true, &[Stop]),
        (&[usage, open, stop, usage, offsets, done], true, &[Stop]),
        (&[open, stop], false, &[Stop]),
        (&[open, done], false, &[]),
        (&[open, other, done], false, &[ToolCalls]),
        (&[open, other, stop, done], true, &[Stop, ToolCalls]),
        (&[open, error, done], false, &[]),
        (&[usage, done], false, &[]),
        (
            &[
                open,
                r#"{"choices":[{"finish_reason":"stop","index":0}]"#,
                done,
            ],
            false,
            &[],
        ),
        (&[open, stop, error, done], false, &[Stop]),
    ];
    for (events, is_whole, reasons) in rows {
        let stream: String = events
            .iter()
            .map(|data| format!("data: {data}\n\n"))
            .collect();
        assert_eq!(
            told(SSE, &stream, Dialect::Chat),
            (is_whole, reasons.to_vec()),
            "{stream}"
        );
    }
}

#[test]
fn a_stream_of_the_responses_api_is_whole_with_its_last_event() {
    let created = r#"{"type":"response.created","response":{"status":"in_progress"}}"#;
    let completed = r#"{"type":"response.completed","response":{"status":"completed"}}"#;
    let incomplete = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#;
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{}}}"#;
    let rows: [(&[&str], bool, &[FinishReason]); 5] = [
        (&[created, completed], true, &[Stop]),
        (&[created, incomplete], true, &[Length]),
        (&[created], false, &[]),
        (&[created, failed], false, &[]),
        (&[created, completed, r#"{"type":"error"}"#], false, &[Stop]),
    ];
    for (events, is_whole, reasons) in rows {
        let stream: String = events
            .iter()
            .map(|data| format!("event: x\ndata: {data}\n\n"))
            .collect();
        assert_eq!(
            told(SSE, &stream, Dialect::Responses),
            (is_whole, reasons.to_vec()),
            "{stream}"
        );
    }
}
