//! What the model says: a function of the request, the same streamed or whole, by any
//! path, in any region.

use serde::Deserialize;
use tiktoken_rs::CoreBPE;
use xxhash_rust::xxh3::Xxh3;

use crate::fields::Fields;
use crate::schema::Schema;
use crate::text;
use crate::tokenizer::{Piece, pieces};
use crate::tools::{self, Function, ToolChoice};

/// One answer with all its choices.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) choices: Vec<Choice>,
}

/// One of the alternatives a request may ask for (`n`).
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) content: Content,
    pub(crate) finish: Finish,
}

/// What a choice consists of.
#[derive(Debug)]
pub(crate) enum Content {
    /// Text.
    Text(Vec<Piece>),
    /// A call of one tool.
    Call {
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, JSON text.
        arguments: Vec<Piece>,
    },
}

/// Why a choice ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// By itself, or at a stop sequence.
    Stop,
    /// At the request's token limit.
    Length,
    /// With a tool call.
    ToolCalls,
}

impl Finish {
    /// As `finish_reason` says it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
        }
    }
}

impl Choice {
    /// The pieces, whatever they are pieces of.
    pub(crate) fn pieces(&self) -> &[Piece] {
        match &self.content {
            Content::Text(pieces)
            | Content::Call {
                arguments: pieces, ..
            } => pieces,
        }
    }

    /// The pieces as one text.
    pub(crate) fn text(&self) -> String {
        self.pieces()
            .iter()
            .map(|piece| piece.text.as_ref())
            .collect()
    }
}

impl Answer {
    /// Tokens of all choices. The name of a called tool counts as one.
    pub(crate) fn tokens(&self) -> u64 {
        let tokens = |choice: &Choice| {
            let name = u64::from(matches!(choice.content, Content::Call { .. }));
            name + choice
                .pieces()
                .iter()
                .map(|piece| piece.tokens)
                .sum::<u64>()
        };
        self.choices.iter().map(tokens).sum()
    }
}

/// What a request says about the answer it wants.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) n: u64,
    pub(crate) max_tokens: Option<u64>,
    stop: Vec<String>,
    format: Format,
    functions: Vec<Function>,
    tool_choice: ToolChoice<'a>,
    question: Option<String>,
}

#[derive(Debug, Default)]
enum Format {
    #[default]
    Text,
    /// Any JSON object.
    Object,
    /// JSON after a schema.
    Schema(Schema),
}

/// The most choices one request may ask for, as on Azure.
const MOST_CHOICES: u64 = 128;

