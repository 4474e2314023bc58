//! A request as the tokens the model is charged for, by the published framing rules.
//!
//! This is the oracle other counters are compared with, so it takes the plain way: every
//! text goes through the real tokenizer, and the result is the sequence itself, from
//! which both the count and the cached prefix follow.
//!
//! Sources: OpenAI cookbook, "How to count tokens with tiktoken" (3 a message, 1 a name, 3
//! for the reply); LiteLLM's `token_counter.py` (tools: 9, less 4 with a system message;
//! `tool_choice`: 1 for none, 7 and the name for a function).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use tiktoken_rs::CoreBPE;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::fields::Fields;
use crate::tools::{self, ToolChoice};
use crate::{images, tokenizer};

/// Prompts are cached from this many tokens on (Azure, "Prompt caching").
const CACHED_FROM: usize = 1024;
/// And then in steps of this many.
const CACHED_STEP: usize = 128;
/// Stands for a token of the message frame, whose number is not published.
const FRAME: u32 = u32::MAX;

/// The tokens of one request.
pub(crate) struct Prompt<'m> {
    model: &'m str,
    tokenizer: &'static CoreBPE,
    /// What the model reads, in the order it reads it: tools, then messages.
    tokens: Vec<u32>,
    /// Charged on top, at no known place.
    extra: i64,
}

/// What a [`Prompt`] comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) tokens: u64,
    /// Hashes of the first 1024, 1152, 1280, … tokens.
    prefixes: Vec<u64>,
}

impl Counted {
    /// A count somebody else decided.
    pub(crate) fn fixed(tokens: u64) -> Self {
        Self {
            tokens,
            prefixes: Vec::new(),
        }
    }

    /// The prefixes that can be cached, the shortest first: tokens and hash.
    pub(crate) fn prefixes(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        let length = |step: usize| (CACHED_FROM + step * CACHED_STEP) as u64;
        let steps = self.prefixes.iter().enumerate();
        steps.map(move |(step, hash)| (length(step), *hash))
    }
}

impl<'m> Prompt<'m> {
    fn new(model: &'m str) -> Self {
        Self {
            model,
            tokenizer: tokenizer::of_model(model),
            tokens: Vec::new(),
            extra: 0,
        }
    }

    /// A chat completion.
    ///
    /// # Errors
    /// When a field this looks at has the wrong type; the message names it.
    pub(crate) fn chat(model: &'m str, fields: &Fields) -> Result<Self, String> {
        let mut prompt = Self::new(model);
        let messages: Vec<Fields> = fields
            .read("messages")?
            .ok_or("Missing required parameter: 'messages'.")?;
        let system = messages.iter().any(is_system);
        prompt.tools(fields, system)?;
        for message in &messages {
            prompt.message(message)?;
        }
        prompt.extra += 3;
        Ok(prompt)
    }

    /// A request of the Responses API: its instructions are a system message, an input
    /// that is a string is a user message, every other item is framed like a message.
    ///
    /// # Errors
    /// As [`chat`](Self::chat).
    pub(crate) fn responses(model: &'m str, fields: &Fields) -> Result<Self, String> {
        let mut prompt = Self::new(model);
        let instructions: Option<Cow<str>> = fields.read("instructions")?;
        let input = fields
            .get("input")
            .ok_or("Missing required parameter: 'input'.")?;
        let items: Vec<Fields> = if input.get().starts_with('"') {
            Vec::new()
        } else {
            fields.read("input")?.unwrap_or_default()
        };
        prompt.tools(
            fields,
            instructions.is_some() || items.iter().any(is_system),
        )?;
        if let Some(text) = instructions {
            prompt.plain_message("system", &text);
        }
        if items.is_empty() {
            prompt.plain_message("user", &fields.read::<String>("input")?.unwrap_or_default());
        }
        for item in &items {
            prompt.message(item)?;
        }
        prompt.extra += 3;
        Ok(prompt)
    }

    /// A legacy completion (`key` is `prompt`) or embeddings (`input`): a string, token
    /// numbers, or a list of either; no frame.
    ///
    /// # Errors
    /// As [`chat`](Self::chat).
    pub(crate) fn plain(model: &'m str, fields: &Fields, key: &str) -> Result<Self, String> {
        let mut prompt = Self::new(model);
        let inputs = inputs(fields, key)?;
        for input in inputs {
            match input {
                Input::Text(text) => prompt.text(&text),
                Input::Tokens(tokens) => prompt.tokens.extend(tokens),
            }
        }
        Ok(prompt)
    }

    /// The count, and what the prefix memory needs; `user` is part of Azure's cache key.
    pub(crate) fn count(&self, user: &str) -> Counted {
        let mut hash = Xxh3::with_seed(xxh3_64(user.as_bytes()));
        let mut prefixes = Vec::new();
        for (i, token) in self.tokens.iter().enumerate() {
            hash.update(&token.to_le_bytes());
            let read = i + 1;
            if read >= CACHED_FROM && (read - CACHED_FROM).is_multiple_of(CACHED_STEP) {
                prefixes.push(hash.digest());
            }
        }
        let tokens = (self.tokens.len() as i64 + self.extra).max(0) as u64;
        Counted { tokens, prefixes }
    }

