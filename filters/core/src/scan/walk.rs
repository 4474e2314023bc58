//! Follows the lexer's tokens through the schema and tells the sink what they mean.

use super::event::{
    Event, ItemKind, Message, Part, PartKind, Role, Sink, Text, TextKind, ToolCall,
};
use super::fields::{Field, Fields, JsonStr};
use super::frames::{Frame, Frames, Key, Node};
use super::refusal::{RefusalKind, Type};
use super::schema::{self, BooleanSlot, Inside, List, NumberSlot, Object, Shape, StringSlot};
use super::token::Token;
use crate::Span;
use crate::endpoint::Dialect;
use crate::json::{Container, Error, Handler, Literal, Number, Piece, Place};

/// Why the walk stops, and at which byte; the path is known from where it stopped.
pub(super) struct Fault {
    pub(super) kind: RefusalKind,
    pub(super) at: usize,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault {
            kind: RefusalKind::Syntax(error.kind),
            at: error.at,
        }
    }
}

/// Where the scanner is in the request, and what it knows so far.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    dialect: Dialect,
    /// The open containers of the schema.
    pub(super) frames: Frames,
    /// How many containers inside them are open that are no part of it.
    skipped: u32,
    /// The string being read.
    string: Reading,
    /// Where its content starts.
    string_start: usize,
    /// Up to where the sink has been told of it, if it is a text.
    told: usize,
    message: Message,
    item_type: Option<JsonStr>,
    part: Part,
    call: ToolCall,
    /// Token ids of the input being read.
    ids: u64,
    pub(super) fields: Fields,
}

/// What the string being read is.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Key,
    Value {
        text: Option<TextKind>,
        slot: StringSlot,
    },
}

/// One push: the walk, the body so far, and who listens.
pub(super) struct Pass<'a, S> {
    pub(super) walk: &'a mut Walk,
    pub(super) body: &'a [u8],
    pub(super) sink: &'a mut S,
}

impl Walk {
    pub(super) fn new(dialect: Dialect) -> Walk {
        Walk {
            dialect,
            frames: Frames::new(),
            skipped: 0,
            string: Reading::Key,
            string_start: 0,
            told: 0,
            message: Message::default(),
            item_type: None,
            part: Part::default(),
            call: ToolCall::default(),
            ids: 0,
            fields: Fields::default(),
        }
    }

    /// A value begins: what it may be, having checked that it is.
    #[inline(always)]
    fn begin(&mut self, found: Type, at: usize) -> Result<&'static Shape, Fault> {
        let shape = match self.frames.top() {
            Some(frame) => {
                frame.begin(at);
                frame.shape
            }
            None if found == Type::Object => &schema::ANY,
            None => {
                return Err(Fault {
                    kind: RefusalKind::NotAnObject,
                    at,
                });
            }
        };
        if !shape.types.contain(found) {
            let kind = RefusalKind::WrongType {
                expected: shape.types,
                found,
            };
            return Err(Fault { kind, at });
        }
        self.fields.names_provider_state |= shape.names_state && found != Type::Null;
        Ok(shape)
    }

    fn remember_string(&mut self, slot: StringSlot, string: JsonStr, body: &[u8]) {
        let place = match slot {
            StringSlot::None => return,
            StringSlot::Role => {
                self.message.role = Some(Role::read(string, body));
                return;
            }
            StringSlot::PartType => {
                self.part.kind = PartKind::read(string, body);
                return;
            }
            StringSlot::ItemType => &mut self.item_type,
            StringSlot::Model => &mut self.fields.model,
            StringSlot::User => &mut self.fields.user,
            StringSlot::Name => &mut self.message.name,
            StringSlot::ToolCallId => &mut self.message.tool_call_id,
            StringSlot::Url => &mut self.part.url,
            StringSlot::Detail => &mut self.part.detail,
            StringSlot::Data => &mut self.part.data,
            StringSlot::Format => &mut self.part.format,
            StringSlot::Filename => &mut self.part.filename,
            StringSlot::FileId => &mut self.part.file_id,
            StringSlot::CallId => &mut self.call.id,
            StringSlot::CallName => &mut self.call.name,
            StringSlot::Arguments => &mut self.call.arguments,
        };
        *place = Some(string);
    }

    #[inline(always)]
    fn remember_number(
        &mut self,
        slot: NumberSlot,
        number: Number,
        at: usize,
    ) -> Result<(), Fault> {
        let count = match (slot, number) {
            (NumberSlot::None, _) => return Ok(()),
            (_, Number::Whole(count)) => Some(count),
            (_, Number::TooLarge) => Some(u64::MAX),
            (_, Number::Negative | Number::Fractional) => {
                return Err(Fault {
                    kind: RefusalKind::NotACount,
                    at,
                });
            }
        };
        match slot {
            NumberSlot::None => {}
            NumberSlot::TokenId => self.ids = self.ids.saturating_add(1),
            NumberSlot::MaxTokens => self.fields.max_tokens = count,
            NumberSlot::MaxCompletionTokens => self.fields.max_completion_tokens = count,
            NumberSlot::MaxOutputTokens => self.fields.max_output_tokens = count,
            NumberSlot::N => self.fields.n = count,
            NumberSlot::BestOf => self.fields.best_of = count,
        }
        Ok(())
    }

    fn remember_boolean(&mut self, slot: BooleanSlot, value: bool) {
        match slot {
            BooleanSlot::None => {}
            BooleanSlot::Stream => self.fields.stream = Some(value),
            BooleanSlot::IncludeUsage => self.fields.include_usage = Some(value),
            BooleanSlot::Store => self.fields.store = Some(value),
        }
    }
}

