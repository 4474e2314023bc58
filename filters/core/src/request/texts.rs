//! The texts of a request: every string the model may read, by whom, and where it stands.

use crate::endpoint::Dialect;
use crate::json::{Error, Handler, Lexer, MAX_DEPTH, Place};
use crate::scan::{Event, Field, JsonStr, Role, TextKind};
use crate::{Span, scan};

/// Whose text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Speaker {
    /// The application: `system` messages, and `instructions` of the Responses API.
    System,
    /// `developer` messages.
    Developer,
    /// The user, anyone whose role is not known, prompts of legacy completions, texts to embed.
    User,
    /// Earlier answers, and the calls in them.
    Assistant,
    /// What called functions gave back.
    Tool,
    /// What the request says of its tools and of the shape of its answer.
    ToolDefinitions,
    /// Whatever else the request carries.
    Other,
    /// The model's answer.
    Response,
}

impl Speaker {
    /// Every speaker by name.
    pub const ALL: [(&'static str, Speaker); 8] = [
        ("system", Speaker::System),
        ("developer", Speaker::Developer),
        ("user", Speaker::User),
        ("assistant", Speaker::Assistant),
        ("tool", Speaker::Tool),
        ("tool_definitions", Speaker::ToolDefinitions),
        ("other", Speaker::Other),
        ("response", Speaker::Response),
    ];

    fn of_role(role: Option<Role>) -> Speaker {
        match role {
            Some(Role::System) => Speaker::System,
            Some(Role::Developer) => Speaker::Developer,
            Some(Role::Assistant) => Speaker::Assistant,
            Some(Role::Tool | Role::Function) => Speaker::Tool,
            Some(Role::User | Role::Other) | None => Speaker::User,
        }
    }
}

/// A set of speakers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speakers(u8);

impl Speakers {
    /// Everybody.
    pub const ALL: Speakers = Speakers(u8::MAX);

    /// Everybody whose texts a request carries.
    pub const REQUEST: Speakers = Speakers(!(1 << Speaker::Response as u8));

    /// These.
    pub const fn of(speakers: &[Speaker]) -> Speakers {
        let mut set = 0;
        let mut rest = speakers;
        while let [speaker, more @ ..] = rest {
            set |= 1 << *speaker as u8;
            rest = more;
        }
        Speakers(set)
    }

    /// Whether `speaker` is one of them.
    pub const fn has(self, speaker: Speaker) -> bool {
        self.0 & 1 << speaker as u8 != 0
    }

    /// Whether the sets have a speaker in common.
    pub const fn meet(self, other: Speakers) -> bool {
        self.0 & other.0 != 0
    }
}

/// A text of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestText {
    /// Where it stands in the body, without its quotes.
    pub content: JsonStr,
    /// Whose it is.
    pub speaker: Speaker,
    /// What it is; `None` of what stands in values that may have any shape.
    pub kind: Option<TextKind>,
    /// Of a message, it is what is said, in one of its parts: a model may be given them with
    /// nothing between.
    pub is_content: bool,
    /// The message it belongs to, counted from 0 as they come; texts that stand alone have a
    /// number of their own. Texts of one message are neighbours, and the model reads those of
    /// its content as one.
    pub group: u32,
}

/// The texts of a request as they are found.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<RequestText>,
    group: u32,
    /// Where in the list the message being read begins; `None` outside messages.
    message: Option<usize>,
    /// There was no memory for the list.
    is_short: bool,
}

impl Texts {
    /// The list; `None` where there was no memory for it.
    pub(super) fn finish(self) -> Option<Vec<RequestText>> {
        (!self.is_short).then_some(self.texts)
    }

    fn add(&mut self, content: JsonStr, speaker: Speaker, kind: Option<TextKind>) {
        if content.span.is_empty() {
            return;
        }
        // Most requests have fewer texts than this.
        const FIRST: usize = 32;
        if self.texts.len() == self.texts.capacity() {
            let more = self.texts.len().max(FIRST);
            if self.texts.try_reserve(more).is_err() {
                self.is_short = true;
                return;
            }
        }
        self.texts.push(RequestText {
            content,
            speaker,
            kind,
            is_content: !matches!(kind, None | Some(TextKind::Name | TextKind::ToolName)),
            group: self.group,
        });
        if self.message.is_none() {
            self.group = self.group.saturating_add(1);
        }
    }

