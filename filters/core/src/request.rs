//! One request's body on its way in: the scanner, and what is made of it in the same pass.

pub mod texts;

use crate::Span;
use crate::config::{Accuracy, Limits};
use crate::endpoint::Dialect;
use crate::json::unescape_short;
use crate::models::Models;
use crate::response_cache::key::{KeyReader, RequestKey};
use crate::response_cache::keyer::Keyer;
use crate::scan::{Event, Field, Fields, JsonStr, PartKind, Refusal, Role, Scanner, Sink, Token};
use crate::tokens::{Detail, Model, OutputBound, Prompt};
use texts::{RequestText, Texts};

/// Reads a request's body as it arrives.
///
/// Memory is constant but for the list of texts, where it is wanted: what is learned of
/// messages, tools and images is counted when it passes, and the body itself stays where it is.
pub struct RequestReader {
    scanner: Scanner,
    dialect: Dialect,
    wanted: Wanted,
    measured: Measured,
    texts: Texts,
    key: Option<Box<dyn KeyPass>>,
}

/// What of a request its stages look at: what nobody does is not made.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How many tokens its prompt has.
    pub tokens: bool,
    /// The list of its texts.
    pub texts: bool,
    /// What its answer depends on, hashed like this.
    pub key: Option<Keying>,
}

/// How a request is hashed: named by the stage that wants that, so that the pass that does it is
/// in no module without such a stage.
#[derive(Clone, Copy, Debug)]
pub struct Keying {
    keyer: Keyer,
    pass: fn(Keyer, Dialect) -> Box<dyn KeyPass>,
}

impl Keying {
    /// By this keyer.
    pub fn by(keyer: Keyer) -> Keying {
        Keying {
            keyer,
            pass: |keyer, dialect| Box::new(KeyReader::new(keyer, dialect)),
        }
    }
}

/// Reads bodies and hashes them in the same pass.
trait KeyPass {
    /// Reads what is new in the body of `pass`.
    fn push(&mut self, scanner: &mut Scanner, pass: Pass<'_>) -> Result<(), Refusal>;

    /// The hashes of the whole request.
    fn finish(self: Box<Self>) -> RequestKey;
}

impl KeyPass for KeyReader {
    fn push(&mut self, scanner: &mut Scanner, pass: Pass<'_>) -> Result<(), Refusal> {
        let body = pass.body;
        scanner.push(body, &mut Keyed { pass, key: self })?;
        self.flush(body);
        Ok(())
    }

    fn finish(self: Box<Self>) -> RequestKey {
        KeyReader::finish(*self)
    }
}

/// What is measured while the body passes.
#[derive(Default)]
struct Measured {
    prompt: Prompt,
    /// There is something the model reads that no estimate is made of: audio, files.
    has_unseen: bool,
}

/// A request that was read to its end.
pub struct Request<'a> {
    /// Its whole body.
    pub body: &'a [u8],
    /// Its shape.
    pub dialect: Dialect,
    /// The model that will read it.
    pub model: Model,
    /// What it says at its top level.
    pub fields: Fields,
    /// Every text the model may read, in the order of the body; empty where it is not wanted.
    pub texts: Vec<RequestText>,
    /// What its answer depends on, where it is wanted.
    pub key: Option<RequestKey>,
    measured: Measured,
}

impl Request<'_> {
    /// What was read of it, without its body, which is put back by [`Request::with`].
    pub fn without_body(self) -> Request<'static> {
        Request { body: &[], ..self }
    }

    /// The request whose body this is.
    pub fn with(self, body: &[u8]) -> Request<'_> {
        Request { body, ..self }
    }
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is none the upstream would read as it is read here.
    Refused(Refusal),
    /// There was no memory for the list of its texts.
    NoMemory,
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Unread {
        Unread::Refused(refusal)
    }
}

/// A `model` longer than this is not known by any name; Azure's deployments have 64 at most.
const LONGEST_NAME: usize = 128;

/// Unknown members of messages up to this long are marks, such as `"annotations":[]` and
/// `"cache_control":{"type":"ephemeral"}`; longer ones may be text that the model reads.
const LONGEST_MARK: usize = 32;

