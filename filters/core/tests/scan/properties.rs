//! Generated bodies: what is well formed, what is odd, and what was damaged on the way.

use proptest::prelude::*;
use tollgate_core::endpoint::Dialect::{self, Chat, Completions, Embeddings, Responses};

use crate::every_way::scan_every_way;

/// JSON strings as clients write them: plain, with escapes, with every kind of character.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\"\"".to_owned()),
        "[a-z ]{1,90}".prop_map(|text| format!("\"{text}\"")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "[a-c]{0,3}".prop_map(|text| format!("\"{text}\\u00e9\\ud83d\\uDE00\\n\"")),
        prop::sample::select(vec![
            "user",
            "assistant",
            "tool",
            "text",
            "message",
            "image_url",
            "function_call",
            "item_reference",
            "us\\u0065r",
            "function_call_output",
            "input_image",
            "reasoning",
        ])
        .prop_map(|word| format!("\"{word}\"")),
    ]
}

/// Keys of the schema at whatever depth, sometimes escaped, and unknown ones.
fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "messages",
        "model",
        "stream",
        "role",
        "content",
        "type",
        "text",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "image_url",
        "url",
        "detail",
        "input",
        "prompt",
        "output",
        "summary",
        "call_id",
        "n",
        "max_tokens",
        "stream_options",
        "include_usage",
        "instructions",
        "refusal",
        "file",
        "file_id",
        "input_audio",
        "data",
        "function_call",
        "audio",
        "reasoning",
        "effort",
        "format",
        "conversation",
    ]);
    prop_oneof![
        40 => known.clone().prop_map(|key| format!("\"{key}\"")),
        1 => known.prop_map(|key| format!("\"\\u{:04x}{}\"", key.as_bytes()[0], &key[1..])),
        3 => string(),
    ]
}

/// A value that may or may not fit where it stands.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => string(),
        1 => prop::sample::select(vec!["true", "false", "null", "0", "7", "-1", "2.5", "18446744073709551616"])
            .prop_map(String::from),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{key}: {value}"))
                    .collect();
                format!("{{{}}}", members.join(" ,"))
            }),
        ]
    })
}

/// A well-formed object of the given members, in any order and with some left out.
fn object(members: Vec<(&'static str, BoxedStrategy<String>)>) -> BoxedStrategy<String> {
    let all: Vec<_> = members
        .into_iter()
        .map(|(key, value)| value.prop_map(move |value| format!("\"{key}\":{value}")))
        .collect();
    let count = all.len();
    (
        all,
        prop::collection::vec(any::<bool>(), count),
        any::<u64>(),
    )
        .prop_map(|(members, keep, order)| {
            let mut kept: Vec<_> = members
                .into_iter()
                .zip(keep)
                .filter(|(_, keep)| *keep)
                .map(|(member, _)| member)
                .collect();
            if !kept.is_empty() {
                let turns = order as usize % kept.len();
                kept.rotate_left(turns);
            }
            format!("{{{}}}", kept.join(","))
        })
        .boxed()
}

fn array(item: BoxedStrategy<String>) -> BoxedStrategy<String> {
    prop::collection::vec(item, 0..4)
        .prop_map(|items| format!("[{}]", items.join(",")))
        .boxed()
}

/// A chat or Responses body that the schema accepts: deep where `value` rarely is.
fn well_formed() -> BoxedStrategy<String> {
    let s = || string().boxed();
    let part = object(vec![
        ("type", s()),
        ("text", s()),
        ("refusal", s()),
        ("detail", s()),
        ("file_id", s()),
        (
            "image_url",
            object(vec![("url", s()), ("detail", s()), ("other", s())]),
        ),
        ("input_audio", object(vec![("data", s()), ("format", s())])),
        ("file", object(vec![("file_id", s()), ("file_data", s())])),
        ("unknown", value().boxed()),
    ]);
    let content = prop_oneof![s(), array(part.clone()), Just("null".to_owned()).boxed()].boxed();
    let call = object(vec![
        ("id", s()),
        ("type", s()),
        ("function", object(vec![("name", s()), ("arguments", s())])),
    ]);
    let message = object(vec![
        ("role", s()),
        ("content", content.clone()),
        ("name", s()),
        ("tool_calls", array(call)),
        ("refusal", s()),
        ("tool_call_id", s()),
        ("unknown", value().boxed()),
    ]);
    let item = object(vec![
        ("type", s()),
        ("role", s()),
        ("content", content),
        ("call_id", s()),
        ("arguments", s()),
        (
            "output",
            prop_oneof![s(), array(part.clone()), part.clone()].boxed(),
        ),
        ("summary", array(part)),
    ]);
    object(vec![
        ("messages", array(message)),
        ("input", array(item)),
        ("model", s()),
        ("instructions", s()),
        ("tools", value().boxed()),
        ("unknown", value().boxed()),
    ])
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Chat, Completions, Embeddings, Responses])
}

proptest! {
    #[test]
    fn well_formed_requests_are_read_as_the_oracle_reads_them(body in well_formed(), dialect in dialect()) {
        let _ = scan_every_way(&body, dialect);
    }

    #[test]
    fn odd_requests_are_read_as_the_oracle_reads_them(
        members in prop::collection::vec((key(), value()), 0..6), dialect in dialect(),
    ) {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        let _ = scan_every_way(&format!("{{{}}}", members.join(",")), dialect);
    }

    #[test]
    fn cut_and_changed_requests_are_read_as_the_oracle_reads_them(
        body in well_formed(), at: prop::sample::Index, byte in 0x20u8..0x7f, cut: bool, dialect in dialect(),
    ) {
        let at = at.index(body.len());
        let mut bytes = body.into_bytes();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(body) = String::from_utf8(bytes) {
            let _ = scan_every_way(&body, dialect);
        }
    }
}
