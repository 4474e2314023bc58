//! Texts that need care: borders of blocks, and counts at their limit.

use tollgate_core::json::Number;

use crate::agreement::{Token, agree, lex_every_way};

#[test]
fn texts_that_cross_every_border() {
    // Lengths around the 64-byte blocks, with each kind of stop at the border.
    for stop in [
        "\\n",
        "\\\\",
        "\\\"",
        "\\u00e9",
        "\\ud83d\\ude00",
        "é",
        "你",
        "😀",
        "",
    ] {
        for before in 50..70 {
            for after in [0, 1, 63, 64, 65] {
                let text = format!(
                    "{{\"{}{stop}{}\":[\"{stop}\",-0.5e+7,18446744073709551616]}}",
                    "x".repeat(before),
                    "y".repeat(after)
                );
                assert!(agree(text.as_bytes()));
            }
        }
    }
}

#[test]
fn counts_are_read_up_to_their_limit() {
    for (text, expected) in [
        ("0", Number::Whole(0)),
        ("-0", Number::Negative),
        ("18446744073709551615", Number::Whole(u64::MAX)),
        ("18446744073709551616", Number::TooLarge),
        ("99999999999999999999999999999999", Number::TooLarge),
        ("1.0", Number::Fractional),
        ("1e2", Number::Fractional),
        ("1E400", Number::Fractional),
    ] {
        let (tokens, result) = lex_every_way(text.as_bytes(), 1);
        assert_eq!(
            (tokens, result),
            (vec![Token::Number(expected, 0, text.len())], Ok(())),
            "{text}"
        );
    }
}
