//! Finds the texts in a JSON text of an answer: a document, or the data of an event.

use core::ops::Range;

use super::shape::{Member, Node};
use crate::json::{
    Container, Error, Handler, Lexer, Literal, MAX_DEPTH, Number, Place, unescape_short,
};

/// What a text of the model is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// What it says.
    #[default]
    Content,
    /// Why it does not.
    Refusal,
    /// What it thinks.
    Reasoning,
    /// The same, as other servers call it.
    Thinking,
    /// What its sound says.
    Transcript,
    /// The arguments of a call: JSON.
    Arguments,
    /// Those of the one call that there was before there could be several.
    FunctionCall,
    /// The input of a custom tool.
    Input,
    /// The `text` of a choice, of the completions before chat.
    Legacy,
    /// Another delta of the Responses API.
    Other,
}

/// A text that comes in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) kind: Kind,
    /// `index` of the choice; `output_index` in the Responses API.
    pub(super) choice: u32,
    /// `index` of the call; `content_index` or `summary_index` in the Responses API.
    pub(super) part: u32,
}

/// What a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A piece of a text.
    Delta(Channel),
    /// A text of the model, whole.
    Whole,
    /// Something else.
    Other,
}

/// A string that may have to be rewritten.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// Its content, still escaped.
    pub(super) span: Range<usize>,
    pub(super) role: Role,
    /// Whether what it says is JSON again.
    pub(super) is_json: bool,
}

/// A choice of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) index: u32,
    /// It says why it ends.
    pub(super) is_finished: bool,
}

/// A container that is open.
#[derive(Debug)]
struct Open {
    node: Node,
    /// So many texts were found before it.
    texts: usize,
    index: u32,
    is_finished: bool,
}

/// What was found in one JSON text.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) texts: Vec<Text>,
    pub(super) choices: Vec<Choice>,
    /// Objects and arrays of what each token was worth, which say the texts again.
    pub(super) logprobs: Vec<Range<usize>>,
    /// Whether a delta has a text that is not among the texts.
    pub(super) has_unfollowed: bool,
    /// Members of the outermost object: from the quote of the name to the end of the value.
    members: Vec<Range<usize>>,
    /// The `type` of an event of the Responses API.
    pub(super) event: Option<Range<usize>>,
    /// The answer that such an event carries.
    pub(super) response: Option<Range<usize>>,
    /// Its `sequence_number`.
    pub(super) sequence_number: u64,
    /// The output item that it belongs to.
    pub(super) output_index: u32,
    part_index: u32,
    open: Vec<Open>,
    member: Member,
    /// Where the name of the member at hand begins.
    name_at: usize,
    /// Where the string at hand begins, and whether it is a name.
    string_at: usize,
    is_name: bool,
}

impl Found {
    /// Reads `json`; an error where that is none.
    pub(super) fn read(&mut self, json: &[u8]) -> Result<(), Error> {
        self.clear();
        let mut lexer = Lexer::new(MAX_DEPTH);
        let mut reader = Reader { json, found: self };
        lexer.push(json, &mut reader)?;
        lexer.finish(&mut reader)?;
        self.settle(json);
        Ok(())
    }

    fn clear(&mut self) {
        let Found {
            mut texts,
            mut choices,
            mut members,
            mut open,
            ..
        } = core::mem::take(self);
        texts.clear();
        choices.clear();
        members.clear();
        open.clear();
        *self = Found {
            texts,
            choices,
            members,
            open,
            ..Found::default()
        };
    }

