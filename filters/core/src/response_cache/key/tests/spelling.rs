//! Requests by their meaning, and spellings of them.

use proptest::prelude::*;

use crate::response_cache::key::oracle::{Json, Number};

/// A chat request: fields in their order. Few values, so that two requests are often the same.
pub(super) fn request() -> impl Strategy<Value = Vec<(String, Json)>> {
    let content = prop_oneof![string().prop_map(Json::String), Just(Json::Word("null"))];
    let message = content.prop_map(|content| {
        let role = ("role".to_owned(), Json::String("user".to_owned()));
        Json::Object(vec![role, ("content".to_owned(), content)])
    });
    let messages = proptest::collection::vec(message, 0..3).prop_map(Json::Array);
    let named = |name: &'static str, value: BoxedStrategy<Json>| {
        proptest::option::of(value.prop_map(move |value| (name.to_owned(), value))).boxed()
    };
    let fields = vec![
        named("messages", messages.boxed()),
        named("temperature", number().prop_map(Json::Number).boxed()),
        named("tools", json()),
        named("stop", json()),
        named("user", string().prop_map(Json::String).boxed()),
        named("metadata", json()),
    ];
    fields.prop_map(|fields| fields.into_iter().flatten().collect())
}

fn string() -> BoxedStrategy<String> {
    let plain = proptest::sample::select(vec![
        "",
        "a",
        "é",
        "e\u{301}",
        "\\u0041",
        "a\"b",
        "你好😀",
        "\u{1f}\n/",
    ]);
    let any = proptest::collection::vec(any::<char>(), 0..80);
    prop_oneof![
        6 => plain.prop_map(str::to_owned),
        1 => any.prop_map(|all| all.into_iter().collect()),
    ]
    .boxed()
}

fn number() -> impl Strategy<Value = Number> {
    let digits = proptest::sample::select(vec![
        "",
        "1",
        "7",
        "15",
        "9007199254740993",
        "1234567890123456789012345",
    ]);
    let exponent = prop_oneof![4 => -1..2i128, 1 => -40..40i128];
    (any::<bool>(), digits, exponent).prop_map(|(is_negative, digits, exponent)| {
        let is_zero = digits.is_empty();
        Number {
            is_negative: is_negative && !is_zero,
            digits: digits.to_owned(),
            exponent: if is_zero { 0 } else { exponent },
        }
    })
}

fn json() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        proptest::sample::select(vec!["null", "true", "false"]).prop_map(Json::Word),
        number().prop_map(Json::Number),
        string().prop_map(Json::String),
    ];
    let tree = leaf.prop_recursive(3, 12, 3, |inner| {
        let members = proptest::collection::vec((string(), inner.clone()), 0..3);
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(Json::Array),
            members.prop_map(Json::Object),
        ]
    });
    tree.boxed()
}

/// Writes the request in one of its spellings.
pub(super) fn spell(request: &[(String, Json)], seed: u64) -> String {
    let mut speller = Speller { state: seed };
    // The order of the fields says nothing.
    let mut fields = request.to_vec();
    if speller.draw(2) == 0 {
        fields.reverse();
    }
    if speller.draw(2) == 0 {
        fields.push(("seed".to_owned(), Json::Word("null")));
    }
    let mut text = speller.space();
    text.push('{');
    for (count, (key, value)) in fields.iter().enumerate() {
        if count > 0 {
            text.push(',');
        }
        let space = [speller.space(), speller.space(), speller.space()];
        let value = speller.value(value);
        text.push_str(&format!(
            "{}\"{key}\"{}:{}{value}",
            space[0], space[1], space[2]
        ));
        text.push_str(&speller.space());
    }
    text.push('}');
    text + &speller.space()
}

struct Speller {
    state: u64,
}

impl Speller {
    fn draw(&mut self, below: u64) -> u64 {
        // Knuth's multiplier; the high bits are the random ones.
        self.state = self
            .state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.state >> 33) % below
    }

    fn space(&mut self) -> String {
        let all = ["", "", "", "", " ", "\n  ", "\t", "\r\n"];
        all[self.draw(all.len() as u64) as usize].to_owned()
    }

    fn value(&mut self, value: &Json) -> String {
        match value {
            Json::Word(word) => (*word).to_owned(),
            Json::Number(number) => self.number(number),
            Json::String(string) => self.string(string),
            Json::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.spaced(item)).collect();
                format!("[{}{}]", self.space(), items.join(","))
            }
            Json::Object(members) => {
                let mut all = Vec::new();
                for (key, value) in members {
                    let (space, more) = (self.space(), self.space());
                    // The scanner refuses keys it knows in any other spelling.
                    let key = match key.as_str() {
                        "role" | "content" => format!("\"{key}\""),
                        _ => self.string(key),
                    };
                    all.push(format!("{space}{key}{more}:{}", self.spaced(value)));
                }
                format!("{{{}{}}}", self.space(), all.join(","))
            }
        }
    }

    fn spaced(&mut self, value: &Json) -> String {
        format!("{}{}{}", self.space(), self.value(value), self.space())
    }

    fn number(&mut self, number: &Number) -> String {
        let Number {
            is_negative,
            digits,
            exponent,
        } = number;
        if digits.is_empty() {
            let all = ["0", "-0", "0.0", "0e5", "-0.00E-7"];
            return all[self.draw(all.len() as u64) as usize].to_owned();
        }
        let sign = if *is_negative { "-" } else { "" };
        // Zeros behind the digits, then the point somewhere in or before them.
        let zeros = self.draw(4) as usize;
        let all = format!("{digits}{}", "0".repeat(zeros));
        let mut exponent = exponent - zeros as i128;
        let shift = self.draw(all.len() as u64 + 3) as usize;
        let mantissa = match all.len().checked_sub(shift) {
            _ if shift == 0 => all,
            Some(whole) if whole > 0 => format!("{}.{}", &all[..whole], &all[whole..]),
            _ => format!("0.{}{all}", "0".repeat(shift - all.len())),
        };
        exponent += shift as i128;
        let letter = ["e", "E", "e+", "e0"][self.draw(4) as usize];
        match exponent {
            0 if self.draw(2) == 0 => format!("{sign}{mantissa}"),
            0.. => format!("{sign}{mantissa}{letter}{exponent}"),
            _ => format!("{sign}{mantissa}e{exponent}"),
        }
    }

    fn string(&mut self, string: &str) -> String {
        let mut text = "\"".to_owned();
        for character in string.chars() {
            let plain = serde_json::to_string(&character).unwrap();
            match self.draw(4) {
                0 => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let upper = self.draw(2) == 0;
                        text.push_str(&if upper {
                            format!("\\u{unit:04X}")
                        } else {
                            format!("\\u{unit:04x}")
                        });
                    }
                }
                1 if character == '/' => text.push_str("\\/"),
                _ => text.push_str(&plain[1..plain.len() - 1]),
            }
        }
        text.push('"');
        text
    }
}
