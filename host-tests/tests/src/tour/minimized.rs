//! An agent's conversation with and without the prompt-minimizer: what is sent of it, what that
//! costs, and that a second turn begins with what the first one sent.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{CHAT, UNFILTERED_CHAT, prompt_tokens};
use crate::client::Response;
use crate::stack::Stack;

/// One turn of the conversation, with all that was said before it.
pub struct Turn {
    /// The body that the client sent.
    pub sent: String,
    /// Prompt tokens the model counts of that.
    pub sent_tokens: u64,
    /// The body that the upstream got.
    pub received: String,
    /// Prompt tokens the model counts of that.
    pub received_tokens: u64,
    /// Tokens the filter says it saved: `x-tollgate-tokens-saved`.
    pub saved: u64,
}

/// Asks twice about the weather, each time with what a tool gave back: JSON, pretty-printed as
/// tools do. What it costs as the client wrote it is counted on the route without the filters.
///
/// # Errors
/// When a turn does not reach the upstream, or an answer does not say what it cost.
pub fn conversation(stack: &Stack) -> Result<[Turn; 2]> {
    let turn = |questions: usize| -> Result<Turn> {
        let body = json!({"messages": messages(questions)});
        let send = |path| {
            let request = stack.client().post(path).header("api-key", "any");
            super::sent_on(stack, request.json(&body)).context("a turn of a conversation")
        };
        let tokens = |answer: &Response| prompt_tokens(&answer.json()).context("no usage");
        let (unfiltered, _) = send(UNFILTERED_CHAT)?;
        let (answer, received) = send(CHAT)?;
        let saved = answer.header("x-tollgate-tokens-saved");
        Ok(Turn {
            sent: body.to_string(),
            sent_tokens: tokens(&unfiltered)?,
            received: String::from_utf8(received.body.to_vec())?,
            received_tokens: tokens(&answer)?,
            saved: saved.context("nothing says what was saved")?.parse()?,
        })
    };
    Ok([turn(1)?, turn(2)?])
}

/// What two bodies that hold nothing but messages have in common when the one's messages are
/// the beginning of the other's, byte for byte: what the provider's prompt cache has already.
///
/// # Errors
/// When they are not.
pub fn kept<'a>(first: &'a str, second: &str) -> Result<&'a str> {
    let kept = first.strip_suffix("]}").context("not a list of messages")?;
    let after = second.strip_prefix(kept);
    ensure!(
        after.is_some_and(|after| after.starts_with(',')),
        "the second turn does not begin with what the first one sent:\n{first}\n{second}"
    );
    Ok(kept)
}

/// How what the tool gave back begins in a body, as JSON writes it.
///
/// # Errors
/// When there is none.
pub fn tool_result(body: &str, length: usize) -> Result<String> {
    let body: Value = serde_json::from_str(body)?;
    let messages = body["messages"].as_array().context("no messages")?;
    let result = messages.iter().find(|message| message["role"] == "tool");
    let result = result.context("no tool's message")?["content"].to_string();
    Ok(result.chars().take(length).chain(['…']).collect())
}

/// The messages up to and with the tool's answer to the last of so many questions.
fn messages(questions: usize) -> Vec<Value> {
    let system = json!({"role": "system", "content": "Answer from what the tools say."});
    let turns = ["Oslo", "Zürich"].into_iter().take(questions);
    let turns = turns.enumerate().flat_map(|(at, city)| {
        let id = format!("call_{at}");
        let arguments = json!({ "city": city }).to_string();
        let forecast = format!("{:#}", forecast(city));
        let answer = json!({"role": "assistant", "content": "It will be mild, and mostly dry."});
        let asked = [
            json!({"role": "user", "content": format!("What will the weather be in {city}?")}),
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": id, "type": "function", "function": {"name": "forecast", "arguments": arguments}}]}),
            json!({"role": "tool", "tool_call_id": id, "content": forecast}),
        ];
        let is_answered = at + 1 < questions;
        asked.into_iter().chain(is_answered.then_some(answer))
    });
    std::iter::once(system).chain(turns).collect()
}

fn forecast(city: &str) -> Value {
    let hours = (6..18).map(|hour| {
        json!({
            "hour": format!("{hour:02}:00"),
            "temperature": { "value": 8.5 + f64::from(hour) / 2.0, "unit": "celsius" },
            "wind": { "speed": 3 + hour % 4, "direction": "SW" },
        })
    });
    json!({ "city": city, "hours": hours.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_turns_share_is_all_of_the_first() {
        for (first, second, expected) in [
            (
                r#"{"messages":[1]}"#,
                r#"{"messages":[1,2]}"#,
                Some(r#"{"messages":[1"#),
            ),
            (r#"{"messages":[1]}"#, r#"{"messages":[ 1,2]}"#, None),
            (r#"{"messages":[1]}"#, r#"{"messages":[12]}"#, None),
            (r#"{"messages":[1]}"#, r#"{"messages":[1]}"#, None),
            (
                r#"{"messages":[1],"n":1}"#,
                r#"{"messages":[1,2],"n":1}"#,
                None,
            ),
        ] {
            assert_eq!(kept(first, second).ok(), expected, "{first} {second}");
        }
    }
}
