//! Bodies that are refused, one row a reason, with the sentence the client reads.

use tollgate_core::endpoint::Dialect::{self, Chat, Completions, Embeddings, Responses};
use tollgate_core::scan::{RefusalKind, Scanner};

use crate::every_way::scan_every_way;

#[test]
fn every_refusal_names_what_and_where() {
    let rows: &[(Dialect, &str, &str)] = &[
        (
            Chat,
            "",
            "The body is not valid JSON: the text is empty (byte 0).",
        ),
        (
            Chat,
            "hello",
            "The body is not valid JSON: invalid word (only true, false and null exist) (byte 0).",
        ),
        (Chat, "[]", "The body must be a JSON object (byte 0)."),
        (Chat, " \"x\"", "The body must be a JSON object (byte 1)."),
        (Chat, "17", "The body must be a JSON object (byte 0)."),
        (Chat, "null", "The body must be a JSON object (byte 0)."),
        (
            Chat,
            "{} {}",
            "The body is not valid JSON: there is more after the end of the value (byte 3).",
        ),
        (
            Chat,
            r#"{"messages":[{"role":"user","content":"a"#,
            "The body is not valid JSON, in `messages[0].content`: the text ends too early (byte 40).",
        ),
        (
            Chat,
            r#"{"messages":[{"role":"user","content":"\ud800"}]}"#,
            "The body is not valid JSON, in `messages[0].content`: surrogate escape without its other half (byte 39).",
        ),
        (
            Chat,
            "{\"tools\":[[\"\u{1}\"]]}",
            "The body is not valid JSON, in `tools`: unescaped control character in a string (byte 12).",
        ),
        (
            Chat,
            r#"{"messages":{}}"#,
            "`messages`: must be an array, not an object (byte 12).",
        ),
        (
            Chat,
            r#"{"messages":null}"#,
            "`messages`: must be an array, not null (byte 12).",
        ),
        (
            Chat,
            r#"{"messages":["hi"]}"#,
            "`messages[0]`: must be an object, not a string (byte 13).",
        ),
        (
            Chat,
            r#"{"messages":[{},7]}"#,
            "`messages[1]`: must be an object, not a number (byte 16).",
        ),
        (
            Chat,
            r#"{"messages":[{"role":1}]}"#,
            "`messages[0].role`: must be a string, not a number (byte 21).",
        ),
        (
            Chat,
            r#"{"messages":[{"role":null}]}"#,
            "`messages[0].role`: must be a string, not null (byte 21).",
        ),
        (
            Chat,
            r#"{"messages":[{},{},{},{"content":5}]}"#,
            "`messages[3].content`: must be a string or an array or null, not a number (byte 33).",
        ),
        (
            Chat,
            r#"{"messages":[{"content":{}}]}"#,
            "`messages[0].content`: must be a string or an array or null, not an object (byte 24).",
        ),
        (
            Chat,
            r#"{"messages":[{"content":["x"]}]}"#,
            "`messages[0].content[0]`: must be an object, not a string (byte 25).",
        ),
        (
            Chat,
            r#"{"messages":[{"content":[{"text":[]}]}]}"#,
            "`messages[0].content[0].text`: must be a string or null, not an array (byte 33).",
        ),
        (
            Chat,
            r#"{"messages":[{"content":[{"image_url":{"url":true}}]}]}"#,
            "`messages[0].content[0].image_url.url`: must be a string, not a boolean (byte 45).",
        ),
        (
            Chat,
            r#"{"messages":[{"name":false}]}"#,
            "`messages[0].name`: must be a string or null, not a boolean (byte 21).",
        ),
        (
            Chat,
            r#"{"messages":[{"tool_calls":{}}]}"#,
            "`messages[0].tool_calls`: must be an array or null, not an object (byte 27).",
        ),
        (
            Chat,
            r#"{"messages":[{"tool_calls":[1]}]}"#,
            "`messages[0].tool_calls[0]`: must be an object, not a number (byte 28).",
        ),
        (
            Chat,
            r#"{"messages":[{"tool_calls":[{"function":{"arguments":{}}}]}]}"#,
            "`messages[0].tool_calls[0].function.arguments`: must be a string, not an object (byte 53).",
        ),
        (
            Chat,
            r#"{"stream":"true"}"#,
            "`stream`: must be a boolean or null, not a string (byte 10).",
        ),
        (
            Chat,
            r#"{"stream":1}"#,
            "`stream`: must be a boolean or null, not a number (byte 10).",
        ),
        (
            Chat,
            r#"{"stream_options":[]}"#,
            "`stream_options`: must be an object or null, not an array (byte 18).",
        ),
        (
            Chat,
            r#"{"stream_options":{"include_usage":"yes"}}"#,
            "`stream_options.include_usage`: must be a boolean or null, not a string (byte 35).",
        ),
        (
            Chat,
            r#"{"model":4}"#,
            "`model`: must be a string or null, not a number (byte 9).",
        ),
        (
            Chat,
            r#"{"user":{}}"#,
            "`user`: must be a string or null, not an object (byte 8).",
        ),
        (
            Chat,
            r#"{"n":"2"}"#,
            "`n`: must be a number or null, not a string (byte 5).",
        ),
        (
            Chat,
            r#"{"n":1.0}"#,
            "`n`: must be a whole number, 0 or more (byte 5).",
        ),
        (
            Chat,
            r#"{"max_tokens":-1}"#,
            "`max_tokens`: must be a whole number, 0 or more (byte 14).",
        ),
        (
            Chat,
            r#"{"max_completion_tokens":1e3}"#,
            "`max_completion_tokens`: must be a whole number, 0 or more (byte 25).",
        ),
        (
            Responses,
            r#"{"max_output_tokens":[1]}"#,
            "`max_output_tokens`: must be a number or null, not an array (byte 21).",
        ),
        (
            Chat,
            r#"{"store":"no"}"#,
            "`store`: must be a boolean or null, not a string (byte 9).",
        ),
        (
            Completions,
            r#"{"prompt":{}}"#,
            "`prompt`: must be a string or an array or null, not an object (byte 10).",
        ),
        (
            Completions,
            r#"{"prompt":[true]}"#,
            "`prompt[0]`: must be a string or a number or an array, not a boolean (byte 11).",
        ),
        (
            Completions,
            r#"{"prompt":[[1],["x"]]}"#,
            "`prompt[1][0]`: must be a number, not a string (byte 16).",
        ),
        (
            Completions,
            r#"{"prompt":[1,-2]}"#,
            "`prompt[1]`: must be a whole number, 0 or more (byte 13).",
        ),
        (
            Completions,
            r#"{"best_of":0.5}"#,
            "`best_of`: must be a whole number, 0 or more (byte 11).",
        ),
        (
            Embeddings,
            r#"{"input":null}"#,
            "`input`: must be a string or an array, not null (byte 9).",
        ),
        (
            Embeddings,
            r#"{"input":[{}]}"#,
            "`input[0]`: must be a string or a number or an array, not an object (byte 10).",
        ),
        (
            Responses,
            r#"{"input":7}"#,
            "`input`: must be a string or an array or null, not a number (byte 9).",
        ),
        (
            Responses,
            r#"{"input":["x"]}"#,
            "`input[0]`: must be an object, not a string (byte 10).",
        ),
        (
            Responses,
            r#"{"input":[{"output":[{"file_id":4}]}]}"#,
            "`input[0].output[0].file_id`: must be a string or null, not a number (byte 32).",
        ),
        (
            Responses,
            r#"{"instructions":["x"]}"#,
            "`instructions`: must be a string or null, not an array (byte 16).",
        ),
        (
            Responses,
            r#"{"previous_response_id":1}"#,
            "`previous_response_id`: must be a string or null, not a number (byte 24).",
        ),
        (
            Chat,
            r#"{"messages":[],"messages":[]}"#,
            "`messages`: is given twice (byte 15).",
        ),
        (
            Chat,
            r#"{"temperature":0,"temperature":1}"#,
            "`temperature`: is given twice (byte 17).",
        ),
        (
            Chat,
            r#"{"messages":[{"role":"user","role":"system"}]}"#,
            "`messages[0].role`: is given twice (byte 28).",
        ),
        (
            Chat,
            r#"{"messages":[{"content":[{"text":"a","text":"b"}]}]}"#,
            "`messages[0].content[0].text`: is given twice (byte 37).",
        ),
        (
            Chat,
            r#"{"messages":[{"tool_calls":[{"id":"a","id":"b"}]}]}"#,
            "`messages[0].tool_calls[0].id`: is given twice (byte 38).",
        ),
        (
            Chat,
            r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#,
            "`stream_options.include_usage`: is given twice (byte 40).",
        ),
        (
            Chat,
            r#"{"mess\u0061ges":[]}"#,
            "`messages`: the key must be written without escapes (byte 1).",
        ),
        (
            Chat,
            r#"{"messages":[],"\u006d\u0065\u0073\u0073\u0061\u0067\u0065\u0073":[]}"#,
            "`messages`: the key must be written without escapes (byte 15).",
        ),
        (
            Chat,
            r#"{"messages":[{"r\u006fle":"user"}]}"#,
            "`messages[0].role`: the key must be written without escapes (byte 14).",
        ),
        (
            Responses,
            r#"{"input":[{"content":[{"t\u0065xt":"x"}]}]}"#,
            "`input[0].content[0].text`: the key must be written without escapes (byte 23).",
        ),
        (
            Chat,
            r#"{"messages":[],"Messages":[]}"#,
            "`messages`: the key must be written in lower case (byte 15).",
        ),
        (
            Chat,
            r#"{"messages":[{"Content":"x"}]}"#,
            "`messages[0].content`: the key must be written in lower case (byte 14).",
        ),
    ];
    for (dialect, body, sentence) in rows {
        let (_, result) = scan_every_way(body, *dialect);
        assert!(result.is_err(), "{body}");
        let mut scanner = Scanner::new(*dialect, 64);
        let refusal = scanner
            .push(body.as_bytes(), &mut ())
            .and_then(|()| scanner.finish(body.as_bytes(), &mut ()).copied())
            .unwrap_err();
        assert_eq!(refusal.to_string(), *sentence);
        // The path of a syntax error is where it was met, not a parameter that was read.
        let path = refusal.path.to_string();
        let is_read = !path.is_empty() && !matches!(refusal.kind, RefusalKind::Syntax(_));
        assert_eq!(refusal.param(), is_read.then_some(path));
    }
}

#[test]
fn the_depth_limit_is_the_callers() {
    let nested = |depth: usize| {
        format!(
            "{{\"metadata\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    for limit in [8, 64, 128] {
        for (depth, accepted) in [(usize::from(limit) - 1, true), (usize::from(limit), false)] {
            let mut scanner = Scanner::new(Chat, limit);
            let body = nested(depth);
            let result = scanner.push(body.as_bytes(), &mut ());
            assert_eq!(result.is_ok(), accepted, "{depth} in {limit}");
        }
    }
}
