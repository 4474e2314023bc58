//! Generated texts: JSON, almost JSON, and JSON with one byte changed.

use proptest::prelude::*;
use serde_json::Value;

use crate::agreement::agree;

/// Fragments that make almost-JSON when put together.
fn fragment() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"{"[..],
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\"a\"",
        b"\"a\":",
        b"\\",
        b"\\n",
        b"\\\"",
        b"\\u0041",
        b"\\ud83d",
        b"\\ude00",
        b"0",
        b"1",
        b"12",
        b"-",
        b".",
        b"e",
        b"+",
        b"true",
        b"fals",
        b"e",
        b"null",
        b" ",
        b"\n",
        b"\xc3",
        b"\xa9",
        b"\xe4\xbd\xa0",
        b"\xf0\x9f",
        b"\x98\x80",
        b"\x1f",
        b"\0",
        b"[1,2]",
        b"{\"k\":\"v\"}",
    ])
}

/// A JSON text with all kinds of values, written with odd spacing.
fn json_text() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        "[ -~&&[^\"\\\\]]{0,150}".prop_map(|s| format!("\"{s}\\u00E9\\/\"")),
    ];
    let leaf = prop_oneof![
        string.clone(),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        prop::sample::select(vec!["true", "false", "null"]).prop_map(String::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let space = "[ \n\t\r]{0,2}";
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..6), space).prop_map(|(items, space)| format!(
                "[{space}{}{space}]",
                items.join(&format!("{space},"))
            )),
            (prop::collection::vec((string.clone(), inner), 0..6), space).prop_map(
                |(members, space)| {
                    let members: Vec<String> = members
                        .iter()
                        .map(|(key, value)| format!("{key}{space}:{value}"))
                        .collect();
                    format!("{{{}{space}}}", members.join(","))
                }
            ),
        ]
    })
}

proptest! {
    #[test]
    fn almost_json_agrees_with_serde_json(fragments in prop::collection::vec(fragment(), 0..24)) {
        agree(&fragments.concat());
    }

    #[test]
    fn almost_json_in_a_string_agrees_with_serde_json(fragments in prop::collection::vec(fragment(), 0..24)) {
        agree(&[b"[\"", &fragments.concat()[..], b"\"]"].concat());
    }

    #[test]
    fn json_agrees_with_serde_json(text in json_text()) {
        prop_assert!(agree(text.as_bytes()));
    }

    #[test]
    fn json_with_one_byte_changed_agrees_with_serde_json(text in json_text(), at: prop::sample::Index, byte: u8) {
        let mut text = text.into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        // The one difference: serde_json evaluates numbers, and refuses what f64 cannot hold.
        prop_assume!(!serde_json::from_slice::<Value>(&text).is_err_and(|error| error.to_string().contains("number out of range")));
        agree(&text);
    }
}
