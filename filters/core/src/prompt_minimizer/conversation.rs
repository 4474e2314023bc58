//! A request's messages as the [window](super::window) has to know them.

use std::collections::{BTreeMap, TryReserveError};

use super::window::{Message, Role, Trim, trim};
use crate::Span;
use crate::config::Window;
use crate::endpoint::Dialect;
use crate::json::{MAX_DEPTH, Unescaped, unescape};
use crate::request::Request;
use crate::scan::{self, Event, Field, ItemKind, JsonStr, PartKind, Scanner, Sink};
use crate::tokens::{Detail, Model, Prompt, REPLY};

/// The messages of a request, and what else its prompt has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The messages, each with its tokens.
    pub messages: Vec<Message>,
    /// Where they stand in the body.
    pub spans: Vec<Span>,
    /// Tokens of the prompt that are no message's: tools, instructions, the shape of the answer,
    /// the start of the reply.
    pub around: u64,
}

impl Conversation {
    /// All its tokens.
    fn tokens(&self) -> u64 {
        let tokens = self.messages.iter().map(|message| message.tokens);
        tokens.fold(self.around, u64::saturating_add)
    }

    /// The messages of `request`; `None` where it is no conversation, names some that the
    /// provider keeps, or there is no memory for the list.
    pub fn read(request: &Request<'_>) -> Option<Conversation> {
        let is_conversation = matches!(request.dialect, Dialect::Chat | Dialect::Responses);
        if !is_conversation || request.fields.names_provider_state {
            return None;
        }
        let mut reader = Reader {
            body: request.body,
            dialect: request.dialect,
            model: &request.model,
            conversation: Conversation::default(),
            message: Prompt::new(),
            around: Prompt::new(),
            calls: BTreeMap::new(),
            last_call: None,
            is_short: false,
        };
        // It was read before: nothing in it is refused now.
        let mut scanner = Scanner::new(request.dialect, MAX_DEPTH);
        scanner.push(request.body, &mut reader).ok()?;
        scanner.finish(request.body, &mut reader).ok()?;
        reader.finish()
    }
}

/// What a window leaves of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fitted {
    /// What of the body goes: for each message that does all up to the next one, in order.
    pub gaps: Vec<Span>,
    /// Tokens of the messages that go.
    pub tokens: u64,
    /// Where no cut makes it fit: the tokens it needs at least.
    pub too_long: Option<u64>,
}

impl Fitted {
    /// What `window` leaves of the conversation that `request` is.
    pub fn of(request: &Request<'_>, window: &Window) -> Fitted {
        let mut fitted = Fitted::default();
        let Some(conversation) = Conversation::read(request) else {
            return fitted;
        };
        let Conversation {
            messages,
            spans,
            around,
        } = &conversation;
        let budget = u64::from(window.max_tokens).saturating_sub(*around);
        match trim(messages, budget, window.step().into()) {
            Trim::Nothing if conversation.tokens() > window.max_tokens.into() => {
                fitted.too_long = Some(conversation.tokens());
            }
            Trim::Nothing => {}
            Trim::Impossible { needed } => {
                fitted.too_long = Some(needed.saturating_add(*around));
            }
            Trim::Drop(range) => {
                let nexts = spans.iter().skip(1);
                let all = messages.iter().zip(spans).zip(nexts).enumerate();
                for (at, ((message, span), next)) in all {
                    if range.contains(&at) && message.role != Role::Instructions {
                        fitted.tokens = fitted.tokens.saturating_add(message.tokens);
                        let gap = Span::new(span.start as usize, next.start as usize);
                        fitted.gaps.push(gap);
                    }
                }
            }
        }
        fitted
    }

    /// How many messages go ahead of the place `at`; `None` where what is there goes too.
    pub fn gone_before(&self, at: u32) -> Option<u32> {
        let gone = self.gaps.partition_point(|gap| gap.start <= at);
        let last = gone.checked_sub(1).and_then(|last| self.gaps.get(last));
        let is_gone = last.is_some_and(|gap| at < gap.end);
        (!is_gone).then(|| u32::try_from(gone).unwrap_or(u32::MAX))
    }
}

/// Adds messages up, one after the other.
struct Reader<'a> {
    body: &'a [u8],
    dialect: Dialect,
    model: &'a Model,
    conversation: Conversation,
    /// The message that is being read.
    message: Prompt,
    /// What is no message's.
    around: Prompt,
    /// The places of messages by the ids of the calls in them.
    calls: BTreeMap<Vec<u8>, usize>,
    /// The last message with a call in it.
    last_call: Option<usize>,
    /// There was no memory for the list.
    is_short: bool,
}

