//! What commands are given: numbers, words, and bytes in four spellings.

use std::collections::BTreeMap;

use crate::words;

/// An argument as a script writes it.
#[derive(Clone)]
pub enum Value {
    /// `7`, `-1` or `0xff`.
    Number(u64),
    /// `request_body`, a name given by `as`, or an argument of the callback.
    Word(String),
    /// `"text"` and whatever else becomes bytes: a pointer and a length.
    Bytes(Vec<u8>),
}

/// Numbers by name: arguments of the callback and names given by `as`.
pub type Names = BTreeMap<String, u64>;

impl Value {
    /// What it stands for as a number; nothing when it is bytes or an unknown word.
    pub fn number(&self, names: &Names) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Word(word) => names.get(word).copied().or_else(|| words::number(word)),
            Self::Bytes(_) => None,
        }
    }

    /// How many parameters of a function it becomes.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Bytes(_) => 2,
            _ => 1,
        }
    }
}

/// Pairs as the ABI hands them over: count, lengths, then names and values with a NUL each.
pub fn pairs(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = length(entries).to_vec();
    for (name, value) in entries {
        bytes.extend(length(name));
        bytes.extend(length(value));
    }
    for (name, value) in entries {
        for part in [name, value] {
            bytes.extend(part);
            bytes.push(0);
        }
    }
    bytes
}

fn length<T>(of: &[T]) -> [u8; 4] {
    (of.len() as u32).to_le_bytes()
}

/// One field of a protobuf message; nothing for a word, which is no value there.
pub fn proto_field(number: u64, value: &Value) -> Option<Vec<u8>> {
    const VARINT: u64 = 0;
    const LENGTH_DELIMITED: u64 = 2;
    let mut field = Vec::new();
    match value {
        Value::Number(content) => {
            varint(&mut field, number << 3 | VARINT);
            varint(&mut field, *content);
        }
        Value::Bytes(content) => {
            varint(&mut field, number << 3 | LENGTH_DELIMITED);
            varint(&mut field, content.len() as u64);
            field.extend(content);
        }
        Value::Word(_) => return None,
    }
    Some(field)
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