    /// The `type` of the event: empty where it has none.
    pub(super) fn event_type<'a>(&self, json: &'a [u8]) -> &'a [u8] {
        let span = self.event.clone().unwrap_or_default();
        json.get(span).unwrap_or_default()
    }

    /// The members of the outermost object that are neither objects nor arrays, nor a piece of
    /// text.
    pub(super) fn members<'a>(&self, json: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let members = self.members.iter();
        members.map(|span| json.get(span.clone()).unwrap_or_default())
    }

    /// Says of the pieces of an event of the Responses API what they belong to, which its
    /// other members tell.
    fn settle(&mut self, json: &[u8]) {
        let Some(of) = self.event_type(json).strip_suffix(b".delta") else {
            for text in &mut self.texts {
                if matches!(text.role, Role::Delta(channel) if channel.kind == Kind::Other) {
                    text.role = Role::Other;
                }
            }
            return;
        };
        let kind = match of {
            b"response.output_text" => Kind::Content,
            b"response.refusal" => Kind::Refusal,
            b"response.function_call_arguments" | b"response.mcp_call_arguments" => Kind::Arguments,
            b"response.custom_tool_call_input" => Kind::Input,
            b"response.reasoning_text" | b"response.reasoning_summary_text" => Kind::Reasoning,
            // Sound, as base64.
            b"response.audio" => return self.texts.clear(),
            _ => Kind::Other,
        };
        let (choice, part) = (self.output_index, self.part_index);
        for text in &mut self.texts {
            if let Role::Delta(channel) = &mut text.role {
                *channel = Channel { kind, choice, part };
                text.is_json = kind == Kind::Arguments;
            }
        }
    }
}

struct Reader<'a> {
    json: &'a [u8],
    found: &'a mut Found,
}

impl Reader<'_> {
    fn node(&self) -> Node {
        self.found.open.last().map_or(Node::Other, |open| open.node)
    }

    fn parent(&self) -> Node {
        let mut open = self.found.open.iter().rev();
        open.nth(1).map_or(Node::Other, |open| open.node)
    }

    /// What a string stands for here, and whether it is JSON again.
    fn role(&self) -> Option<(Role, bool)> {
        let member = self.found.member;
        let role = match (self.node(), member) {
            (Node::Choice, Member::Text) => delta(Kind::Legacy),
            (Node::Delta, Member::Content) => delta(Kind::Content),
            (Node::Delta, Member::Refusal) => delta(Kind::Refusal),
            (Node::Delta, Member::Reasoning) => delta(Kind::Reasoning),
            (Node::Delta, Member::Thinking) => delta(Kind::Thinking),
            (Node::Audio, Member::Transcript) => delta(Kind::Transcript),
            (Node::Answer, Member::Delta) => delta(Kind::Other),
            (Node::Function, Member::Arguments) if self.parent() == Node::Call => {
                delta(Kind::Arguments)
            }
            (Node::Function, Member::Arguments) => delta(Kind::FunctionCall),
            (Node::Function, Member::Input) => delta(Kind::Input),
            (
                Node::Message,
                Member::Content | Member::Refusal | Member::Reasoning | Member::Thinking,
            )
            | (Node::Part, Member::Text | Member::Refusal | Member::Transcript)
            | (Node::Item | Node::Answer, Member::Arguments | Member::Input | Member::Code)
            | (Node::Answer, Member::Text | Member::Refusal | Member::Transcript) => Role::Whole,
            (Node::Choice, Member::FinishReason)
            | (Node::Answer, Member::Type | Member::Obfuscation) => return None,
            _ => Role::Other,
        };
        // A message that came whole has calls that did.
        let is_whole = self
            .found
            .open
            .iter()
            .any(|open| open.node == Node::Message);
        let role = if is_whole && role != Role::Other {
            Role::Whole
        } else {
            role
        };
        Some((role, member == Member::Arguments))
    }

    /// A value that is neither an object nor an array ends at `end`.
    fn scalar(&mut self, end: usize) {
        let is_outermost = self.found.open.len() == 1;
        let is_said_again = !matches!(self.found.member, Member::Delta | Member::Obfuscation);
        if is_outermost && self.node() == Node::Answer && is_said_again {
            self.found.members.push(self.found.name_at..end);
        }
    }
}

fn delta(kind: Kind) -> Role {
    Role::Delta(Channel {
        kind,
        choice: 0,
        part: 0,
    })
}