impl Reader<'_> {
    fn finish(self) -> Option<Conversation> {
        let mut conversation = self.conversation;
        let around = self.around.estimate(self.model).saturating_add(REPLY);
        conversation.around = conversation.around.saturating_add(around.into());
        (!self.is_short).then_some(conversation)
    }

    /// Tokens of what was read since the last message, which is one now.
    fn message(&mut self, is_instructions: bool) -> u64 {
        let mut message = core::mem::take(&mut self.message);
        message.message(is_instructions);
        message.estimate(self.model).saturating_sub(REPLY).into()
    }

    fn add(&mut self, message: Message, span: Span) -> Result<(), TryReserveError> {
        let Conversation {
            messages, spans, ..
        } = &mut self.conversation;
        if messages.len() == messages.capacity() {
            messages.try_reserve(messages.len().max(32))?;
            spans.try_reserve(spans.len().max(32))?;
        }
        messages.push(message);
        spans.push(span);
        Ok(())
    }

    /// What was read since the last message is one of `role`.
    fn end_message(&mut self, role: Role, answers: Option<usize>, span: Span) {
        let message = Message {
            role,
            tokens: self.message(role == Role::Instructions),
            answers,
        };
        self.is_short |= self.add(message, span).is_err();
    }

    /// The message that has the call which one of `role` with this `id` is about. A result that
    /// names none, or one that is not there, is of the last call; of two items of whatever kind
    /// with the same id the later one is about the first.
    fn answers(&mut self, role: Role, id: Option<JsonStr>) -> Option<usize> {
        let here = self.conversation.messages.len();
        let id = id.map(|id| unescaped(id, self.body));
        if let Some(call) = id.as_ref().and_then(|id| self.calls.get(id)) {
            return Some(*call);
        }
        if role == Role::Tool {
            return self.last_call;
        }
        self.calls.extend(id.map(|id| (id, here)));
        None
    }

    fn part(&mut self, part: &scan::Part) {
        let text = |place: Option<JsonStr>| place.map_or(&[][..], |text| text.span.of(self.body));
        if part.kind == PartKind::Image {
            let detail = Detail::named(text(part.detail));
            self.message.image(text(part.url), detail);
        }
    }

    fn field(&mut self, field: Field, value: Span) {
        let is_text = self.dialect == Dialect::Responses && value.of(self.body).starts_with(b"\"");
        match field {
            Field::Tools | Field::Functions => self.around.tools(self.body, value),
            Field::ToolChoice | Field::FunctionCall => self.around.tool_choice(self.body, value),
            Field::ResponseFormat => self.around.response_format(self.body, value),
            // The Responses API makes messages of strings, as if they had been sent so.
            Field::Input if is_text => self.end_message(Role::User, None, value),
            Field::Instructions if is_text => {
                let instructions = self.message(true);
                let around = &mut self.conversation.around;
                *around = around.saturating_add(instructions);
            }
            _ => {}
        }
    }
}

impl Sink for Reader<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => self.message.text(text.bytes, text.at as usize),
            Event::TextEnd { .. } => self.message.end_text(),
            Event::Part(part) => self.part(part),
            Event::ToolCall(call) => {
                let at = self.conversation.messages.len();
                self.last_call = Some(at);
                if let Some(id) = call.id {
                    self.calls.insert(unescaped(id, self.body), at);
                }
            }
            Event::MessageEnd(message) => {
                if message.name.is_some() {
                    self.message.name();
                }
                let role = role(message);
                let answers = self.answers(role, message.tool_call_id);
                self.end_message(role, answers, message.span);
            }
            Event::Field { field, value } => self.field(field, value),
            // Members nobody knows are not in the estimate either.
            Event::MessageStart { .. }
            | Event::TokenIds { .. }
            | Event::UnknownField { .. }
            | Event::UnknownMember { .. } => {}
        }
    }
}

/// Whose message it is. What is not known to be a user's is not a place for a cut.
fn role(message: &scan::Message) -> Role {
    match (message.kind, message.role) {
        (ItemKind::ToolOutput, _) => Role::Tool,
        (ItemKind::Message, Some(role)) => match role {
            scan::Role::System | scan::Role::Developer => Role::Instructions,
            scan::Role::User => Role::User,
            scan::Role::Tool | scan::Role::Function => Role::Tool,
            scan::Role::Assistant | scan::Role::Other => Role::Assistant,
        },
        _ => Role::Assistant,
    }
}

/// The bytes that the text at `place` stands for.
fn unescaped(place: JsonStr, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in unescape(place.span.of(body)) {
        match run {
            Unescaped::Bytes(run) => bytes.extend_from_slice(run),
            Unescaped::Char(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    bytes
}
