//! Follows the lexer's tokens through the schema and tells the sink what they mean.

use super::event::{
    Event, ItemKind, Message, Part, PartKind, Role, Sink, Text, TextKind, ToolCall,
};
use super::fields::{Field, Fields, JsonStr};
use super::refusal::{Path, RefusalKind, SCHEMA_DEPTH, Step, Type};
use super::schema::{self, BooleanSlot, Inside, List, NumberSlot, Object, Shape, StringSlot};
use crate::Span;
use crate::endpoint::Dialect;
use crate::json::{Container, Error, Handler, Literal, Number, Piece, Place, unescape_short};

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

/// Longer than any key of the schema, so that what does not fit is none.
const KEY_ROOM: usize = 32;

/// An open container of the schema.
#[derive(Clone, Copy, Debug)]
enum Frame {
    Object {
        object: Object,
        start: usize,
        /// Which keys have been seen, one bit each.
        seen: u64,
        key: Key,
        /// Where the value of the key starts.
        value: usize,
    },
    Array {
        list: List,
        start: usize,
        /// How many elements have begun.
        elements: u32,
    },
}

/// The key whose value is being read.
#[derive(Clone, Copy, Debug)]
enum Key {
    None,
    Known(u8),
    Unknown(JsonStr),
}

/// Where the scanner is in the request, and what it knows so far.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    dialect: Dialect,
    /// The open containers of the schema, outermost first; the others are `skipped`.
    frames: [Option<Frame>; SCHEMA_DEPTH],
    depth: usize,
    /// How many containers are open that are no part of the schema.
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
            frames: [None; SCHEMA_DEPTH],
            depth: 0,
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

    /// The place being read.
    pub(super) fn path(&self) -> Path {
        let frames = self.frames.iter().take(self.depth).flatten();
        Path::new(frames.filter_map(|frame| match *frame {
            Frame::Object {
                object,
                key: Key::Known(key),
                ..
            } => Some(Step::Key(object, key)),
            Frame::Object { .. } => None,
            Frame::Array { elements, .. } => elements.checked_sub(1).map(Step::Index),
        }))
    }

    #[inline(always)]
    fn top(&mut self) -> Option<&mut Frame> {
        self.frames
            .get_mut(self.depth.wrapping_sub(1))
            .and_then(Option::as_mut)
    }

    /// The position of the element being read in the array around the innermost object.
    fn index(&self) -> u32 {
        match self.frames.get(self.depth.wrapping_sub(2)) {
            Some(Some(Frame::Array { elements, .. })) => elements.saturating_sub(1),
            _ => 0,
        }
    }

    /// A value begins: what it may be, having checked that it is.
    #[inline(always)]
    fn begin(&mut self, found: Type, at: usize) -> Result<&'static Shape, Fault> {
        let shape = match self.top() {
            Some(Frame::Object {
                object, key, value, ..
            }) => {
                *value = at;
                match key {
                    Key::Known(key) => object.member(*key).1,
                    _ => &schema::ANY,
                }
            }
            Some(Frame::Array { list, elements, .. }) => {
                *elements = elements.saturating_add(1);
                list.element()
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
                self.message.role = Some(Role::read(string.span.of(body)));
                return;
            }
            StringSlot::PartType => {
                self.part.kind = PartKind::read(string.span.of(body));
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
    fn key(&mut self, content: JsonStr) -> Result<(), Fault> {
        let Some(Frame::Object {
            object, seen, key, ..
        }) = self.walk.top()
        else {
            return Ok(());
        };
        let raw = content.span.of(self.body);
        let mut room = [0; KEY_ROOM];
        let name = if content.escaped {
            unescape_short(raw, &mut room)
        } else {
            Some(raw)
        };
        let Some(known) = name.and_then(|name| object.key(name)) else {
            *key = Key::Unknown(content);
            return Ok(());
        };
        *key = Key::Known(known);
        let bit = 1u64.checked_shl(u32::from(known)).unwrap_or_default();
        let kind = match (content.escaped, *seen & bit) {
            (true, _) => RefusalKind::EscapedKey,
            (false, 0) => {
                *seen |= bit;
                return Ok(());
            }
            _ => RefusalKind::DuplicateKey,
        };
        // The key's opening quote.
        Err(Fault {
            kind,
            at: (content.span.start as usize).saturating_sub(1),
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
        let Some(Frame::Object {
            object, key, value, ..
        }) = self.walk.top()
        else {
            return;
        };
        let (object, is_of, value) = (*object, *key, Span::new(*value, end));
        *key = Key::None;
        let field = match (object, is_of) {
            (Object::Request(_), Key::Known(key)) => Field::ALL.get(usize::from(key)).copied(),
            (_, Key::Known(key)) => object.member(key).1.field,
            (Object::Request(_), Key::Unknown(key)) => {
                return self.sink.event(Event::UnknownField { key, value });
            }
            (_, Key::Unknown(key)) => {
                return self.sink.event(Event::UnknownMember { key, value });
            }
            (_, Key::None) => return,
        };
        if let Some(field) = field {
            self.walk.fields.set_value(field, value);
            self.sink.event(Event::Field { field, value });
        }
    }

    /// A container of the schema begins.
    fn enter(&mut self, frame: Frame) {
        let Some(place) = self.walk.frames.get_mut(self.walk.depth) else {
            // Unreachable: the schema is as deep as the frames are (tested there).
            self.walk.skipped = 1;
            return;
        };
        *place = Some(frame);
        self.walk.depth = self.walk.depth.wrapping_add(1);
        let Frame::Object { object, start, .. } = frame else {
            return;
        };
        match object {
            Object::Message | Object::Item => {
                let index = self.walk.index();
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
                    index: self.walk.index(),
                    ..Part::default()
                };
            }
            Object::ToolCall | Object::FunctionCall => self.walk.call = ToolCall::default(),
            _ => {}
        }
    }

    /// A container of the schema is complete.
    fn leave(&mut self, end: usize) {
        let Some(frame) = self.walk.top().copied() else {
            return;
        };
        self.walk.depth = self.walk.depth.wrapping_sub(1);
        match frame {
            Frame::Object { object, start, .. } => self.leave_object(object, Span::new(start, end)),
            Frame::Array { list, start, .. } => self.leave_list(list, Span::new(start, end)),
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
                        Some(word) => ItemKind::read(word.span.of(self.body)),
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
                    ItemKind::ToolOutput => message.tool_call_id = call.id,
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
        if self.walk.skipped > 0 {
            self.walk.skipped = self.walk.skipped.wrapping_add(1);
            return Ok(());
        }
        let object = |object| Frame::Object {
            object,
            start: at,
            seen: 0,
            key: Key::None,
            value: 0,
        };
        let frame = match container {
            Container::Object => match self.walk.begin(Type::Object, at)?.object {
                _ if self.walk.depth == 0 => Some(object(Object::Request(self.walk.dialect))),
                Inside::Known(known) => Some(object(known)),
                Inside::Any => None,
            },
            Container::Array => match self.walk.begin(Type::Array, at)?.array {
                Inside::Known(list) => Some(Frame::Array {
                    list,
                    start: at,
                    elements: 0,
                }),
                Inside::Any => None,
            },
        };
        match frame {
            Some(frame) => self.enter(frame),
            None => self.walk.skipped = 1,
        }
        Ok(())
    }

    #[inline]
    fn close(&mut self, _container: Container, end: usize) -> Result<(), Fault> {
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
        if self.walk.skipped == 0 {
            let slot = self.walk.begin(Type::Number, start)?.number;
            self.walk.remember_number(slot, number, start)?;
            self.end(end);
        }
        Ok(())
    }

    #[inline]
    fn literal(&mut self, literal: Literal, start: usize, end: usize) -> Result<(), Fault> {
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
