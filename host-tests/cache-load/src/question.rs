//! The one request that is sent all the time, and its answer: of exactly as many bytes.

use serde_json::{Value, json};

/// Bytes of the request's body, and of the answer's.
pub const BYTES: usize = 4096;

/// Where it is sent, of Envoy and of the peer.
pub const PATH: &str = "/v1/chat/completions";

/// A part of the text: what people and models write, with what JSON escapes.
const SENTENCES: &str = "The request was sent to the nearest region, which answered within 240 ms.\n\
    \"Why did the second one take longer?\" Because its quota was used up: it had to wait.\n\n\
    - first, look at the limits of the deployment;\n- then at what the others have left.\n";

/// A conversation of [`BYTES`] bytes whose answer may be given again.
pub fn request() -> Vec<u8> {
    sized(|text| {
        let (system, rest) = text.split_at(text.len() / 4);
        let (first, rest) = rest.split_at(rest.len() / 3);
        let (second, third) = rest.split_at(rest.len() / 2);
        json!({
            "model": "gpt-4o",
            "temperature": 0,
            "messages": [
                { "role": "system", "content": system },
                { "role": "user", "content": first },
                { "role": "assistant", "content": second },
                { "role": "user", "content": third },
            ],
        })
    })
}

/// A model's answer of [`BYTES`] bytes.
pub fn answer() -> Vec<u8> {
    sized(|text| {
        json!({
            "id": "chatcmpl-CkPzV1Qd3nX5rT7wY9bG2hJ4",
            "object": "chat.completion",
            "created": 1_764_000_000,
            "model": "gpt-4o-2024-11-20",
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": text, "refusal": null },
                "finish_reason": "stop",
                "logprobs": null,
            }],
            "usage": { "prompt_tokens": 871, "completion_tokens": 846, "total_tokens": 1717 },
            "system_fingerprint": "fp_b54fe76834",
        })
    })
}

/// What `of` makes of as much text as gives [`BYTES`] bytes.
fn sized(of: impl Fn(&str) -> Value) -> Vec<u8> {
    let mut text = SENTENCES.repeat(BYTES / SENTENCES.len() + 1);
    loop {
        let bytes = of(&text).to_string().into_bytes();
        let Some(lacking) = BYTES.checked_sub(bytes.len()) else {
            text.pop();
            continue;
        };
        // Too few only where the last that went was two bytes in JSON.
        text.push_str(&".".repeat(lacking));
        if lacking == 0 {
            return bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_exactly_as_many_bytes() {
        assert_eq!((request().len(), answer().len()), (BYTES, BYTES));
        assert!(!SENTENCES.contains(|c: char| !c.is_ascii()), "cut anywhere");
    }
}
