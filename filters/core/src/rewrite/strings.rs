//! Puts originals back in the strings of a document as it passes.
//!
//! Strings are told apart by their quotes, and nothing else of the document is understood:
//! what is no JSON hardly has strings with placeholders, and passes.

use super::output::Output;
use super::splice::escaped;
use super::unmask::{Originals, Step};

/// Where in a document its bytes are.
#[derive(Debug, Default)]
pub(super) struct Strings {
    is_inside: bool,
    /// The string at hand is JSON again: the `arguments` of a call.
    in_json: bool,
    /// The string at hand, or the last one.
    name: Name,
    between: Between,
    /// Of the string at hand, what may become a placeholder, or is half of an escape.
    held: Vec<u8>,
}

/// What stands after a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Between {
    #[default]
    Nothing,
    /// A colon: it is the name of what comes.
    Colon,
    Other,
}

/// A string, as far as a name is told by its beginning.
#[derive(Debug, Default)]
struct Name {
    bytes: [u8; 16],
    len: usize,
}

impl Name {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
    }

    fn is(&self, name: &[u8]) -> bool {
        self.bytes.get(..self.len) == Some(name)
    }
}

impl Strings {
    /// Bytes held back: less than a placeholder has, each written as an escape.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes in the next chunk. Gives the number of placeholders replaced.
    pub(super) fn push(&mut self, output: &mut Output<'_>, originals: &Originals) -> u32 {
        let mut replaced = 0;
        while let rest @ [_, ..] = output.rest() {
            if !self.held.is_empty() {
                self.resolve(rest, output, originals, &mut replaced);
            } else if self.is_inside {
                self.inside(rest, output, originals, &mut replaced);
            } else {
                self.outside(rest, output);
            }
        }
        replaced
    }

    /// Sends what is held back, since no more comes.
    pub(super) fn finish(&mut self, output: &mut Output<'_>) {
        output.insert(&core::mem::take(&mut self.held));
    }

    fn outside(&mut self, rest: &[u8], output: &mut Output<'_>) {
        let until = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        for byte in rest.get(..until).unwrap_or_default() {
            self.between = match (byte, self.between) {
                (b' ' | b'\n' | b'\r' | b'\t', between) => between,
                (b':', Between::Nothing) => Between::Colon,
                _ => Between::Other,
            };
            if self.between == Between::Other {
                break;
            }
        }
        output.pass(until);
        if until < rest.len() {
            output.pass(1);
            self.is_inside = true;
            self.in_json = self.between == Between::Colon && self.name.is(b"arguments");
            self.name.len = 0;
        }
    }

    fn inside(
        &mut self,
        rest: &[u8],
        output: &mut Output<'_>,
        originals: &Originals,
        replaced: &mut u32,
    ) {
        let stop = memchr::memchr3(b'"', b'[', b'\\', rest).unwrap_or(rest.len());
        let (plain, from) = rest.split_at_checked(stop).unwrap_or((rest, &[]));
        self.name.push(plain);
        output.pass(stop);
        match from.first() {
            Some(b'"') => {
                output.pass(1);
                self.is_inside = false;
                self.between = Between::Nothing;
            }
            Some(_) => match originals.step(from) {
                Step::Original(original, len) => {
                    self.replace(original, output, replaced);
                    output.skip(len);
                }
                Step::Unit(len) => {
                    self.name.push(from.get(..len).unwrap_or_default());
                    output.pass(len);
                }
                Step::Unfinished => {
                    self.held.extend_from_slice(from);
                    output.skip(from.len());
                }
            },
            None => {}
        }
    }

    /// Sees what becomes of what is held back, now that more has come.
    fn resolve(
        &mut self,
        rest: &[u8],
        output: &mut Output<'_>,
        originals: &Originals,
        replaced: &mut u32,
    ) {
        let held = self.held.len();
        let more = rest.len().min(originals.longest_escaped());
        self.held
            .extend_from_slice(rest.get(..more).unwrap_or(rest));
        match originals.step(&self.held) {
            Step::Original(original, len) => {
                self.replace(original, output, replaced);
                output.skip(len.saturating_sub(held));
                self.held.clear();
            }
            Step::Unfinished => output.skip(more),
            Step::Unit(len) => {
                // What is held begins with it, or is part of it. What comes after is held
                // until it is looked at in its turn.
                self.name.push(self.held.get(..len).unwrap_or_default());
                let next = self.held.get(len..held).unwrap_or_default();
                let plain = memchr::memchr2(b'[', b'\\', next).unwrap_or(next.len());
                self.name.push(next.get(..plain).unwrap_or_default());
                let sent = len.saturating_add(plain);
                output.insert(self.held.get(..sent.min(held)).unwrap_or_default());
                output.pass(sent.saturating_sub(held));
                self.held.truncate(held);
                self.held.drain(..sent.min(held));
            }
        }
    }

    fn replace(&mut self, original: &str, output: &mut Output<'_>, replaced: &mut u32) {
        *replaced = replaced.saturating_add(1);
        let mut content = escaped(original);
        if self.in_json {
            content = escaped(&content);
        }
        // No name that matters has a placeholder in it.
        self.name.len = usize::MAX;
        output.insert(content.as_bytes());
    }
}
