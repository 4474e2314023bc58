//! The texts of a stream that have begun, and the events that bring what was held back of them.

use super::Rewritten;
use super::edits::{Growing, TextEdits};
use super::screen::Blocked;
use super::splice::escaped;
use super::walk::{Channel, Kind};

/// More texts than this at once are not followed: OpenAI allows as many choices, and as many
/// calls.
const MAX_TEXTS: usize = 256;

/// A text of which a piece has come.
#[derive(Debug)]
pub(super) struct Begun {
    channel: Channel,
    is_json: bool,
    growing: Growing,
    /// Where something is held back, what the last event said beside it: members of its
    /// object, separated by commas.
    said: Vec<u8>,
    /// Its type, in the Responses API.
    event: Vec<u8>,
}

/// The texts of a stream that have begun.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Begun>,
}

impl Texts {
    pub(super) fn has(&self, channel: Channel) -> bool {
        self.texts.iter().any(|text| text.channel == channel)
    }

    /// Bytes held back of all.
    pub(super) fn held(&self) -> usize {
        let held = self.texts.iter().map(|text| text.growing.held());
        held.fold(0, usize::saturating_add)
    }

    /// The text of this channel, begun now where it was not; `None` where there are too many.
    pub(super) fn of(&mut self, channel: Channel, is_json: bool) -> Option<&mut Begun> {
        let place = self.texts.iter().position(|text| text.channel == channel);
        let place = place.unwrap_or(self.texts.len());
        if place >= MAX_TEXTS {
            return None;
        }
        if place == self.texts.len() {
            self.texts.push(Begun {
                channel,
                is_json,
                growing: Growing::default(),
                said: Vec::new(),
                event: Vec::new(),
            });
        }
        self.texts.get_mut(place)
    }

    /// Adds events to `out` that bring what is held back of the texts that are `due`.
    pub(super) fn release(
        &mut self,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
        out: &mut Vec<u8>,
        due: impl Fn(Channel) -> bool,
    ) -> Result<(), Blocked> {
        for text in &mut self.texts {
            if text.growing.held() > 0 && due(text.channel) {
                let mut rest = String::new();
                text.grow(edits, rewritten, "", true, &mut rest)?;
                text.write_event(&rest, out);
            }
        }
        Ok(())
    }

    /// Forgets the texts that are over.
    pub(super) fn forget(&mut self, over: impl Fn(Channel) -> bool) {
        self.texts.retain(|text| !over(text.channel));
    }
}

impl Begun {
    /// Takes in the next piece of the text, and adds to `out` what may be sent instead.
    pub(super) fn grow(
        &mut self,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
        piece: &str,
        is_last: bool,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let unmasked = edits.grow(&mut self.growing, piece, is_last, self.is_json, out)?;
        rewritten.unmasked = rewritten.unmasked.saturating_add(unmasked);
        Ok(())
    }

    /// Bytes held back.
    pub(super) fn held(&self) -> usize {
        self.growing.held()
    }

    /// Remembers what the event at hand says, for the one that brings what is held back.
    pub(super) fn remember<'a>(&mut self, event: &[u8], members: impl Iterator<Item = &'a [u8]>) {
        self.event.clear();
        self.event.extend_from_slice(event);
        self.said.clear();
        for member in members {
            self.said.extend_from_slice(member);
            self.said.push(b',');
        }
    }

    /// Adds an event that brings `text`, like those before it.
    fn write_event(&self, text: &str, out: &mut Vec<u8>) {
        let escaped = escaped(text);
        let Channel { kind, choice, part } = self.channel;
        if !self.event.is_empty() {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(&self.event);
            out.push(b'\n');
        }
        out.extend_from_slice(b"data: {");
        out.extend_from_slice(&self.said);
        let delta = match kind {
            Kind::Content => format!(r#"{{"content":"{escaped}"}}"#),
            Kind::Refusal => format!(r#"{{"refusal":"{escaped}"}}"#),
            Kind::Reasoning => format!(r#"{{"reasoning_content":"{escaped}"}}"#),
            Kind::Thinking => format!(r#"{{"reasoning":"{escaped}"}}"#),
            Kind::Transcript => format!(r#"{{"audio":{{"transcript":"{escaped}"}}}}"#),
            Kind::FunctionCall => format!(r#"{{"function_call":{{"arguments":"{escaped}"}}}}"#),
            Kind::Arguments => format!(
                r#"{{"tool_calls":[{{"index":{part},"function":{{"arguments":"{escaped}"}}}}]}}"#
            ),
            Kind::Input => {
                format!(r#"{{"tool_calls":[{{"index":{part},"custom":{{"input":"{escaped}"}}}}]}}"#)
            }
            Kind::Legacy | Kind::Other => String::new(),
        };
        let rest = match kind {
            _ if !self.event.is_empty() => format!(r#""delta":"{escaped}""#),
            Kind::Legacy => format!(
                r#""choices":[{{"index":{choice},"text":"{escaped}","logprobs":null,"finish_reason":null}}]"#
            ),
            _ => format!(
                r#""choices":[{{"index":{choice},"delta":{delta},"logprobs":null,"finish_reason":null}}]"#
            ),
        };
        out.extend_from_slice(rest.as_bytes());
        out.extend_from_slice(b"}\n\n");
    }
}
