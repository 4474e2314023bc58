//! Texts as the content-screener meets them, with a language's many words: the inside of one
//! JSON string, and bodies that hold it as a conversation.

use serde_json::{Value, json};

use crate::Random;
use crate::bodies::Body;
use crate::terms::vocabulary;

const FREQUENT: &[&str] = &[
    "the", "of", "and", "to", "a", "in", "is", "that", "it", "for", "you", "with", "as", "on",
    "be", "this", "are", "from", "I", "can", "not", "which", "by", "or", "we", "have", "when",
    "please", "how", "what", "should", "an", "one", "more", "time", "would", "there", "my", "do",
];
const HAN: &str = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经";

/// Makes texts of one seed.
pub struct Writer {
    random: Random,
    words: Vec<String>,
}

impl Writer {
    /// A writer whose texts `seed` alone decides.
    pub fn new(seed: u64) -> Writer {
        Writer {
            random: Random::new(seed),
            words: vocabulary(4_000),
        }
    }

    /// A word, as often as its rank says (Zipf's law).
    fn word(&mut self) -> &str {
        if self.random.below(5) < 2 {
            return self.random.often_early(FREQUENT);
        }
        let share = self.random.below(1 << 20) as f64 / f64::from(1 << 20);
        let rank = (self.words.len() as f64).powf(share) as usize;
        &self.words[rank.min(self.words.len() - 1)]
    }

    fn sentence(&mut self) -> String {
        let mut text = String::new();
        let words = 6 + self.random.below(16);
        for at in 0..words {
            let word = self.word().to_owned();
            let mut letters = word.chars();
            match letters.next() {
                Some(first) if at == 0 => {
                    text.extend(first.to_uppercase());
                    text.push_str(letters.as_str());
                }
                _ => text.push_str(&word),
            }
            if at + 1 < words {
                text.push_str(match self.random.below(24) {
                    0 => ", ",
                    1 => "\" ",
                    2 => " \"",
                    3 => "'s ",
                    4 => " 17 ",
                    _ => " ",
                });
            }
        }
        text.push('.');
        text
    }

    /// A turn of a chat in English.
    fn chat(&mut self) -> String {
        let mut text = self.sentence();
        for _ in 0..self.random.below(12) {
            text.push_str(if self.random.below(4) == 0 {
                "\n\n"
            } else {
                " "
            });
            text.push_str(&self.sentence());
        }
        text
    }

    /// A question with source code.
    fn code(&mut self) -> String {
        let mut text = self.sentence();
        text.push_str("\n```\n");
        for _ in 0..10 + self.random.below(30) {
            let [a, b, c] = [(); 3].map(|()| self.word().to_owned());
            let indent = " ".repeat(4 * self.random.below(4));
            text.push_str(&indent);
            text.push_str(&match self.random.below(8) {
                0 => format!("let {a}_{b} = self.{c}.get(\"{a}\").unwrap_or(&0);\n"),
                1 => format!("if {a}.{b}() > {c}.len() {{\n"),
                2 => "}\n\n".to_owned(),
                3 => format!("// {}\n", self.sentence()),
                4 => format!("def {a}_{b}({c}, *args):\n"),
                5 => format!(
                    "\tprintf(\"%s: %d\\n\", {a}, {b}[{}]);\n",
                    self.random.below(64)
                ),
                6 => format!("return {{\"{a}\": {b}.{c}, \"status\": 200}}\n"),
                _ => format!("const path = '/{a}/{b}/{c}.txt';\n"),
            });
        }
        text.push_str("```\n");
        text
    }

    /// A turn of a chat in Chinese.
    fn chinese(&mut self) -> String {
        let han: Vec<char> = HAN.chars().collect();
        let mut text = String::new();
        for count in 0..60 + self.random.below(160) {
            text.push(self.random.often_early(&han));
            match count % 19 {
                18 if count % 3 == 0 => text.push_str("。\n"),
                18 => text.push('，'),
                9 if self.random.below(6) == 0 => text.push_str(" API "),
                _ => {}
            }
        }
        text
    }

    /// What a tool gave back: records as JSON.
    fn records(&mut self) -> String {
        let records: Vec<Value> = (0..3 + self.random.below(8))
            .map(|rank| {
                json!({"rank": rank, "score": self.random.below(1000) as f64 / 1000.0,
                    "id": format!("doc_{:08x}", self.random.bits() >> 32),
                    "title": self.word(), "text": self.sentence()})
            })
            .collect();
        Value::from(records).to_string()
    }
}

/// What a text is like.
#[derive(Clone, Copy)]
pub enum Kind {
    /// English prose.
    Chat,
    /// Source code.
    Code,
    /// Chinese prose.
    Chinese,
    /// JSON within JSON.
    Tool,
}

impl Kind {
    /// Every kind and its name.
    pub const ALL: [(&'static str, Kind); 4] = [
        ("chat", Kind::Chat),
        ("code", Kind::Code),
        ("chinese", Kind::Chinese),
        ("tool", Kind::Tool),
    ];

    fn turn(self, writer: &mut Writer) -> String {
        match self {
            Kind::Chat => writer.chat(),
            Kind::Code => writer.code(),
            Kind::Chinese => writer.chinese(),
            Kind::Tool => writer.records(),
        }
    }
}

/// A text of one kind as it stands inside a JSON string of about `size` bytes, no longer.
pub fn escaped((name, kind): (&str, Kind), size: usize) -> Body {
    let mut writer = Writer::new(size as u64);
    let mut text: Vec<u8> = Vec::new();
    while text.len() < size {
        let quoted = Value::from(kind.turn(&mut writer)).to_string();
        text.extend(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
    // Not inside a character or an escape.
    let end = (0..=size)
        .rev()
        .find(|at| text[*at] == b' ' || text[*at] >= 0xe0)
        .unwrap_or(0);
    text.truncate(end);
    Body {
        name: format!("{name}/{size}"),
        bytes: text,
    }
}

/// A conversation of about `size` bytes whose texts are of one kind.
pub fn conversation((name, kind): (&str, Kind), size: usize) -> Body {
    let mut writer = Writer::new(size as u64);
    let mut messages = Vec::new();
    let mut bytes = 0;
    while bytes < size || messages.is_empty() {
        let role = match (messages.len() % 2, kind) {
            (0, _) => "user",
            (_, Kind::Tool) => "tool",
            _ => "assistant",
        };
        let message = json!({"role": role, "content": kind.turn(&mut writer)});
        bytes += message.to_string().len() + 1;
        messages.push(message);
    }
    Body {
        name: format!("{name}/{size}"),
        bytes: json!({"model": "gpt-4o", "stream": true, "messages": messages})
            .to_string()
            .into_bytes(),
    }
}

/// A chat request whose only message has this content, which is escaped already.
pub fn message(name: &str, content: &str) -> Body {
    let body =
        format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{content}"}}]}}"#);
    Body {
        name: name.to_owned(),
        bytes: body.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_insides_of_strings_and_of_the_size_asked_for() {
        for kind in Kind::ALL {
            for size in [1_000, 16_000] {
                let body = escaped(kind, size);
                let text = String::from_utf8(body.bytes).unwrap();
                serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap();
                assert!(text.len() * 10 >= size * 9, "{} of {size}", text.len());
                let body = conversation(kind, size).bytes;
                serde_json::from_slice::<Value>(&body).unwrap();
            }
        }
    }
}