impl RequestReader {
    /// A reader for a body of this shape.
    pub fn new(dialect: Dialect, wanted: Wanted, limits: &Limits) -> RequestReader {
        RequestReader {
            scanner: Scanner::new(dialect, limits.max_depth),
            dialect,
            wanted,
            measured: Measured::default(),
            texts: Texts::default(),
            key: wanted.key.map(|by| (by.pass)(by.keyer, dialect)),
        }
    }

    /// Reads what is new in `body`, which holds every byte received so far.
    ///
    /// # Errors
    /// What is wrong with it and where, at the first byte that shows it.
    pub fn push(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let RequestReader { scanner, key, .. } = self;
        let pass = Pass {
            body,
            dialect: self.dialect,
            wanted: self.wanted,
            measured: &mut self.measured,
            texts: &mut self.texts,
        };
        // Two sinks, because to ask at every token would slow down those who want no key.
        match key {
            None => scanner.push(body, &mut { pass }),
            Some(key) => key.push(scanner, pass),
        }
    }

    /// The request whose whole body is `body`. A deployment named by the path decides the
    /// model; the body's `model` counts where there is none.
    ///
    /// # Errors
    /// As [`RequestReader::push`]; also where the body ends too early, or memory.
    pub fn finish<'a>(
        mut self,
        body: &'a [u8],
        deployment: Option<&str>,
        models: &Models,
    ) -> Result<Request<'a>, Unread> {
        self.push(body)?;
        let mut pass = Pass {
            body,
            dialect: self.dialect,
            wanted: self.wanted,
            measured: &mut self.measured,
            texts: &mut self.texts,
        };
        let fields = *self.scanner.finish(body, &mut pass)?;
        let mut room = NameRoom::default();
        let model = models.named(name(body, &fields, deployment, &mut room));
        Ok(Request {
            body,
            dialect: self.dialect,
            model,
            fields,
            texts: self.texts.finish().ok_or(Unread::NoMemory)?,
            key: self.key.map(|key| key.finish()),
            measured: self.measured,
        })
    }
}

/// Room for a model's name without its escapes.
pub struct NameRoom([u8; LONGEST_NAME]);

impl Default for NameRoom {
    fn default() -> Self {
        NameRoom([0; LONGEST_NAME])
    }
}

/// The deployment, which decides where there is one, else the body's `model`; empty where
/// that is missing, or longer than any name is.
fn name<'r>(
    body: &[u8],
    fields: &Fields,
    deployment: Option<&'r str>,
    room: &'r mut NameRoom,
) -> &'r str {
    deployment.unwrap_or_else(|| {
        let named = fields.model;
        let named = named.and_then(|name| unescape_short(name.span.of(body), &mut room.0));
        let named = named.and_then(|name| core::str::from_utf8(name).ok());
        named.unwrap_or_default()
    })
}

impl Request<'_> {
    /// The name of the model that is asked for: `deployment`, which the path names, or what
    /// the body says.
    pub fn model_name<'r>(&self, deployment: Option<&'r str>, room: &'r mut NameRoom) -> &'r str {
        name(self.body, &self.fields, deployment, room)
    }

    /// How many answers it asks for; at least one.
    pub fn answers(&self) -> u64 {
        let fields = &self.fields;
        let prompts = match self.dialect {
            Dialect::Completions => u64::from(fields.inputs.max(1)),
            Dialect::Chat | Dialect::Responses | Dialect::Embeddings => 1,
        };
        let each = fields
            .n
            .unwrap_or(1)
            .max(fields.best_of.unwrap_or(1))
            .max(1);
        each.saturating_mul(prompts)
    }

    /// Tokens of the prompt as the model will count them, estimated.
    pub fn prompt_tokens(&self, accuracy: Accuracy) -> u64 {
        let prompt = &self.measured.prompt;
        let tokens = match accuracy {
            Accuracy::Fast => prompt.estimate(&self.model),
            Accuracy::Sampled => prompt.sampled(&self.model, self.body),
        };
        u64::from(tokens).saturating_add(self.fields.token_ids)
    }

    /// Tokens the answer may have: the maximum the request sets in its dialect, or `default`,
    /// for every answer it asks for. Embeddings have none.
    pub fn output_tokens(&self, default: u32) -> u64 {
        // Each prompt of a list gets its own answers.
        let prompts = match self.dialect {
            Dialect::Completions => self.fields.inputs.max(1),
            Dialect::Chat | Dialect::Responses => 1,
            Dialect::Embeddings => return 0,
        };
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let bound = OutputBound {
            max_tokens: self.most_output().map(narrow),
            n: self.fields.n.map(narrow),
            best_of: self.fields.best_of.map(narrow),
        };
        u64::from(bound.reserved(default)).saturating_mul(u64::from(prompts))
    }

    /// Whether it says itself how long its answer may be.
    pub fn bounds_output(&self) -> bool {
        self.dialect == Dialect::Embeddings || self.most_output().is_some()
    }

    fn most_output(&self) -> Option<u64> {
        let fields = &self.fields;
        match self.dialect {
            Dialect::Chat => fields.max_completion_tokens.or(fields.max_tokens),
            Dialect::Completions => fields.max_tokens,
            Dialect::Responses => fields.max_output_tokens,
            Dialect::Embeddings => None,
        }
    }

    /// Whether the model will read more than was counted: state kept by the provider
    /// (earlier responses, conversations, files), its own tools, audio, files, and members
    /// of messages that are not known here.
    pub fn is_partial(&self) -> bool {
        self.fields.names_provider_state || self.measured.has_unseen
    }
}

