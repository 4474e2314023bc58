//! Generated answers, there and back, and bytes of every kind.

use proptest::prelude::*;

use super::*;
use crate::json::generated::content;

type Json = BoxedStrategy<String>;

/// A string, sometimes one that is longer than a piece.
fn string() -> Json {
    let content = prop_oneof![
        9 => content(),
        1 => content().prop_map(|part| part.repeat(600)),
    ];
    content.prop_map(|content| format!("\"{content}\"")).boxed()
}

fn of(values: &'static [&'static str]) -> Json {
    prop::sample::select(values).prop_map(str::to_owned).boxed()
}

fn value_of_any_kind() -> Json {
    prop_oneof![
        of(&[
            "null",
            "true",
            "-1.5e-3",
            "[]",
            "{}",
            "[1, [2]]",
            r#"{"a": {"b": ""}}"#
        ]),
        string()
    ]
    .boxed()
}

/// Members and how often they are there, in any order.
fn object(members: Vec<(&'static str, f64, Json)>) -> Json {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, often, json)| {
            let member = json.prop_map(move |json| format!("\"{name}\": {json}"));
            if often < 1.0 {
                prop::option::weighted(often, member).boxed()
            } else {
                member.prop_map(Some).boxed()
            }
        })
        .collect();
    members
        .prop_map(|members| members.into_iter().flatten().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|members| format!("{{{}}}", members.join(", ")))
        .boxed()
}

fn array(item: Json, most: usize) -> Json {
    prop::collection::vec(item, 0..=most)
        .prop_map(|items| format!("[{}]", items.join(",\n ")))
        .boxed()
}

fn or_null(json: Json) -> Json {
    prop_oneof![3 => json, 1 => of(&["null"])].boxed()
}