/// Room for the longest name that matters with every letter written `\uXXXX`.
const NAME: usize = 128;

impl Handler for Reader<'_> {
    type Error = Error;

    fn open(&mut self, container: Container, at: usize) -> Result<(), Error> {
        let node = match self.found.open.last() {
            None if container == Container::Object => Node::Answer,
            None => Node::Other,
            Some(open) => open.node.child(self.found.member, container),
        };
        match node {
            Node::Carried => self.found.response = Some(at..at),
            Node::Logprobs => self.found.logprobs.push(at..at),
            _ => {}
        }
        self.found.open.push(Open {
            node,
            texts: self.found.texts.len(),
            index: 0,
            is_finished: false,
        });
        self.found.member = Member::Other;
        Ok(())
    }

    fn close(&mut self, _container: Container, end: usize) -> Result<(), Error> {
        let Some(open) = self.found.open.pop() else {
            return Ok(());
        };
        self.found.member = Member::Other;
        match open.node {
            Node::Carried => {
                if let Some(response) = &mut self.found.response {
                    response.end = end;
                }
            }
            Node::Logprobs => {
                if let Some(logprobs) = self.found.logprobs.last_mut() {
                    logprobs.end = end;
                }
                self.found.texts.truncate(open.texts);
            }
            Node::Choice => self.found.choices.push(Choice {
                index: open.index,
                is_finished: open.is_finished,
            }),
            _ => {}
        }
        // What a text belongs to is known when that ends: `index` may be its last member.
        for text in self.found.texts.iter_mut().skip(open.texts) {
            if let Role::Delta(channel) = &mut text.role {
                match open.node {
                    Node::Choice => channel.choice = open.index,
                    Node::Call => channel.part = open.index,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn string_start(&mut self, place: Place, at: usize) -> Result<(), Error> {
        self.found.is_name = place == Place::Key;
        if self.found.is_name {
            self.found.name_at = at;
        }
        self.found.string_at = at;
        Ok(())
    }

    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), Error> {
        let span = self.found.string_at.saturating_add(1)..at;
        if self.found.is_name {
            let content = self.json.get(span).unwrap_or_default();
            let mut room = [0; NAME];
            let name = if escaped {
                unescape_short(content, &mut room).unwrap_or_default()
            } else {
                content
            };
            self.found.member = Member::named(name);
            return Ok(());
        }
        match (self.node(), self.found.member) {
            (Node::Choice, Member::FinishReason) => {
                if let Some(choice) = self.found.open.last_mut() {
                    choice.is_finished = true;
                }
            }
            (Node::Answer, Member::Type) => self.found.event = Some(span.clone()),
            (Node::Unfollowed, Member::Label | Member::Type) => {}
            (Node::Unfollowed, _) | (Node::Delta, Member::Other) => {
                self.found.has_unfollowed |= !span.is_empty();
            }
            _ => {}
        }
        self.scalar(at.saturating_add(1));
        if let Some((role, is_json)) = self.role() {
            self.found.texts.push(Text {
                span,
                role,
                is_json,
            });
        }
        Ok(())
    }

    fn number(&mut self, number: Number, _start: usize, end: usize) -> Result<(), Error> {
        if let Number::Whole(number) = number {
            let index = u32::try_from(number).unwrap_or(u32::MAX);
            match (self.node(), self.found.member) {
                (Node::Choice | Node::Call, Member::Index) => {
                    if let Some(open) = self.found.open.last_mut() {
                        open.index = index;
                    }
                }
                (Node::Answer, Member::SequenceNumber) => self.found.sequence_number = number,
                (Node::Answer, Member::OutputIndex) => self.found.output_index = index,
                (Node::Answer, Member::PartIndex) => self.found.part_index = index,
                _ => {}
            }
        }
        self.scalar(end);
        Ok(())
    }

    fn literal(&mut self, _literal: Literal, _start: usize, end: usize) -> Result<(), Error> {
        self.scalar(end);
        Ok(())
    }
}
