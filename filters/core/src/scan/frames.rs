//! Where in the request's shape the scanner is: the open containers of the schema.

use super::fields::JsonStr;
use super::refusal::{Path, RefusalKind, SCHEMA_DEPTH, Step};
use super::schema::{self, List, Object, Shape};
use crate::json::unescape_short;

/// A container of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Object(Object),
    List(List),
}

/// The key whose value is being read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    None,
    /// By the number that [`Object::key`] gives.
    Known(u8),
    Unknown(JsonStr),
}

/// An open container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) node: Node,
    /// Offset of its bracket.
    pub(super) start: usize,
    /// What the value being read (in an array: each element) may be.
    pub(super) shape: &'static Shape,
    /// In an object.
    pub(super) key: Key,
    /// Which known keys have been seen, one bit each.
    seen: u64,
    /// Where the value being read starts.
    pub(super) value: usize,
    /// How many values have begun.
    values: u32,
}

/// Longer than any key of the schema, so that what does not fit is none.
const KEY_ROOM: usize = 32;

impl Frame {
    pub(super) fn new(node: Node, start: usize) -> Frame {
        let shape = match node {
            Node::Object(_) => &schema::ANY,
            Node::List(list) => list.element(),
        };
        Frame {
            node,
            start,
            shape,
            key: Key::None,
            seen: 0,
            value: 0,
            values: 0,
        }
    }

    /// A value begins.
    #[inline(always)]
    pub(super) fn begin(&mut self, at: usize) {
        self.value = at;
        self.values = self.values.saturating_add(1);
    }

    /// A key is complete, and `raw` are its bytes; refused are those that parsers may
    /// read differently.
    #[inline]
    pub(super) fn set_key(&mut self, content: JsonStr, raw: &[u8]) -> Result<(), RefusalKind> {
        let Node::Object(object) = self.node else {
            return Ok(());
        };
        let mut room = [0; KEY_ROOM];
        let name = if content.escaped {
            unescape_short(raw, &mut room)
        } else {
            Some(raw)
        };
        let Some(known) = name.and_then(|name| object.key(name)) else {
            self.key = Key::Unknown(content);
            self.shape = &schema::ANY;
            return match name.and_then(|name| in_another_case(object, name)) {
                Some(known) => {
                    self.key = Key::Known(known);
                    Err(RefusalKind::MiscasedKey)
                }
                None => Ok(()),
            };
        };
        self.key = Key::Known(known);
        self.shape = object.member(known).1;
        let bit = 1u64.checked_shl(u32::from(known)).unwrap_or_default();
        if content.escaped {
            return Err(RefusalKind::EscapedKey);
        }
        if self.seen & bit != 0 {
            return Err(RefusalKind::DuplicateKey);
        }
        self.seen |= bit;
        Ok(())
    }

    fn step(&self) -> Option<Step> {
        match (self.node, self.key) {
            (Node::Object(object), Key::Known(key)) => Some(Step::Key(object, key)),
            (Node::Object(_), _) => None,
            (Node::List(_), _) => self.values.checked_sub(1).map(Step::Index),
        }
    }
}

/// The key that `name` is but for its case. No client writes one so, and some parsers (Go's
/// encoding/json) read it as the key itself.
fn in_another_case(object: Object, name: &[u8]) -> Option<u8> {
    let mut room = [0; KEY_ROOM];
    let lower = room.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    object.key(lower)
}

/// The open containers, outermost first.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    frames: [Frame; SCHEMA_DEPTH],
    depth: usize,
}

impl Frames {
    pub(super) fn new() -> Frames {
        let unused = Frame::new(Node::List(List::TokenIds), 0);
        Frames {
            frames: [unused; SCHEMA_DEPTH],
            depth: 0,
        }
    }

    /// The innermost one.
    #[inline(always)]
    pub(super) fn top(&mut self) -> Option<&mut Frame> {
        self.frames.get_mut(self.depth.wrapping_sub(1))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Opens one more; `false` if there is no room, which the schema never needs.
    pub(super) fn push(&mut self, frame: Frame) -> bool {
        let Some(place) = self.frames.get_mut(self.depth) else {
            return false;
        };
        *place = frame;
        self.depth = self.depth.wrapping_add(1);
        true
    }

    /// Closes the innermost one.
    pub(super) fn pop(&mut self) -> Option<(Node, usize)> {
        let innermost = self.depth.checked_sub(1)?;
        self.depth = innermost;
        self.frames
            .get(innermost)
            .map(|frame| (frame.node, frame.start))
    }

    /// The position of the innermost container in the array around it, or 0.
    pub(super) fn index(&self) -> u32 {
        match self.frames.get(self.depth.wrapping_sub(2)) {
            Some(Frame {
                node: Node::List(_),
                values,
                ..
            }) => values.saturating_sub(1),
            _ => 0,
        }
    }

    /// The place being read.
    pub(super) fn path(&self) -> Path {
        Path::new(self.frames.iter().take(self.depth).filter_map(Frame::step))
    }
}
