//! A document: what is to be looked through is held until its JSON text closes; originals are
//! put back as it passes.
//!
//! It is not the end of the stream that is waited for: where trailers follow, no data does.

use super::Rewritten;
use super::block;
use super::edits::TextEdits;
use super::output::Output;
use super::screen::Blocked;
use super::strings::Strings;
use super::walk::{Found, Role};
use crate::json::{Error, Handler, Lexer, MAX_DEPTH};

/// Rewrites one document.
#[derive(Debug)]
pub(super) struct Document {
    strings: Strings,
    /// What is to be looked through; `None` where that has been done, or cannot be.
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    /// The most that are held.
    most: usize,
    /// Tells when the text closes.
    lexer: Lexer,
}

impl Document {
    /// A document of which at most so many bytes are held to be looked through; `None` where
    /// it is not looked through.
    pub(super) fn new(most: Option<usize>) -> Document {
        Document {
            strings: Strings::default(),
            held: most.map(|most| Held {
                bytes: Vec::new(),
                most,
                lexer: Lexer::new(MAX_DEPTH),
            }),
        }
    }

    /// Bytes that have come and not been sent.
    pub(super) fn held(&self) -> usize {
        let held = self.held.as_ref().map_or(0, |held| held.bytes.len());
        held.saturating_add(self.strings.held())
    }

    /// What has not come whole is not looked through.
    pub(super) fn hold_no_more(&mut self) {
        if let Some(held) = &mut self.held {
            held.most = 0;
        }
    }

    pub(super) fn push(
        &mut self,
        output: &mut Output<'_>,
        is_end: bool,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
    ) {
        if self.held.is_some() {
            self.hold(output, is_end, edits, rewritten);
        }
        if rewritten.is_blocked {
            output.skip(output.rest().len());
        } else if self.held.is_none() {
            self.pass(output, edits, rewritten);
            if is_end {
                self.strings.finish(output);
            }
        }
    }

    /// Holds the next chunk, or looks through what was held with it. Leaves the chunk where
    /// it may pass.
    fn hold(
        &mut self,
        output: &mut Output<'_>,
        is_end: bool,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
    ) {
        let Some(held) = &mut self.held else {
            return;
        };
        let chunk = output.rest();
        let is_json = held.lexer.push(chunk, &mut Ignored).is_ok();
        let is_closed = is_json && held.lexer.clone().finish(&mut Ignored).is_ok();
        let is_too_long = held.bytes.len().saturating_add(chunk.len()) > held.most;
        if is_json && !is_closed && !is_end && !is_too_long {
            held.bytes.extend_from_slice(chunk);
            output.skip(chunk.len());
            return;
        }
        let mut bytes = core::mem::take(&mut held.bytes);
        self.held = None;
        if !is_closed || is_too_long {
            let is_any = !bytes.is_empty() || !chunk.is_empty();
            rewritten.passed = rewritten.passed.saturating_add(u32::from(is_any));
        } else {
            let document = if bytes.is_empty() {
                chunk
            } else {
                bytes.extend_from_slice(chunk);
                output.skip(chunk.len());
                &bytes
            };
            if let Err(blocked) = look_through(document, edits) {
                rewritten.is_blocked = true;
                output.insert(&block::document(&blocked, document));
                return;
            }
        }
        let mut before = Output::new(&bytes);
        self.pass(&mut before, edits, rewritten);
        match before.finish() {
            Some(edited) => output.insert(&edited),
            None => output.insert(&bytes),
        }
    }

    fn pass(&mut self, output: &mut Output<'_>, edits: &TextEdits, rewritten: &mut Rewritten) {
        let unmasked = self.strings.push(output, &edits.originals);
        rewritten.unmasked = rewritten.unmasked.saturating_add(unmasked);
    }
}

/// Looks through the texts that the model wrote.
fn look_through(json: &[u8], edits: &mut TextEdits) -> Result<(), Blocked> {
    let mut found = Found::default();
    if found.read(json).is_ok() {
        for text in found.texts.iter().filter(|text| text.role != Role::Other) {
            let content = json.get(text.span.clone()).unwrap_or_default();
            edits.look_through(content)?;
        }
    }
    Ok(())
}

/// Hears the tokens of a document and remembers nothing.
struct Ignored;

impl Handler for Ignored {
    type Error = Error;
}