fn call() -> Json {
    let function = object(vec![
        ("name", 1.0, string()),
        ("arguments", 1.0, string()),
        ("strict", 0.2, value_of_any_kind()),
    ]);
    let custom = object(vec![("name", 1.0, string()), ("input", 1.0, string())]);
    prop_oneof![
        3 => object(vec![("id", 0.9, string()), ("type", 0.9, of(&[r#""function""#])), ("function", 1.0, function)]),
        1 => object(vec![("id", 0.9, string()), ("type", 0.9, of(&[r#""custom""#])), ("custom", 1.0, custom)]),
    ]
    .boxed()
}

fn filter_results() -> Json {
    object(vec![
        (
            "hate",
            0.8,
            of(&[
                r#"{"filtered":false,"severity":"safe"}"#,
                r#"{"filtered":true,"severity":"high"}"#,
            ]),
        ),
        (
            "jailbreak",
            0.5,
            of(&[r#"{"filtered":false,"detected":false}"#]),
        ),
    ])
}

fn message() -> Json {
    object(vec![
        ("role", 0.9, of(&[r#""assistant""#])),
        ("content", 0.9, or_null(string())),
        ("refusal", 0.5, or_null(string())),
        ("reasoning_content", 0.3, or_null(string())),
        ("reasoning", 0.1, or_null(string())),
        (
            "annotations",
            0.3,
            array(object(vec![("type", 0.5, string())]), 2),
        ),
        ("audio", 0.2, of(&["null"])),
        ("tool_calls", 0.4, or_null(array(call(), 3))),
        (
            "function_call",
            0.1,
            or_null(object(vec![
                ("name", 1.0, string()),
                ("arguments", 1.0, string()),
            ])),
        ),
        ("extra", 0.2, value_of_any_kind()),
    ])
}

/// A list of choices with these members and the index of each.
fn choices(members: Vec<(&'static str, f64, Json)>) -> Json {
    let mut members = members;
    let logprobs = object(vec![
        (
            "content",
            1.0,
            or_null(array(object(vec![("token", 1.0, string())]), 3)),
        ),
        ("refusal", 0.5, of(&["null"])),
    ]);
    members.extend([
        ("logprobs", 0.5, or_null(logprobs)),
        (
            "finish_reason",
            1.0,
            of(&[r#""stop""#, r#""length""#, r#""tool_calls""#]),
        ),
        ("content_filter_results", 0.4, filter_results()),
        ("stop_reason", 0.2, value_of_any_kind()),
        ("index", 1.0, of(&["INDEX"])),
    ]);
    prop::collection::vec(object(members), 1..4)
        .prop_map(|choices| {
            let choices = choices.iter().enumerate();
            let choices: Vec<String> = choices
                .map(|(index, choice)| choice.replace("INDEX", &index.to_string()))
                .collect();
            format!("[{}]", choices.join(", "))
        })
        .boxed()
}

fn usage() -> Json {
    object(vec![
        ("prompt_tokens", 1.0, of(&["12"])),
        ("completion_tokens", 1.0, of(&["0", "345"])),
    ])
}

fn document(kind: &'static [&'static str], choices: Json) -> Json {
    object(vec![
        (
            "id",
            0.9,
            string().prop_filter("an id", |id| id != "\"\"").boxed(),
        ),
        ("object", 1.0, of(kind)),
        ("created", 0.9, of(&["1757279933"])),
        ("model", 0.9, of(&[r#""gpt-4o""#])),
        ("choices", 1.0, choices),
        ("usage", 1.0, usage()),
        ("service_tier", 0.3, or_null(of(&[r#""default""#]))),
        ("system_fingerprint", 0.5, of(&[r#""fp_1""#, "null"])),
        (
            "prompt_filter_results",
            0.3,
            array(
                object(vec![
                    ("prompt_index", 1.0, of(&["0"])),
                    ("content_filter_results", 1.0, filter_results()),
                ]),
                2,
            ),
        ),
        ("citations", 0.2, value_of_any_kind()),
    ])
}

fn with_choices() -> Json {
    prop_oneof![
        3 => document(&[r#""chat.completion""#], choices(vec![("message", 1.0, message())])),
        1 => document(&[r#""text_completion""#], choices(vec![("text", 1.0, string())])),
    ]
    .boxed()
}

fn response() -> Json {
    let part = prop_oneof![
        object(vec![
            ("type", 1.0, of(&[r#""output_text""#])),
            ("text", 1.0, string()),
            ("annotations", 0.8, array(value_of_any_kind(), 2)),
            ("logprobs", 0.5, array(value_of_any_kind(), 2))
        ]),
        object(vec![
            ("type", 1.0, of(&[r#""refusal""#])),
            ("refusal", 1.0, string())
        ]),
    ];
    let status = || ("status", 0.8, of(&[r#""completed""#, r#""incomplete""#]));
    let item = prop_oneof![
        object(vec![
            ("type", 1.0, of(&[r#""message""#])),
            ("id", 1.0, string()),
            status(),
            ("role", 1.0, string()),
            ("content", 1.0, array(part.boxed(), 3))
        ]),
        object(vec![
            ("type", 1.0, of(&[r#""function_call""#])),
            ("id", 1.0, string()),
            status(),
            ("name", 1.0, string()),
            ("arguments", 1.0, string())
        ]),
        object(vec![
            ("type", 1.0, of(&[r#""mcp_call""#])),
            ("id", 1.0, string()),
            ("arguments", 1.0, string()),
            ("output", 0.5, string())
        ]),
        object(vec![
            ("type", 1.0, of(&[r#""custom_tool_call""#])),
            ("id", 1.0, string()),
            status(),
            ("input", 1.0, string())
        ]),
        object(vec![
            ("type", 1.0, of(&[r#""reasoning""#])),
            ("id", 1.0, string()),
            (
                "summary",
                1.0,
                array(
                    object(vec![
                        ("type", 1.0, of(&[r#""summary_text""#])),
                        ("text", 1.0, string())
                    ]),
                    2
                )
            ),
            (
                "content",
                0.3,
                array(
                    object(vec![
                        ("type", 1.0, of(&[r#""reasoning_text""#])),
                        ("text", 1.0, string())
                    ]),
                    2
                )
            ),
        ]),
        object(vec![
            ("type", 1.0, of(&[r#""web_search_call""#])),
            ("id", 0.5, string()),
            status(),
            ("action", 0.5, value_of_any_kind())
        ]),
    ];
    object(vec![
        ("id", 1.0, string()),
        ("object", 1.0, of(&[r#""response""#])),
        ("status", 1.0, of(&[r#""completed""#, r#""incomplete""#])),
        ("error", 0.8, of(&["null"])),
        (
            "incomplete_details",
            0.8,
            of(&["null", r#"{"reason":"max_output_tokens"}"#]),
        ),
        ("output", 1.0, array(item.boxed(), 4)),
        ("usage", 1.0, usage()),
        ("tools", 0.5, array(value_of_any_kind(), 2)),
    ])
}

proptest! {
    #[test]
    fn a_document_is_what_its_stream_adds_up_to(document in with_choices(), include_usage in any::<bool>()) {
        let stream = as_sse(document.as_bytes(), include_usage);
        prop_assert!(stream.is_some(), "{}", document);
        let stream = stream.unwrap();
        let mut expected = value(document.as_bytes());
        let back = as_json(&stream, None).map(|back| value(&back));
        if !include_usage {
            expected.as_object_mut().unwrap().remove("usage");
        }
        prop_assert_eq!(oracle::document(&text(stream)), expected.clone());
        prop_assert_eq!(back, Some(expected));
    }

    #[test]
    fn an_answer_of_the_responses_api_is_what_its_stream_adds_up_to(document in response()) {
        let stream = as_sse(document.as_bytes(), false);
        prop_assert!(stream.is_some(), "{}", document);
        let stream = stream.unwrap();
        let expected = value(document.as_bytes());
        prop_assert_eq!(as_json(&stream, None).map(|back| value(&back)), Some(expected.clone()));
        prop_assert_eq!(oracle::response(&text(stream)), expected);
    }

    /// Streams cut into other pieces than ours, whose choices mix.
    #[test]
    fn a_stream_becomes_what_it_adds_up_to(
        document in with_choices(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let stream = text(as_sse(document.as_bytes(), true).unwrap());
        let mut events: Vec<String> = stream.split_inclusive("\n\n").map(str::to_owned).collect();
        // Neighbours of different choices may come the other way round.
        let index_of = |event: &str| {
            let data = event.strip_prefix("data: ")?;
            let chunk: Value = serde_json::from_str(data).ok()?;
            chunk["choices"][0]["index"].as_u64()
        };
        for at in order {
            let at = at.index(events.len() - 1);
            let (first, second) = (index_of(&events[at]), index_of(&events[at + 1]));
            if first.is_some() && second.is_some() && first != second {
                events.swap(at, at + 1);
            }
        }
        for cut in cuts {
            let at = cut.index(events.len());
            if let Some(parts) = cut_content(&events[at], cut) {
                events.splice(at..=at, parts);
            }
        }
        let stream = events.concat();
        let got = as_json(stream.as_bytes(), None).map(|document| value(&document));
        prop_assert_eq!(got, Some(oracle::document(&stream)));
    }

    #[test]
    fn no_bytes_trap_and_whatever_comes_of_them_is_whole(
        document in prop_oneof![with_choices(), response()],
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        include_usage in any::<bool>(),
    ) {
        let damaged = |mut bytes: Vec<u8>| {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes
        };
        let stream = as_sse(document.as_bytes(), include_usage).unwrap();
        let known = Some(Usage::default());
        if let Some(stream) = as_sse(&damaged(document.into_bytes()), include_usage) {
            let _ = oracle::data(&text(stream));
        }
        let stream = damaged(stream);
        if let Some(document) = as_json(&stream, known) {
            prop_assert!(value(&document).is_object());
        }
        let same = same_form(&stream, include_usage, known);
        prop_assert!(damage.is_empty() <= same.is_some());
    }
}

/// An event with content as two, cut between two characters.
fn cut_content(event: &str, cut: prop::sample::Index) -> Option<Vec<String>> {
    let mut chunk: Value = serde_json::from_str(event.strip_prefix("data: ")?).ok()?;
    let content = chunk["choices"][0]["delta"]["content"].as_str()?.to_owned();
    let (at, _) = content
        .char_indices()
        .nth(cut.index(content.chars().count().max(1)))?;
    let mut event = |content: &str, is_second: bool| {
        chunk["choices"][0]["delta"]["content"] = content.into();
        if is_second {
            chunk["choices"][0]["logprobs"] = Value::Null;
            let delta = chunk["choices"][0]["delta"].as_object_mut().unwrap();
            delta.retain(|name, _| name == "content");
        }
        format!("data: {chunk}\r\n\r\n")
    };
    Some(vec![
        event(&content[..at], false),
        event(&content[at..], true),
    ])
}
