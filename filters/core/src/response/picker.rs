//! Picks what matters out of the JSON texts of an answer: a document, or the data of events.

use super::endings::{Endings, FinishReason};
use super::output::Output;
use super::shape::{Member, Node};
use super::word::Word;
use super::{MAX_USAGE_TOKENS, ResponseSummary, Usage, UsageReport};
use crate::json::{Container, Error, Handler, Literal, Number, Piece, Place};
use crate::tokens::{Encoding, Model};

/// What the string at hand is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Use {
    /// Nothing that matters.
    #[default]
    Ignored,
    /// The name of a member.
    Name,
    /// The `type` of an event.
    Type,
    /// The `model` that answers.
    Model,
    /// Why a choice ended.
    FinishReason,
    /// How far an answer of the Responses API is.
    Status,
    /// Why it is incomplete.
    Reason,
    /// Text that the model wrote.
    Output,
}

/// What matters is at most this deep: the function of a call of a message of a choice.
const NODES: usize = 7;

/// Reads JSON texts and remembers what they say.
#[derive(Debug, Default)]
pub(super) struct Picker {
    text: Text,
    word: Word,
    /// The encoding of the first model that was named.
    encoding: Option<Encoding>,
    output: Output,
    /// What the texts that counted said, their output aside.
    said: ResponseSummary,
}

/// What is known of the text at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Text {
    /// The open containers from the outermost in, as far as they matter.
    nodes: [Node; NODES],
    depth: usize,
    member: Member,
    string: Use,
    is_audio: bool,
    usage: Option<Counts>,
    report: UsageReport,
    has_error: bool,
    is_final: bool,
    choice: Choice,
    endings: Endings,
    status: Status,
    /// What `incomplete_details` say.
    reason: Option<FinishReason>,
}

/// The choice at hand. Its `index` may come last.
#[derive(Clone, Copy, Debug, Default)]
struct Choice {
    index: u64,
    reason: Option<FinishReason>,
}

/// How far an answer of the Responses API says that it is.
#[derive(Clone, Copy, Debug, Default)]
enum Status {
    /// It is none, or does not say so.
    #[default]
    Unknown,
    /// Not at its end, or failed.
    Open,
    Completed,
    Incomplete,
}

/// What a `usage` object says, before it is known to say enough.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    prompt: Option<u64>,
    usage: Usage,
    unusable: bool,
}

impl Picker {
    /// For a stream, whose texts continue each other's output.
    pub(super) fn of_stream() -> Picker {
        Picker {
            output: Output::of_stream(),
            ..Picker::default()
        }
    }

    /// Begins another text.
    pub(super) fn begin(&mut self) {
        self.text = Text::default();
    }

    /// Lets what the text said count.
    pub(super) fn keep(&mut self) {
        let text = &self.text;
        if text.report != UsageReport::Absent {
            self.said.usage = text.report;
        }
        self.said.is_complete |= text.is_final;
        self.said.has_error |= text.has_error;
        self.said.endings.add(text.endings());
    }

    /// Discards what the text said, but for its output, which the client has seen.
    pub(super) fn discard(&mut self) {
        self.output.break_off();
    }

    /// What was said.
    pub(super) fn summary(&mut self) -> ResponseSummary {
        let encoding = self.encoding.unwrap_or(Encoding::O200k);
        ResponseSummary {
            output_tokens: self.output.tokens(encoding),
            ..self.said
        }
    }

    /// Estimated tokens of the output that has come.
    pub(super) fn output_so_far(&self) -> u64 {
        self.output.so_far(self.encoding.unwrap_or(Encoding::O200k))
    }
}

