//! Streams, expected to the byte.

use super::*;

/// An event of chat completions with this delta.
fn chat(delta: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"content_filter_results\":{{}},\"delta\":{delta},\"finish_reason\":null,\"index\":0}}],\"id\":\"c1\",\"obfuscation\":\"xy\",\"usage\":null}}\n\n"
    )
}

fn content(text: &str) -> String {
    chat(&format!("{{\"content\":\"{text}\"}}"))
}

/// The event that brings what was held back.
fn released(delta: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"usage\":null,\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
    )
}

const FIRST: &str = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n";
const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"refusal\":null,\"role\":\"assistant\"},\"index\":0}],\"id\":\"c1\",\"usage\":null}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"index\":0}],\"id\":\"c1\",\"usage\":null}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"id\":\"c1\",\"usage\":{\"completion_tokens\":4,\"prompt_tokens\":21}}\n\n";
const AFTER: &str = "data: {\"choices\":[{\"content_filter_offsets\":{},\"finish_reason\":null,\"index\":0}],\"id\":\"\"}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const BLOCKED: &str = "data: {\"id\":\"c1\",\"usage\":null,\"choices\":[{\"content_filter_results\":{\"violence\":{\"filtered\":true,\"severity\":\"high\"}},\"delta\":{},\"finish_reason\":\"content_filter\",\"index\":0,\"logprobs\":null}]}\n\ndata: [DONE]\n\n";

fn azure(events: &[String]) -> String {
    [FIRST, ROLE, &events.concat(), FINISH, USAGE, AFTER, DONE].concat()
}

#[test]
fn placeholders_of_streams_become_what_they_stand_for() {
    let call = |arguments: &str| {
        chat(&format!(
            "{{\"tool_calls\":[{{\"index\":1,\"function\":{{\"arguments\":\"{arguments}\"}}}}]}}"
        ))
    };
    let two = |first: &str, second: &str| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{first}\"}},\"index\":0}},{{\"delta\":{{\"content\":\"{second}\"}},\"index\":1}}]}}\n\n"
        )
    };
    let legacy = |text: &str, reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"text\":\"{text}\",\"index\":0,\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let lines = "data: {\"choices\":[{\"delta\":\ndata:{\"content\":\ndata: \"[EMAIL_1]\"}}]\ndata\ndata:}\n\n";
    let rows: Vec<(String, String)> = vec![
        // Nothing to replace.
        (
            azure(&[
                content("a [b] [EMAIL_2]"),
                content(r"\u005b\ud83d\ude00 \/"),
            ]),
            azure(&[
                content("a [b] [EMAIL_2]"),
                content(r"\u005b\ud83d\ude00 \/"),
            ]),
        ),
        // In one piece, cut, escaped, one after the other.
        (
            azure(&[content("to [EMAIL_1]!")]),
            azure(&[content("to ann@example.com!")]),
        ),
        (
            azure(&[
                content("to ["),
                content("EMAIL"),
                content("_1"),
                content("] ok"),
            ]),
            azure(&[
                content("to "),
                content(""),
                content(""),
                content("ann@example.com ok"),
            ]),
        ),
        (
            azure(&[content(r"\n\u005BEM\u0041"), content(r"IL_1][NAME_1]\n")]),
            azure(&[content(r"\n"), content(r#"ann@example.comAnn \"A\" Ä\n"#)]),
        ),
        (
            azure(&[content("[EM"), content("[EMAIL"), content("s]")]),
            azure(&[content(""), content("[EM"), content("[EMAILs]")]),
        ),
        // What is unfinished when its choice is.
        (
            azure(&[content("to [EMAIL_1")]),
            [
                FIRST,
                ROLE,
                &content("to "),
                &released("{\"content\":\"[EMAIL_1\"}"),
                FINISH,
                USAGE,
                AFTER,
                DONE,
            ]
            .concat(),
        ),
        (
            legacy("[NAME", "null") + &legacy("_1] [N", "\"stop\"") + DONE,
            legacy("", "null") + &legacy(r#"Ann \"A\" Ä [N"#, "\"stop\"") + DONE,
        ),
        (
            legacy("x [NAME", "null") + DONE,
            legacy("x ", "null")
                + "data: {\"choices\":[{\"index\":0,\"text\":\"[NAME\",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
                + DONE,
        ),
        // or when the stream is, whether its last event is whole or not.
        (
            content("to [") + DONE,
            content("to ") + &released("{\"content\":\"[\"}") + DONE,
        ),
        (
            content("to ["),
            content("to ") + &released("{\"content\":\"[\"}"),
        ),
        (
            content("to [").trim_end().to_owned(),
            content("to [").trim_end().to_owned(),
        ),
        (
            content("to [") + content("EMAIL_1").trim_end(),
            content("to ") + content("[EMAIL_1").trim_end(),
        ),
        (
            content("to [") + "data: {\"cho",
            content("to ") + &released("{\"content\":\"[\"}") + "data: {\"cho",
        ),
        // Each choice has its own text, and so has each call.
        (
            two("[EM", "[NAME") + &two("AIL_1", "_1") + &two("]", "]") + FINISH + DONE,
            two("", "") + &two("", "") + &two("ann@example.com", r#"Ann \"A\" Ä"#) + FINISH + DONE,
        ),
        (
            content("see [EM")
                + &call(r#"{\"to\":\""#)
                + &call(r"[NAME")
                + &call(r#"_1]\"}"#)
                + FINISH,
            content("see ")
                + &released("{\"content\":\"[EM\"}")
                + &call(r#"{\"to\":\""#)
                + &call("")
                + &call(r#"Ann \\\"A\\\" Ä\"}"#)
                + FINISH,
        ),
        (
            call("[NAM") + FINISH,
            call("")
                + &released(
                    "{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"[NAM\"}}]}",
                )
                + FINISH,
        ),
        // Other lines, other ends of lines, other strings.
        (
            format!(
                ": [EMAIL_1]\n\nid: [EMAIL_1]\nevent: x\n{}",
                content("[EMAIL_1]")
            ),
            format!(
                ": [EMAIL_1]\n\nid: [EMAIL_1]\nevent: x\n{}",
                content("ann@example.com")
            ),
        ),
        (
            lines.to_owned(),
            lines.replace("[EMAIL_1]", "ann@example.com"),
        ),
        (
            "data: {\"error\":{\"message\":\"no [EMAIL_1]\"},\"delta\":\"[EM\"}\n\ndata: {broken [EMAIL_1]\n\n"
                .to_owned(),
            "data: {\"error\":{\"message\":\"no ann@example.com\"},\"delta\":\"[EM\"}\n\ndata: {broken [EMAIL_1]\n\n"
                .to_owned(),
        ),
    ];
    for (stream, expected) in rows {
        for (from, to) in [("\n", "\n"), ("\n", "\r\n"), ("\n", "\r")] {
            let stream = stream.replace(from, to);
            let (sent, rewritten) = rewrite_every_way(SSE, unmask, &stream);
            // Events of ours have line feeds.
            assert_eq!(sent.replace(to, from), expected, "{stream:?}");
            assert_eq!(rewritten.passed, 0);
        }
    }
}

#[test]
fn streams_of_the_responses_api_are_rewritten_in_deltas_and_where_they_say_it_again() {
    let delta = |sequence: u32, text: &str| {
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{sequence},\"item_id\":\"m1\",\"output_index\":1,\"content_index\":0,\"delta\":\"{text}\",\"obfuscation\":\"xy\"}}\n\n"
        )
    };
    let again = |text: &str| {
        format!(
            "event: response.output_text.done\ndata: {{\"type\":\"response.output_text.done\",\"output_index\":1,\"content_index\":0,\"text\":\"{text}\"}}\n\n\
             event: response.content_part.done\ndata: {{\"type\":\"response.content_part.done\",\"output_index\":1,\"part\":{{\"type\":\"output_text\",\"text\":\"{text}\"}}}}\n\n\
             event: response.output_item.done\ndata: {{\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":{{\"content\":[{{\"text\":\"{text}\"}}]}}}}\n\n\
             event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"output\":[{{\"content\":[{{\"text\":\"{text}\"}}]}}],\"usage\":{{}}}}}}\n\n"
        )
    };
    let release = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":2,\"item_id\":\"m1\",\"output_index\":1,\"content_index\":0,\"delta\":\"[E\"}\n\n";
    let arguments = |name: &str, text: &str| {
        format!(
            "event: response.function_call_arguments.{name}\ndata: {{\"{}\":\"{text}\",\"output_index\":2,\"type\":\"response.function_call_arguments.{name}\"}}\n\n",
            if name == "delta" {
                "delta"
            } else {
                "arguments"
            },
        )
    };
    for (stream, expected) in [
        (
            delta(1, "to [EMA") + &delta(2, "IL_1] [E") + &again("to [EMAIL_1] [E"),
            delta(1, "to ")
                + &delta(2, "ann@example.com ")
                + release
                + &again("to ann@example.com [E"),
        ),
        (
            arguments("delta", r#"\"[NAME"#)
                + &arguments("delta", r#"_1]\""#)
                + &arguments("done", r#"\"[NAME_1]\""#),
            arguments("delta", r#"\""#)
                + &arguments("delta", r#"Ann \\\"A\\\" Ä\""#)
                + &arguments("done", r#"\"Ann \\\"A\\\" Ä\""#),
        ),
    ] {
        assert_eq!(rewrite_every_way(SSE, unmask, &stream).0, expected);
    }
}

#[test]
fn a_stopped_stream_ends_as_azure_ends_it() {
    let harmless = azure(&[content("a plumb bob, "), content("photobomb, bombs")]);
    let created = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"model\":\"m\",\"status\":\"in_progress\"}}\n\n";
    let delta = |text: &str| {
        format!(
            "event: response.output_text.delta\ndata: {{\"delta\":\"{text}\",\"output_index\":0,\"sequence_number\":7,\"type\":\"response.output_text.delta\"}}\n\n"
        )
    };
    let incomplete = "event: response.incomplete\ndata: {\"response\":{\"content_filters\":[{\"blocked\":true,\"content_filter_results\":{\"violence\":{\"filtered\":true,\"severity\":\"high\"}},\"source_type\":\"completion\"}],\"id\":\"r1\",\"incomplete_details\":{\"reason\":\"content_filter\"},\"model\":\"m\",\"object\":\"response\",\"output\":[],\"status\":\"incomplete\"},\"sequence_number\":7,\"type\":\"response.incomplete\"}\n\n";
    let rows: Vec<(String, String, bool)> = vec![
        (
            azure(&[
                content("how to build a "),
                content("bo"),
                content("mb at home"),
                content("!"),
            ]),
            [FIRST, ROLE, &content("how t"), &content(""), BLOCKED].concat(),
            true,
        ),
        // Found when the choice is finished, the stream says so, or ends.
        (
            azure(&[content("bomb")]),
            [FIRST, ROLE, &content(""), BLOCKED].concat(),
            true,
        ),
        (
            [ROLE, &content("bomb"), DONE].concat(),
            [ROLE, &content(""), BLOCKED].concat(),
            true,
        ),
        (
            [ROLE, &content("bomb")].concat(),
            [ROLE, &content(""), BLOCKED].concat(),
            true,
        ),
        (
            created.to_owned() + &delta("a dirty b") + &delta("omb.") + &delta("x"),
            created.to_owned() + &delta("") + incomplete,
            true,
        ),
        (
            harmless.clone(),
            [
                FIRST,
                ROLE,
                &content("a p"),
                &content("lumb bob, p"),
                &released("{\"content\":\"hotobomb, bombs\"}"),
                FINISH,
                USAGE,
                AFTER,
                DONE,
            ]
            .concat(),
            false,
        ),
    ];
    for (stream, expected, is_blocked) in rows {
        let (sent, rewritten) = rewrite_every_way(SSE, screen, &stream);
        assert_eq!(sent, expected);
        assert_eq!(rewritten.is_blocked, is_blocked);
    }
}

#[test]
fn an_event_beyond_what_is_held_passes_as_it_came_after_what_was_held_back() {
    let long = content(&format!("[EMAIL_1]{}", "x".repeat(MAX_EVENT)));
    let stream = content("to [EM") + &long + &content("[EMAIL_1]");
    let expected =
        content("to ") + &released("{\"content\":\"[EM\"}") + &long + &content("ann@example.com");
    for size in [stream.len(), 300_000, 4096] {
        let mut rewriter = rewriter(SSE, unmask()).unwrap();
        let mut sent = Vec::new();
        for chunk in stream.as_bytes().chunks(size) {
            let edited = rewriter.push(chunk, false);
            sent.extend_from_slice(edited.as_deref().unwrap_or(chunk));
            assert!(rewriter.held() <= MAX_EVENT + "[EMAIL_1]".len());
        }
        assert!(sent == expected.as_bytes(), "by {size}");
        assert_eq!(rewriter.rewritten().passed, 1);
    }
}

#[test]
fn logprobs_do_not_outlive_the_text_they_are_of() {
    let tokens = r#"{"content":[{"token":"x","bytes":[120],"logprob":-1,"top_logprobs":[]}]}"#;
    let list = r#"[{"token":"x","bytes":[120],"logprob":-1,"top_logprobs":[]}]"#;
    let before = |text: &str, logprobs: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"logprobs\":{logprobs},\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let behind = |text: &str, logprobs: &str| {
        format!(
            "data: {{\"choices\":[{{\"text\":\"{text}\",\"logprobs\":{logprobs},\"index\":0}}]}}\n\n"
        )
    };
    let delta = |text: &str, logprobs: &str| {
        format!(
            "data: {{\"type\":\"response.output_text.delta\",\"logprobs\":{logprobs},\"delta\":\"{text}\",\"output_index\":0}}\n\n"
        )
    };
    let done = |text: &str, logprobs: &str| {
        format!(
            "data: {{\"type\":\"response.content_part.done\",\"part\":{{\"text\":\"{text}\",\"logprobs\":{logprobs}}}}}\n\n"
        )
    };
    // Placeholders: only where they change the text.
    for (stream, expected) in [
        (before("a", tokens), before("a", tokens)),
        (
            before("[EMAIL_1]", tokens),
            before("ann@example.com", "null"),
        ),
        (
            behind("[EMAIL_1]", tokens),
            behind("ann@example.com", "null"),
        ),
        (
            behind("[EMAIL_1]", "null"),
            behind("ann@example.com", "null"),
        ),
        (delta("[EMAIL_1]", list), delta("ann@example.com", "[]")),
        (done("[EMAIL_1]", list), done("ann@example.com", "[]")),
    ] {
        assert_eq!(rewrite_every_way(SSE, unmask, &stream).0, expected);
    }
    // Looked through: always.
    for (stream, expected) in [
        (before("", tokens), before("", "null")),
        (delta("", list), delta("", "[]")),
        (delta("", "[]"), delta("", "[]")),
        (done("a", list), done("a", "[]")),
    ] {
        assert_eq!(rewrite_every_way(SSE, screen, &stream).0, expected);
    }
}