impl<'a> Wanted<'a> {
    /// Reads the fields of a chat completion, a legacy completion or the Responses API.
    ///
    /// # Errors
    /// When one of them has the wrong type; the message names it.
    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMany {
            One(String),
            Many(Vec<String>),
        }
        let n = fields.read("n")?.unwrap_or(1);
        if !(1..=MOST_CHOICES).contains(&n) {
            return Err(format!(
                "Invalid value for 'n': {n} is not between 1 and {MOST_CHOICES}."
            ));
        }
        let limits = ["max_completion_tokens", "max_tokens", "max_output_tokens"];
        let mut max_tokens: Option<u64> = None;
        for name in limits {
            max_tokens = max_tokens.or(fields.read(name)?);
        }
        let functions = tools::functions(fields)?;
        let question = if functions.is_empty() {
            None
        } else {
            question(fields)?
        };
        Ok(Self {
            n,
            max_tokens,
            stop: match fields.read("stop")? {
                None => Vec::new(),
                Some(OneOrMany::One(stop)) => vec![stop],
                Some(OneOrMany::Many(stops)) => stops,
            },
            format: format(fields)?,
            functions,
            tool_choice: ToolChoice::read(fields.get("tool_choice")),
            question,
        })
    }

    /// The answer to the request with this seed. `scripted` is said instead of something
    /// made up; a `tokenizer` cuts what is not made up.
    pub(crate) fn answer(
        &self,
        seed: u64,
        scripted: Option<&str>,
        tokenizer: Option<&CoreBPE>,
    ) -> Answer {
        let choices = (0..self.n)
            .map(|i| self.choice(seed.wrapping_add(i), scripted, tokenizer))
            .collect();
        Answer { choices }
    }

    fn choice(&self, seed: u64, scripted: Option<&str>, tokenizer: Option<&CoreBPE>) -> Choice {
        if scripted.is_none()
            && let Some(function) =
                tools::called(&self.functions, &self.tool_choice, self.question.as_deref())
        {
            return Choice {
                content: Content::Call {
                    id: format!("call_{}", text::letters(seed, 24)),
                    name: function.name.clone(),
                    arguments: pieces(tokenizer, &function.example(seed)),
                },
                finish: Finish::ToolCalls,
            };
        }
        let said = match (scripted, &self.format) {
            (Some(text), _) => pieces(tokenizer, text),
            (None, Format::Text) => text::sentences(seed),
            (None, Format::Object) => {
                let sentence: String = text::sentences(seed).into_iter().map(|p| p.text).collect();
                pieces(tokenizer, &format!("{{\"answer\": \"{sentence}\"}}"))
            }
            (None, Format::Schema(schema)) => pieces(tokenizer, &schema.example(seed)),
        };
        let (said, finish) = self.cut(said);
        Choice {
            content: Content::Text(said),
            finish,
        }
    }

    /// Ends the text where the token limit or a stop sequence comes first.
    fn cut(&self, mut said: Vec<Piece>) -> (Vec<Piece>, Finish) {
        let mut finish = Finish::Stop;
        if let Some(limit) = self.max_tokens {
            let mut tokens = 0;
            let fitting = said.iter().take_while(|piece| {
                tokens += piece.tokens;
                tokens <= limit
            });
            let fitting = fitting.count();
            if fitting < said.len() {
                said.truncate(fitting);
                finish = Finish::Length;
            }
        }
        let text: String = said.iter().map(|piece| piece.text.as_ref()).collect();
        let stops = self.stop.iter().filter(|stop| !stop.is_empty());
        if let Some(end) = stops.filter_map(|stop| text.find(stop)).min() {
            let mut start = 0;
            said.retain_mut(|piece| {
                let kept = end.saturating_sub(start).min(piece.text.len());
                start += piece.text.len();
                if 0 < kept && kept < piece.text.len() {
                    piece.text = piece.text[..kept].to_owned().into();
                }
                kept > 0
            });
            finish = Finish::Stop;
        }
        (said, finish)
    }
}

fn format(fields: &Fields) -> Result<Format, String> {
    #[derive(Deserialize)]
    struct Wish {
        #[serde(rename = "type")]
        kind: String,
        /// Chat completions nest the schema once more.
        json_schema: Option<Nested>,
        schema: Option<Schema>,
    }
    #[derive(Deserialize)]
    struct Nested {
        schema: Option<Schema>,
    }
    #[derive(Deserialize)]
    struct Text {
        format: Option<Wish>,
    }
    let wish: Option<Wish> = match fields.read::<Wish>("response_format")? {
        Some(wish) => Some(wish),
        None => fields.read::<Text>("text")?.and_then(|text| text.format),
    };
    Ok(match wish {
        Some(wish) if wish.kind == "json_object" => Format::Object,
        Some(wish) if wish.kind == "json_schema" => {
            let schema = wish
                .json_schema
                .and_then(|nested| nested.schema)
                .or(wish.schema);
            Format::Schema(schema.unwrap_or_default())
        }
        _ => Format::Text,
    })
}

/// The text of the last message, when the user wrote it.
fn question(fields: &Fields) -> Result<Option<String>, String> {
    let key = if fields.get("messages").is_some() {
        "messages"
    } else {
        "input"
    };
    if fields
        .get(key)
        .is_some_and(|raw| raw.get().starts_with('"'))
    {
        return fields.read(key);
    }
    let messages: Vec<Fields> = fields.read(key)?.unwrap_or_default();
    let Some(last) = messages.last() else {
        return Ok(None);
    };
    if last.get("role").is_none_or(|role| role.get() != "\"user\"") {
        return Ok(None);
    }
    if last
        .get("content")
        .is_some_and(|raw| raw.get().starts_with('"'))
    {
        return last.read("content");
    }
    let parts: Vec<Fields> = last.read("content")?.unwrap_or_default();
    let texts = parts
        .iter()
        .filter_map(|part| part.read::<String>("text").ok().flatten());
    Ok(Some(texts.collect::<Vec<_>>().join("\n")))
}

