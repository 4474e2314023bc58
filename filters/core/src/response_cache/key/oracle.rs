//! What a key is made of, said naively: the body is parsed into a tree, each field written out as
//! text, and that hashed in one go.

use crate::endpoint::Dialect;
use crate::response_cache::keyer::{Digest, Keyer, Of};
use crate::scan::Field;

/// A value by its meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Word(&'static str),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// DIGITS times ten to the power of `exponent`; zero has none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) is_negative: bool,
    pub(super) digits: String,
    pub(super) exponent: i128,
}

/// A top-level field: its key and value as they stand, and the value's meaning.
type Member<'a> = (&'a str, &'a str, Json);

const NO_MATTER: [&str; 7] = [
    "stream",
    "stream_options",
    "user",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "store",
];

const BEFORE_A_CONVERSATION: [&str; 6] = [
    "model",
    "instructions",
    "tools",
    "functions",
    "response_format",
    "text",
];

/// What of a request counts.
#[derive(Debug, PartialEq)]
pub(super) struct Meaning<'a> {
    /// In a fixed order.
    known: Vec<(&'a str, Json)>,
    /// In their own order, as they stand.
    unknown: Vec<(&'a str, &'a str)>,
}

pub(super) fn meaning(body: &str) -> Meaning<'_> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (key, raw, value) in members(body) {
        match Field::named(key.as_bytes()) {
            None => unknown.push((key, raw)),
            Some(_) if NO_MATTER.contains(&key) || value == Json::Word("null") => {}
            Some(_) => known.push((key, value)),
        }
    }
    known.sort_by_key(|(key, _)| *key);
    Meaning { known, unknown }
}

/// The hash of all fields, and that of those before a conversation.
pub(super) fn digests(keyer: Keyer, dialect: Dialect, body: &str) -> (Digest, Digest) {
    let tag = match dialect {
        Dialect::Chat => b"c",
        Dialect::Completions => b"l",
        Dialect::Embeddings => b"e",
        Dialect::Responses => b"r",
    };
    let hash = |of: Of, text: &[u8]| {
        let mut hasher = keyer.hasher(of);
        hasher.write(text);
        hasher.digest()
    };
    let field = |key: &str, text: &str| {
        let text = [key.as_bytes(), b"\xff", text.as_bytes()].concat();
        hash(Of::Field, &text).as_bytes().to_vec()
    };
    let Meaning { known, unknown } = meaning(body);
    let (mut all, mut before, mut others) = (tag.to_vec(), tag.to_vec(), Vec::new());
    for (key, value) in known {
        let digest = field(key, &value.text());
        all.extend_from_slice(&digest);
        if BEFORE_A_CONVERSATION.contains(&key) {
            before.extend_from_slice(&digest);
        }
    }
    for (key, raw) in unknown {
        others.extend_from_slice(&field(key, raw));
    }
    all.extend_from_slice(hash(Of::Unknown, &others).as_bytes());
    (hash(Of::Body, &all), hash(Of::Context, &before))
}

/// The hashes of a conversation at each of its marks.
pub(super) fn marks(keyer: Keyer, field: &str, body: &str) -> Vec<u128> {
    let Some((_, _, conversation)) = members(body).into_iter().find(|(key, ..)| *key == field)
    else {
        return Vec::new();
    };
    // Canonical text up to the end of each message.
    let ends: Vec<usize> = match &conversation {
        Json::Array(messages) => (1..=messages.len())
            .filter(|count| matches!(messages[count - 1], Json::Object(_) | Json::Array(_)))
            .map(|count| Json::Array(messages[..count].to_vec()).text().len() - 1)
            .collect(),
        Json::String(_) => vec![conversation.text().len()],
        _ => Vec::new(),
    };
    let text = conversation.text();
    let (mut places, mut last) = (Vec::new(), 0);
    for end in ends.iter().copied().chain([text.len()]) {
        while last + 1024 <= end {
            last += 1024;
            places.push(last);
        }
        if last < end && ends.contains(&end) {
            last = end;
            places.push(last);
        }
    }
    let hash = |place: usize| {
        let mut hasher = keyer.hasher(Of::Field);
        hasher.write(&[field.as_bytes(), b"\xff", &text.as_bytes()[..place]].concat());
        hasher.digest().short()
    };
    places.into_iter().map(hash).collect()
}

