//! Generated answers of every shape, in any chunks, against the oracle.

use proptest::prelude::*;

use super::{JSON, SSE, oracle, read};
use crate::json::generated::content;

type Json = BoxedStrategy<String>;

fn string() -> Json {
    content()
        .prop_map(|content| format!("\"{content}\""))
        .boxed()
}

/// Anything that may stand where something else should.
fn astray() -> Json {
    prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "-1",
            "1.5e3",
            "7",
            "[]",
            "{}",
            "[\"text\"]",
            "[[[{}]]]",
            r#"{"content":"x","text":"y","delta":"z"}"#,
            r#"[{"text":"x","function":{"name":"y"}}]"#,
            r#"[[[[[[[["text"]]]]]]]]"#,
        ])
        .prop_map(str::to_owned),
        string(),
    ]
    .boxed()
}

/// Mostly this, sometimes anything.
fn mostly(json: Json) -> Json {
    prop_oneof![9 => json, 1 => astray()].boxed()
}

fn array(item: Json) -> Json {
    prop::collection::vec(mostly(item), 0..3)
        .prop_map(|items| format!("[{}]", items.join(",")))
        .boxed()
}

/// A member's name, now and then with its first letter escaped.
fn name(name: &'static str) -> Json {
    let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
    prop_oneof![6 => Just(name.to_owned()), 1 => Just(escaped)].boxed()
}

/// An object of some of these members in any order, where others stand between them.
fn object(members: Vec<(&'static str, Json)>) -> Json {
    let others =
        ["role", "id", "logprobs", "created", "error_code"].map(|other| (other, astray(), 0.2));
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, json)| (name, mostly(json), 0.8))
        .chain(others)
        .map(|(named, json, often)| prop::option::weighted(often, (name(named), json)))
        .collect();
    members
        .prop_map(|members| members.into_iter().flatten().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|members| {
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, json)| format!("\"{name}\": {json}"))
                .collect();
            format!("{{{}}}", members.join(", "))
        })
        .boxed()
}

fn usage() -> Json {
    let count = || {
        prop_oneof![any::<u32>(), 0..200_u32]
            .prop_map(|count| count.to_string())
            .boxed()
    };
    object(vec![
        ("prompt_tokens", count()),
        ("completion_tokens", count()),
        (
            "prompt_tokens_details",
            object(vec![("cached_tokens", count())]),
        ),
    ])
}

fn message() -> Json {
    let function = || {
        object(vec![
            ("name", string()),
            ("arguments", string()),
            ("input", string()),
        ])
    };
    object(vec![
        (
            "content",
            prop_oneof![3 => string(), 1 => array(part())].boxed(),
        ),
        ("refusal", string()),
        ("reasoning_content", string()),
        (
            "tool_calls",
            array(object(vec![
                ("function", function()),
                ("custom", function()),
            ])),
        ),
        ("function_call", function()),
    ])
}

fn part() -> Json {
    object(vec![("text", string()), ("refusal", string())])
}

fn reason() -> Json {
    prop::sample::select(vec![
        "null",
        r#""stop""#,
        r#""length""#,
        r#""tool_calls""#,
        r#""max_output_tokens""#,
    ])
    .prop_map(str::to_owned)
    .boxed()
}

fn status() -> Json {
    prop::sample::select(vec![
        r#""completed""#,
        r#""incomplete""#,
        r#""in_progress""#,
    ])
    .prop_map(str::to_owned)
    .boxed()
}

fn model() -> Json {
    prop::sample::select(vec![
        "\"gpt-4o-2024-11-20\"",
        "\"gpt-4\"",
        "\"\"",
        "\"my-own\"",
    ])
    .prop_map(str::to_owned)
    .boxed()
}

/// An answer or event of any dialect, or of several.
fn answer() -> Json {
    let item = object(vec![
        ("content", array(part())),
        ("summary", array(part())),
        ("arguments", string()),
        ("code", string()),
    ]);
    let choice = object(vec![
        ("delta", message()),
        ("message", message()),
        ("text", string()),
        ("finish_reason", reason()),
        (
            "index",
            (0..3_u8).prop_map(|index| index.to_string()).boxed(),
        ),
    ]);
    let kind = prop::sample::select(vec![
        "\"response.output_text.delta\"",
        "\"response.audio.delta\"",
        "\"response.completed\"",
        "\"error\"",
    ])
    .prop_map(str::to_owned);
    let of_chat = object(vec![
        ("choices", array(choice.clone())),
        ("model", model()),
        ("usage", usage()),
    ]);
    let of_responses = object(vec![
        ("type", kind.boxed()),
        ("delta", string()),
        ("output", array(item.clone())),
        (
            "response",
            object(vec![
                ("status", status()),
                ("incomplete_details", object(vec![("reason", reason())])),
                ("output", array(item)),
                ("choices", array(choice)),
                ("usage", usage()),
                ("model", model()),
            ]),
        ),
    ]);
    prop_oneof![of_chat, of_responses].boxed()
}

/// Cuts `bytes` at these places.
fn chunks<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    let mut rest = 0;
    let mut chunks: Vec<&[u8]> = at
        .into_iter()
        .map(|at| &bytes[std::mem::replace(&mut rest, at)..at])
        .collect();
    chunks.push(&bytes[rest..]);
    chunks
}

proptest! {
    #[test]
    fn a_document_says_what_the_oracle_reads_in_it(
        answer in answer(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut expected = oracle::document(&answer);
        expected.is_complete = true;
        prop_assert_eq!(read(JSON, chunks(answer.as_bytes(), &cuts)), expected);
    }

    #[test]
    fn a_stream_says_what_the_oracle_reads_in_it(
        answers in prop::collection::vec(answer(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        is_done in any::<bool>(),
    ) {
        let mut stream: String = answers.iter().map(|answer| format!("data: {answer}\n\n")).collect();
        if is_done {
            stream += "data: [DONE]\n\n";
        }
        prop_assert_eq!(read(SSE, chunks(stream.as_bytes(), &cuts)), oracle::stream(&stream));
    }

    #[test]
    fn no_bytes_trap_and_no_cut_changes_what_was_said(
        answer in answer(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut bytes = format!("data: {answer}\n\ndata: {answer}\n\n").into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for (content_type, bytes) in [(SSE, &bytes[..]), (JSON, &bytes[6..])] {
            prop_assert_eq!(read(content_type, chunks(bytes, &cuts)), read(content_type, [bytes]));
        }
    }
}
