//! What the stage finds, against twins that look everywhere, byte by byte.

use std::rc::Rc;

use proptest::prelude::*;
use serde_json::Value;

use super::action::{Action, Category, Severity};
use super::finding::Finding;
use super::fold::fold;
use super::injection::Phrases;
use super::screen::{Found, Room, Screen, Spending, What};
use super::stage_tests::{Seen, send_as};
use super::term::Term;
use super::view::Views;
use crate::Span;
use crate::config::{ContentScreenerConfig, Detector, TermList};
use crate::endpoint::Dialect;
use crate::request::texts::{RequestText, Speaker, Speakers};
use crate::scan::JsonStr;

/// Terms and nothing else.
fn screen(terms: &[Term]) -> Screen {
    let off = Detector {
        action: Action::Off,
        roles: Speakers::REQUEST,
    };
    let mut config = ContentScreenerConfig {
        injection: off,
        invisible_text: off,
        terms: vec![TermList {
            name: "words".to_owned(),
            detector: Detector {
                action: Action::Mask,
                ..off
            },
            category: Category::Profanity,
            severity: Severity::Low,
            terms: terms.into(),
        }],
        ..ContentScreenerConfig::default()
    };
    config.secrets.detector = off;
    config.personal_data.detector = off;
    config.evasion.disguises = false;
    config.evasion.base64_depth = 0;
    Screen::new(&config, &Rc::new(Phrases::new())).unwrap()
}