impl<S: Sink> Pass<'_, S> {
    /// A key is complete.
    #[inline]
    fn key(&mut self, content: JsonStr) -> Result<(), Fault> {
        let Some(frame) = self.walk.frames.top() else {
            return Ok(());
        };
        frame
            .set_key(content, content.span.of(self.body))
            .map_err(|kind| {
                // The key's opening quote.
                Fault {
                    kind,
                    at: (content.span.start as usize).saturating_sub(1),
                }
            })
    }

    /// A text is complete.
    fn end_text(&mut self, kind: TextKind, content: JsonStr) {
        if let TextKind::Prompt | TextKind::EmbeddingInput = kind {
            self.walk.fields.inputs = self.walk.fields.inputs.saturating_add(1);
        }
        let role = self.walk.message.role;
        self.sink.event(Event::TextEnd {
            kind,
            role,
            content,
        });
    }

    /// A value is complete.
    #[inline(always)]
    fn end(&mut self, end: usize) {
        let Some(frame) = self.walk.frames.top() else {
            return;
        };
        let is_top_level = matches!(frame.node, Node::Object(Object::Request(_)));
        let value = Span::new(frame.value, end);
        match core::mem::replace(&mut frame.key, Key::None) {
            Key::None => {}
            Key::Known(key) => {
                let field = if is_top_level {
                    Field::ALL.get(usize::from(key)).copied()
                } else {
                    frame.shape.field
                };
                if let Some(field) = field {
                    self.walk.fields.set_value(field, value);
                    self.sink.event(Event::Field { field, value });
                }
            }
            Key::Unknown(key) if is_top_level => {
                self.sink.event(Event::UnknownField { key, value });
            }
            Key::Unknown(key) => self.sink.event(Event::UnknownMember { key, value }),
        }
    }

    /// A container of the schema begins.
    fn enter(&mut self, node: Node, start: usize) {
        if !self.walk.frames.push(Frame::new(node, start)) {
            self.walk.skipped = 1;
            return;
        }
        let Node::Object(object) = node else { return };
        match object {
            Object::Message | Object::Item => {
                let index = self.walk.frames.index();
                self.walk.message = Message {
                    index,
                    ..Message::default()
                };
                self.walk.item_type = None;
                self.walk.call = ToolCall::default();
                self.walk.fields.messages = self.walk.fields.messages.saturating_add(1);
                let at = Span::new(start, start).start;
                self.sink.event(Event::MessageStart { index, at });
            }
            Object::Part | Object::ToolOutputPart | Object::ReasoningPart => {
                self.walk.part = Part {
                    index: self.walk.frames.index(),
                    ..Part::default()
                };
            }
            Object::ToolCall | Object::FunctionCall => self.walk.call = ToolCall::default(),
            _ => {}
        }
    }

    /// A container of the schema is complete.
    fn leave(&mut self, end: usize) {
        let Some((node, start)) = self.walk.frames.pop() else {
            return;
        };
        let span = Span::new(start, end);
        match node {
            Node::Object(object) => self.leave_object(object, span),
            Node::List(list) => self.leave_list(list, span),
        }
    }

    fn leave_object(&mut self, object: Object, span: Span) {
        let Walk {
            message,
            part,
            call,
            fields,
            item_type,
            ..
        } = &mut *self.walk;
        match object {
            Object::Message | Object::Item => {
                let mut message = core::mem::take(message);
                message.span = span;
                if object == Object::Item {
                    message.kind = match item_type {
                        Some(word) => ItemKind::read(*word, self.body),
                        // `type` may be left out of messages, which have a role, and of
                        // references, which have not.
                        None if message.role.is_some() => ItemKind::Message,
                        None => ItemKind::Reference,
                    };
                }
                match message.kind {
                    ItemKind::ToolCall => {
                        call.span = span;
                        self.sink.event(Event::ToolCall(call));
                    }
                    ItemKind::ToolOutput | ItemKind::Other => message.tool_call_id = call.id,
                    ItemKind::Reference => fields.names_provider_state = true,
                    _ => {}
                }
                self.sink.event(Event::MessageEnd(&message));
            }
            Object::Part | Object::ToolOutputPart | Object::ReasoningPart => {
                part.span = span;
                self.sink.event(Event::Part(part));
            }
            Object::ToolCall | Object::FunctionCall => {
                call.span = span;
                self.sink.event(Event::ToolCall(call));
            }
            _ => {}
        }
    }

    fn leave_list(&mut self, list: List, span: Span) {
        let count = core::mem::take(&mut self.walk.ids);
        if count > 0 || list == List::TokenIds {
            let fields = &mut self.walk.fields;
            fields.token_ids = fields.token_ids.saturating_add(count);
            fields.inputs = fields.inputs.saturating_add(1);
            self.sink.event(Event::TokenIds { count, span });
        }
    }
}

