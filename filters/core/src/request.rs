//! One request's body on its way in: the scanner, and what is measured of it in the same pass.

use crate::config::{Accuracy, Limits};
use crate::endpoint::Dialect;
use crate::json::unescape_short;
use crate::models::Models;
use crate::scan::{Event, Field, Fields, PartKind, Refusal, Role, Scanner, Sink};
use crate::tokens::{Framing, Images, Meter, Model, tools};

/// Reads a request's body as it arrives.
///
/// Memory is constant: what is learned of messages, tools and images is counted when it
/// passes, and the body itself stays where it is.
#[derive(Debug)]
pub struct RequestReader {
    scanner: Scanner,
    dialect: Dialect,
    measured: Measured,
}

/// What is measured while the body passes.
#[derive(Debug, Default)]
struct Measured {
    meter: Meter,
    framing: Framing,
    images: Images,
    /// There is something the model reads and the body does not show, or no estimate is
    /// made of: audio, files.
    has_unseen: bool,
}

/// A request that was read to its end.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its whole body.
    pub body: &'a [u8],
    /// Its shape.
    pub dialect: Dialect,
    /// The model that will read it.
    pub model: Model,
    /// What it says at its top level.
    pub fields: Fields,
    measured: Measured,
}

impl RequestReader {
    /// A reader for a body of this shape.
    pub fn new(dialect: Dialect, limits: &Limits) -> RequestReader {
        RequestReader {
            scanner: Scanner::new(dialect, limits.max_depth),
            dialect,
            measured: Measured::default(),
        }
    }

    /// Reads what is new in `body`, which holds every byte received so far.
    ///
    /// # Errors
    /// What is wrong with it and where, at the first byte that shows it.
    pub fn push(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let mut pass = Pass {
            body,
            measured: &mut self.measured,
        };
        self.scanner.push(body, &mut pass)
    }

    /// The request whose whole body is `body`. A deployment named by the path decides the
    /// model; the body's `model` counts where there is none.
    ///
    /// # Errors
    /// As [`RequestReader::push`]; also where the body ends too early.
    pub fn finish<'a>(
        mut self,
        body: &'a [u8],
        deployment: Option<&str>,
        models: &Models,
    ) -> Result<Request<'a>, Refusal> {
        self.push(body)?;
        let mut pass = Pass {
            body,
            measured: &mut self.measured,
        };
        let fields = *self.scanner.finish(body, &mut pass)?;
        let mut room = [0; LONGEST_NAME];
        let named = || {
            let name = fields.model?.span.of(body);
            core::str::from_utf8(unescape_short(name, &mut room)?).ok()
        };
        let model = models.named(deployment.or_else(named).unwrap_or_default());
        Ok(Request {
            body,
            dialect: self.dialect,
            model,
            fields,
            measured: self.measured,
        })
    }
}

/// A `model` longer than this is not known by any name; Azure's deployments have 64 at most.
const LONGEST_NAME: usize = 128;

impl Request<'_> {
    /// Tokens of the prompt as the model will count them, estimated.
    pub fn prompt_tokens(&self, accuracy: Accuracy) -> u64 {
        let Measured {
            meter,
            framing,
            images,
            ..
        } = &self.measured;
        let texts = match accuracy {
            Accuracy::Fast => meter.estimate(self.model.encoding()),
            Accuracy::Sampled => meter.sampled(self.model.encoding(), self.body),
        };
        let framing = match self.dialect {
            Dialect::Chat | Dialect::Responses => framing.tokens(&self.model),
            // Their texts stand for themselves.
            Dialect::Completions | Dialect::Embeddings => 0,
        };
        u64::from(texts)
            .saturating_add(framing)
            .saturating_add(images.tokens(&self.model))
            .saturating_add(self.fields.token_ids)
    }

    /// Tokens the answer may have: the maximum the request sets, or `default`, for every
    /// choice it asks for. Embeddings have none.
    pub fn output_tokens(&self, default: u32) -> u64 {
        let fields = &self.fields;
        if self.dialect == Dialect::Embeddings {
            return 0;
        }
        let most = fields
            .max_completion_tokens
            .or(fields.max_output_tokens)
            .or(fields.max_tokens);
        // best_of makes so many and returns the n best of them: all are paid for.
        let choices = fields
            .n
            .unwrap_or(1)
            .max(fields.best_of.unwrap_or(1))
            .max(1);
        most.unwrap_or(u64::from(default)).saturating_mul(choices)
    }

    /// Whether the model will read more than was counted: state kept by the provider
    /// (earlier responses, conversations, files), audio, files.
    pub fn is_partial(&self) -> bool {
        self.fields.names_provider_state || self.measured.has_unseen
    }
}

/// One push of the body: its bytes so far, and where what they say is kept.
struct Pass<'a> {
    body: &'a [u8],
    measured: &'a mut Measured,
}

impl Sink for Pass<'_> {
    fn event(&mut self, event: Event<'_>) {
        let Measured {
            meter,
            framing,
            images,
            has_unseen,
        } = self.measured;
        match event {
            Event::Text(text) => meter.text(text.bytes, text.at as usize),
            Event::TextEnd { .. } => meter.end_text(),
            Event::MessageEnd(message) => {
                framing.messages = framing.messages.saturating_add(1);
                if message.name.is_some() {
                    framing.names = framing.names.saturating_add(1);
                }
                framing.has_system |= matches!(message.role, Some(Role::System | Role::Developer));
            }
            Event::Part(part) => match part.kind {
                PartKind::Image => {
                    let text = |place: Option<crate::scan::JsonStr>| {
                        place.map(|place| place.span.of(self.body))
                    };
                    images.add(text(part.url).unwrap_or_default(), text(part.detail));
                }
                PartKind::Audio | PartKind::File => *has_unseen = true,
                PartKind::Text | PartKind::Refusal | PartKind::Other => {}
            },
            Event::Field { field, value } => match field {
                Field::Tools | Field::Functions => {
                    tools::measure(value.of(self.body), meter, framing)
                }
                Field::ToolChoice | Field::FunctionCall => {
                    tools::measure_choice(value.of(self.body), meter, framing);
                }
                Field::ResponseFormat => tools::measure_format(value.of(self.body), meter, framing),
                _ => {}
            },
            Event::MessageStart { .. }
            | Event::ToolCall(_)
            | Event::TokenIds { .. }
            | Event::UnknownField { .. }
            | Event::UnknownMember { .. } => {}
        }
    }
}
