//! The request scanner written the slow and obvious way: split into a tree with the help
//! of serde_json, walked by recursion. It shares no code with the scanner but the names of
//! what is found.

use serde_json::Value;
use tollgate_core::Span;
use tollgate_core::endpoint::Dialect;
use tollgate_core::scan::{
    Field, Fields, JsonStr, Message, Part, RefusalKind, Role, TextKind, ToolCall,
    Type::{Array, Boolean, Null, Number, Object, String as Str},
};

use crate::tree::{Kind, Node, content, split};

/// An event with its texts put together.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    MessageStart(u32, u32),
    Text(TextKind, Option<Role>, JsonStr),
    Part(Part),
    ToolCall(ToolCall),
    MessageEnd(Message),
    TokenIds(u64, Span),
    Field(Field, Span),
    UnknownField(JsonStr, Span),
    UnknownMember(JsonStr, Span),
}

/// What, where by name, and at which byte.
pub type Refused = (RefusalKind, String, usize);

/// What to do with a known member: its key, value and path.
type VisitMember<'v, 'a> =
    &'v mut dyn FnMut(&mut Oracle<'a>, &str, &Node, &str) -> Result<(), Refused>;

/// What to do with an element: its index, value and path.
type VisitElement<'v, 'a> =
    &'v mut dyn FnMut(&mut Oracle<'a>, u32, &Node, &str) -> Result<(), Refused>;

/// What the scanner is expected to say of a body that is JSON.
pub struct Oracle<'a> {
    text: &'a [u8],
    pub seen: Vec<Seen>,
    pub fields: Fields,
    /// The role of the message at hand, once it has been read.
    pub role: Option<Role>,
}

