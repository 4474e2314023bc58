//! Windows over whole requests: what is read of a conversation, and what is sent of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::conversation::{Conversation, Fitted};
use super::tests::{config, minimized, read};
use super::window::{Message, Role};
use super::*;
use crate::config::Accuracy;

fn roles(conversation: &Conversation) -> String {
    let letter = |message: &Message| match message.role {
        Role::Instructions => "s".to_owned(),
        Role::User => "u".to_owned(),
        Role::Assistant => {
            let answered = message.answers.map(|at| at.to_string());
            format!("a{}", answered.unwrap_or_default())
        }
        Role::Tool => format!(
            "t{}",
            message.answers.map_or("?".to_owned(), |at| at.to_string())
        ),
    };
    conversation.messages.iter().map(letter).collect()
}

#[test]
fn messages_are_read_with_their_roles_and_calls() {
    use Dialect::{Chat, Responses};
    for (dialect, body, expected) in [
        (Chat, r#"{"messages":[]}"#, ""),
        (
            Chat,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"user","content":"u"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"\u0062","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"assistant","content":"a"},{"role":"tool","tool_call_id":"b","content":"t"},{"role":"tool","tool_call_id":"a","content":"t"},{"role":"critic","content":"?"},{"content":"?"}]}"#,
            "ssuaat3t3aa",
        ),
        // A result of no known call is of the last one; where there is none, it stands alone.
        (
            Chat,
            r#"{"messages":[{"role":"tool","tool_call_id":"x","content":"t"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"t"},{"role":"tool","tool_call_id":"y","content":"t"}]}"#,
            "t?at1t1",
        ),
        (Responses, r#"{"input":"one text"}"#, "u"),
        (
            Responses,
            r#"{"instructions":"be brief","input":[{"role":"user","content":"u"},{"type":"reasoning","id":"r","summary":[]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"t"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}]}"#,
            "uaat2a",
        ),
        // Calls of the provider's own tools, by their ids.
        (
            Responses,
            r#"{"input":[{"role":"user","content":"u"},{"type":"local_shell_call","call_id":"c"},{"role":"user","content":"u"},{"type":"local_shell_call_output","call_id":"c"},{"type":"web_search_call","id":"w"}]}"#,
            "uaua1a",
        ),
    ] {
        let conversation = read(dialect, body, Conversation::read).unwrap();
        assert_eq!(roles(&conversation), expected, "{body}");
        assert_eq!(conversation.messages.len(), conversation.spans.len());
    }
}

#[test]
fn what_is_no_conversation_or_kept_elsewhere_is_left_alone() {
    for (dialect, body) in [
        (Dialect::Completions, r#"{"prompt":"once upon a time"}"#),
        (Dialect::Embeddings, r#"{"input":"once upon a time"}"#),
        (
            Dialect::Responses,
            r#"{"previous_response_id":"r","input":"and then?"}"#,
        ),
        (
            Dialect::Responses,
            r#"{"conversation":"c","input":"and then?"}"#,
        ),
        (
            Dialect::Responses,
            r#"{"input":[{"type":"item_reference","id":"i"}]}"#,
        ),
    ] {
        assert_eq!(read(dialect, body, Conversation::read), None, "{body}");
    }
}

/// The whole prompt's estimate is the naive sum: messages are measured one by one here, and
/// rounded one by one.
#[test]
fn the_parts_add_up_to_the_whole() {
    let text = "It was a bright cold day in April, and the clocks were striking 13. ".repeat(20);
    let picture = json!([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": "https://a.example/p.png", "detail": "high"}}]);
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string", "description": text}}});
    for (dialect, body) in [
        (Dialect::Chat, json!({"messages": []})),
        (
            Dialect::Chat,
            json!({
                "model": "gpt-4o",
                "messages": [
                    {"role": "system", "content": text}, {"role": "user", "name": "ann", "content": picture},
                    {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"x\"}"}}]},
                    {"role": "tool", "tool_call_id": "a", "content": text},
                ],
                "tools": [{"type": "function", "function": {"name": "weather", "parameters": parameters}}],
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": parameters}},
            }),
        ),
        (
            Dialect::Responses,
            json!({"model": "gpt-4.1", "instructions": text, "input": text}),
        ),
    ] {
        let body = body.to_string();
        let whole = read(dialect, &body, |request| {
            request.prompt_tokens(Accuracy::Fast)
        });
        let conversation = read(dialect, &body, Conversation::read).unwrap();
        let tokens = conversation.messages.iter().map(|message| message.tokens);
        let parts = tokens.sum::<u64>() + conversation.around;
        // Tools spare four tokens of a system message.
        let off = conversation.messages.len() as u64 + 1 + 4;
        assert!(parts.abs_diff(whole) <= off, "{parts} of {whole}: {body}");
    }
}

/// Messages of about a hundred tokens: `s`ystem, `u`ser, `a`ssistant, its `c`all and the `t`ool.
fn body(roles: &str) -> String {
    let text = "one ".repeat(95);
    let messages: Vec<Value> = roles
        .chars()
        .enumerate()
        .map(|(at, role)| match role {
            's' => json!({"role": "system", "content": text}),
            'u' => json!({"role": "user", "content": text}),
            'c' => json!({"role": "assistant", "content": text, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
            't' => json!({"role": "tool", "tool_call_id": "c", "content": text}),
            _ => json!({"role": "assistant", "content": format!("{at} {text}")}),
        })
        .collect();
    json!({"messages": messages, "n": 1}).to_string()
}

/// The roles of what is left, by the letters of [`body`].
fn left(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let messages = body["messages"].as_array().unwrap().iter();
    let letter = |message: &Value| match message["role"].as_str().unwrap() {
        "assistant" if message.get("tool_calls").is_some() => "c".to_owned(),
        role => role[..1].to_owned(),
    };
    messages.map(letter).collect()
}

#[test]
fn old_messages_go_and_the_rest_is_as_it_was() {
    let window = |max: u32, step: u32| {
        config(&json!({"transport": false, "structure": {"enabled": false},
            "window": {"enabled": true, "max_tokens": max, "step_tokens": step}}))
    };
    for (roles, max, step, expected) in [
        ("suauau", 1000, 100, "suauau"),
        ("suauauau", 700, 100, "suauau"),
        ("suauauau", 700, 300, "suau"),
        // Calls stay with their results, instructions where they are.
        ("suctausuau", 600, 1, "ssuau"),
        ("uctctau", 600, 300, "u"),
    ] {
        let body = body(roles);
        let (sent, told) = minimized(&body, &window(max, step));
        assert_eq!(left(&sent), expected, "{roles}");
        let gone = roles.len() - expected.len();
        assert!(
            told.tokens().abs_diff(100 * gone as u64) <= 10 * gone as u64,
            "{told:?}"
        );
        assert_eq!(told.bytes, (body.len() - sent.len()) as u64);
        // What is left is as it was, byte for byte: this is how it was written.
        let [before, after] =
            [&body, &sent].map(|body| serde_json::from_str::<Value>(body).unwrap());
        assert_eq!(after.to_string(), sent);
        let mut before = before["messages"].as_array().unwrap().iter();
        let mut after = after["messages"].as_array().unwrap().iter();
        assert!(after.all(|message| before.any(|one| one == message)));
    }
}

#[test]
fn what_no_cut_makes_fit_is_told_with_what_it_needs() {
    let settings = json!({"window": {"enabled": true, "max_tokens": 300}});
    for (body, needed) in [
        (body("suau"), None),
        (body("suct"), Some(400)),
        (body("ssss"), Some(400)),
        (json!({"messages": [], "tools": [{"type": "function", "function": {"name": "f", "description": "one ".repeat(400)}}]}).to_string(), Some(410)),
    ] {
        let (sent, told) = minimized(&body, &config(&settings));
        assert_eq!(sent == body, needed.is_some(), "{body}");
        match (told.too_long, needed) {
            (Some(told), Some(needed)) => assert!(u64::abs_diff(told, needed) < 40, "{told}"),
            (told, needed) => assert_eq!(told, needed),
        }
    }
}

/// A reference counts the messages that are sent.
#[test]
fn copies_refer_to_what_is_left() {
    let block = "def main(argv):\n    parser = make_parser(argv)\n    return run(parser.parse())\n"
        .repeat(8);
    let old = "one ".repeat(400);
    let messages = |has_old: bool| {
        let mut messages = vec![json!({"role": "system", "content": block})];
        if has_old {
            messages.push(json!({"role": "user", "content": old}));
            // A copy of it is not sent, and nothing may refer to it.
            messages.push(json!({"role": "assistant", "content": format!("{old}{block}")}));
        }
        messages.push(json!({"role": "user", "content": "and?"}));
        messages.push(json!({"role": "tool", "content": block}));
        json!({"messages": messages}).to_string()
    };
    let settings = json!({"repeats": {"enabled": true}, "window": {"enabled": true, "max_tokens": 600, "step_tokens": 10}});
    let trimmed = minimized(&messages(true), &config(&settings)).0;
    assert_eq!(trimmed, minimized(&messages(false), &config(&settings)).0);
    assert!(
        !trimmed.contains(&old) && trimmed.contains("2 messages earlier"),
        "{trimmed}"
    );
}

proptest! {
    /// Between two moves of the cut, what was sent is the beginning of what is sent.
    #[test]
    fn the_prefix_breaks_at_most_once_in_a_step(turns in proptest::collection::vec("u(ct){0,2}a", 1..12), step in 100u32..400) {
        let all = format!("s{}", turns.concat());
        let settings = json!({"window": {"enabled": true, "max_tokens": 1500, "step_tokens": step}});
        let config = config(&settings);
        let mut sent = String::new();
        let mut moved: Option<u64> = None;
        for len in 1..=all.len() {
            let body = body(&all[..len]);
            let (now, told) = minimized(&body, &config);
            prop_assert_eq!(told.too_long, None);
            let is_prefix = sent.strip_suffix("],\"n\":1}").is_none_or(|sent| now.starts_with(sent));
            if !is_prefix {
                let grown = read(Dialect::Chat, &body, |request| request.prompt_tokens(Accuracy::Fast));
                if let Some(before) = moved {
                    prop_assert!(grown + 10 >= before + u64::from(step), "{} after {}", grown, before);
                }
                moved = Some(grown);
            }
            sent = now;
        }
    }
}

#[test]
fn places_know_what_goes_before_them() {
    let gaps = [(10, 20), (30, 40), (40, 50)]
        .map(|(start, end)| Span::new(start, end))
        .to_vec();
    let fitted = Fitted {
        gaps,
        ..Fitted::default()
    };
    for (at, expected) in [
        (0, Some(0)),
        (10, None),
        (19, None),
        (20, Some(1)),
        (39, None),
        (40, None),
        (50, Some(3)),
        (99, Some(3)),
    ] {
        assert_eq!(fitted.gone_before(at), expected, "{at}");
    }
}