    /// Takes note of what the scanner found.
    pub(super) fn event(&mut self, event: &Event<'_>, body: &[u8], dialect: Dialect) {
        match event {
            Event::MessageStart { .. } => self.message = Some(self.texts.len()),
            Event::TextEnd {
                kind,
                role,
                content,
            } => {
                self.add(*content, speaker(*kind, *role), Some(*kind));
            }
            Event::MessageEnd(message) => self.end_message(message),
            Event::Field { field, value } => match field {
                Field::Tools | Field::Functions | Field::ResponseFormat => {
                    self.raw(body, *value, Speaker::ToolDefinitions);
                }
                Field::ToolChoice | Field::FunctionCall => {
                    self.raw(body, *value, Speaker::ToolDefinitions);
                }
                Field::Metadata | Field::User | Field::Stop | Field::WebSearchOptions => {
                    self.raw(body, *value, Speaker::Other);
                }
                Field::Prediction => self.raw(body, *value, Speaker::Assistant),
                // What a stored prompt is filled with.
                Field::Prompt if dialect == Dialect::Responses => {
                    self.raw(body, *value, Speaker::User);
                }
                _ => {}
            },
            Event::UnknownField { key, value } => {
                self.add(*key, Speaker::Other, None);
                self.raw(body, *value, Speaker::Other);
            }
            Event::UnknownMember { key, value } => {
                // In a message it may be text the model reads, whoever it is from.
                let speaker = if self.message.is_some() {
                    Speaker::User
                } else {
                    Speaker::Other
                };
                self.add(*key, speaker, None);
                self.raw(body, *value, speaker);
            }
            // The model is told what a file is called. In a message its author is known later.
            Event::Part(part) => {
                if let Some(name) = part.filename {
                    self.add(name, Speaker::User, None);
                }
            }
            Event::Text(_) | Event::ToolCall(_) | Event::TokenIds { .. } => {}
        }
    }

    /// A message is whole: whose its texts are is known now, wherever its role stood.
    fn end_message(&mut self, message: &scan::Message) {
        let first = self.message.take().unwrap_or(self.texts.len());
        let by_role = Speaker::of_role(message.role);
        for text in self.texts.iter_mut().skip(first) {
            if text.speaker == Speaker::User {
                text.speaker = by_role;
            }
        }
        self.group = self.group.saturating_add(1);
    }

    /// Every string of a value that may have any shape, keys included.
    fn raw(&mut self, body: &[u8], value: Span, speaker: Speaker) {
        let mut strings = Strings {
            texts: self,
            speaker,
            start: 0,
            base: value.start as usize,
        };
        let mut lexer = Lexer::new(MAX_DEPTH);
        // It was lexed before, as part of the body.
        if lexer.push(value.of(body), &mut strings).is_ok() {
            let _ = lexer.finish(&mut strings);
        }
    }
}

fn speaker(kind: TextKind, role: Option<Role>) -> Speaker {
    match kind {
        TextKind::Content | TextKind::Name => Speaker::of_role(role),
        TextKind::Refusal | TextKind::ToolName | TextKind::ToolArguments | TextKind::Reasoning => {
            Speaker::Assistant
        }
        TextKind::ToolOutput => Speaker::Tool,
        TextKind::Instructions => Speaker::System,
        TextKind::Prompt | TextKind::Suffix | TextKind::EmbeddingInput => Speaker::User,
    }
}

/// Collects the strings of a JSON value.
struct Strings<'a> {
    texts: &'a mut Texts,
    speaker: Speaker,
    /// Where the string at hand begins.
    start: usize,
    /// Where the value begins in the body.
    base: usize,
}

impl Handler for Strings<'_> {
    type Error = Error;

    fn string_start(&mut self, _: Place, at: usize) -> Result<(), Error> {
        // Keys too: a model is shown a schema's, and what was said in them is sent.
        self.start = at.saturating_add(1);
        Ok(())
    }
    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), Error> {
        let place = |offset: usize| self.base.saturating_add(offset);
        let span = Span::new(place(self.start), place(at));
        self.texts
            .add(JsonStr { span, escaped }, self.speaker, None);
        Ok(())
    }
}
