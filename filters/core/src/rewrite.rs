//! Answers that go to the client as something else than came: placeholders become what they
//! stand for, and what must not be sent is stopped.
//!
//! A [`Rewriter`] takes an answer's chunks, cut anywhere, and gives what to send instead of
//! each. It never fails: what it cannot read passes as it came. What it holds is bounded:
//! of a stream, one event that has not come whole, and of each text what may become a
//! placeholder or part of something found; of a document, what may become a placeholder, and
//! where it is looked through all of it until its JSON text closes. What is held back of a
//! stream's text is sent before the event that ends the text, because after the last data
//! there may be trailers, and with those nothing can be sent any more.

mod block;
mod document;
mod edits;
mod output;
mod screen;
mod shape;
mod splice;
mod stream;
mod strings;
mod texts;
mod unmask;
mod walk;

pub use edits::TextEdits;
pub use screen::{Blocked, Detect, WORD};
pub use unmask::Originals;

use core::fmt::Debug;

use crate::exchange::ResponseHead;
use crate::response::Media;
use document::Document;
use output::Output;
use stream::Stream;

/// A longer event of a stream passes as it came: the longest that upstreams send repeat a
/// whole answer, 128 Ki tokens at most, or hold an image.
pub const MAX_EVENT: usize = 1 << 20;

/// What became of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Placeholders that were replaced by what they stand for.
    pub unmasked: u32,
    /// Parts that passed as they came, events larger than [`MAX_EVENT`] and texts beyond the
    /// most that are followed at once; where texts are looked through also events that are no
    /// JSON or have texts in other members than are followed, and documents too long, or no
    /// JSON.
    pub passed: u32,
    /// Whether it was stopped.
    pub is_blocked: bool,
    /// Whether it was to be rewritten and could not be: it is compressed, or neither JSON nor
    /// server-sent events.
    pub is_unreadable: bool,
}

/// Makes something else of an answer as it passes. There is one that does; it is behind a trait
/// so that modules without a stage that wants it are without its code.
pub trait Rewrite: Debug {
    /// Takes note of the head of the answer. Tells whether something else may be sent than comes.
    fn begin(&mut self, head: &ResponseHead<'_>) -> bool;

    /// Takes in the next chunk, the last one where `is_end`. Gives what to send instead; `None`
    /// where that is the chunk.
    fn push(&mut self, chunk: &[u8], is_end: bool) -> Option<Vec<u8>>;

    /// Bytes that have come and not been sent.
    fn held(&self) -> usize;

    /// There is no memory to hold more: what would be held passes as it came from now on.
    fn hold_no_more(&mut self);

    /// What has become of the answer so far.
    fn rewritten(&self) -> Rewritten;
}

/// Edits the texts of one answer as its chunks pass.
#[derive(Debug)]
pub struct Rewriter {
    edits: TextEdits,
    form: Form,
    rewritten: Rewritten,
}

#[derive(Debug)]
enum Form {
    /// No head has come, or nothing is to be done.
    Passing,
    Document(Document),
    Stream(Box<Stream>),
}

impl Rewriter {
    /// A rewriter that does `edits` to an answer.
    pub fn new(edits: TextEdits) -> Rewriter {
        Rewriter {
            edits,
            form: Form::Passing,
            rewritten: Rewritten::default(),
        }
    }
}

impl Rewrite for Rewriter {
    /// An answer that is compressed, or neither JSON nor server-sent events, passes as it comes.
    /// An error is not looked through: the model did not write it.
    fn begin(&mut self, head: &ResponseHead<'_>) -> bool {
        if !(200..300).contains(&head.status) {
            self.edits.detect = None;
        }
        if self.edits.is_empty() {
            return false;
        }
        let max_document = self.edits.max_document;
        let most_held = self.edits.detect.as_ref().map(|_| max_document);
        self.form = match Media::of(head.content_type) {
            Some(Media::Json) if head.is_plain() => Form::Document(Document::new(most_held)),
            Some(Media::Events) if head.is_plain() => Form::Stream(Box::default()),
            _ => Form::Passing,
        };
        self.rewritten.is_unreadable = matches!(self.form, Form::Passing);
        !self.rewritten.is_unreadable
    }

    fn push(&mut self, chunk: &[u8], is_end: bool) -> Option<Vec<u8>> {
        let mut output = Output::new(chunk);
        let (edits, rewritten) = (&mut self.edits, &mut self.rewritten);
        match &mut self.form {
            Form::Passing => return None,
            Form::Document(document) => document.push(&mut output, is_end, edits, rewritten),
            Form::Stream(stream) => stream.push(&mut output, is_end, edits, rewritten),
        }
        output.finish()
    }

    fn held(&self) -> usize {
        match &self.form {
            Form::Passing => 0,
            Form::Document(document) => document.held(),
            Form::Stream(stream) => stream.held(),
        }
    }

    fn hold_no_more(&mut self) {
        match &mut self.form {
            Form::Passing => {}
            Form::Document(document) => document.hold_no_more(),
            Form::Stream(stream) => stream.hold_no_more(),
        }
    }

    fn rewritten(&self) -> Rewritten {
        self.rewritten
    }
}

#[cfg(test)]
mod tests;
