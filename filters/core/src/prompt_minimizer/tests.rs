//! The laws that hold for the stage as a whole, over conversations.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Limits, StageKind};
use crate::endpoint::Dialect;
use crate::models::Models;
use crate::request::{RequestReader, Wanted};
use crate::tokens::exact;

pub(super) fn config(settings: &Value) -> PromptMinimizerConfig {
    let settings = json!({"prompt_minimizer": settings}).to_string();
    let config = Config::read(settings.as_bytes(), &[StageKind::PromptMinimizer]).unwrap();
    config.defaults.prompt_minimizer
}

/// Every transform for everybody.
fn everything() -> PromptMinimizerConfig {
    let roles = json!(["system", "developer", "user", "assistant", "tool"]);
    let on = json!({"enabled": true, "roles": roles});
    let settings = Transform::ALL
        .iter()
        .map(|one| (one.name().to_owned(), on.clone()));
    config(&Value::Object(settings.collect()))
}

/// What `look` makes of the request that `body` is.
pub(super) fn read<T>(dialect: Dialect, body: &str, look: impl Fn(&Request<'_>) -> T) -> T {
    let wanted = Wanted {
        tokens: true,
        texts: true,
        key: None,
    };
    let reader = RequestReader::new(dialect, wanted, &Limits::default());
    let models = Models::default();
    look(&reader.finish(body.as_bytes(), None, &models).ok().unwrap())
}

pub(super) fn minimized(body: &str, config: &PromptMinimizerConfig) -> (String, Minimized) {
    let (edits, minimized) = read(Dialect::Chat, body, |request| minimize(request, config));
    let edited = edits.apply(body.as_bytes()).unwrap();
    (String::from_utf8(edited).unwrap(), minimized)
}

#[test]
fn each_transform_looks_at_the_texts_of_its_roles() {
    let body = r#"{"messages":[{"role":"user","content":"{ \"a\": 1 }"},{"role":"tool","content":[{"type":"text","text":"[\n    1,\n    2,\n    3\n]"}]}]}"#;
    let tool = r#"{"messages":[{"role":"user","content":"{ \"a\": 1 }"},{"role":"tool","content":[{"type":"text","text":"[1,2,3]"}]}]}"#;
    for (settings, expected) in [
        (json!({}), tool),
        (json!({"structure": {"enabled": false}}), body),
        (
            json!({"structure": {"roles": ["user"]}}),
            &body.replace("{ \\\"a\\\": 1 }", "{\\\"a\\\":1}"),
        ),
    ] {
        assert_eq!(
            minimized(body, &config(&settings)).0,
            expected,
            "{settings}"
        );
    }
}

#[test]
fn what_is_saved_is_told_by_transform() {
    let list: Vec<u32> = (0..200).collect();
    let text = serde_json::to_string_pretty(&list).unwrap();
    let body = json!({"messages": [{"role": "tool", "content": text}]}).to_string();
    let (left, told) = minimized(&body, &config(&json!({})));
    let exactly = |text: &str| u64::from(exact::count(Encoding::O200k, text));
    let saved = exactly(&text) - exactly(&serde_json::to_string(&list).unwrap());
    assert!(
        told.tokens().abs_diff(saved) * 4 < saved,
        "{} of {saved}",
        told.tokens()
    );
    assert_eq!(told.bytes, (body.len() - left.len()) as u64);
    assert_eq!(told.outcome(), format!("v1 structure:{}", told.tokens()));
}

const BLOCK: &str = "def main(argv):\n    parser = make_parser(argv)\n    options = parser.parse()\n    return run(options)\n";

/// Numbered lines of a log, each like the others.
fn lines(numbers: core::ops::Range<u32>) -> String {
    numbers
        .map(|number| format!("alpha {number} beta gamma delta epsilon\n"))
        .collect()
}

#[test]
fn a_reference_leads_to_what_is_sent() {
    let all = ["system", "user", "assistant", "tool"];
    for settings in [
        json!({"repeats": {"enabled": true}, "cap": {"enabled": true}}),
        json!({"repeats": {"enabled": true}, "logs": {"enabled": true}}),
        json!({"repeats": {"enabled": true, "roles": all}, "canonical": {"enabled": true}}),
    ] {
        for (first, second) in [(0..600, 400..430), (0..40, 10..25), (0..40, 0..40)] {
            let tool = |text: String| json!({"role": "tool", "content": text});
            let messages = [tool(lines(first)), tool(lines(second.clone()))];
            let body = json!({"messages": messages}).to_string();
            let sent = contents(&minimized(&body, &config(&settings)).0);
            let is_referred = sent[1].contains("identical to those");
            assert!(
                !is_referred || sent[0].contains(&lines(second)),
                "{settings}: {sent:?}"
            );
        }
    }
}

/// What a model reads alone, first, or as data is no later part of a conversation.
#[test]
fn what_is_no_message_stays_as_it_is() {
    let block = BLOCK.repeat(8);
    let dirty = format!("a \u{200b}b  \r\n{block}");
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": json!({"code": dirty}).to_string()}});
    for (dialect, body) in [
        (Dialect::Embeddings, json!({"input": [dirty, dirty]})),
        (
            Dialect::Completions,
            json!({"prompt": [dirty, dirty], "suffix": dirty}),
        ),
        (
            Dialect::Chat,
            json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [call, call]}]}),
        ),
        (
            Dialect::Responses,
            json!({"input": [{"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": dirty}]}]}),
        ),
    ] {
        let body = body.to_string();
        let edits = read(dialect, &body, |request| minimize(request, &everything()).0);
        assert_eq!(
            String::from_utf8(edits.apply(body.as_bytes()).unwrap()).unwrap(),
            body
        );
    }
    // Instructions are read first, wherever they stand, and are not referred to.
    let body =
        json!({"input": [{"role": "user", "content": block}], "instructions": block}).to_string();
    let settings = config(&json!({"repeats": {"enabled": true, "roles": ["system", "user"]}}));
    let edits = read(Dialect::Responses, &body, |request| {
        minimize(request, &settings).0
    });
    assert!(edits.is_empty());
}

