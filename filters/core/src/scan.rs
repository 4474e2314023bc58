//! Request bodies, read as they arrive: what stages need to know, as places in the body.
//!
//! The scanner pushes the body through the [lexer](crate::json), follows the part of the
//! request's shape that policies depend on (the `schema` module says which), and tells
//! a [`Sink`] what it finds, while it finds it. It copies nothing, unescapes nothing but
//! short words it compares, and allocates nothing, however many messages there are.
//!
//! What a stage reads must be what the upstream reads, so what parsers disagree about is a
//! [`Refusal`] that names the place: besides everything the lexer refuses, a policy field
//! of the wrong type, a key of the schema given twice in one object, and a key of the
//! schema spelled with escapes (`"mess\u0061ges"`) or in another case (`"Messages"`), which
//! no client's encoder writes.
//! Unknown keys pass and are reported with key and value.

mod event;
mod fields;
mod frames;
mod refusal;
mod schema;
mod token;
mod walk;

pub use event::{Event, ItemKind, Message, Part, PartKind, Role, Sink, Text, TextKind, ToolCall};
pub use fields::{Field, Fields, JsonStr};
pub use refusal::{Path, Refusal, RefusalKind, Type, Types};
pub use token::Token;

use crate::endpoint::Dialect;
use crate::json::Lexer;
use walk::{Fault, Pass, Walk};

/// Reads one request body of a known dialect.
#[derive(Clone, Debug)]
pub struct Scanner {
    lexer: Lexer,
    walk: Walk,
    /// Bytes of the body that have been pushed into the lexer.
    read: usize,
    refused: Option<Refusal>,
}

impl Scanner {
    /// A scanner for a body of `dialect` that nests at most `max_depth` deep (itself
    /// capped at [`MAX_DEPTH`](crate::json::MAX_DEPTH)).
    pub fn new(dialect: Dialect, max_depth: u8) -> Scanner {
        Scanner {
            lexer: Lexer::new(max_depth),
            walk: Walk::new(dialect),
            read: 0,
            refused: None,
        }
    }

    /// Reads what is new in `body`, which holds every byte received so far.
    ///
    /// After a refusal every later call gives the same one.
    pub fn push<S: Sink>(&mut self, body: &[u8], sink: &mut S) -> Result<(), Refusal> {
        self.check()?;
        let new = body.get(self.read..).unwrap_or_default();
        self.read = body.len().max(self.read);
        let mut pass = Pass {
            walk: &mut self.walk,
            body,
            sink,
        };
        let result = self.lexer.push(new, &mut pass);
        result.map_err(|fault| self.refuse(fault))
    }

    /// Ends the body, which must be the one last pushed. Gives the request's fields.
    pub fn finish<S: Sink>(&mut self, body: &[u8], sink: &mut S) -> Result<&Fields, Refusal> {
        self.check()?;
        let mut pass = Pass {
            walk: &mut self.walk,
            body,
            sink,
        };
        match self.lexer.finish(&mut pass) {
            Ok(()) => Ok(&self.walk.fields),
            Err(fault) => Err(self.refuse(fault)),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        self.refused
            .as_ref()
            .map_or(Ok(()), |refusal| Err(*refusal))
    }

    #[cold]
    fn refuse(&mut self, fault: Fault) -> Refusal {
        let refusal = Refusal {
            kind: fault.kind,
            path: self.walk.frames.path(),
            at: fault.at,
        };
        self.refused = Some(refusal);
        refusal
    }
}