/// The members of the object that `body` is.
fn members(body: &str) -> Vec<Member<'_>> {
    let mut parser = Parser { text: body, at: 0 };
    parser.space();
    parser.take("{");
    let mut members = Vec::new();
    while !parser.takes("}") {
        parser.space();
        let start = parser.at + 1;
        parser.string();
        let key = &body[start..parser.at - 1];
        parser.space();
        parser.take(":");
        parser.space();
        let start = parser.at;
        let value = parser.value();
        members.push((key, &body[start..parser.at], value));
        parser.space();
        parser.takes(",");
    }
    members
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\n', '\r', '\t']).len();
    }

    fn takes(&mut self, expected: &str) -> bool {
        self.space();
        let is = self.rest().starts_with(expected);
        self.at += if is { expected.len() } else { 0 };
        is
    }

    fn take(&mut self, expected: &str) {
        assert!(self.takes(expected), "{expected} at {}", self.at);
    }

    fn string(&mut self) -> String {
        let rest = self.rest().as_bytes();
        let mut end = 1;
        while rest[end] != b'"' {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let string = serde_json::from_slice(&rest[..=end]).unwrap();
        self.at += end + 1;
        string
    }

    fn value(&mut self) -> Json {
        self.space();
        if self.rest().starts_with('"') {
            return Json::String(self.string());
        }
        if self.takes("[") {
            let mut items = Vec::new();
            while !self.takes("]") {
                items.push(self.value());
                self.takes(",");
            }
            return Json::Array(items);
        }
        if self.takes("{") {
            let mut members = Vec::new();
            while !self.takes("}") {
                self.space();
                let key = self.string();
                self.take(":");
                members.push((key, self.value()));
                self.takes(",");
            }
            return Json::Object(members);
        }
        for word in ["true", "false", "null"] {
            if self.takes(word) {
                return Json::Word(word);
            }
        }
        let end = self.rest().find([',', ']', '}', ' ', '\n', '\r', '\t']);
        let number = self.rest()[..end.unwrap()].to_owned();
        self.at += number.len();
        Json::Number(Number::of(&number))
    }
}

impl Number {
    fn of(spelled: &str) -> Number {
        let unsigned = spelled.trim_start_matches('-');
        let lower = unsigned.to_lowercase();
        let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i128 = exponent.trim_start_matches('+').parse().unwrap();
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let kept = digits.trim_end_matches('0');
        if kept.is_empty() {
            return Number {
                is_negative: false,
                digits: String::new(),
                exponent: 0,
            };
        }
        Number {
            is_negative: spelled.starts_with('-'),
            digits: kept.to_owned(),
            exponent: exponent - fraction.len() as i128 + (digits.len() - kept.len()) as i128,
        }
    }

    fn text(&self) -> String {
        let Number {
            digits, exponent, ..
        } = self;
        if digits.is_empty() {
            return "0".to_owned();
        }
        let sign = if self.is_negative { "-" } else { "" };
        if exponent.abs() < 60 {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize);
            let plain = if *exponent >= 0 {
                format!("{sign}{digits}{zeros}")
            } else {
                let all = format!("{zeros}{digits}");
                let (whole, fraction) = all.split_at(all.len() - zeros.len());
                let whole = whole.trim_start_matches('0');
                format!(
                    "{sign}{}.{fraction}",
                    if whole.is_empty() { "0" } else { whole }
                )
            };
            if plain.len() <= 24 {
                return plain;
            }
        }
        format!("{sign}{digits}e{}", exponent + digits.len() as i128)
    }
}

impl Json {
    /// As short as it can be written.
    pub(super) fn text(&self) -> String {
        match self {
            Json::Word(word) => (*word).to_owned(),
            Json::Number(number) => number.text(),
            Json::String(string) => serde_json::to_string(string).unwrap(),
            Json::Array(items) => {
                let items: Vec<String> = items.iter().map(Json::text).collect();
                format!("[{}]", items.join(","))
            }
            Json::Object(members) => {
                let member = |(key, value): &(String, Json)| {
                    format!("{}:{}", serde_json::to_string(key).unwrap(), value.text())
                };
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}
