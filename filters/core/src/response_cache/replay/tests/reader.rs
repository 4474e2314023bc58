//! What is sent instead of an answer is whole and says the same usage, as the reader of answers
//! sees it.

use super::*;
use crate::endpoint::Dialect;
use crate::response::{ResponseReader, ResponseSummary, UsageReport};

fn summary(content_type: &str, answer: &[u8]) -> ResponseSummary {
    let mut reader = ResponseReader::new(content_type.as_bytes()).unwrap();
    reader.push(answer);
    reader.finish()
}

#[test]
fn an_answer_in_the_other_form_is_whole_and_says_the_same() {
    let chat = r#"{"object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"},{"index":1,"message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":2}}}"#;
    let legacy = r#"{"object":"text_completion","choices":[{"index":0,"text":"Yes.","finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":7}}"#;
    let response = r#"{"object":"response","status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[{"type":"message","id":"m","content":[{"type":"output_text","text":"Yes."}]}],"usage":{"input_tokens":9,"output_tokens":7}}"#;
    for (dialect, document) in [
        (Dialect::Chat, chat),
        (Dialect::Completions, legacy),
        (Dialect::Responses, response),
    ] {
        let of_document = summary("application/json", document.as_bytes());
        assert!(of_document.is_whole(dialect), "{document}");
        let stream = as_sse(document.as_bytes(), true).unwrap();
        let of_stream = summary("text/event-stream", &stream);
        assert!(of_stream.is_whole(dialect), "{}", text(stream));
        assert_eq!(of_stream.usage, of_document.usage);
        assert_eq!(of_stream.endings, of_document.endings);

        let UsageReport::Given(usage) = of_document.usage else {
            panic!("{document} says its usage");
        };
        let silent = as_sse(document.as_bytes(), false).unwrap();
        for stream in [&stream, &silent] {
            let back = as_json(stream, Some(usage)).unwrap();
            assert_eq!(summary("application/json", &back), of_document);
            let with = same_form(stream, true, Some(usage)).unwrap();
            let with = summary("text/event-stream", &with);
            assert_eq!(with, of_stream);
            let without = same_form(stream, false, Some(usage)).unwrap();
            // That none has come yet may stay said.
            let not_yet = |stream: &[u8]| text(stream.to_vec()).replace(r#","usage":null"#, "");
            assert_eq!(not_yet(&without), not_yet(&silent));
        }
    }
}
