//! One request and its answer on the wire: a chat completion.

use std::time::Duration;

use crate::traffic::Request;

/// From the request to the first token of its answer.
pub const FIRST_TOKEN: Duration = Duration::from_millis(500);
/// How fast a model writes.
pub const TOKENS_PER_SECOND: u32 = 50;

/// What counts besides the text of a single message: three tokens for the message, one for
/// its role, three for the reply.
const FRAMING_TOKENS: u32 = 7;
/// Of one word.
pub const LEAST_PROMPT_TOKENS: u32 = FRAMING_TOKENS + 1;

/// Each with the space before it is one token of `o200k_base`.
const WORDS: [&str; 32] = [
    " the", " of", " and", " to", " in", " is", " that", " for", " with", " this", " river",
    " house", " light", " small", " green", " water", " road", " open", " keeps", " finds",
    " makes", " early", " under", " paper", " field", " north", " table", " letter", " number",
    " garden", " window", " morning",
];

/// The path every request goes to.
pub const PATH: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// `tokens` words that `seed` chooses.
pub fn words(seed: u64, tokens: u32) -> String {
    // An odd step of its own for each seed goes through all words.
    let step = (seed >> 32 | 1) as usize;
    let places = (0..tokens as usize).map(|at| (seed as usize).wrapping_add(at.wrapping_mul(step)));
    places.map(|at| WORDS[at % WORDS.len()]).collect()
}

/// The request's body, whose prompt has as many tokens as it says.
pub fn body(request: &Request) -> String {
    let text = words(request.number, request.prompt_tokens - FRAMING_TOKENS);
    let stream = match request.is_streamed {
        true => r#""stream":true,"stream_options":{"include_usage":true},"#,
        false => "",
    };
    let max_tokens = request.max_tokens;
    format!(
        r#"{{"model":"gpt-4o",{stream}"max_tokens":{max_tokens},"messages":[{{"role":"user","content":"{text}"}}]}}"#
    )
}

/// An answer while it is written: a second's tokens at a time, or all at the end.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    request: Request,
    written: u32,
}

/// Some of an answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Server-sent events, or JSON.
    pub bytes: String,
    /// Whether the answer is whole with it.
    pub last: bool,
}

impl Answer {
    /// Nothing of it is written yet.
    pub fn to(request: Request) -> Self {
        Self {
            request,
            written: 0,
        }
    }

    /// When the next piece is there, since the request.
    pub fn next_after(&self) -> Duration {
        FIRST_TOKEN + writing(self.next_written())
    }

    /// Its `content-type`.
    pub fn content_type(&self) -> &'static str {
        match self.request.is_streamed {
            true => "text/event-stream",
            false => "application/json",
        }
    }

    fn next_written(&self) -> u32 {
        match self.request.is_streamed {
            true => (self.written + TOKENS_PER_SECOND).min(self.request.output_tokens),
            false => self.request.output_tokens,
        }
    }

    /// The next piece.
    pub fn next_piece(&mut self) -> Piece {
        if !self.request.is_streamed {
            return self.whole();
        }
        let until = self.next_written();
        let mut bytes = String::new();
        for at in self.written..until {
            let word = WORDS[at as usize % WORDS.len()];
            bytes.push_str(r#"data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":""#);
            bytes.push_str(word);
            bytes.push_str("\"},\"finish_reason\":null}]}\n\n");
        }
        self.written = until;
        let last = until == self.request.output_tokens;
        if last {
            let (prompt, output) = (self.request.prompt_tokens, self.request.output_tokens);
            bytes.push_str(&format!(
                "data: {{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n\
                 data: {{\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{prompt},\
                 \"completion_tokens\":{output},\"total_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
                prompt + output
            ));
        }
        Piece { bytes, last }
    }

    fn whole(&self) -> Piece {
        let (prompt, output) = (self.request.prompt_tokens, self.request.output_tokens);
        let text = words(self.request.number, output);
        let total = prompt + output;
        Piece {
            bytes: format!(
                r#"{{"object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{total}}}}}"#
            ),
            last: true,
        }
    }
}

/// How long a model takes for so many tokens.
pub fn writing(tokens: u32) -> Duration {
    Duration::from_secs(1) * tokens / TOKENS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn request(prompt_tokens: u32, output_tokens: u32) -> Request {
        Request {
            at: Duration::ZERO,
            tenant: 0,
            number: 0x1234_5678_9abc_def0,
            prompt_tokens,
            output_tokens,
            max_tokens: 2048,
            is_streamed: true,
        }
    }

    #[test]
    fn an_answer_that_is_not_streamed_comes_whole() {
        let mut answer = Answer::to(Request {
            is_streamed: false,
            ..request(80, 120)
        });
        assert_eq!(answer.next_after().as_millis(), 2900);
        let piece = answer.next_piece();
        let body: Value = serde_json::from_str(&piece.bytes).unwrap();
        assert!(piece.last && body["usage"]["total_tokens"] == 200);
    }

    #[test]
    fn a_prompt_has_as_many_tokens_as_it_says() {
        let tokenizer = tiktoken_rs::o200k_base_singleton();
        for tokens in [8, 9, 80, 2000] {
            let body: Value = serde_json::from_str(&body(&request(tokens, 1))).unwrap();
            let text = body["messages"][0]["content"].as_str().unwrap();
            let counted = tokenizer.count_ordinary(text) as u32 + FRAMING_TOKENS;
            assert_eq!(counted, tokens, "{text}");
        }
    }

    #[test]
    fn an_answer_comes_second_by_second_and_tells_its_usage() {
        // Length of the answer, when its pieces are there.
        let rows: [(u32, &[u64]); 3] = [(1, &[520]), (50, &[1500]), (120, &[1500, 2500, 2900])];
        for (tokens, expected) in rows {
            let mut answer = Answer::to(request(80, tokens));
            let (mut times, mut text) = (Vec::new(), String::new());
            loop {
                times.push(answer.next_after().as_millis() as u64);
                let piece = answer.next_piece();
                text.push_str(&piece.bytes);
                if piece.last {
                    break;
                }
            }
            assert_eq!(times, expected, "{tokens}");
            let events = text.split_terminator("\n\n").map(|event| {
                let data = event.strip_prefix("data: ").unwrap();
                serde_json::from_str(data).unwrap_or(Value::Null)
            });
            let events: Vec<Value> = events.collect();
            let deltas = events
                .iter()
                .filter(|event| event["choices"][0]["delta"]["content"].is_string());
            assert_eq!(deltas.count() as u32, tokens);
            let usage = &events[events.len() - 2]["usage"];
            assert_eq!(usage["completion_tokens"], tokens);
            assert_eq!(usage["prompt_tokens"], 80);
        }
    }
}