impl<'a> Oracle<'a> {
    pub fn new(text: &'a [u8]) -> Oracle<'a> {
        Oracle {
            text,
            seen: Vec::new(),
            fields: Fields::default(),
            role: None,
        }
    }

    pub fn request(&mut self, dialect: Dialect) -> Result<(), Refused> {
        let root = split(self.text, &mut 0);
        if root.type_of() != Object {
            return Err((
                RefusalKind::NotAnObject,
                String::new(),
                root.span.start as usize,
            ));
        }
        let known: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
        self.members(&root, "", &known, &mut |oracle, key, node, path| {
            oracle.top(dialect, key, node, path)?;
            let field = Field::named(key.as_bytes()).expect("a known key");
            oracle.seen.push(Seen::Field(field, node.span));
            Ok(())
        })
    }

    fn top(&mut self, dialect: Dialect, key: &str, node: &Node, path: &str) -> Result<(), Refused> {
        let boolean = match &node.kind {
            Kind::Leaf(Value::Bool(boolean)) => Some(*boolean),
            _ => None,
        };
        match (key, dialect) {
            ("model", _) => {
                node.must_be(&[Str, Null], path)?;
                self.fields.model = self.string(node);
            }
            ("user", _) => {
                node.must_be(&[Str, Null], path)?;
                self.fields.user = self.string(node);
            }
            ("stream", _) => {
                node.must_be(&[Boolean, Null], path)?;
                self.fields.stream = boolean;
            }
            ("store", _) => {
                node.must_be(&[Boolean, Null], path)?;
                self.fields.store = boolean;
            }
            ("stream_options", _) => {
                node.must_be(&[Object, Null], path)?;
                self.members(
                    node,
                    path,
                    &["include_usage"],
                    &mut |oracle, _, node, path| {
                        node.must_be(&[Boolean, Null], path)?;
                        if let Kind::Leaf(Value::Bool(usage)) = node.kind {
                            oracle.fields.include_usage = Some(usage);
                        }
                        Ok(())
                    },
                )?;
            }
            ("max_tokens", _) => self.fields.max_tokens = self.count(node, path)?,
            ("max_completion_tokens", _) => {
                self.fields.max_completion_tokens = self.count(node, path)?;
            }
            ("max_output_tokens", _) => self.fields.max_output_tokens = self.count(node, path)?,
            ("n", _) => self.fields.n = self.count(node, path)?,
            ("best_of", _) => self.fields.best_of = self.count(node, path)?,
            ("messages", Dialect::Chat) => {
                node.must_be(&[Array], path)?;
                self.elements(node, path, &mut |oracle, index, node, path| {
                    oracle.message(index, node, path)
                })?;
            }
            ("prompt", Dialect::Completions) => {
                node.must_be(&[Str, Array, Null], path)?;
                self.inputs(TextKind::Prompt, node, path)?;
            }
            ("input", Dialect::Embeddings) => {
                node.must_be(&[Str, Array], path)?;
                self.inputs(TextKind::EmbeddingInput, node, path)?;
            }
            ("suffix", Dialect::Completions) => {
                node.must_be(&[Str, Null], path)?;
                self.text(TextKind::Suffix, node);
            }
            ("input", Dialect::Responses) => {
                node.must_be(&[Str, Array, Null], path)?;
                self.text(TextKind::Content, node);
                self.elements(node, path, &mut |oracle, index, node, path| {
                    oracle.item(index, node, path)
                })?;
            }
            ("instructions", Dialect::Responses) => {
                node.must_be(&[Str, Null], path)?;
                self.text(TextKind::Instructions, node);
            }
            ("previous_response_id", Dialect::Responses) => {
                node.must_be(&[Str, Null], path)?;
                self.fields.names_provider_state |= !node.is_null();
            }
            ("conversation", Dialect::Responses) => {
                node.must_be(&[Str, Object, Null], path)?;
                self.fields.names_provider_state |= !node.is_null();
            }
            ("prompt", Dialect::Responses) => {
                node.must_be(&[Object, Null], path)?;
                self.fields.names_provider_state |= !node.is_null();
            }
            ("text", Dialect::Responses) => {
                node.must_be(&[Object, Null], path)?;
                self.members(
                    node,
                    path,
                    &["format", "verbosity"],
                    &mut |oracle, key, node, _| {
                        let field = if key == "format" {
                            Field::ResponseFormat
                        } else {
                            Field::Verbosity
                        };
                        oracle.seen.push(Seen::Field(field, node.span));
                        Ok(())
                    },
                )?;
            }
            ("reasoning", Dialect::Responses) => {
                node.must_be(&[Object, Null], path)?;
                self.members(node, path, &["effort"], &mut |oracle, _, node, _| {
                    oracle
                        .seen
                        .push(Seen::Field(Field::ReasoningEffort, node.span));
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Visits the members of an object that the schema knows, and reports the others.
    pub fn members(
        &mut self,
        object: &Node,
        path: &str,
        known: &[&str],
        visit: VisitMember<'_, 'a>,
    ) -> Result<(), Refused> {
        let Kind::Object(members) = &object.kind else {
            return Ok(());
        };
        let mut had: Vec<&str> = Vec::new();
        for (member, node) in members {
            let key = member.key.as_str();
            if !known.contains(&key) {
                let lower = key.to_ascii_lowercase();
                if known.contains(&lower.as_str()) {
                    let inner = if path.is_empty() {
                        lower
                    } else {
                        format!("{path}.{lower}")
                    };
                    let at = member.content.span.start as usize - 1;
                    return Err((RefusalKind::MiscasedKey, inner, at));
                }
                let (content, value) = (member.content, node.span);
                self.seen.push(if path.is_empty() {
                    Seen::UnknownField(content, value)
                } else {
                    Seen::UnknownMember(content, value)
                });
                continue;
            }
            let inner = if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            };
            let at = member.content.span.start as usize - 1;
            if member.content.escaped {
                return Err((RefusalKind::EscapedKey, inner, at));
            }
            if had.contains(&key) {
                return Err((RefusalKind::DuplicateKey, inner, at));
            }
            had.push(key);
            visit(self, key, node, &inner)?;
        }
        Ok(())
    }

    pub fn elements(
        &mut self,
        array: &Node,
        path: &str,
        visit: VisitElement<'_, 'a>,
    ) -> Result<(), Refused> {
        let Kind::Array(nodes) = &array.kind else {
            return Ok(());
        };
        for (index, node) in (0..).zip(nodes) {
            visit(self, index, node, &format!("{path}[{index}]"))?;
        }
        Ok(())
    }

    pub fn string(&self, node: &Node) -> Option<JsonStr> {
        node.word().map(|_| content(self.text, node.span))
    }

    pub fn text(&mut self, kind: TextKind, node: &Node) -> Option<JsonStr> {
        let string = self.string(node)?;
        self.seen.push(Seen::Text(kind, self.role, string));
        Some(string)
    }

    fn count(&self, node: &Node, path: &str) -> Result<Option<u64>, Refused> {
        node.must_be(&[Number, Null], path)?;
        if node.is_null() {
            return Ok(None);
        }
        let digits = std::str::from_utf8(node.span.of(self.text)).expect("ASCII");
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err((
                RefusalKind::NotACount,
                path.into(),
                node.span.start as usize,
            ));
        }
        Ok(Some(digits.parse().unwrap_or(u64::MAX)))
    }

    /// A string, strings, token ids, or arrays of token ids.
    fn inputs(&mut self, kind: TextKind, node: &Node, path: &str) -> Result<(), Refused> {
        self.fields.inputs += u32::from(self.text(kind, node).is_some());
        let mut direct = 0;
        self.elements(node, path, &mut |oracle, _, node, path| {
            node.must_be(&[Str, Number, Array], path)?;
            match node.type_of() {
                Str => {
                    oracle.text(kind, node);
                    oracle.fields.inputs += 1;
                }
                Number => direct += u64::from(oracle.count(node, path)?.is_some()),
                _ => {
                    // Ids that stood before it in the outer array are counted with it.
                    let mut ids = std::mem::take(&mut direct);
                    oracle.elements(node, path, &mut |oracle, _, node, path| {
                        node.must_be(&[Number], path)?;
                        ids += u64::from(oracle.count(node, path)?.is_some());
                        Ok(())
                    })?;
                    oracle.token_ids(ids, node.span);
                }
            }
            Ok(())
        })?;
        if direct > 0 {
            self.token_ids(direct, node.span);
        }
        Ok(())
    }

    fn token_ids(&mut self, ids: u64, span: Span) {
        self.fields.inputs += 1;
        self.fields.token_ids += ids;
        self.seen.push(Seen::TokenIds(ids, span));
    }
}
