//! The laws of the class over random JSON, against serde_json and a minifier that knows nothing
//! of it; and texts that are left alone.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;
use crate::json::{Container, Error, Handler, Lexer, Literal, MAX_DEPTH, Number, Place};
use crate::prompt_minimizer::splice::apply;
use crate::tokens::{Encoding, exact};

#[test]
fn texts_and_what_is_left_of_them() {
    for (text, left) in [
        (r#"{"a": 1}"#, r#"{"a":1}"#),
        ("[1, 2, 3]", "[1,2,3]"),
        (
            "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {}\n}\n",
            "{\"b\":[1,2],\"a\":{}}",
        ),
        (
            "\r\n{\r\n\t\"a\": true,\r\n\t\"b\": null\r\n}",
            "{\"a\":true,\"b\":null}",
        ),
        // As Python writes by itself, where half of it speaks against it.
        (
            "{\"path\": \"/srv/a\", \"size\": 12, \"tags\": [\"x\"]}",
            "{\"path\":\"/srv/a\",\"size\":12,\"tags\":[\"x\"]}",
        ),
        // Numbers and strings keep their spelling.
        (
            r#"{"big": 1e999, "exact": 1.10, "id": 12345678901234567890123}"#,
            r#"{"big":1e999,"exact":1.10,"id":12345678901234567890123}"#,
        ),
        (
            r#"{"a": "\u0041 \/  :  , ", "b": "c  d"}"#,
            r#"{"a":"\u0041 \/  :  , ","b":"c  d"}"#,
        ),
        // Names that are alike in different objects, or but nearly alike.
        (
            r#"{"a": 1, "a\u0000": 2, "": 3, "\u0000": 4, "longer than eight": 5, "longer than nine": 6}"#,
            r#"{"a":1,"a\u0000":2,"":3,"\u0000":4,"longer than eight":5,"longer than nine":6}"#,
        ),
        (
            r#"[{"a": 1}, {"a": 2, "A": {"a": 3}}]"#,
            r#"[{"a":1},{"a":2,"A":{"a":3}}]"#,
        ),
    ] {
        for is_tool in [false, true] {
            assert_eq!(apply(text, &minify(text, is_tool)), left, "{text:?}");
        }
    }
}

#[test]
fn fenced_blocks_of_tools_and_what_is_left_of_them() {
    for (text, left) in [
        (
            "Result:\n```json\n{\n  \"a\": 1\n}\n```\nDone.",
            "Result:\n```json\n{\"a\":1}\n```\nDone.",
        ),
        (
            "```json\r\n[\r\n  1,\r\n  2\r\n]\r\n```",
            "```json\r\n[1,2]\r\n```",
        ),
        (
            "~~~~ json \n\n[\n  1,\n  2\n]\n\n~~~~~  \n",
            "~~~~ json \n[1,2]\n~~~~~  \n",
        ),
        // Inside a list's item the line stays in the item.
        (
            "- a\n\n  ```json\n  {\n    \"a\": 1\n  }\n  ```\n- b",
            "- a\n\n  ```json\n  {\"a\":1}\n  ```\n- b",
        ),
        (
            "  ```json\n\n    {\n    \"a\": 1\n  }\n  ```",
            "  ```json\n  {\"a\":1}\n  ```",
        ),
    ] {
        assert_eq!(apply(text, &minify(text, true)), left, "{text:?}");
        assert_eq!(minify(left, true), [], "{left:?}");
        assert_eq!(minify(text, false), [], "{text:?} of another role");
    }
}

#[test]
fn what_is_left_alone() {
    let pretty = "{\n  \"a\": 1\n}";
    for text in [
        "",
        " \n ",
        "  12  ",
        "\"a  b\"  ",
        " true ",
        "{}",
        "[]\n",
        "{\"a\":\"b  c\"}",
        // Nearly JSON.
        "{\n  \"a\": 1,\n}",
        "{\n  'a': 1\n}",
        "{\n  a: 1\n}",
        "{\n  \"a\": 01\n}",
        "{\n  \"a\": NaN\n}",
        "{\n  \"a\": 1\n} // ok",
        "{\n  \"a\": 1\n",
        "{\n  \"a\": \"\\ud800\"\n}",
        "\u{feff}{\n  \"a\": 1\n}",
        "{\n\u{a0} \"a\": 1\n}",
        // Members of one name, also where escapes hide it.
        "{\n  \"a\": 1,\n  \"b\": 2,\n  \"a\": 3\n}",
        "[\n  {\n    \"a\": 1,\n    \"\\u0061\": 2\n  }\n]",
        "{\n  \"\": 1,\n  \"\": 2\n}",
        "{\n  \"longer\\nthan eight\": 1,\n  \"longer\\u000athan eight\": 2\n}",
        // More than one value, and JSON inside prose.
        "{\"a\": 1}\n{\"a\": 2}\n",
        "[1, 2]\n[3, 4]",
        "Result: {\n  \"a\": 1\n}",
        "a:\n  - b: 1\n    c: [1, 2]\n",
        // It would save nothing.
        "[ \"/a\", \"/b\" ]",
        "[[ ], [ ]]",
    ] {
        assert_eq!(minify(text, true), [], "{text:?}");
    }
    for (before, after) in [
        ("```\n", "\n```"),
        ("```js\n", "\n```"),
        ("```JSON\n", "\n```"),
        ("```json5\n", "\n```"),
        ("```json title=a\n", "\n```"),
        ("``json\n", "\n``"),
        ("a ```json\n", "\n```"),
        ("    ```json\n", "\n    ```"),
        ("\t```json\n", "\n```"),
        ("> ```json\n> ", "\n> ```"),
        ("```json\n", ""),
        ("```json\n", "```"),
        ("```json\n", "\n``` a"),
        ("```json\n", "\n~~~"),
        ("````json\n", "\n```"),
        ("```json\n", "\n```\n```sh\nls\n```"),
        ("~~~\na\n~~~\n```json\n", "\n```"),
        ("```json\nhere: ", "\n```"),
        ("```json\n", "\n\"```\"\n```"),
        ("a\rb\n```json\n", "\n```"),
        ("  ```json\n", "\n  ```"),
        ("  ```json\n \t", "\n  ```"),
        // Indented by more than three spaces, it closes nothing.
        ("```json\n", "\n    ```"),
    ] {
        let text = format!("{before}{pretty}{after}");
        assert_eq!(minify(&text, true), [], "{text:?}");
    }
}

#[test]
fn limits() {
    let nested =
        |depth: usize| format!("{}{}{}", "[\n   ".repeat(depth), 1, "\n   ]".repeat(depth));
    let deepest = nested(usize::from(MAX_DEPTH));
    let left = apply(&deepest, &minify(&deepest, true));
    assert_eq!(left, format!("{}1{}", "[".repeat(128), "]".repeat(128)));
    assert_eq!(minify(&nested(129), true), []);
    assert_eq!(minify(&nested(500_000), true), []);

    let line = format!("[\"{}\"]", "word ".repeat(200_000));
    assert_eq!(minify(&line, true), [], "a megabyte in one line");
    let spaced = format!("{{\"a\": \"{}\"}}", "word ".repeat(200_000));
    assert_eq!(minify(&spaced, true), [Splice::remove(5..6)]);

    let object = |names: usize| {
        let members: Vec<String> = (0..names).map(|n| format!("\"k{n}\": {n}")).collect();
        format!("{{{}}}", members.join(",\n"))
    };
    assert_eq!(minify(&object(65_536), true).len(), 65_536 * 2 - 1);
    assert_eq!(
        minify(&object(65_537), true),
        [],
        "more names than are remembered"
    );
}

/// What a JSON text says, apart from its whitespace.
#[derive(Debug, PartialEq)]
enum Token {
    Open(Container),
    Close(Container),
    /// A number's, literal's or string's bytes, where it stands if it is a string.
    Word(Option<Place>, String),
}

struct Tokens<'t>(&'t str, Vec<Token>, (Place, usize));