/// The number an answer is made from: a hash of every field but those that say how and
/// by which model it is delivered.
pub(crate) fn seed(fields: &Fields) -> u64 {
    let mut hash = Xxh3::new();
    for (key, value) in fields.iter() {
        if !matches!(key, "model" | "stream" | "stream_options") {
            hash.update(key.as_bytes());
            hash.update(value.get().as_bytes());
        }
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::of_model;

    fn answer(body: &str, scripted: Option<&str>) -> Answer {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let wanted = Wanted::read(&fields).unwrap();
        wanted.answer(seed(&fields), scripted, Some(of_model("gpt-4o")))
    }

    #[test]
    fn delivery_does_not_change_the_answer() {
        let text = |body| answer(body, None).choices[0].text();
        let plain = text(r#"{"messages":[{"role":"user","content":"hi"}]}"#);
        for same in [
            r#"{"model":"a","messages":[{"role":"user","content":"hi"}]}"#,
            r#"{"messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#,
        ] {
            assert_eq!(text(same), plain);
        }
        assert_ne!(
            text(r#"{"messages":[{"role":"user","content":"ho"}]}"#),
            plain
        );
        assert_ne!(
            text(r#"{"messages":[{"role":"user","content":"hi"}],"user":"x"}"#),
            plain
        );
    }

    #[test]
    fn limits_and_stops() {
        let rows = [
            ("{}", "One, two. Three", Finish::Stop, 5),
            (r#"{"max_tokens":3}"#, "One, two", Finish::Length, 3),
            (
                r#"{"max_completion_tokens":2,"max_tokens":9}"#,
                "One,",
                Finish::Length,
                2,
            ),
            (r#"{"max_output_tokens":1}"#, "One", Finish::Length, 1),
            (r#"{"max_tokens":5}"#, "One, two. Three", Finish::Stop, 5),
            (r#"{"max_tokens":0}"#, "", Finish::Length, 0),
            (r#"{"stop":"wo"}"#, "One, t", Finish::Stop, 3),
            (r#"{"stop":["Three",","]}"#, "One", Finish::Stop, 1),
            (
                r#"{"stop":["absent",""]}"#,
                "One, two. Three",
                Finish::Stop,
                5,
            ),
            (r#"{"stop":"two","max_tokens":3}"#, "One, ", Finish::Stop, 3),
            (
                r#"{"stop":"Three","max_tokens":3}"#,
                "One, two",
                Finish::Length,
                3,
            ),
        ];
        for (body, text, finish, tokens) in rows {
            let answer = answer(body, Some("One, two. Three"));
            assert_eq!(answer.choices[0].text(), text, "{body}");
            assert_eq!(answer.choices[0].finish, finish, "{body}");
            assert_eq!(answer.tokens(), tokens, "{body}");
        }
    }

    #[test]
    fn choices_differ_and_are_bounded() {
        let answer = answer(r#"{"n":3}"#, None);
        assert_eq!(answer.choices.len(), 3);
        assert_ne!(answer.choices[0].text(), answer.choices[1].text());
        for body in [
            r#"{"n":0}"#,
            r#"{"n":129}"#,
            r#"{"n":"x"}"#,
            r#"{"stop":1}"#,
            r#"{"max_tokens":-1}"#,
        ] {
            assert!(
                Wanted::read(&Fields::parse(body.as_bytes()).unwrap()).is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn formats_are_json() {
        for body in [
            r#"{"response_format":{"type":"json_object"}}"#,
            r#"{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"answer":{"type":"string"}}}}}}"#,
            r#"{"text":{"format":{"type":"json_schema","name":"x","schema":{"type":"object","properties":{"answer":{"type":"string"}}}}}}"#,
        ] {
            let text = answer(body, None).choices[0].text();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(value["answer"].is_string(), "{text}");
        }
    }

    #[test]
    fn tools_are_called_when_asked_for() {
        let tools = r#""tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]"#;
        let rows = [
            (r#"[{"role":"user","content":"weather?"}]"#, true),
            (
                r#"[{"role":"user","content":[{"type":"text","text":"weather?"}]}]"#,
                true,
            ),
            (r#"[{"role":"user","content":"hello"}]"#, false),
            (
                r#"[{"role":"user","content":"weather?"},{"role":"tool","content":"weather is fine"}]"#,
                false,
            ),
            ("[]", false),
        ];
        for (messages, called) in rows {
            let answer = answer(&format!(r#"{{"messages":{messages},{tools}}}"#), None);
            let choice = &answer.choices[0];
            assert_eq!(choice.finish == Finish::ToolCalls, called, "{messages}");
            if called {
                let arguments: serde_json::Value = serde_json::from_str(&choice.text()).unwrap();
                assert!(arguments["city"].is_string());
            }
        }
    }
}