/// Where `text` has one of the terms, by asking each at each byte.
fn naive(terms: &[Term], text: &[u8]) -> Vec<(usize, usize)> {
    let mut found: Vec<_> = (0..text.len())
        .flat_map(|at| terms.iter().filter_map(move |term| term.check(text, at)))
        .map(|range| (range.start, range.end))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn fast(screen: &Screen, text: &[u8]) -> Vec<(usize, usize)> {
    let mut found: Vec<Found> = Vec::new();
    let (mut room, mut spending) = (Room::default(), Spending::default());
    screen.find(text, Speaker::User, &mut spending, &mut room, &mut found);
    assert!(!spending.is_over);
    let mut found: Vec<_> = found
        .into_iter()
        .map(|one| (one.range.start, one.range.end))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Pieces that terms and texts are made of, so that texts have terms, and nearly have them.
const PIECES: &str =
    "(dar|darn|big|bang|ab|x1|longword|longwords|привет|мир|炸|弹|中文|폭탄|café|@|#|9)";

fn terms() -> impl Strategy<Value = Vec<Term>> {
    let term = format!("[@#]?{PIECES}([ .-]?{PIECES}){{0,3}}[*]?");
    prop::collection::vec(prop::string::string_regex(&term).unwrap(), 1..60)
        .prop_map(|all| all.iter().filter_map(|text| Term::new(text).ok()).collect())
}

/// The inside of a JSON string; some of its characters are escapes.
fn content() -> impl Strategy<Value = String> {
    let piece = format!(
        r#"{PIECES}|[ .,_-]|  |\\n|\\"|\\u0064arn|\\u0441|DARN|ｄａｒｎ|дarn|da\u{{200b}}rn|e\u{{301}}|😀"#
    );
    let piece = prop::string::string_regex(&piece).unwrap();
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn folded(source: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    fold(source, true, &mut text);
    text
}

proptest! {
    #[test]
    fn terms_are_found_where_a_look_at_every_byte_finds_them(terms in terms(), content in content()) {
        let text = folded(content.as_bytes());
        let found = fast(&screen(&terms), &text);
        prop_assert_eq!(found, naive(&terms, &text), "{}", String::from_utf8_lossy(&text));
    }

    /// In parts of a message, which are read as one with a line's end between them.
    #[test]
    fn findings_lead_back_to_their_sources(
        terms in terms(),
        parts in prop::collection::vec(content(), 1..5),
    ) {
        let mut body = Vec::new();
        let mut texts = Vec::new();
        for part in &parts {
            body.push(b'"');
            let span = Span::new(body.len(), body.len() + part.len());
            body.extend(part.as_bytes());
            let content = JsonStr { span, escaped: true };
            texts.push(RequestText { content, speaker: Speaker::User, kind: None, is_content: true, group: 0 });
        }
        let mut findings: Vec<Finding> = Vec::new();
        let screen = screen(&terms);
        Views::default().find(&screen, &body, &texts, &mut Spending::default(), &mut findings);

        let of_parts: Vec<Vec<u8>> = parts.iter().map(|part| folded(part.as_bytes())).collect();
        let mut view: Vec<u8> = Vec::new();
        for part in &of_parts {
            if !view.is_empty() {
                view.push(b'\n');
            }
            view.extend(part);
        }
        let mut expected: Vec<Vec<u8>> = naive(&terms, &view)
            .into_iter()
            .map(|(start, end)| view[start..end].to_vec())
            .collect();
        // Seams are a matter of their own: what is within parts is found there and nowhere else.
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for finding in &findings {
            prop_assert_eq!(finding.what, What::Term(0));
            if let [place] = finding.places[..] {
                seen.push(folded(place.of(&body)));
                prop_assert_eq!(finding.at, place.start);
            }
        }
        let is_in_a_part = |text: &Vec<u8>| !text.contains(&b'\n') || of_parts.len() == 1;
        expected.retain(is_in_a_part);
        seen.retain(is_in_a_part);
        expected.sort();
        seen.sort();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_masked_stays_json_and_changes_nothing_else(
        texts in prop::collection::vec(with_addresses(), 1..4),
    ) {
        let messages: Vec<String> = texts
            .iter()
            .map(|text| format!(r#"{{"role":"user","content":"{text}","n":[1, 2.50,"x"]}}"#))
            .collect();
        let body = format!(r#"{{ "messages" : [{}],"temperature":1e0}}"#, messages.join(" , "));
        let Seen { body: masked, masks, .. } = send_as(MASK, Dialect::Chat, &body);
        let before: Value = serde_json::from_str(&body).unwrap();
        let mut after: Value = serde_json::from_str(&masked).unwrap();
        let found = masks.len();
        put_back(&mut after, &masks);
        prop_assert_eq!(after, before);
        let has_address = texts.iter().any(|text| text.contains("@example.com"));
        prop_assert!(found > 0 || !has_address);
        prop_assert!(!masked.contains("@example.com"), "{}", masked);
    }
}

const MASK: &str = r#"{"injection":{"action":"off"},"invisible_text":{"action":"off"},
    "personal_data":{"action":"off","kinds":{"email":"mask"}},
    "terms":[{"name":"words","terms":["darn","炸弹"],"action":"mask"}]}"#;

fn with_addresses() -> impl Strategy<Value = String> {
    let piece = r#" bob@example\.com | ann@example\.com | \\u0062ob@example\.com |\[EMAIL_1\]|\[WORDS_2\]|darn|炸弹|\\n|\\"|\\\\|[a-c ,中]|😀"#;
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// Puts what was masked in the place of its placeholder in every string.
fn put_back(value: &mut Value, masks: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (placeholder, original) in masks {
                *text = text.replace(placeholder, original);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| put_back(value, masks)),
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|value| put_back(value, masks));
        }
        _ => {}
    }
}

#[test]
fn a_list_whose_terms_begin_alike_is_not_looked_through_term_by_term() {
    let terms: Vec<Term> = (0..2_000)
        .map(|at| Term::new(&format!("how to number {at}")).unwrap())
        .chain([Term::new("how to").unwrap(), Term::new("how*").unwrap()])
        .collect();
    let screen = screen(&terms);
    for (text, expected) in [
        (
            "how to number 17",
            vec!["how", "how to", "how to number 17"],
        ),
        (
            "how-to Number  1999!",
            vec!["how", "how-to", "how-to Number  1999"],
        ),
        ("how to number 2000", vec!["how", "how to"]),
        ("however", vec!["how"]),
        ("show to", vec![]),
    ] {
        let found = fast(&screen, text.as_bytes());
        let found: Vec<&str> = found
            .into_iter()
            .map(|(start, end)| &text[start..end])
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}