impl Text {
    /// The container at hand.
    fn node(&self) -> Node {
        let innermost = self.depth.checked_sub(1);
        innermost
            .and_then(|at| self.nodes.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// Takes a value that is not an object or array; `count` where it is a number of tokens.
    fn scalar(&mut self, count: Option<u64>, is_null: bool) {
        match self.member {
            Member::Error => self.has_error |= !is_null,
            Member::Usage if !is_null => self.report = UsageReport::Unusable,
            Member::PromptTokens | Member::CompletionTokens | Member::CachedTokens => {
                self.count(count, is_null);
            }
            _ => {}
        }
    }

    fn count(&mut self, count: Option<u64>, is_null: bool) {
        let Some(counts) = &mut self.usage else {
            return;
        };
        let place = match self.member {
            Member::PromptTokens => {
                counts.prompt = count;
                &mut counts.usage.prompt
            }
            Member::CompletionTokens => &mut counts.usage.completion,
            _ => &mut counts.usage.cached,
        };
        match count {
            Some(count) => *place = count,
            // Some upstreams write null for what does not apply.
            None if is_null => {}
            None => counts.unusable = true,
        }
    }

    /// How the choices of the text ended, or the answer that it carries.
    fn endings(&self) -> Endings {
        let mut endings = self.endings;
        match self.status {
            Status::Unknown => {}
            Status::Open => endings.note(0, None),
            Status::Completed => endings.note(0, Some(FinishReason::Stop)),
            Status::Incomplete => {
                endings.note(0, Some(self.reason.unwrap_or(FinishReason::Other)));
            }
        }
        endings
    }

    fn status(&mut self, word: &[u8]) {
        self.status = match word {
            b"completed" => Status::Completed,
            b"incomplete" => Status::Incomplete,
            b"in_progress" | b"queued" | b"failed" | b"cancelled" => Status::Open,
            _ => Status::Unknown,
        };
    }

    fn event_type(&mut self, name: &[u8]) {
        // An event of type `error` is the last one of a stream of the Responses API.
        let is_failed = matches!(name, b"response.failed" | b"error");
        self.has_error |= is_failed;
        self.is_final |=
            is_failed || matches!(name, b"response.completed" | b"response.incomplete");
        self.is_audio = name.ends_with(b"audio.delta");
    }
}

impl Handler for Picker {
    type Error = Error;

    fn open(&mut self, container: Container, _at: usize) -> Result<(), Error> {
        let text = &mut self.text;
        let node = match text.depth {
            0 if container == Container::Object => Node::Answer,
            0 => Node::Other,
            _ => text.node().child(text.member, container),
        };
        match node {
            Node::Usage => text.usage = Some(Counts::default()),
            Node::Choice => text.choice = Choice::default(),
            Node::Other => text.scalar(None, false),
            _ => {}
        }
        if let Some(place) = text.nodes.get_mut(text.depth) {
            *place = node;
        }
        text.depth = text.depth.saturating_add(1);
        text.member = Member::Other;
        Ok(())
    }

    fn close(&mut self, _container: Container, _end: usize) -> Result<(), Error> {
        let text = &mut self.text;
        match text.node() {
            Node::Usage => {
                text.report = match text.usage.take() {
                    Some(Counts {
                        prompt: Some(_),
                        usage,
                        unusable: false,
                    }) => UsageReport::Given(usage),
                    _ => UsageReport::Unusable,
                };
            }
            Node::Choice => text.endings.note(text.choice.index, text.choice.reason),
            _ => {}
        }
        text.depth = text.depth.saturating_sub(1);
        text.member = Member::Other;
        Ok(())
    }

    fn string_start(&mut self, place: Place, _at: usize) -> Result<(), Error> {
        let text = &mut self.text;
        text.string = match place {
            Place::Key if text.node().has_members() => Use::Name,
            Place::Key => Use::Ignored,
            Place::Value => {
                text.scalar(None, false);
                match text.member {
                    Member::Type => Use::Type,
                    Member::Model if self.encoding.is_none() => Use::Model,
                    Member::FinishReason => Use::FinishReason,
                    Member::Status => Use::Status,
                    Member::Reason => Use::Reason,
                    Member::Text | Member::Content => Use::Output,
                    Member::Delta if !text.is_audio => Use::Output,
                    _ => Use::Ignored,
                }
            }
        };
        match text.string {
            Use::Ignored => {}
            Use::Output => self.output.start(),
            _ => self.word.clear(),
        }
        Ok(())
    }

    fn string_piece(&mut self, piece: Piece<'_>) -> Result<(), Error> {
        match self.text.string {
            Use::Ignored => {}
            Use::Output => self.output.piece(piece),
            _ => self.word.push(piece.bytes),
        }
        Ok(())
    }

    fn string_end(&mut self, _at: usize, escaped: bool) -> Result<(), Error> {
        match self.text.string {
            Use::Ignored => {}
            Use::Output => self.output.end(),
            Use::FinishReason => {
                // Some upstreams write an empty one until there is one.
                let word = self.word.end(escaped);
                if !word.is_empty() {
                    self.text.choice.reason = Some(FinishReason::named(word));
                }
            }
            Use::Status => self.text.status(self.word.end(escaped)),
            Use::Reason => self.text.reason = Some(FinishReason::named(self.word.end(escaped))),
            Use::Name => self.text.member = self.text.node().member(self.word.end(escaped)),
            Use::Type => self.text.event_type(self.word.end(escaped)),
            Use::Model => {
                // Azure's first event names none.
                let name = core::str::from_utf8(self.word.end(escaped)).unwrap_or_default();
                self.encoding = (!name.is_empty()).then(|| Model::named(name).encoding);
            }
        }
        Ok(())
    }

    fn number(&mut self, number: Number, _start: usize, _end: usize) -> Result<(), Error> {
        if let (Member::Index, Number::Whole(index)) = (self.text.member, number) {
            self.text.choice.index = index;
        }
        let count = match number {
            Number::Whole(count) if count <= MAX_USAGE_TOKENS => Some(count),
            Number::Whole(_) | Number::TooLarge | Number::Negative | Number::Fractional => None,
        };
        self.text.scalar(count, false);
        Ok(())
    }

    fn literal(&mut self, literal: Literal, _start: usize, _end: usize) -> Result<(), Error> {
        self.text.scalar(None, literal == Literal::Null);
        Ok(())
    }
}
