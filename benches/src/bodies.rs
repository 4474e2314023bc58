//! Request bodies made from a seed: what clients send, in the proportions they send it,
//! as compact JSON with characters outside ASCII unescaped (as OpenAI's SDKs write it).

use serde_json::{Value, json};

use crate::Random;

/// A request body and its name in a report.
pub struct Body {
    /// Kind and nominal size, as `chat/20000`.
    pub name: String,
    /// The body itself, a few per cent around the nominal size.
    pub bytes: Vec<u8>,
}

const ENGLISH: &[&str] = &[
    "the",
    "of",
    "and",
    "to",
    "a",
    "in",
    "is",
    "that",
    "it",
    "for",
    "you",
    "with",
    "as",
    "on",
    "be",
    "this",
    "are",
    "from",
    "request",
    "can",
    "model",
    "not",
    "which",
    "by",
    "token",
    "or",
    "we",
    "have",
    "when",
    "response",
    "should",
    "an",
    "one",
    "more",
    "time",
    "data",
    "would",
    "there",
    "region",
    "because",
    "example",
    "system",
    "different",
    "question",
    "following",
    "information",
    "understand",
    "performance",
    "implementation",
    "latency",
    "however",
    "configuration",
    "approximately",
    "documentation",
];
const HAN: &str = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经";
const CODE: &[&str] = &[
    "fn main() {\n",
    "    let value = map.get(\"key\").unwrap_or(&0);\n",
    "    if value > limit {\n",
    "        return Err(Error::new(\"too large\"));\n",
    "    }\n",
    "}\n\n",
    "for item in items.iter() {\n",
    "\tprintln!(\"{item:?}\\n\");\n",
    "def handler(event, context):\n",
    "    return {\"statusCode\": 200}\n",
    "// a comment that explains the next line\n",
    "#include <stdio.h>\n",
    "const path = 'C:\\\\temp';\n",
];

/// A conversation in English: alternating turns of a few hundred bytes.
pub fn chat(size: usize) -> Body {
    let turns = |random: &mut Random, index: usize| {
        let words = 20 + random.below(120);
        vec![json!({"role": role(index), "content": english(random, words)})]
    };
    body(
        "chat",
        size,
        json!({"model": "gpt-4o", "stream": true, "temperature": 0.7}),
        turns,
    )
}

/// An agent's loop: tool definitions, tool calls with arguments, tool results as escaped JSON.
pub fn agent(size: usize) -> Body {
    let tools: Vec<Value> = (0..4)
        .map(|index| {
            json!({"type": "function", "function": {"name": format!("search_{index}"),
                "description": "Search the documents of one collection and give the best matches.",
                "parameters": {"type": "object", "required": ["query"], "properties": {
                    "query": {"type": "string", "description": "What to look for."},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 50}}}}})
        })
        .collect();
    let turns = |random: &mut Random, index: usize| {
        let id = format!("call_{:016x}", random.bits());
        let arguments =
            json!({"query": english(random, 6), "limit": 1 + random.below(50)}).to_string();
        let records: Vec<Value> = (0..3 + random.below(6))
            .map(|rank| json!({"rank": rank, "score": random.below(1000) as f64 / 1000.0, "text": english(random, 12)}))
            .collect();
        vec![
            json!({"role": "user", "content": english(random, 25)}),
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function",
                "function": {"name": format!("search_{}", index % 4), "arguments": arguments}}]}),
            json!({"role": "tool", "tool_call_id": id, "content": Value::from(records).to_string()}),
        ]
    };
    body(
        "agent",
        size,
        json!({"model": "gpt-4o", "tools": tools, "tool_choice": "auto", "max_tokens": 800}),
        turns,
    )
}

/// A conversation in Chinese.
pub fn chinese(size: usize) -> Body {
    let han: Vec<char> = HAN.chars().collect();
    let turns = |random: &mut Random, index: usize| {
        let mut text = String::new();
        for count in 0..40 + random.below(160) {
            text.push(random.often_early(&han));
            if count % 19 == 18 {
                text.push_str(if count % 3 == 0 { "。\n" } else { "，" });
            }
        }
        vec![json!({"role": role(index), "content": text})]
    };
    body(
        "chinese",
        size,
        json!({"model": "gpt-4o-mini", "stream": false}),
        turns,
    )
}

/// Questions about source code: many escaped newlines, quotes and backslashes.
pub fn code(size: usize) -> Body {
    let turns = |random: &mut Random, index: usize| {
        let mut text = format!("{}\n```\n", english(random, 12));
        for _ in 0..8 + random.below(30) {
            text.push_str(random.often_early(CODE));
        }
        text.push_str("```\n");
        vec![json!({"role": role(index), "content": text})]
    };
    body(
        "code",
        size,
        json!({"model": "gpt-4.1", "max_completion_tokens": 2000}),
        turns,
    )
}

fn role(index: usize) -> &'static str {
    match index {
        0 => "system",
        odd if odd % 2 == 1 => "user",
        _ => "assistant",
    }
}

fn english(random: &mut Random, words: usize) -> String {
    let mut text = String::new();
    for count in 0..words {
        match count % 14 {
            0 if count == 0 => {}
            0 if count % 70 == 0 => text.push_str(".\n\n"),
            0 => text.push_str(". "),
            7 if random.below(4) == 0 => text.push_str(", \"quoted\" "),
            _ => text.push(' '),
        }
        text.push_str(random.often_early(ENGLISH));
    }
    text
}

/// Adds turns to `request` until it is about `size` bytes long.
fn body(
    kind: &str,
    size: usize,
    mut request: Value,
    turns: impl Fn(&mut Random, usize) -> Vec<Value>,
) -> Body {
    let mut random = Random::new(size as u64);
    let mut messages = Vec::new();
    let mut bytes = request.to_string().len();
    for index in 0.. {
        let next = turns(&mut random, index);
        bytes += next
            .iter()
            .map(|message| message.to_string().len() + 1)
            .sum::<usize>();
        if bytes > size && index > 0 {
            break;
        }
        messages.extend(next);
    }
    request["messages"] = Value::from(messages);
    Body {
        name: format!("{kind}/{size}"),
        bytes: request.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_the_same_each_time_and_about_as_large_as_asked() {
        for make in [chat, agent, chinese, code] {
            for size in [4_000, 20_000, 134_000] {
                let body = make(size);
                assert_eq!(body.bytes, make(size).bytes);
                let ratio = body.bytes.len() as f64 / size as f64;
                assert!(
                    (0.5..=1.01).contains(&ratio),
                    "{} has {} bytes",
                    body.name,
                    body.bytes.len()
                );
            }
        }
    }
}
