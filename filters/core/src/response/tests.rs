//! Answers as rows, each read whole, cut at every byte, and byte by byte, beside a naive
//! reader that has all of it at once.

mod accuracy;
mod endings;
mod oracle;
mod output;
mod properties;
mod tree;

use super::*;

const JSON: &[u8] = b"application/json; charset=utf-8";
const SSE: &[u8] = b"Text/Event-Stream";

fn read<'a>(content_type: &[u8], chunks: impl IntoIterator<Item = &'a [u8]>) -> ResponseSummary {
    let mut reader = ResponseReader::new(content_type).expect("a type that is read");
    chunks.into_iter().for_each(|chunk| reader.push(chunk));
    reader.finish()
}

/// The summary, which must be the same however the answer is cut.
fn read_every_way(content_type: &[u8], answer: &[u8]) -> ResponseSummary {
    let whole = read(content_type, [answer]);
    for cut in 0..=answer.len() {
        let (head, tail) = answer.split_at(cut);
        let name = String::from_utf8_lossy(answer);
        assert_eq!(
            read(content_type, [head, tail]),
            whole,
            "cut at {cut}: {name}"
        );
    }
    assert_eq!(
        read(content_type, answer.chunks(1)),
        whole,
        "{}",
        String::from_utf8_lossy(answer)
    );
    whole
}

fn given(prompt: u64, completion: u64, cached: u64) -> UsageReport {
    UsageReport::Given(Usage {
        prompt,
        completion,
        cached,
    })
}

