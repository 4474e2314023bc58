//! Server-sent events, as far as LLM streams use them: lines of `data:`, ended by a blank one.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use super::ResponseSummary;
use super::picker::Picker;
use crate::json::{Lexer, MAX_DEPTH};

const FIELD: &[u8] = b"data:";
/// What OpenAI's streams send as their last event, which is not JSON.
const DONE: &[u8] = b"[DONE]";

/// Where in a line the reader is.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// So many bytes of `data:` have been read.
    Field(usize),
    /// After `data:`, where one space is not part of the data.
    Data { is_first: bool },
    /// A comment or another field.
    Ignored,
}

/// The data of the event at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// So many bytes of `[DONE]` have been read, and nothing else.
    Done(usize),
    /// A JSON text, which the lexer reads.
    Json,
    /// Something else.
    Unreadable,
}

/// Reads an event stream.
#[derive(Debug)]
pub(super) struct Events {
    line: Line,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
    data: Data,
    /// The event has a line of data already, which a line feed joins to the next one.
    has_line: bool,
    lexer: Lexer,
    picker: Picker,
    /// The stream said `[DONE]`.
    is_done: bool,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            line: Line::Field(0),
            after_return: false,
            data: Data::Done(0),
            has_line: false,
            lexer: Lexer::new(MAX_DEPTH),
            picker: Picker::of_stream(),
            is_done: false,
        }
    }
}

impl Events {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some((&byte, after)) = rest.split_first() {
            if core::mem::take(&mut self.after_return) && byte == b'\n' {
                rest = after;
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.part_of_line(line);
            rest = after;
            if let Some((&end_of_line, after)) = after.split_first() {
                self.after_return = end_of_line == b'\r';
                self.end_of_line();
                rest = after;
            }
        }
    }

    pub(super) fn output_so_far(&self) -> u64 {
        self.picker.output_so_far()
    }

    pub(super) fn finish(mut self) -> ResponseSummary {
        // An upstream that forgets the last blank line has still said what it said.
        self.end_of_event();
        let summary = self.picker.summary();
        ResponseSummary {
            is_complete: summary.is_complete || self.is_done,
            ..summary
        }
    }

    fn part_of_line(&mut self, mut part: &[u8]) {
        if let Line::Field(read) = self.line {
            let wanted = FIELD.get(read..).unwrap_or_default();
            let same = wanted.iter().zip(part).take_while(|(a, b)| a == b).count();
            let (_, after) = part.split_at_checked(same).unwrap_or((part, &[]));
            self.line = match (same == wanted.len(), after.is_empty()) {
                (true, _) => Line::Data { is_first: true },
                (false, true) => Line::Field(read.saturating_add(same)),
                (false, false) => Line::Ignored,
            };
            part = after;
            if matches!(self.line, Line::Data { .. })
                && core::mem::replace(&mut self.has_line, true)
            {
                self.data(b"\n");
            }
        }
        if let (Line::Data { is_first }, false) = (self.line, part.is_empty()) {
            self.line = Line::Data { is_first: false };
            let data = if is_first {
                part.strip_prefix(b" ").unwrap_or(part)
            } else {
                part
            };
            self.data(data);
        }
    }

    fn data(&mut self, part: &[u8]) {
        if let Data::Done(read) = self.data {
            let wanted = DONE.get(read..).unwrap_or_default();
            if wanted.starts_with(part) {
                self.data = Data::Done(read.saturating_add(part.len()));
                return;
            }
            self.lexer = Lexer::new(MAX_DEPTH);
            self.picker.begin();
            self.json(DONE.get(..read).unwrap_or_default());
        }
        if self.data == Data::Json {
            self.json(part);
        }
    }

    fn json(&mut self, part: &[u8]) {
        let is_json = self.lexer.push(part, &mut self.picker).is_ok();
        self.data = if is_json {
            Data::Json
        } else {
            Data::Unreadable
        };
    }

    fn end_of_line(&mut self) {
        if matches!(self.line, Line::Field(0)) {
            // Nothing on it: the event ends.
            self.end_of_event();
        }
        self.line = Line::Field(0);
    }

    fn end_of_event(&mut self) {
        self.has_line = false;
        match core::mem::replace(&mut self.data, Data::Done(0)) {
            Data::Done(read) if read == DONE.len() => self.is_done = true,
            Data::Done(_) => {}
            Data::Json if self.lexer.finish(&mut self.picker).is_ok() => self.picker.keep(),
            Data::Json | Data::Unreadable => self.picker.discard(),
        }
    }
}
