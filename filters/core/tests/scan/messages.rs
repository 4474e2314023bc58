//! The oracle's part for messages, items, their parts and calls.

use tollgate_core::scan::{
    ItemKind, Message, Part, PartKind, Role, TextKind, ToolCall,
    Type::{Array, Null, Object, String as Str},
};

use crate::oracle::{Oracle, Refused, Seen};
use crate::tree::Node;

impl Oracle<'_> {
    fn start_message(&mut self, index: u32, node: &Node, path: &str) -> Result<Message, Refused> {
        node.must_be(&[Object], path)?;
        self.role = None;
        self.fields.messages += 1;
        self.seen.push(Seen::MessageStart(index, node.span.start));
        Ok(Message {
            index,
            span: node.span,
            ..Message::default()
        })
    }

    pub fn message(&mut self, index: u32, node: &Node, path: &str) -> Result<(), Refused> {
        let mut message = self.start_message(index, node, path)?;
        let known = [
            "role",
            "content",
            "name",
            "tool_calls",
            "tool_call_id",
            "function_call",
            "refusal",
            "audio",
        ];
        self.members(node, path, &known, &mut |oracle, key, node, path| {
            match key {
                "role" => {
                    node.must_be(&[Str], path)?;
                    message.role = node.word().map(role);
                    oracle.role = message.role;
                }
                "content" => {
                    node.must_be(&[Str, Array, Null], path)?;
                    oracle.text(TextKind::Content, node);
                    oracle.parts(TextKind::Content, node, path)?;
                }
                "name" => {
                    node.must_be(&[Str, Null], path)?;
                    message.name = oracle.text(TextKind::Name, node);
                }
                "tool_calls" => {
                    node.must_be(&[Array, Null], path)?;
                    oracle.elements(node, path, &mut |oracle, _, node, path| {
                        oracle.tool_call(node, path)
                    })?;
                }
                "tool_call_id" => {
                    node.must_be(&[Str, Null], path)?;
                    message.tool_call_id = oracle.string(node);
                }
                "function_call" => {
                    node.must_be(&[Object, Null], path)?;
                    if !node.is_null() {
                        let mut call = ToolCall {
                            span: node.span,
                            ..ToolCall::default()
                        };
                        oracle.called(node, path, &mut call)?;
                        oracle.seen.push(Seen::ToolCall(call));
                    }
                }
                "refusal" => {
                    node.must_be(&[Str, Null], path)?;
                    oracle.text(TextKind::Refusal, node);
                }
                _ => {
                    node.must_be(&[Object, Null], path)?;
                    oracle.fields.names_provider_state |= !node.is_null();
                }
            }
            Ok(())
        })?;
        self.seen.push(Seen::MessageEnd(message));
        self.role = None;
        Ok(())
    }

    fn tool_call(&mut self, node: &Node, path: &str) -> Result<(), Refused> {
        node.must_be(&[Object], path)?;
        let mut call = ToolCall {
            span: node.span,
            ..ToolCall::default()
        };
        self.members(
            node,
            path,
            &["id", "type", "function", "custom"],
            &mut |oracle, key, node, path| {
                match key {
                    "id" => {
                        node.must_be(&[Str, Null], path)?;
                        call.id = oracle.string(node).or(call.id);
                    }
                    "type" => {}
                    _ => {
                        node.must_be(&[Object], path)?;
                        oracle.called(node, path, &mut call)?;
                    }
                }
                Ok(())
            },
        )?;
        self.seen.push(Seen::ToolCall(call));
        Ok(())
    }

    fn called(&mut self, node: &Node, path: &str, call: &mut ToolCall) -> Result<(), Refused> {
        self.members(
            node,
            path,
            &["name", "arguments", "input"],
            &mut |oracle, key, node, path| {
                node.must_be(&[Str], path)?;
                if key == "name" {
                    call.name = oracle.text(TextKind::ToolName, node);
                } else {
                    call.arguments = oracle.text(TextKind::ToolArguments, node);
                }
                Ok(())
            },
        )
    }

    pub fn item(&mut self, index: u32, node: &Node, path: &str) -> Result<(), Refused> {
        let mut message = self.start_message(index, node, path)?;
        let mut call = ToolCall {
            span: node.span,
            ..ToolCall::default()
        };
        let mut kind = None;
        let known = [
            "type",
            "role",
            "content",
            "call_id",
            "name",
            "arguments",
            "input",
            "output",
            "summary",
            "id",
            "status",
            "encrypted_content",
        ];
        self.members(node, path, &known, &mut |oracle, key, node, path| {
            match key {
                "type" => {
                    node.must_be(&[Str, Null], path)?;
                    kind = node.word().map(|word| match word {
                        "message" => ItemKind::Message,
                        "function_call" | "custom_tool_call" => ItemKind::ToolCall,
                        "function_call_output" | "custom_tool_call_output" => ItemKind::ToolOutput,
                        "reasoning" => ItemKind::Reasoning,
                        "item_reference" => ItemKind::Reference,
                        _ => ItemKind::Other,
                    });
                }
                "role" => {
                    node.must_be(&[Str, Null], path)?;
                    message.role = node.word().map(role);
                    oracle.role = message.role;
                }
                "content" => {
                    node.must_be(&[Str, Array, Null], path)?;
                    oracle.text(TextKind::Content, node);
                    oracle.parts(TextKind::Content, node, path)?;
                }
                "call_id" => {
                    node.must_be(&[Str, Null], path)?;
                    call.id = oracle.string(node);
                }
                "name" => {
                    node.must_be(&[Str, Null], path)?;
                    call.name = oracle.text(TextKind::ToolName, node);
                }
                "arguments" | "input" => {
                    node.must_be(&[Str, Null], path)?;
                    call.arguments = oracle
                        .text(TextKind::ToolArguments, node)
                        .or(call.arguments);
                }
                "output" => {
                    node.must_be(&[Str, Array, Object, Null], path)?;
                    oracle.text(TextKind::ToolOutput, node);
                    oracle.parts(TextKind::ToolOutput, node, path)?;
                    if node.type_of() == Object {
                        oracle.part(TextKind::ToolOutput, 0, node, path)?;
                    }
                }
                "summary" => {
                    node.must_be(&[Array, Null], path)?;
                    oracle.parts(TextKind::Reasoning, node, path)?;
                }
                _ => {}
            }
            Ok(())
        })?;
        let without_type = if message.role.is_some() {
            ItemKind::Message
        } else {
            ItemKind::Reference
        };
        message.kind = kind.unwrap_or(without_type);
        match message.kind {
            ItemKind::ToolCall => self.seen.push(Seen::ToolCall(call)),
            ItemKind::ToolOutput | ItemKind::Other => message.tool_call_id = call.id,
            ItemKind::Reference => self.fields.names_provider_state = true,
            _ => {}
        }
        self.seen.push(Seen::MessageEnd(message));
        self.role = None;
        Ok(())
    }

    fn parts(&mut self, kind: TextKind, node: &Node, path: &str) -> Result<(), Refused> {
        self.elements(node, path, &mut |oracle, index, node, path| {
            node.must_be(&[Object], path)?;
            oracle.part(kind, index, node, path)
        })
    }

    fn part(&mut self, kind: TextKind, index: u32, node: &Node, path: &str) -> Result<(), Refused> {
        let mut part = Part {
            index,
            span: node.span,
            ..Part::default()
        };
        let known = [
            "type",
            "text",
            "refusal",
            "image_url",
            "detail",
            "input_audio",
            "file",
            "file_id",
            "file_data",
            "file_url",
            "filename",
        ];
        self.members(node, path, &known, &mut |oracle, key, node, path| {
            match key {
                "type" => {
                    node.must_be(&[Str], path)?;
                    part.kind = match node.word().expect("a string") {
                        "text" | "input_text" | "output_text" | "summary_text"
                        | "reasoning_text" => PartKind::Text,
                        "refusal" => PartKind::Refusal,
                        "image_url" | "input_image" | "computer_screenshot" => PartKind::Image,
                        "input_audio" => PartKind::Audio,
                        "file" | "input_file" => PartKind::File,
                        _ => PartKind::Other,
                    };
                }
                "text" => {
                    node.must_be(&[Str, Null], path)?;
                    oracle.text(kind, node);
                }
                "refusal" => {
                    node.must_be(&[Str, Null], path)?;
                    oracle.text(TextKind::Refusal, node);
                }
                "image_url" => {
                    node.must_be(&[Str, Object, Null], path)?;
                    part.url = oracle.string(node).or(part.url);
                    oracle.members(
                        node,
                        path,
                        &["url", "detail"],
                        &mut |oracle, key, node, path| {
                            if key == "url" {
                                node.must_be(&[Str], path)?;
                                part.url = oracle.string(node);
                            } else {
                                node.must_be(&[Str, Null], path)?;
                                part.detail = oracle.string(node).or(part.detail);
                            }
                            Ok(())
                        },
                    )?;
                }
                "detail" => {
                    node.must_be(&[Str, Null], path)?;
                    part.detail = oracle.string(node).or(part.detail);
                }
                "input_audio" => {
                    node.must_be(&[Object], path)?;
                    oracle.members(
                        node,
                        path,
                        &["data", "format"],
                        &mut |oracle, key, node, path| {
                            node.must_be(&[Str], path)?;
                            let place = if key == "data" {
                                &mut part.data
                            } else {
                                &mut part.format
                            };
                            *place = oracle.string(node);
                            Ok(())
                        },
                    )?;
                }
                "file" => {
                    node.must_be(&[Object], path)?;
                    let known = ["file_id", "file_data", "filename"];
                    oracle.members(node, path, &known, &mut |oracle, key, node, path| {
                        oracle.file(&mut part, key, node, path)
                    })?;
                }
                _ => oracle.file(&mut part, key, node, path)?,
            }
            Ok(())
        })?;
        self.seen.push(Seen::Part(part));
        Ok(())
    }

    fn file(&mut self, part: &mut Part, key: &str, node: &Node, path: &str) -> Result<(), Refused> {
        node.must_be(&[Str, Null], path)?;
        let place = match key {
            "file_id" => {
                self.fields.names_provider_state |= !node.is_null();
                &mut part.file_id
            }
            "file_data" => &mut part.data,
            "file_url" => &mut part.url,
            _ => &mut part.filename,
        };
        *place = self.string(node).or(*place);
        Ok(())
    }
}

fn role(word: &str) -> Role {
    match word {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "function" => Role::Function,
        _ => Role::Other,
    }
}