#[test]
fn documents_say_their_usage() {
    use UsageReport::*;
    let rows: [(&str, UsageReport, bool); 30] = [
        (
            r#"{"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}"#,
            given(12, 3, 0),
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":12,"prompt_tokens_details":{"audio_tokens":1,"cached_tokens":8}}}"#,
            given(12, 0, 8),
            false,
        ),
        (
            r#"{"object":"response","error":null,"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":2},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":4}}}"#,
            given(7, 5, 2),
            false,
        ),
        (
            r#"{"data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
            given(8, 0, 0),
            false,
        ),
        (r#"{"usage":{"prompt_tokens":0}}"#, given(0, 0, 0), false),
        (
            r#"{"usage":{"prompt_tokens":100000000}}"#,
            given(MAX_USAGE_TOKENS, 0, 0),
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"prompt_tokens_details":null,"completion_tokens":null}}"#,
            given(1, 0, 0),
            false,
        ),
        (
            r#"{"choices":[{"message":{"usage":{"prompt_tokens":99}}}]}"#,
            Absent,
            false,
        ),
        (
            r#"{"x":{"usage":{"prompt_tokens":99}},"usage":{"y":{"prompt_tokens":98},"prompt_tokens":1}}"#,
            given(1, 0, 0),
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"zz":[{"prompt_tokens":5}]}}"#,
            given(1, 0, 0),
            false,
        ),
        (r#"{"usage":null}"#, Absent, false),
        (r#"{}"#, Absent, false),
        (r#"[{"usage":{"prompt_tokens":1}}]"#, Absent, false),
        (r#""usage""#, Absent, false),
        (
            r#"{"us\u0061ge":{"\u0070\u0072\u006f\u006d\u0070\u0074\u005f\u0074\u006f\u006b\u0065\u006e\u0073":4}}"#,
            given(4, 0, 0),
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2}}"#,
            given(2, 0, 0),
            false,
        ),
        (r#"{"usage":{"prompt_tokens":100000001}}"#, Unusable, false),
        (
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":9007199254740993}}"#,
            Unusable,
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":100000001}}}"#,
            Unusable,
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":[2]}}"#,
            Unusable,
            false,
        ),
        (
            r#"{"usage":{"prompt_tokens":{"prompt_tokens":1}}}"#,
            Unusable,
            false,
        ),
        (r#"{"usage":{}}"#, Unusable, false),
        (r#"{"usage":7}"#, Unusable, false),
        (r#"{"usage":[1]}"#, Unusable, false),
        (r#"{"usage":{"prompt_tokens":null}}"#, Unusable, false),
        (r#"{"usage":{"prompt_tokens":-1}}"#, Unusable, false),
        (r#"{"usage":{"prompt_tokens":1.5}}"#, Unusable, false),
        (r#"{"usage":{"prompt_tokens":"12"}}"#, Unusable, false),
        (
            r#"{"usage":{"prompt_tokens":18446744073709551616}}"#,
            Unusable,
            false,
        ),
        (
            r#"{"error":{"code":"429","message":"a \"usage\" of"}}"#,
            Absent,
            true,
        ),
    ];
    for (answer, usage, has_error) in rows {
        let summary = read_every_way(JSON, answer.as_bytes());
        let said = (summary.usage, summary.is_complete, summary.has_error);
        assert_eq!(said, (usage, true, has_error), "{answer}");
        let expected = ResponseSummary {
            is_complete: true,
            ..oracle::document(answer)
        };
        assert_eq!(summary, expected, "{answer}");
    }
}

#[test]
fn a_document_that_is_none_says_what_came_before() {
    for (answer, usage) in [
        (&b""[..], UsageReport::Absent),
        (b"{\"usage\":{\"prompt_tokens\":3}", given(3, 0, 0)),
        (b"{\"usage\":{\"prompt_tokens\":3", UsageReport::Absent),
        (b"{\"usage\":{\"prompt_tokens\":3}}}", given(3, 0, 0)),
        (b"\x1f\x8b\x08\x00", UsageReport::Absent),
        (b"{\"a\":\"\xff\"}", UsageReport::Absent),
    ] {
        let summary = read_every_way(JSON, answer);
        let expected = ResponseSummary {
            usage,
            ..ResponseSummary::default()
        };
        assert_eq!(summary, expected);
    }
}

#[test]
fn streams_say_their_usage() {
    let azure = concat!(
        "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"role\":\"assistant\"},\"index\":0}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"data: [DONE]\\n\\n你\"}}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"usage\":{\"completion_tokens\":4,\"prompt_tokens\":21,\"prompt_tokens_details\":{\"cached_tokens\":1},\"total_tokens\":25}}\n\n",
        "data: {\"choices\":[],\"content_filter_offsets\":{}}\n\n",
        "data: [DONE]\n\n",
    );
    let responses = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null,\"error\":null}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n",
        "event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":2}},\"type\":\"response.completed\"}\n\n",
    );
    let usage = "data: {\"usage\":{\"prompt_tokens\":5}}";
    let rows: Vec<(String, UsageReport, bool, bool)> = vec![
        (azure.to_owned(), given(21, 4, 1), true, false),
        (azure.replace('\n', "\r\n"), given(21, 4, 1), true, false),
        (azure.replace('\n', "\r"), given(21, 4, 1), true, false),
        (azure.trim_end().to_owned(), given(21, 4, 1), true, false),
        (responses.to_owned(), given(9, 2, 0), true, false),
        (
            responses.replace("response.completed", "response.incomplete"),
            given(9, 2, 0),
            true,
            false,
        ),
        (
            responses.replace("response.completed", "response.failed"),
            given(9, 2, 0),
            true,
            true,
        ),
        (
            azure.replace("\"prompt_tokens\":21", "\"prompt_tokens\":-21"),
            UsageReport::Unusable,
            true,
            false,
        ),
        (
            azure.replace(
                "\"completion_tokens\":4",
                "\"completion_tokens\":400000000000",
            ),
            UsageReport::Unusable,
            true,
            false,
        ),
        (format!("{usage}\n\n"), given(5, 0, 0), false, false),
        (usage.to_owned(), given(5, 0, 0), false, false),
        (
            "data:{\"usage\":\ndata:{\"prompt_tokens\":\ndata: 6}}\n\n".to_owned(),
            given(6, 0, 0),
            false,
            false,
        ),
        (
            format!(": keep-alive\n\n{usage}\nid: 1\n\n: x\n"),
            given(5, 0, 0),
            false,
            false,
        ),
        (
            format!("{usage}\n\ndata: {{broken\n\ndata: [DONE]\n\n"),
            given(5, 0, 0),
            true,
            false,
        ),
        (
            format!("{usage}\n\ndata: {{\"error\":{{\"code\":\"x\"}}}}\n\n"),
            given(5, 0, 0),
            false,
            true,
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"code\":\"x\"}\n\n".to_owned(),
            UsageReport::Absent,
            true,
            true,
        ),
        (
            "data: [DONE]x\n\n".to_owned(),
            UsageReport::Absent,
            false,
            false,
        ),
        (
            "data: [DON\n\n".to_owned(),
            UsageReport::Absent,
            false,
            false,
        ),
        (
            "data: [DO\ndata: NE]\n\n".to_owned(),
            UsageReport::Absent,
            false,
            false,
        ),
        (
            "database: {\"usage\":{\"prompt_tokens\":5}}\n\n".to_owned(),
            UsageReport::Absent,
            false,
            false,
        ),
        ("data\n\n".to_owned(), UsageReport::Absent, false, false),
        ("\n\n\n".to_owned(), UsageReport::Absent, false, false),
        (String::new(), UsageReport::Absent, false, false),
    ];
    for (stream, usage, is_complete, has_error) in rows {
        let summary = read_every_way(SSE, stream.as_bytes());
        let said = (summary.usage, summary.is_complete, summary.has_error);
        assert_eq!(said, (usage, is_complete, has_error), "{stream:?}");
        assert_eq!(summary, oracle::stream(&stream), "{stream:?}");
    }
}

#[test]
fn other_types_are_not_read() {
    for content_type in ["", "text/plain", "application/jsonl", "audio/mpeg"] {
        assert!(
            ResponseReader::new(content_type.as_bytes()).is_none(),
            "{content_type}"
        );
    }
}
