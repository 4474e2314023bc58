//! A set of conversations, one a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// A conversation as it ended, in the shape of a chat request.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// What its requests say besides: `model`, `tools` and the like.
    pub fields: Map<String, Value>,
    /// Its messages, the assistant's included.
    pub messages: Vec<Value>,
}

/// A request of a conversation, and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The body of the request.
    pub body: Vec<u8>,
    /// The message that answered it; `null` where the conversation ends with the question.
    pub answer: Value,
}

impl Conversation {
    /// A conversation that says nothing but its messages.
    pub fn of(messages: Vec<Value>) -> Conversation {
        Conversation {
            fields: Map::new(),
            messages,
        }
    }

    /// Its requests: one for every message of the assistant, and for what nobody answered. Each
    /// has all messages before.
    pub fn turns(&self) -> impl Iterator<Item = Turn> {
        let is_assistants = |message: &Value| message["role"] == "assistant";
        let ends = (1..=self.messages.len()).filter(move |&end| {
            let next = self.messages.get(end);
            let last = end.checked_sub(1).and_then(|last| self.messages.get(last));
            next.is_none_or(is_assistants) && last.is_some_and(|last| !is_assistants(last))
        });
        ends.map(|end| {
            let mut fields = self.fields.clone();
            let messages = self.messages.get(..end).unwrap_or_default();
            fields.insert("messages".to_owned(), messages.into());
            Turn {
                body: Value::Object(fields).to_string().into_bytes(),
                answer: self.messages.get(end).cloned().unwrap_or_default(),
            }
        })
    }
}

/// Reads a file of JSON objects, one a line, each with `messages` as the body of a chat request
/// has, those of the assistant included. Other members that begin a request (`model`, `tools`) are
/// sent with every turn; `id` is not.
///
/// # Errors
/// Where a line is none, with its number.
pub fn read(file: &Path) -> Result<Vec<Conversation>> {
    let lines = BufReader::new(File::open(file).with_context(|| file.display().to_string())?);
    let mut conversations = Vec::new();
    for (number, line) in (1..).zip(lines.lines()) {
        let place = || format!("{}:{number}", file.display());
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let read: Value = serde_json::from_str(&line).with_context(place)?;
        let Value::Object(mut fields) = read else {
            bail!(r#"{}: not an object with "messages""#, place());
        };
        fields.remove("id");
        let Some(Value::Array(messages)) = fields.remove("messages") else {
            bail!(r#"{}: has no list of "messages""#, place());
        };
        conversations.push(Conversation { fields, messages });
    }
    Ok(conversations)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_turn_has_all_messages_before_the_answer() {
        let said = |role: &str| json!({"role": role, "content": role});
        for (roles, expected) in [
            (&[][..], &[][..]),
            (&["user"], &[(1, "")]),
            (&["system", "user", "assistant"], &[(2, "assistant")]),
            (
                &["user", "user", "assistant", "tool", "assistant", "user"],
                &[(2, "assistant"), (4, "assistant"), (6, "")],
            ),
            (&["assistant", "assistant", "user"], &[(3, "")]),
        ] {
            let conversation = Conversation::of(roles.iter().map(|role| said(role)).collect());
            let turns: Vec<(usize, String)> = conversation
                .turns()
                .map(|turn| {
                    let body: Value = serde_json::from_slice(&turn.body).unwrap();
                    let answer = turn.answer["role"].as_str().unwrap_or_default();
                    (
                        body["messages"].as_array().unwrap().len(),
                        answer.to_owned(),
                    )
                })
                .collect();
            let turns: Vec<(usize, &str)> = turns
                .iter()
                .map(|(count, role)| (*count, &**role))
                .collect();
            assert_eq!(turns, expected, "{roles:?}");
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let file = std::env::temp_dir().join(format!("conversations-{}.jsonl", std::process::id()));
        for (text, expected) in [
            (
                "{\"messages\":[]}\n\n{\"id\":1,\"messages\":[],\"model\":\"m\"}",
                "",
            ),
            ("{\"messages\":[]}\n{\"messages\":", ":2"),
            ("[]", ":1: not an object"),
            ("{\"messages\":{}}", ":1: has no list"),
        ] {
            std::fs::write(&file, text).unwrap();
            match read(&file) {
                Ok(conversations) => {
                    assert_eq!(expected, "");
                    assert_eq!(conversations.len(), 2);
                    assert_eq!(conversations[1].fields.len(), 1);
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    assert!(!expected.is_empty() && error.contains(expected), "{error}");
                }
            }
        }
        std::fs::remove_file(&file).unwrap();
        let error = format!("{:#}", read(&file).unwrap_err());
        assert!(error.contains("conversations-"), "{error}");
    }
}