impl Tokens<'_> {
    fn of(text: &str) -> Vec<Token> {
        let mut tokens = Tokens(text, vec![], (Place::Value, 0));
        let mut lexer = Lexer::new(MAX_DEPTH);
        lexer.push(text.as_bytes(), &mut tokens).unwrap();
        lexer.finish(&mut tokens).unwrap();
        tokens.1
    }

    fn word(&mut self, place: Option<Place>, start: usize, end: usize) -> Result<(), Error> {
        self.1
            .push(Token::Word(place, self.0[start..end].to_owned()));
        Ok(())
    }
}

impl Handler for Tokens<'_> {
    type Error = Error;

    fn open(&mut self, container: Container, _: usize) -> Result<(), Error> {
        self.1.push(Token::Open(container));
        Ok(())
    }
    fn close(&mut self, container: Container, _: usize) -> Result<(), Error> {
        self.1.push(Token::Close(container));
        Ok(())
    }
    fn string_start(&mut self, place: Place, at: usize) -> Result<(), Error> {
        self.2 = (place, at);
        Ok(())
    }
    fn string_end(&mut self, at: usize, _: bool) -> Result<(), Error> {
        self.word(Some(self.2.0), self.2.1, at + 1)
    }
    fn number(&mut self, _: Number, start: usize, end: usize) -> Result<(), Error> {
        self.word(None, start, end)
    }
    fn literal(&mut self, _: Literal, start: usize, end: usize) -> Result<(), Error> {
        self.word(None, start, end)
    }
}