#[test]
fn copies_between_fences_are_left_to_all_but_tools() {
    let fenced = format!("```python\n{}```\n", BLOCK.repeat(8));
    let settings = config(
        &json!({"repeats": {"enabled": true, "roles": ["system", "user", "assistant", "tool"]}}),
    );
    for (role, text, is_referred) in [
        ("user", &fenced, false),
        ("system", &fenced, false),
        ("assistant", &fenced, false),
        ("tool", &fenced, true),
        ("user", &BLOCK.repeat(8), true),
    ] {
        let body =
            json!({"messages": [{"role": role, "content": text}, {"role": role, "content": text}]})
                .to_string();
        let sent = contents(&minimized(&body, &settings).0);
        assert_eq!(&sent[0], text, "{role}");
        assert_eq!(&sent[1] != text, is_referred, "{role}: {sent:?}");
    }
}

#[test]
fn a_text_of_more_gaps_than_are_kept_is_left_alone() {
    let settings = config(&json!({}));
    for (gaps, is_touched) in [(MAX_SPLICES, true), (MAX_SPLICES + 2, false)] {
        let text = format!("[{}1]", "1,   ".repeat(gaps));
        let body = json!({"messages": [{"role": "tool", "content": text}]}).to_string();
        let saved = minimized(&body, &settings).1.tokens();
        assert_eq!(saved > 0, is_touched, "{gaps}");
    }
}

/// A text as conversations have it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ,.]{0,60}",
        "([a-z]{1,8}  ?|\r\n|\n| \n|\u{200b}|```\n|    x = 1\n|é|😀){0,40}",
        proptest::collection::vec((("[a-z]{1,5}"), any::<i32>()), 0..6).prop_map(|pairs| {
            let object: serde_json::Map<String, Value> = pairs
                .into_iter()
                .map(|(key, value)| (key, json!(value)))
                .collect();
            serde_json::to_string_pretty(&object).unwrap()
        }),
        Just(BLOCK.repeat(8)),
        Just(format!("Look:\n\n{}\nand tell me.", BLOCK.repeat(6))),
        Just("```json\n{ \"a\" : [ 1 , 2 ] }\n```\n".to_owned()),
    ]
}

fn messages() -> impl Strategy<Value = Vec<(usize, String)>> {
    proptest::collection::vec((0usize..4, text()), 1..8)
}

const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];

fn body(messages: &[(usize, String)], is_pretty: bool) -> String {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(role, text)| json!({"role": ROLES[*role], "content": text}))
        .collect();
    let body = json!({"messages": messages});
    match is_pretty {
        true => serde_json::to_string_pretty(&body).unwrap(),
        false => body.to_string(),
    }
}

/// The contents of a body's messages.
fn contents(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    let messages = body["messages"].as_array().unwrap().iter();
    messages
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

proptest! {
    #[test]
    fn what_was_sent_stays_the_beginning_of_what_is_sent(conversation in messages(), more in messages(), is_pretty in any::<bool>()) {
        let config = everything();
        let earlier = minimized(&body(&conversation, is_pretty), &config).0;
        let all: Vec<_> = conversation.into_iter().chain(more).collect();
        let later = minimized(&body(&all, is_pretty), &config).0;
        let sent = earlier.strip_suffix("]}").unwrap();
        prop_assert!(later.starts_with(sent), "{earlier}\n{later}");
    }

    #[test]
    fn once_is_enough(conversation in messages(), is_pretty in any::<bool>()) {
        let config = everything();
        let once = minimized(&body(&conversation, is_pretty), &config).0;
        let (twice, told) = minimized(&once, &config);
        prop_assert_eq!(&twice, &once);
        prop_assert_eq!(told.tokens(), 0);
    }

    #[test]
    fn no_text_has_more_tokens(conversation in messages()) {
        let left = minimized(&body(&conversation, false), &everything()).0;
        for ((_, before), after) in conversation.iter().zip(contents(&left)) {
            let [before_tokens, after_tokens] = [before, &after].map(|text| exact::count(Encoding::O200k, text));
            prop_assert!(after_tokens <= before_tokens, "{before:?}\n{after:?}");
        }
    }

    #[test]
    fn by_default_every_value_stays(conversation in messages(), is_pretty in any::<bool>()) {
        let left = minimized(&body(&conversation, is_pretty), &config(&json!({}))).0;
        for ((role, before), after) in conversation.iter().zip(contents(&left)) {
            let read = |text: &str| serde_json::from_str::<Value>(text).ok();
            match (read(before), read(&after)) {
                (Some(before), Some(after)) if *role == 3 => prop_assert_eq!(before, after),
                _ if before.contains("```json") && *role == 3 => {}
                _ => prop_assert_eq!(before, &after),
            }
        }
    }
}