/// One push of the body: its bytes so far, and where what they say is kept.
struct Pass<'a> {
    body: &'a [u8],
    dialect: Dialect,
    wanted: Wanted,
    measured: &'a mut Measured,
    texts: &'a mut Texts,
}

/// One push of a body whose key is wanted.
struct Keyed<'a> {
    pass: Pass<'a>,
    key: &'a mut KeyReader,
}

impl Sink for Pass<'_> {
    #[inline]
    fn event(&mut self, event: Event<'_>) {
        if self.wanted.texts {
            self.texts.event(&event, self.body, self.dialect);
        }
        if self.wanted.tokens {
            self.measure(event);
        }
    }
}

impl Sink for Keyed<'_> {
    #[inline]
    fn event(&mut self, event: Event<'_>) {
        if let Event::MessageEnd(message) = event {
            self.key.end_message_of(message.role);
        }
        self.pass.event(event);
    }

    #[inline(always)]
    fn token(&mut self, token: Token) {
        self.key.token(token, self.pass.body);
    }
}

impl Pass<'_> {
    fn measure(&mut self, event: Event<'_>) {
        let Measured { prompt, has_unseen } = self.measured;
        // The Responses API makes messages of strings, as if they had been sent so.
        let (body, dialect) = (self.body, self.dialect);
        let is_message =
            |value: Span| dialect == Dialect::Responses && value.of(body).starts_with(b"\"");
        let text = |place: Option<JsonStr>| place.map_or(&[][..], |text| text.span.of(self.body));
        match event {
            Event::Text(text) => prompt.text(text.bytes, text.at as usize),
            Event::TextEnd { .. } => prompt.end_text(),
            Event::MessageEnd(message) => {
                prompt.message(matches!(message.role, Some(Role::System | Role::Developer)));
                if message.name.is_some() {
                    prompt.name();
                }
            }
            Event::Part(part) => match part.kind {
                PartKind::Image => prompt.image(text(part.url), Detail::named(text(part.detail))),
                PartKind::Audio | PartKind::File | PartKind::Other => *has_unseen = true,
                PartKind::Text | PartKind::Refusal => {}
            },
            Event::Field { field, value } => match field {
                Field::Tools | Field::Functions => prompt.tools(self.body, value),
                Field::ToolChoice | Field::FunctionCall => prompt.tool_choice(self.body, value),
                Field::ResponseFormat => prompt.response_format(self.body, value),
                Field::Input if is_message(value) => prompt.message(false),
                Field::Instructions if is_message(value) => prompt.message(true),
                // What the answer is expected to be; its tokens are charged by what it becomes.
                Field::Prediction => *has_unseen = true,
                _ => {}
            },
            Event::UnknownMember { value, .. } => *has_unseen |= value.len() > LONGEST_MARK,
            Event::MessageStart { .. }
            | Event::ToolCall(_)
            | Event::TokenIds { .. }
            | Event::UnknownField { .. } => {}
        }
    }
}