/// Without whitespace outside strings, whatever it is that `text` says.
fn naively_minified(text: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    text.chars()
        .filter(|c| {
            let kept = inside || !matches!(c, ' ' | '\n' | '\r' | '\t');
            match (c, escaped) {
                ('"', false) => inside = !inside,
                ('\\', false) => escaped = inside,
                _ => escaped = false,
            }
            kept
        })
        .collect()
}

/// A value as tools write them, of objects whose names may come twice.
#[derive(Clone, Debug)]
enum Json {
    Word(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn strings() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z]{1,8}",
        2 => "[A-Z][a-z]{0,8}( [a-z]{1,6}){0,4}[.!?]?",
        1 => "(/[a-z]{1,6}){1,4}",
        1 => "[ -~\\n\\t\u{e9}\u{4e2d}\u{1f600}]{0,6}",
    ]
    .prop_map(|text| serde_json::to_string(&text).unwrap())
}

fn jsons() -> impl Strategy<Value = Json> {
    let words = prop_oneof![
        4 => strings().prop_map(Json::Word),
        3 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?".prop_map(Json::Word),
        1 => proptest::sample::select(vec!["true", "false", "null"]).prop_map(|word| Json::Word(word.to_owned())),
    ];
    words.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            proptest::collection::vec((strings(), inner), 0..6).prop_map(Json::Object),
        ]
    })
}

/// How a text is laid out: a fixed style, or whitespace drawn from a sequence.
#[derive(Clone, Debug)]
enum Layout {
    Indented(usize),
    Spaced,
    Odd(Vec<String>),
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![
        (1usize..5).prop_map(Layout::Indented),
        Just(Layout::Spaced),
        proptest::collection::vec("[ \\n\\r\\t]{0,3}", 1..24).prop_map(Layout::Odd),
    ]
}

struct Writer<'l> {
    layout: &'l Layout,
    text: String,
    gaps: usize,
}

