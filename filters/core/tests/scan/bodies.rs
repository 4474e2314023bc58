//! Bodies that are accepted, one row a shape.

use tollgate_core::endpoint::Dialect::{self, Chat, Completions, Embeddings, Responses};
use tollgate_core::scan::{Field, JsonStr, Role, TextKind};

use crate::every_way::{scan, scan_every_way};
use crate::oracle::Seen;

const BODIES: &[(Dialect, &str)] = &[
    (Chat, "{}"),
    (Chat, r#"{"model":"gpt-4o","messages":[]}"#),
    (
        Chat,
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true,"x":1}}"#,
    ),
    (
        Chat,
        " {\n\t\"messages\" : [ { \"content\" : \"late role\" , \"role\" : \"user\" } ] ,\r\n \"max_tokens\" : 12 } \n",
    ),
    (
        Chat,
        r#"{"messages":[{"role":"system","content":""},{"role":"developer","content":"é你😀 \u00e9 \ud83d\ude00 \n\"\\"},{"role":"user","name":"An\u006ea","content":"q"}],"n":2,"user":"u\u0031"}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}},{"image_url":"https://example.com/a.png","type":"image_url"},{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},{"type":"file","file":{"file_id":"file-1","filename":"a.pdf"}},{"type":"thing","thing":{"text":"unknown"}},{}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":[1]}"}},{"type":"custom","custom":{"input":"free","name":"g"},"id":"c2"}]},{"role":"tool","tool_call_id":"c1","content":"[{\"k\":1}]"},{"role":"assistant","refusal":"No.","audio":null,"function_call":{"name":"old","arguments":"{}"}},{"role":"function","name":"old","content":"4"},{"role":"assistant","audio":{"id":"a1"}}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"assistant","content":[{"type":"refusal","refusal":"No."},{"type":"t\u0065xt","text":"y"}],"reasoning_content":"unknown {\"}"},{"role":"us\u0065r","content":"x","weight":0},{"role":"narrator","content":"x"}]}"#,
    ),
    (
        Chat,
        r#"{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"messages":{"type":"string"}}}}}],"tool_choice":"auto","functions":[],"response_format":{"type":"json_object"},"temperature":0.7,"top_p":1e0,"seed":-5,"stop":["a","b"],"presence_penalty":-0.5,"frequency_penalty":0,"logit_bias":{"50256":-100},"logprobs":true,"top_logprobs":3,"reasoning_effort":"low","parallel_tool_calls":false,"modalities":["text"],"metadata":{"a":"b"},"messages":[],"service_tier":"auto","prediction":{"type":"content","content":"x"}}"#,
    ),
    (
        Chat,
        r#"{"messages":[],"model":null,"stream":null,"stream_options":null,"max_tokens":null,"n":null,"user":null,"store":null,"tools":null}"#,
    ),
    (
        Chat,
        r#"{"max_tokens":18446744073709551615,"max_completion_tokens":18446744073709551616,"n":0,"store":true,"messages":[]}"#,
    ),
    (
        Chat,
        r#"{"unheard_of":{"messages":1,"messages":2,"deep":[[[{}]]]},"unheard_of":2,"un\u0068eard":"","":[],"Message":7,"messages":[]}"#,
    ),
    (
        Chat,
        r#"{"unknown":{"messages":1844674407e709551616},"temperature":-1E+400,"messages":[{"role":"user","content":"1e400","weight":2e999}]}"#,
    ),
    (
        Chat,
        r#"{"prompt":5,"input":{},"instructions":[],"messages":[]}"#,
    ),
    (
        Chat,
        r#"{"a_key_that_is_longer_than_every_key_of_the_schema_by_far":1,"\u0061_key_that_is_longer_than_every_key_of_the_schema_by_far":1}"#,
    ),
    (
        Completions,
        r#"{"model":"gpt-3.5-turbo-instruct","prompt":"Once","suffix":"end","best_of":3,"n":1,"echo":true,"max_tokens":5}"#,
    ),
    (Completions, r#"{"prompt":["a","b\n"]}"#),
    (Completions, r#"{"prompt":[1,2,300]}"#),
    (Completions, r#"{"prompt":[[1,2],[3],[]]}"#),
    (Completions, r#"{"prompt":[1,[2,3],"x",4]}"#),
    (Completions, r#"{"prompt":null,"suffix":null}"#),
    (Completions, r#"{"prompt":[]}"#),
    (
        Embeddings,
        r#"{"model":"text-embedding-3-small","input":"text","dimensions":256,"encoding_format":"float"}"#,
    ),
    (Embeddings, r#"{"input":["one","two","three"]}"#),
    (Embeddings, r#"{"input":[[10,20],[30]],"user":"u"}"#),
    (
        Responses,
        r#"{"model":"gpt-5","input":"Hello","instructions":"Be brief.","max_output_tokens":100,"store":false,"text":{"format":{"type":"json_schema","name":"x"},"verbosity":"low"},"reasoning":{"effort":"high","summary":"auto"},"stream":true,"truncation":"auto"}"#,
    ),
    (
        Responses,
        r#"{"input":[{"role":"user","content":"easy"},{"type":"message","role":"user","content":[{"type":"input_text","text":"t"},{"type":"input_image","image_url":"data:,","detail":"high"},{"type":"input_image","file_id":"f"},{"type":"input_file","file_data":"x","filename":"n","file_url":"u"}]},{"type":"message","id":"m","status":"completed","role":"assistant","content":[{"type":"output_text","text":"o","annotations":[]}]}]}"#,
    ),
    (
        Responses,
        r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"4"},{"output":[{"type":"input_text","text":"5"},{"type":"input_image","image_url":"u"}],"call_id":"d","type":"custom_tool_call_output"},{"type":"custom_tool_call","call_id":"d","name":"g","input":"free"},{"type":"computer_call_output","call_id":"e","output":{"type":"computer_screenshot","image_url":"data:,"}},{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"abc"},{"type":"web_search_call","id":"ws","action":{"query":"q"}}],"instructions":"after"}"#,
    ),
    (
        Responses,
        r#"{"input":[{"type":"item_reference","id":"msg_1"}]}"#,
    ),
    (Responses, r#"{"input":[{"id":"msg_1"}]}"#),
    (
        Responses,
        r#"{"input":[{"id":"msg_1","type":null,"role":"user"}]}"#,
    ),
    (
        Responses,
        r#"{"previous_response_id":"resp_1","input":"x"}"#,
    ),
    (Responses, r#"{"conversation":"conv_1","input":null}"#),
    (Responses, r#"{"conversation":{"id":"conv_1"}}"#),
    (
        Responses,
        r#"{"prompt":{"id":"pmpt_1","variables":{"a":"b"}}}"#,
    ),
    (
        Responses,
        r#"{"previous_response_id":null,"conversation":null,"prompt":null,"text":null,"reasoning":null}"#,
    ),
];

#[test]
fn bodies_are_read_as_the_oracle_reads_them() {
    for (dialect, body) in BODIES {
        let (_, result) = scan_every_way(body, *dialect);
        assert!(result.is_ok(), "{body}: {result:?}");
        // Every dialect is tolerant of the others' fields, or refuses them like its oracle.
        for other in [Chat, Completions, Embeddings, Responses] {
            let _ = scan_every_way(body, other);
        }
    }
}

#[test]
fn what_a_request_says() {
    let body = BODIES[2].1.as_bytes();
    let (seen, fields) = scan(&[body], Chat);
    let fields = fields.unwrap();
    assert_eq!(fields.model.unwrap().span.of(body), b"gpt-4o");
    assert_eq!(
        (fields.stream, fields.include_usage, fields.messages),
        (Some(true), Some(true), 1)
    );
    assert_eq!(
        fields.value(Field::StreamOptions).unwrap().of(body),
        br#"{"include_usage":true,"x":1}"#
    );
    assert_eq!(fields.value(Field::Tools), None);
    let text = seen.iter().find_map(|seen| match seen {
        Seen::Text(TextKind::Content, role, content) => Some((*role, *content)),
        _ => None,
    });
    let content = JsonStr {
        span: text.unwrap().1.span,
        escaped: false,
    };
    assert_eq!(text, Some((Some(Role::User), content)));
    assert_eq!(content.span.of(body), b"Hi");
}

#[test]
fn a_role_after_the_content_is_told_with_the_message() {
    let (seen, _) = scan(&[BODIES[3].1.as_bytes()], Chat);
    assert!(
        seen.iter()
            .any(|seen| matches!(seen, Seen::Text(TextKind::Content, None, _)))
    );
    assert!(
        seen.iter()
            .any(|seen| matches!(seen, Seen::MessageEnd(m) if m.role == Some(Role::User)))
    );
}
