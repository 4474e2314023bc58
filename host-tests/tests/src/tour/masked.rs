//! A masked question on its way: what the client says, what the upstream gets, and what comes back.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::CHAT;
use crate::stack::Stack;

/// What was said at each place of the way.
pub struct Masked {
    /// By the client.
    pub sent: String,
    /// As the upstream got it.
    pub received: String,
    /// By the model.
    pub answered: String,
    /// As the client got it.
    pub returned: String,
}

/// Asks a question with an address, which the model repeats.
///
/// # Errors
/// When it does not reach the upstream, or no answer comes back.
pub fn masked(stack: &Stack) -> Result<Masked> {
    let sent = "Tell bob@example.com that the order is late.";
    let answered = "I have written to [EMAIL_1].";
    let body = json!({"messages": [{"role": "user", "content": sent}]});
    let request = stack.client().post(CHAT).header("api-key", "any");
    let request = request.header("x-mock-answer", answered);
    let (answer, received) = super::sent_on(stack, request.json(&body)).context("a mask")?;
    Ok(Masked {
        sent: sent.to_owned(),
        received: text(&received.json()["messages"][0]["content"])?,
        answered: answered.to_owned(),
        returned: text(&answer.json()["choices"][0]["message"]["content"])?,
    })
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("no text there")
}