impl<S: Sink> Handler for Pass<'_, S> {
    type Error = Fault;

    #[inline]
    fn open(&mut self, container: Container, at: usize) -> Result<(), Fault> {
        self.sink.token(Token::Open { at });
        if self.walk.skipped > 0 {
            self.walk.skipped = self.walk.skipped.wrapping_add(1);
            return Ok(());
        }
        let node = match container {
            Container::Object => match self.walk.begin(Type::Object, at)?.object {
                _ if self.walk.frames.is_empty() => {
                    Some(Node::Object(Object::Request(self.walk.dialect)))
                }
                Inside::Known(object) => Some(Node::Object(object)),
                Inside::Any => None,
            },
            Container::Array => match self.walk.begin(Type::Array, at)?.array {
                Inside::Known(list) => Some(Node::List(list)),
                Inside::Any => None,
            },
        };
        match node {
            Some(node) => self.enter(node, at),
            None => self.walk.skipped = 1,
        }
        Ok(())
    }

    #[inline]
    fn close(&mut self, _container: Container, end: usize) -> Result<(), Fault> {
        self.sink.token(Token::Close { end });
        match self.walk.skipped {
            0 => {
                self.leave(end);
                self.end(end);
            }
            1 => {
                self.walk.skipped = 0;
                self.end(end);
            }
            more => self.walk.skipped = more.wrapping_sub(1),
        }
        Ok(())
    }

    #[inline(always)]
    fn string_start(&mut self, place: Place, at: usize) -> Result<(), Fault> {
        self.sink.token(Token::String { place, at });
        if self.walk.skipped > 0 {
            return Ok(());
        }
        self.walk.string_start = at.wrapping_add(1);
        self.walk.told = self.walk.string_start;
        self.walk.string = match place {
            Place::Key => Reading::Key,
            Place::Value => {
                let shape = self.walk.begin(Type::String, at)?;
                Reading::Value {
                    text: shape.text,
                    slot: shape.string,
                }
            }
        };
        Ok(())
    }

    #[inline(always)]
    fn string_piece(&mut self, piece: Piece<'_>) -> Result<(), Fault> {
        let whole_until = piece.whole_until;
        self.sink.token(Token::Piece { whole_until });
        let Reading::Value {
            text: Some(kind), ..
        } = self.walk.string
        else {
            return Ok(());
        };
        if self.walk.skipped > 0 {
            return Ok(());
        }
        // What an earlier push cut off an escape is in the body, not in the piece.
        let bytes = self
            .body
            .get(self.walk.told..piece.whole_until)
            .unwrap_or_default();
        if !bytes.is_empty() {
            let at = Span::new(self.walk.told, piece.whole_until).start;
            self.sink.event(Event::Text(Text {
                kind,
                role: self.walk.message.role,
                at,
                bytes,
            }));
            self.walk.told = piece.whole_until;
        }
        Ok(())
    }

    #[inline(always)]
    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), Fault> {
        self.sink.token(Token::StringEnd { at, escaped });
        if self.walk.skipped > 0 {
            return Ok(());
        }
        let content = JsonStr {
            span: Span::new(self.walk.string_start, at),
            escaped,
        };
        match self.walk.string {
            Reading::Key => return self.key(content),
            Reading::Value { text, slot } => {
                self.walk.remember_string(slot, content, self.body);
                if let Some(kind) = text {
                    self.end_text(kind, content);
                }
            }
        }
        self.end(at.wrapping_add(1));
        Ok(())
    }

    #[inline]
    fn number(&mut self, number: Number, start: usize, end: usize) -> Result<(), Fault> {
        self.sink.token(Token::Number { start, end });
        if self.walk.skipped == 0 {
            let slot = self.walk.begin(Type::Number, start)?.number;
            self.walk.remember_number(slot, number, start)?;
            self.end(end);
        }
        Ok(())
    }

    #[inline]
    fn literal(&mut self, literal: Literal, start: usize, end: usize) -> Result<(), Fault> {
        self.sink.token(Token::Literal {
            literal,
            start,
            end,
        });
        if self.walk.skipped == 0 {
            match literal {
                Literal::Null => {
                    self.walk.begin(Type::Null, start)?;
                }
                word => {
                    let slot = self.walk.begin(Type::Boolean, start)?.boolean;
                    self.walk.remember_boolean(slot, word == Literal::True);
                }
            }
            self.end(end);
        }
        Ok(())
    }
}
