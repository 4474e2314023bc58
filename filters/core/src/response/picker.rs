//! Picks what matters out of one JSON text of an answer: a document, or an event's data.

use super::{ResponseSummary, Usage, UsageReport};
use crate::json::{Container, Error, Handler, Literal, Number, Piece, Place};

/// Which object the lexer is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Node {
    /// None that matters.
    #[default]
    Other,
    /// An answer, or an event of the Responses API, or the answer such an event carries.
    Answer,
    /// Its `usage`.
    Usage,
    /// What `usage` says of the prompt.
    PromptDetails,
}

/// Names longer than every one that matters are not kept.
const WORD_ROOM: usize = 24;

/// A name, as far as it could be one that matters.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    bytes: [u8; WORD_ROOM],
    len: usize,
}

impl Word {
    fn push(&mut self, piece: &[u8]) {
        let end = self.len.saturating_add(piece.len());
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            room.copy_from_slice(piece);
        }
        self.len = end;
    }

    /// The word; empty where it was too long to be kept.
    fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What the string at hand is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    /// Nothing that matters.
    #[default]
    Ignored,
    /// The name of a member; looked at when its value comes.
    Name,
    /// The `type` of an answer or event.
    Type,
}

/// Objects that matter are at most this deep: event, answer, usage, details.
const NODES: usize = 4;

/// Reads one JSON text and remembers what it says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Picker {
    /// The open objects from the outermost in, as far as they matter.
    nodes: [Node; NODES],
    depth: usize,
    word: Word,
    string: Text,
    usage: Option<Counts>,
    report: UsageReport,
    has_error: bool,
    is_final: bool,
}

/// What a `usage` object says, before it is known to say enough.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    prompt: Option<u64>,
    usage: Usage,
    unusable: bool,
}

impl Picker {
    pub(super) fn summary(&self) -> ResponseSummary {
        ResponseSummary {
            usage: self.report,
            is_complete: self.is_final,
            has_error: self.has_error,
        }
    }

    /// The object at hand; `Other` inside arrays and beyond what matters.
    fn node(&self) -> Node {
        let innermost = self.depth.checked_sub(1);
        innermost
            .and_then(|at| self.nodes.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// What the object that opens under the last name is.
    fn child(&self) -> Node {
        if self.depth == 0 {
            return Node::Answer;
        }
        match (self.node(), self.word.get()) {
            (Node::Answer, b"response") => Node::Answer,
            (Node::Answer, b"usage") => Node::Usage,
            (Node::Usage, b"prompt_tokens_details" | b"input_tokens_details") => {
                Node::PromptDetails
            }
            _ => Node::Other,
        }
    }

    /// Takes a value that is not an object or array; `count` where it is a whole number.
    fn scalar(&mut self, count: Option<u64>, is_null: bool) {
        let node = self.node();
        let word = self.word;
        if node == Node::Answer && !is_null {
            match word.get() {
                b"error" => self.has_error = true,
                b"usage" => self.report = UsageReport::Unusable,
                _ => {}
            }
        }
        let Some(counts) = &mut self.usage else {
            return;
        };
        let place = match (node, word.get()) {
            (Node::Usage, b"prompt_tokens" | b"input_tokens") => {
                counts.prompt = count;
                &mut counts.usage.prompt
            }
            (Node::Usage, b"completion_tokens" | b"output_tokens") => &mut counts.usage.completion,
            (Node::PromptDetails, b"cached_tokens") => &mut counts.usage.cached,
            _ => return,
        };
        match count {
            Some(count) => *place = count,
            // Some upstreams write null for what does not apply.
            None if is_null => {}
            None => counts.unusable = true,
        }
    }
}

impl Handler for Picker {
    type Error = Error;

    fn open(&mut self, container: Container, _at: usize) -> Result<(), Error> {
        let node = match container {
            Container::Object => self.child(),
            Container::Array => Node::Other,
        };
        if self.node() == Node::Answer {
            match self.word.get() {
                b"error" => self.has_error = true,
                b"usage" if container == Container::Array => self.report = UsageReport::Unusable,
                _ => {}
            }
        }
        if node == Node::Usage {
            self.usage = Some(Counts::default());
        }
        if let Some(place) = self.nodes.get_mut(self.depth) {
            *place = node;
        }
        self.depth = self.depth.saturating_add(1);
        self.word = Word::default();
        Ok(())
    }

    fn close(&mut self, _container: Container, _end: usize) -> Result<(), Error> {
        if self.node() == Node::Usage {
            self.report = match self.usage.take() {
                Some(Counts {
                    prompt: Some(_),
                    usage,
                    unusable: false,
                }) => UsageReport::Given(usage),
                _ => UsageReport::Unusable,
            };
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn string_start(&mut self, place: Place, _at: usize) -> Result<(), Error> {
        let node = self.node();
        self.string = match place {
            Place::Key if node != Node::Other => Text::Name,
            Place::Value if node == Node::Answer && self.word.get() == b"type" => Text::Type,
            _ => Text::Ignored,
        };
        if place == Place::Value {
            self.scalar(None, false);
        }
        if self.string != Text::Ignored {
            self.word = Word::default();
        }
        Ok(())
    }

    fn string_piece(&mut self, piece: Piece<'_>) -> Result<(), Error> {
        if self.string != Text::Ignored {
            self.word.push(piece.bytes);
        }
        Ok(())
    }

    fn string_end(&mut self, _at: usize, _escaped: bool) -> Result<(), Error> {
        if self.string == Text::Type {
            // An event of type `error` is the last one of a stream of the Responses API.
            let is_failed = matches!(self.word.get(), b"response.failed" | b"error");
            self.has_error |= is_failed;
            self.is_final |= is_failed
                || matches!(
                    self.word.get(),
                    b"response.completed" | b"response.incomplete"
                );
        }
        Ok(())
    }

    fn number(&mut self, number: Number, _start: usize, _end: usize) -> Result<(), Error> {
        let count = match number {
            Number::Whole(count) => Some(count),
            Number::TooLarge | Number::Negative | Number::Fractional => None,
        };
        self.scalar(count, false);
        Ok(())
    }

    fn literal(&mut self, literal: Literal, _start: usize, _end: usize) -> Result<(), Error> {
        self.scalar(None, literal == Literal::Null);
        Ok(())
    }
}