impl Writer<'_> {
    fn write(layout: &Layout, json: &Json) -> String {
        let mut writer = Writer {
            layout,
            text: String::new(),
            gaps: 0,
        };
        writer.gap("", 0);
        writer.value(json, 0);
        writer.gap("", 0);
        writer.text
    }

    /// Whitespace, `spaced` where the style is one line.
    fn gap(&mut self, spaced: &str, depth: usize) {
        self.gaps += 1;
        match self.layout {
            Layout::Spaced => self.text.push_str(spaced.trim_start_matches(':')),
            Layout::Indented(_) if spaced == ": " => self.text.push(' '),
            Layout::Indented(by) if depth > 0 || self.gaps > 1 => {
                self.text.push('\n');
                self.text.extend(std::iter::repeat_n(' ', by * depth));
            }
            Layout::Indented(_) => {}
            Layout::Odd(gaps) => self.text.push_str(&gaps[self.gaps % gaps.len()]),
        }
    }

    fn value(&mut self, json: &Json, depth: usize) {
        let (open, close, members): (_, _, Vec<(Option<&str>, &Json)>) = match json {
            Json::Word(word) => return self.text.push_str(word),
            Json::Array(values) => ('[', ']', values.iter().map(|value| (None, value)).collect()),
            Json::Object(members) => (
                '{',
                '}',
                members
                    .iter()
                    .map(|(name, value)| (Some(&**name), value))
                    .collect(),
            ),
        };
        self.text.push(open);
        for (index, (name, value)) in members.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.gap(if index > 0 { " " } else { "" }, depth + 1);
            if let Some(name) = name {
                self.text.push_str(name);
                self.text.push(':');
                self.gap(": ", depth + 1);
            }
            self.value(value, depth + 1);
        }
        if !members.is_empty() {
            self.gap("", depth);
        }
        self.text.push(close);
    }
}

fn has_twins(json: &Json) -> bool {
    match json {
        Json::Word(_) => false,
        Json::Array(values) => values.iter().any(has_twins),
        Json::Object(members) => {
            let names: std::collections::BTreeSet<&str> =
                members.iter().map(|(name, _)| &**name).collect();
            names.len() < members.len() || members.iter().any(|(_, value)| has_twins(value))
        }
    }
}

fn tokens(text: &str) -> u32 {
    exact::count(Encoding::O200k, text)
}

/// What holds of every text, and what is left of it.
pub(super) fn check(text: &str, is_tool: bool) -> Result<Option<String>, TestCaseError> {
    let splices = minify(text, is_tool);
    if splices.is_empty() {
        return Ok(None);
    }
    let left = apply(text, &splices);
    prop_assert!(left.len() < text.len());
    prop_assert_eq!(minify(&left, is_tool), []);
    prop_assert!(
        tokens(&left) <= tokens(text),
        "{} > {}: {:?}",
        tokens(&left),
        tokens(text),
        text
    );
    Ok(Some(left))
}

/// Places of a text, what comes in there, and how many characters it takes the place of.
pub(super) type Changes = Vec<(Index, String, usize)>;

pub(super) fn changed(text: &str, changes: Changes) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, new, old) in changes {
        let at = at.index(text.len() + 1);
        text.splice(at..(at + old).min(text.len()), new.chars());
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_left_of_json_says_the_same(json in jsons(), layout in layouts()) {
        let text = Writer::write(&layout, &json);
        prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
        let left = check(&text, false)?;
        if has_twins(&json) || matches!(json, Json::Word(_)) {
            prop_assert_eq!(&left, &None);
        }
        if let Some(left) = left {
            prop_assert_eq!(&left, &naively_minified(&text));
            prop_assert_eq!(Tokens::of(&left), Tokens::of(&text));
            prop_assert_eq!(serde_json::from_str::<Value>(&left).ok(), serde_json::from_str::<Value>(&text).ok());
        }
        let text = text.trim_end_matches('\r');
        let fenced = format!("It said:\n```json\n{text}\n```\n");
        let left = check(&fenced, true)?;
        if let Some(left) = left {
            prop_assert_eq!(left, format!("It said:\n```json\n{}\n```\n", naively_minified(text)));
        }
    }

    #[test]
    fn what_serde_json_refuses_is_left_alone(
        json in jsons(),
        layout in layouts(),
        changes in proptest::collection::vec((any::<Index>(), "[\\x00-\\x7f]{0,2}", 0usize..3), 1..4),
    ) {
        let text = changed(&Writer::write(&layout, &json), changes);
        let left = check(&text, false)?;
        if serde_json::from_str::<IgnoredAny>(&text).is_err() {
            prop_assert_eq!(left, None);
        } else if let Some(left) = left {
            prop_assert_eq!(&left, &naively_minified(&text));
            prop_assert_eq!(Tokens::of(&left), Tokens::of(&text));
        }
    }
}
