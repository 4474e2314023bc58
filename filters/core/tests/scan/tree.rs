//! A JSON text as a tree with places, split the slow way with the help of serde_json.

use serde_json::Value;
use tollgate_core::Span;
use tollgate_core::scan::{JsonStr, RefusalKind, Type, Types};

use crate::oracle::Refused;

/// A value and where it stands.
pub struct Node {
    pub span: Span,
    pub kind: Kind,
}

pub enum Kind {
    Leaf(Value),
    Array(Vec<Node>),
    Object(Vec<(Member, Node)>),
}

pub struct Member {
    pub key: String,
    pub content: JsonStr,
}

/// Splits the value at `at` of a text that serde_json has accepted.
pub fn split(text: &[u8], at: &mut usize) -> Node {
    skip_space(text, at);
    let start = *at;
    let kind = match text[start] {
        b'[' => {
            let mut items = Vec::new();
            while next_element(text, at, b']') {
                items.push(split(text, at));
            }
            Kind::Array(items)
        }
        b'{' => {
            let mut members = Vec::new();
            while next_element(text, at, b'}') {
                skip_space(text, at);
                let key = *at;
                let Value::String(name) = leaf(text, at) else {
                    panic!("a key is a string")
                };
                let content = content(text, Span::new(key, *at));
                skip_space(text, at);
                assert_eq!(text[*at], b':');
                *at += 1;
                members.push((Member { key: name, content }, split(text, at)));
            }
            Kind::Object(members)
        }
        _ => Kind::Leaf(leaf(text, at)),
    };
    Node {
        span: Span::new(start, *at),
        kind,
    }
}

/// Steps over a bracket or comma; `false` at (and over) the closing bracket.
fn next_element(text: &[u8], at: &mut usize, close: u8) -> bool {
    skip_space(text, at);
    let opening = matches!(text[*at], b'[' | b'{');
    if text[*at] == close {
        *at += 1;
        return false;
    }
    *at += 1;
    skip_space(text, at);
    if opening && text[*at] == close {
        *at += 1;
        return false;
    }
    true
}

fn skip_space(text: &[u8], at: &mut usize) {
    while text[*at].is_ascii_whitespace() {
        *at += 1;
    }
}

fn leaf(text: &[u8], at: &mut usize) -> Value {
    let mut values = serde_json::Deserializer::from_slice(&text[*at..]).into_iter::<Value>();
    let value = values.next().expect("a value").expect("valid JSON");
    *at += values.byte_offset();
    value
}

/// What stands between the quotes of the string at `span`.
pub fn content(text: &[u8], span: Span) -> JsonStr {
    let inner = Span {
        start: span.start + 1,
        end: span.end - 1,
    };
    JsonStr {
        span: inner,
        escaped: inner.of(text).contains(&b'\\'),
    }
}

impl Node {
    pub fn type_of(&self) -> Type {
        match &self.kind {
            Kind::Array(_) => Type::Array,
            Kind::Object(_) => Type::Object,
            Kind::Leaf(Value::String(_)) => Type::String,
            Kind::Leaf(Value::Number(_)) => Type::Number,
            Kind::Leaf(Value::Bool(_)) => Type::Boolean,
            Kind::Leaf(_) => Type::Null,
        }
    }

    pub fn must_be(&self, types: &[Type], path: &str) -> Result<(), Refused> {
        let found = self.type_of();
        if types.contains(&found) {
            return Ok(());
        }
        let expected = types
            .iter()
            .fold(Types::default(), |all, one| all.with(*one));
        Err((
            RefusalKind::WrongType { expected, found },
            path.into(),
            self.span.start as usize,
        ))
    }

    pub fn is_null(&self) -> bool {
        self.type_of() == Type::Null
    }

    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Leaf(Value::String(word)) => Some(word),
            _ => None,
        }
    }
}
