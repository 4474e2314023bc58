//! What is done to the texts of an answer: looked through first, then unmasked.

use super::screen::{Blocked, Detect, Window};
use super::splice::{may_hold_bracket, plain};
use super::unmask::Originals;

/// What is to be done to the texts of one answer.
#[derive(Debug, Default)]
pub struct TextEdits {
    /// What looks through them; `None` where nothing does.
    pub detect: Option<Box<dyn Detect>>,
    /// Bytes of a document that are held at most to be looked through; a longer one passes
    /// without.
    pub max_document: usize,
    /// What their placeholders stand for.
    pub originals: Originals,
}

/// A text as it grows: what is held back of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Growing {
    window: Window,
    placeholder: String,
}

impl Growing {
    /// Bytes held back.
    pub(super) fn held(&self) -> usize {
        self.window.held().saturating_add(self.placeholder.len())
    }
}

impl TextEdits {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.detect.is_none() && self.originals.is_empty()
    }

    /// Takes in the next piece of a text and adds to `out` what may be sent instead. Gives the
    /// number of placeholders replaced.
    pub(super) fn grow(
        &mut self,
        growing: &mut Growing,
        text: &str,
        is_last: bool,
        in_json: bool,
        out: &mut String,
    ) -> Result<u32, Blocked> {
        let originals = &self.originals;
        let Growing {
            window,
            placeholder,
        } = growing;
        match &mut self.detect {
            Some(detect) => {
                let mut seen = String::new();
                window.look(&mut **detect, text, is_last, &mut seen)?;
                Ok(originals.put_back(placeholder, &seen, is_last, in_json, out))
            }
            None => Ok(originals.put_back(placeholder, text, is_last, in_json, out)),
        }
    }

    /// Whether a string may have to be rewritten, of which nothing is held back: its escaped
    /// content tells faster than what it says. Only what the model wrote is looked through.
    pub(super) fn concern(&self, content: &[u8], is_written_by_model: bool) -> bool {
        (is_written_by_model && self.detect.is_some())
            || (!self.originals.is_empty() && may_hold_bracket(content))
    }

    /// The content of a string that is whole, as it is to be sent, and the number of
    /// placeholders replaced; `None` where that is as it came.
    pub(super) fn whole(
        &mut self,
        content: &[u8],
        is_written_by_model: bool,
        in_json: bool,
    ) -> Result<Option<(Vec<u8>, u32)>, Blocked> {
        if is_written_by_model {
            self.look_through(content)?;
        }
        Ok(self.originals.put_back_escaped(content, in_json))
    }

    /// Looks through a text that is whole, the content of a string.
    pub(super) fn look_through(&mut self, content: &[u8]) -> Result<(), Blocked> {
        match &mut self.detect {
            Some(detect) => detect.find(&plain(content)).map_or(Ok(()), Err),
            None => Ok(()),
        }
    }
}
