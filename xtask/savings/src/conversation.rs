//! A conversation as the body of a chat request.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use serde_json::{Value, json};

use crate::Random;

/// A conversation in the making.
#[derive(Clone)]
pub(crate) struct Conversation {
    tools: Vec<Value>,
    messages: Vec<Value>,
}

impl Conversation {
    /// One that begins with what the system says, if it says something.
    pub(crate) fn new(system: &str) -> Conversation {
        let mut conversation = Conversation {
            tools: Vec::new(),
            messages: Vec::new(),
        };
        if !system.is_empty() {
            conversation.say("system", system);
        }
        conversation
    }

    /// Offers a tool with one parameter.
    pub(crate) fn tool(&mut self, name: &str, description: &str, parameter: &str) {
        let properties =
            json!({parameter: {"type": "string", "description": format!("The {parameter}.")}});
        self.tools.push(
            json!({"type": "function", "function": {"name": name, "description": description,
            "parameters": {"type": "object", "properties": properties, "required": [parameter]}}}),
        );
    }

    pub(crate) fn user(&mut self, text: &str) {
        self.say("user", text);
    }

    pub(crate) fn assistant(&mut self, text: &str) {
        self.say("assistant", text);
    }

    /// The model calls a tool, which answers.
    pub(crate) fn call(
        &mut self,
        random: &mut Random,
        name: &str,
        arguments: &Value,
        result: &str,
    ) {
        let id = format!("call_{}", random.hex(16));
        self.messages.push(
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": id,
            "type": "function", "function": {"name": name, "arguments": arguments.to_string()}}]}),
        );
        self.messages
            .push(json!({"role": "tool", "tool_call_id": id, "content": result}));
    }

    /// Goes on with another one.
    pub(crate) fn append(&mut self, other: Conversation) {
        self.messages.extend(other.messages);
    }

    fn say(&mut self, role: &str, text: &str) {
        self.messages.push(json!({"role": role, "content": text}));
    }

    /// The body as its client writes it.
    pub(crate) fn into_body(self, client: Client) -> Vec<u8> {
        let mut body = json!({"model": "gpt-4o", "messages": self.messages});
        if !self.tools.is_empty() {
            body["tools"] = Value::from(self.tools);
        }
        match client {
            Client::Sdk => body.to_string().into_bytes(),
            Client::JsonDumps => written(&body, JsonDumps).into_bytes(),
        }
    }
}

/// Who writes the body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    /// OpenAI's SDKs: no white space, characters outside ASCII as they are.
    Sdk,
    /// Python's `json.dumps` as it is if it is told nothing.
    JsonDumps,
}

/// JSON with so many spaces for each level, as `json.dumps(…, indent=4)` and
/// `JSON.stringify(…, null, 2)` write it.
pub(crate) fn pretty(value: &Value, indent: usize) -> String {
    let spaces = " ".repeat(indent);
    written(value, PrettyFormatter::with_indent(spaces.as_bytes()))
}

fn written(value: &Value, formatter: impl Formatter) -> String {
    let mut written = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut written, formatter);
    let result = value.serialize(&mut serializer);
    result.expect("a value of JSON can be written");
    String::from_utf8(written).expect("JSON is UTF-8")
}

/// A space behind commas and colons, and `\uXXXX` for characters outside ASCII.
struct JsonDumps;

impl JsonDumps {
    fn comma<W: ?Sized + Write>(writer: &mut W, is_first: bool) -> io::Result<()> {
        match is_first {
            true => Ok(()),
            false => writer.write_all(b", "),
        }
    }
}

impl Formatter for JsonDumps {
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        JsonDumps::comma(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        JsonDumps::comma(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            match character.is_ascii() {
                true => write!(writer, "{character}")?,
                false => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_clients_write_it() {
        let value = json!({"a": [1, "é😀\n"], "b": {}});
        for (written, expected) in [
            (
                written(&value, JsonDumps),
                r#"{"a": [1, "\u00e9\ud83d\ude00\n"], "b": {}}"#,
            ),
            (
                pretty(&json!([{"a": 1}]), 2),
                "[\n  {\n    \"a\": 1\n  }\n]",
            ),
        ] {
            assert_eq!(written, expected);
            serde_json::from_str::<Value>(&written).unwrap();
        }
    }
}