    fn text(&mut self, text: &str) {
        self.tokens.extend(self.tokenizer.encode_ordinary(text));
    }

    fn frame(&mut self, tokens: usize) {
        self.tokens.extend(std::iter::repeat_n(FRAME, tokens));
    }

    fn tools(&mut self, fields: &Fields, system: bool) -> Result<(), String> {
        let functions = tools::functions(fields)?;
        if !functions.is_empty() {
            self.text(&tools::typescript(&functions));
            self.extra += if system { 9 - 4 } else { 9 };
        }
        match ToolChoice::read(fields.get("tool_choice")) {
            ToolChoice::None => self.extra += 1,
            ToolChoice::Named(name) => {
                self.extra += 7 + self.tokenizer.encode_ordinary(&name).len() as i64;
            }
            ToolChoice::Auto | ToolChoice::Required => {}
        }
        Ok(())
    }

    fn plain_message(&mut self, role: &str, text: &str) {
        self.frame(3);
        self.text(role);
        self.text(text);
    }

    fn message(&mut self, message: &Fields) -> Result<(), String> {
        // The first snapshot of gpt-3.5-turbo had a longer frame and no role with a name.
        let first_snapshot = self.model == "gpt-3.5-turbo-0301";
        self.frame(if first_snapshot { 4 } else { 3 });
        for (key, value) in message.iter() {
            match (key, value.get().as_bytes().first()) {
                // Of the Responses API: says what an item is, not what the model reads.
                ("type" | "id" | "status", _) => {}
                (_, Some(b'"')) => {
                    self.text(&string(value)?);
                    if key == "name" {
                        self.extra += if first_snapshot { -1 } else { 1 };
                    }
                }
                ("content", Some(b'[')) => self.parts(value)?,
                ("tool_calls", Some(b'[')) => {
                    for call in parse::<Vec<Fields>>(value)? {
                        if let Some(function) = call.get("function") {
                            self.call(function)?;
                        }
                    }
                }
                ("function_call", Some(b'{')) => self.call(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn call(&mut self, raw: &RawValue) -> Result<(), String> {
        let call: Fields = parse(raw)?;
        for key in ["name", "arguments"] {
            if let Some(text) = call.read::<Cow<str>>(key)? {
                self.text(&text);
            }
        }
        Ok(())
    }

    fn parts(&mut self, raw: &RawValue) -> Result<(), String> {
        for part in parse::<Vec<Fields>>(raw)? {
            for key in ["text", "refusal"] {
                if let Some(text) = part.read::<Cow<str>>(key)? {
                    self.text(&text);
                }
            }
            // Chat nests URL and detail, the Responses API has them side by side.
            let Some(image) = part.get("image_url") else {
                continue;
            };
            let (url, detail) = if image.get().starts_with('{') {
                let image: Fields = parse(image)?;
                (
                    image.read::<String>("url")?,
                    image.read::<String>("detail")?,
                )
            } else {
                (Some(string(image)?), part.read::<String>("detail")?)
            };
            let url = url.unwrap_or_default();
            let tokens = images::tokens(self.model, &url, detail.as_deref());
            // A different image is a different prefix.
            let mark = xxh3_64(url.as_bytes()) as u32;
            self.tokens
                .extend(std::iter::repeat_n(mark, tokens as usize));
        }
        Ok(())
    }
}

/// One thing to complete or to embed.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    Text(String),
    Tokens(Vec<u32>),
}

/// The inputs of a legacy completion or of embeddings, in order.
///
/// # Errors
/// When `key` is absent or is none of: a string, token numbers, a list of either.
pub(crate) fn inputs(fields: &Fields, key: &str) -> Result<Vec<Input>, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(Input),
        Many(Vec<Input>),
    }
    match fields.read(key)? {
        Some(OneOrMany::One(input)) => Ok(vec![input]),
        Some(OneOrMany::Many(inputs)) => Ok(inputs),
        None => Err(format!("Missing required parameter: '{key}'.")),
    }
}

fn is_system(message: &Fields) -> bool {
    message
        .get("role")
        .is_some_and(|role| matches!(role.get(), "\"system\"" | "\"developer\""))
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(raw.get())
        .map_err(|error| format!("Invalid value for 'messages': {error}."))
}

fn string(raw: &RawValue) -> Result<String, String> {
    parse(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(model: &str, body: &str) -> u64 {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        Prompt::chat(model, &fields).unwrap().count("").tokens
    }

    /// The cookbook's example messages; 129 for gpt-3.5-turbo and gpt-4, 124 for gpt-4o,
    /// are what the API itself reported.
    const COOKBOOK: &str = r#"{"messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;

    #[test]
    fn counts_what_the_api_reported() {
        for (model, tokens) in [
            ("gpt-3.5-turbo", 129),
            ("gpt-4", 129),
            ("gpt-4o", 124),
            ("gpt-4o-mini", 124),
        ] {
            assert_eq!(chat(model, COOKBOOK), tokens, "{model}");
        }
    }

    /// Every row differs from `hi` alone (8 tokens: 3 frame, role, text, 3 reply) by what
    /// its second column says.
    #[test]
    fn frames_each_kind_of_field() {
        let tool = r#""tools":[{"type":"function","function":{"name":"go"}}]"#;
        let rendered = "namespace functions {\n\ntype go = () => any;\n\n} // namespace functions";
        let rendered = tokenizer::of_model("gpt-4o")
            .encode_ordinary(rendered)
            .len() as i64;
        let user = r#"{"role":"user","content":"hi"}"#;
        let rows = [
            (format!(r#"{{"messages":[{user}]}}"#), 0),
            (r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#.into(), 0),
            (r#"{"messages":[{"role":"user","name":"bob","content":"hi"}]}"#.into(), 2),
            (r#"{"messages":[{"role":"user","content":null}]}"#.into(), -1),
            (format!(r#"{{"messages":[{user},{{"role":"system","content":"hi"}}]}}"#), 5),
            (format!(r#"{{"messages":[{user}],{tool}}}"#), rendered + 9),
            (format!(r#"{{"messages":[{{"role":"system","content":"hi"}}],{tool}}}"#), rendered + 5),
            (format!(r#"{{"messages":[{user}],{tool},"tool_choice":"none"}}"#), rendered + 10),
            (
                format!(r#"{{"messages":[{user}],{tool},"tool_choice":{{"type":"function","function":{{"name":"go"}}}}}}"#),
                rendered + 9 + 7 + 1,
            ),
            (
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"https://example.com/i.png","detail":"low"}}]}]}"#.into(),
                85,
            ),
            (
                r#"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"go","arguments":"{}"}}]}]}"#.into(),
                1,
            ),
        ];
        for (body, difference) in rows {
            assert_eq!(chat("gpt-4o", &body) as i64, 8 + difference, "{body}");
        }
    }

    #[test]
    fn responses_are_framed_like_messages() {
        let count = |body: &str| {
            let fields = Fields::parse(body.as_bytes()).unwrap();
            Prompt::responses("gpt-4o", &fields)
                .unwrap()
                .count("")
                .tokens
        };
        assert_eq!(count(r#"{"input":"hi"}"#), 8);
        assert_eq!(count(r#"{"input":"hi","instructions":"hi"}"#), 13);
        assert_eq!(
            count(r#"{"input":[{"type":"message","role":"user","content":"hi"}]}"#),
            8
        );
        assert_eq!(
            count(
                r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_image","image_url":"https://example.com/i.png","detail":"low"}]}]}"#
            ),
            93
        );
    }

    #[test]
    fn plain_inputs_have_no_frame() {
        for (body, tokens) in [
            (r#"{"input":"hi"}"#, 1),
            (r#"{"input":["hi","hi there"]}"#, 3),
            (r#"{"input":[1,2,3]}"#, 3),
            (r#"{"input":[[1,2],[3]]}"#, 3),
        ] {
            let fields = Fields::parse(body.as_bytes()).unwrap();
            let prompt = Prompt::plain("text-embedding-3-small", &fields, "input").unwrap();
            assert_eq!(prompt.count("").tokens, tokens, "{body}");
        }
    }

    #[test]
    fn wrong_types_are_named() {
        for (body, named) in [
            (r#"{}"#, "'messages'"),
            (r#"{"messages":{}}"#, "'messages'"),
            (r#"{"messages":[1]}"#, "'messages'"),
            (r#"{"messages":[{"content":[1]}]}"#, "'messages'"),
            (r#"{"messages":[],"tools":1}"#, "'tools'"),
        ] {
            let fields = Fields::parse(body.as_bytes()).unwrap();
            let error = Prompt::chat("gpt-4o", &fields).err().unwrap();
            assert!(error.contains(named), "{body}: {error}");
        }
    }

    #[test]
    fn prefixes_grow_in_steps() {
        let long = |words: usize, last: &str| {
            let body = format!(r#"{{"input":"{}{last}"}}"#, " word".repeat(words));
            let fields = Fields::parse(body.as_bytes()).unwrap();
            Prompt::plain("gpt-4o", &fields, "input").unwrap().count("")
        };
        let lengths = |counted: &Counted| {
            counted
                .prefixes()
                .map(|(length, _)| length)
                .collect::<Vec<_>>()
        };
        assert!(lengths(&long(1023, "")).is_empty());
        assert_eq!(lengths(&long(1024, "")), [1024]);
        assert_eq!(lengths(&long(1300, "")), [1024, 1152, 1280]);
        assert_eq!(long(1024, " one").prefixes, long(1024, " two").prefixes);
        assert_ne!(long(1023, " one").prefixes, long(1023, " two").prefixes);
    }
}
