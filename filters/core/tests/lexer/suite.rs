//! JSONTestSuite, committed as data beside its licence.

use serde_json::Value;
use tollgate_core::json::MAX_DEPTH;

use crate::agreement::{agree, lex_every_way};

/// Where the lexer and serde_json deliberately differ on JSONTestSuite.
const DIFFERENCES: &[(&str, bool, &str)] = &[
    ("i_number_huge_exp", true, UNEVALUATED),
    ("i_number_neg_int_huge_exp", true, UNEVALUATED),
    ("i_number_pos_double_huge_exp", true, UNEVALUATED),
    ("i_number_real_neg_overflow", true, UNEVALUATED),
    ("i_number_real_pos_overflow", true, UNEVALUATED),
];

/// RFC 8259 sets no range. The upstream evaluates the number; a gateway that passes bytes
/// on has no reason to.
const UNEVALUATED: &str = "serde_json evaluates numbers and refuses what f64 cannot hold";

#[test]
fn json_test_suite_agrees_with_serde_json() {
    let cases = include_str!("../data/json-test-suite/parsing.jsonl");
    let mut count = 0;
    for line in cases.lines() {
        let (name, unit, times): (String, String, usize) = serde_json::from_str(line).unwrap();
        let text = unit.repeat(times).into_bytes();
        count += 1;
        if let Some((_, ours, reason)) = DIFFERENCES
            .iter()
            .find(|(different, ..)| *different == name)
        {
            let (_, result) = lex_every_way(&text, MAX_DEPTH);
            assert_eq!(result.is_ok(), *ours, "{name}: {reason}");
            assert_ne!(
                serde_json::from_slice::<Value>(&text).is_ok(),
                *ours,
                "{name} is no difference any more"
            );
            continue;
        }
        let accepted = agree(&text);
        match name.as_bytes()[0] {
            b'y' => assert!(accepted, "{name} must be accepted"),
            b'n' => assert!(!accepted, "{name} must be rejected"),
            _ => {}
        }
    }
    assert_eq!(count, 318);
}
