//! A document: held until its JSON text closes, then rewritten as a whole.
//!
//! It is not the end of the stream that is waited for: where trailers follow, no data does.

use super::block;
use super::edits::Edits;
use super::output::Output;
use super::screen::Blocked;
use super::splice::{Splices, escaped, plain};
use super::walk::{Found, Role};
use super::{MAX_DOCUMENT, Rewritten};
use crate::json::{Container, Error, Handler, Lexer, Literal, MAX_DEPTH, Number, Piece, Place};

/// Holds one document.
#[derive(Debug)]
pub(super) struct Document {
    held: Vec<u8>,
    /// Tells when the text closes; `None` when all that comes passes.
    lexer: Option<Lexer>,
}

impl Default for Document {
    fn default() -> Self {
        Document {
            held: Vec::new(),
            lexer: Some(Lexer::new(MAX_DEPTH)),
        }
    }
}

impl Document {
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn push(
        &mut self,
        output: &mut Output<'_>,
        is_end: bool,
        edits: &mut Edits,
        rewritten: &mut Rewritten,
    ) {
        let chunk = output.rest();
        let Some(lexer) = &mut self.lexer else {
            if rewritten.is_blocked {
                output.skip(chunk.len());
            } else {
                output.pass(chunk.len());
            }
            return;
        };
        let is_json = lexer.push(chunk, &mut Ignored).is_ok();
        let is_closed = is_json && lexer.clone().finish(&mut Ignored).is_ok();
        let len = self.held.len().saturating_add(chunk.len());
        if is_closed && len <= MAX_DOCUMENT {
            self.lexer = None;
            if !self.held.is_empty() {
                self.held.extend_from_slice(chunk);
            }
            let held = core::mem::take(&mut self.held);
            let document = if held.is_empty() { chunk } else { &held };
            match edit(document, edits, rewritten) {
                Some(edited) => output.insert(&edited),
                None if held.is_empty() => return output.pass(chunk.len()),
                None => output.insert(&held),
            }
            output.skip(chunk.len());
        } else if !is_json || is_end || len > MAX_DOCUMENT {
            // No document, or none that can be held: what came passes, and what comes.
            self.lexer = None;
            rewritten.passed = rewritten.passed.saturating_add(u32::from(len > 0));
            output.insert(&core::mem::take(&mut self.held));
            output.pass(chunk.len());
        } else {
            self.held.extend_from_slice(chunk);
            output.skip(chunk.len());
        }
    }
}

/// The document as it is to be sent; `None` where that is as it came.
fn edit(json: &[u8], edits: &mut Edits, rewritten: &mut Rewritten) -> Option<Vec<u8>> {
    let mut found = Found::default();
    found.read(json).ok()?;
    let mut splices = Splices::default();
    match edit_texts(json, &found, edits, rewritten, &mut splices) {
        Ok(()) if splices.is_empty() => None,
        Ok(()) => {
            let mut out = Vec::with_capacity(json.len());
            splices.apply(json, |at| at, &mut out);
            Some(out)
        }
        Err(blocked) => {
            rewritten.is_blocked = true;
            Some(block::document(&blocked, json))
        }
    }
}

fn edit_texts(
    json: &[u8],
    found: &Found,
    edits: &mut Edits,
    rewritten: &mut Rewritten,
    splices: &mut Splices,
) -> Result<(), Blocked> {
    for text in &found.texts {
        let content = json.get(text.span.clone()).unwrap_or_default();
        if let Some(edited) = edit_whole(content, text.role, text.is_json, edits, rewritten)? {
            splices.push(text.span.clone(), edited);
        }
    }
    Ok(())
}

/// The content of a string that is whole, as it is to be sent; `None` where that is as it came.
pub(super) fn edit_whole(
    content: &[u8],
    role: Role,
    is_json: bool,
    edits: &mut Edits,
    rewritten: &mut Rewritten,
) -> Result<Option<String>, Blocked> {
    let is_written_by_model = role != Role::Other;
    if !edits.concern(content, is_written_by_model) {
        return Ok(None);
    }
    let text = plain(content);
    let mut out = String::new();
    let unmasked = if is_written_by_model {
        edits.whole(&text, is_json, &mut out)?
    } else {
        edits.unmask(&text, is_json, &mut out)
    };
    rewritten.unmasked = rewritten.unmasked.saturating_add(unmasked);
    Ok((out != text).then(|| escaped(&out)))
}

/// Hears the tokens of a document and remembers nothing.
struct Ignored;

impl Handler for Ignored {
    type Error = Error;

    fn open(&mut self, _container: Container, _at: usize) -> Result<(), Error> {
        Ok(())
    }
    fn close(&mut self, _container: Container, _end: usize) -> Result<(), Error> {
        Ok(())
    }
    fn string_start(&mut self, _place: Place, _at: usize) -> Result<(), Error> {
        Ok(())
    }
    fn string_piece(&mut self, _piece: Piece<'_>) -> Result<(), Error> {
        Ok(())
    }
    fn string_end(&mut self, _at: usize, _escaped: bool) -> Result<(), Error> {
        Ok(())
    }
    fn number(&mut self, _number: Number, _start: usize, _end: usize) -> Result<(), Error> {
        Ok(())
    }
    fn literal(&mut self, _literal: Literal, _start: usize, _end: usize) -> Result<(), Error> {
        Ok(())
    }
}
