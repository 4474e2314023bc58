//! A stream: events pass one by one, and those whose text changes are spliced.

use super::block;
use super::edits::TextEdits;
use super::output::Output;
use super::screen::Blocked;
use super::splice::{Splices, escaped, plain};
use super::texts::Texts;
use super::walk::{Channel, Found, Kind, Role};
use super::{MAX_EVENT, Rewritten};
use crate::sse::{Data, Frame, Next};

/// What OpenAI's streams send as their last event, which is not JSON.
const DONE: &[u8] = b"[DONE]";

/// More choices than this are not remembered as open: OpenAI allows as many.
const MAX_CHOICES: usize = 128;

/// What an event of the Responses API says of its answer is kept up to this many bytes, for
/// the event that says that it is stopped.
const MAX_RESPONSE: usize = 64 << 10;

/// Rewrites an event stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    frame: Frame,
    /// What has come of an event that is not whole.
    partial: Vec<u8>,
    /// The event at hand is too long, and passes.
    is_passing: bool,
    /// There is no memory to hold events that do not come whole.
    is_short: bool,
    texts: Texts,
    found: Found,
    splices: Splices,
    stop: Stop,
}

/// What has to be known to stop an answer.
#[derive(Debug, Default)]
struct Stop {
    /// The choices that have begun and are not finished.
    choices: Vec<u32>,
    is_legacy: bool,
    /// What the last event with a choice said beside it: members, each followed by a comma.
    said: Vec<u8>,
    /// The answer that an event of the Responses API carried.
    response: Option<Vec<u8>>,
    sequence_number: u64,
}

/// Which texts end with an event.
enum Ends {
    /// Those of choices that say why they do, and of no other.
    Choices,
    /// Those of this output item.
    Item(u32),
    All,
}

impl Ends {
    fn of(found: &Found, json: &[u8], is_end: bool) -> Ends {
        match found.event_type(json) {
            _ if is_end => Ends::All,
            b"response.completed" | b"response.incomplete" | b"response.failed" | b"error" => {
                Ends::All
            }
            name if name.ends_with(b".done") => Ends::Item(found.output_index),
            _ => Ends::Choices,
        }
    }

    fn has(&self, found: &Found, channel: Channel) -> bool {
        match self {
            Ends::Choices => {
                let mut finished = found.choices.iter().filter(|choice| choice.is_finished);
                finished.any(|choice| choice.index == channel.choice)
            }
            Ends::Item(output_index) => channel.choice == *output_index,
            Ends::All => true,
        }
    }
}

impl Stream {
    /// Bytes that have come and not been sent.
    pub(super) fn held(&self) -> usize {
        self.partial.len().saturating_add(self.texts.held())
    }

    /// An event that does not come whole passes as it comes.
    pub(super) fn hold_no_more(&mut self) {
        self.is_short = true;
    }

    pub(super) fn push(
        &mut self,
        output: &mut Output<'_>,
        is_end: bool,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
    ) {
        while let rest @ [_, ..] = output.rest() {
            if rewritten.is_blocked {
                output.skip(rest.len());
                return;
            }
            let (count, is_whole) = match self.frame.read(rest) {
                Next::LineFeed => {
                    output.pass(1);
                    continue;
                }
                Next::End(count) => (count, true),
                Next::More => (rest.len(), false),
            };
            let part = rest.get(..count).unwrap_or(rest);
            if self.is_passing {
                output.pass(count);
                self.is_passing = !is_whole;
            } else if self.partial.len().saturating_add(count) > MAX_EVENT
                || (self.is_short && !is_whole)
            {
                self.pass_on(count, output, edits, rewritten);
                self.is_passing = !is_whole;
            } else if !is_whole {
                self.partial.extend_from_slice(part);
                output.skip(count);
            } else if self.partial.is_empty() {
                match self.event(part, false, edits, rewritten) {
                    None => output.pass(count),
                    Some(edited) => {
                        output.insert(&edited);
                        output.skip(count);
                    }
                }
            } else {
                self.partial.extend_from_slice(part);
                output.skip(count);
                self.partial_event(false, output, edits, rewritten);
            }
        }
        if is_end && !rewritten.is_blocked && !self.is_passing {
            self.partial_event(true, output, edits, rewritten);
        }
    }

    /// Sends the event that came in parts.
    fn partial_event(
        &mut self,
        is_end: bool,
        output: &mut Output<'_>,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
    ) {
        let event = core::mem::take(&mut self.partial);
        match self.event(&event, is_end, edits, rewritten) {
            None => output.insert(&event),
            Some(edited) => output.insert(&edited),
        }
        // Kept for the next one.
        self.partial = event;
        self.partial.clear();
    }

    /// Lets an event pass that is too long; `count` more bytes of it have come.
    fn pass_on(
        &mut self,
        count: usize,
        output: &mut Output<'_>,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
    ) {
        rewritten.passed = rewritten.passed.saturating_add(1);
        let mut before = Vec::new();
        let released = self.texts.release(edits, rewritten, &mut before, |_| true);
        if let Err(blocked) = released {
            self.stop.write(&blocked, rewritten, &mut before);
        }
        output.insert(&before);
        let partial = core::mem::take(&mut self.partial);
        if rewritten.is_blocked {
            output.skip(count);
        } else {
            output.insert(&partial);
            output.pass(count);
        }
    }

    /// What to send instead of a whole event, or of what the stream ends with; `None` where
    /// that is the event as it came.
    fn event(
        &mut self,
        event: &[u8],
        is_end: bool,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
    ) -> Option<Vec<u8>> {
        let mut found = core::mem::take(&mut self.found);
        let data = Data::of(event);
        let mut out = Vec::new();
        let is_done = data
            .as_ref()
            .is_some_and(|data| data.text.trim_ascii() == DONE);
        self.splices.clear();
        let result = match &data {
            Some(data) if found.read(&data.text).is_ok() => {
                self.edit(&found, &data.text, is_end, edits, rewritten, &mut out)
            }
            _ => {
                let has_data = data
                    .as_ref()
                    .is_some_and(|data| !data.text.trim_ascii().is_empty());
                if edits.detect.is_some() && has_data && !is_done {
                    rewritten.passed = rewritten.passed.saturating_add(1);
                }
                if is_done || is_end {
                    self.texts.release(edits, rewritten, &mut out, |_| true)
                } else {
                    Ok(())
                }
            }
        };
        self.found = found;
        match (result, data) {
            (Err(blocked), _) => self.stop.write(&blocked, rewritten, &mut out),
            (Ok(()), Some(data)) if !self.splices.is_empty() => {
                self.splices.apply(event, |at| data.offset(at), &mut out);
            }
            (Ok(()), _) if out.is_empty() => return None,
            (Ok(()), _) => out.extend_from_slice(event),
        }
        Some(out)
    }

    /// Edits the texts of an event, and adds events to `before` that have to come before it.
    fn edit(
        &mut self,
        found: &Found,
        json: &[u8],
        is_end: bool,
        edits: &mut TextEdits,
        rewritten: &mut Rewritten,
        before: &mut Vec<u8>,
    ) -> Result<(), Blocked> {
        let ends = Ends::of(found, json, is_end);
        if edits.detect.is_some() {
            self.stop.remember(found, json);
            let unfollowed = u32::from(found.has_unfollowed);
            rewritten.passed = rewritten.passed.saturating_add(unfollowed);
        }
        for text in &found.texts {
            let content = json.get(text.span.clone()).unwrap_or_default();
            let Role::Delta(channel) = text.role else {
                let is_written_by_model = text.role == Role::Whole;
                if edits.concern(content, is_written_by_model)
                    && let Some((whole, unmasked)) =
                        edits.whole(content, is_written_by_model, text.is_json)?
                {
                    rewritten.unmasked = rewritten.unmasked.saturating_add(unmasked);
                    self.splices.push(text.span.clone(), whole);
                }
                continue;
            };
            if !self.texts.has(channel) && found.event.is_none() {
                // A choice says one thing after the other, and clients take what is new for
                // the end of what was before.
                let goes_on = |other: Channel| {
                    let mut texts = found.texts.iter();
                    other.choice != channel.choice
                        || texts.any(|text| text.role == Role::Delta(other))
                };
                self.texts
                    .release(edits, rewritten, before, |other| !goes_on(other))?;
            }
            let Some(begun) = self.texts.of(channel, text.is_json) else {
                rewritten.passed = rewritten.passed.saturating_add(1);
                continue;
            };
            if begun.held() == 0 && !edits.concern(content, true) {
                continue;
            }
            let piece = plain(content);
            let mut edited = String::new();
            let is_last = ends.has(found, channel);
            begun.grow(edits, rewritten, &piece, is_last, &mut edited)?;
            if edited != piece {
                self.splices
                    .push(text.span.clone(), escaped(&edited).into_bytes());
            }
            if begun.held() > 0 {
                begun.remember(found.event_type(json), found.members(json));
            }
        }
        if edits.detect.is_some() || !self.splices.is_empty() {
            self.leave_out_logprobs(found, json);
        }
        let over = |channel| ends.has(found, channel);
        self.texts.release(edits, rewritten, before, over)?;
        self.texts.forget(over);
        self.stop.forget(found);
        Ok(())
    }

    /// Empties what says the tokens of the texts as the model wrote them, which may be held
    /// back. An array stays one: the Responses API has an empty one where none were asked for.
    fn leave_out_logprobs(&mut self, found: &Found, json: &[u8]) {
        for span in &found.logprobs {
            let empty = match json.get(span.start) {
                Some(b'[') => "[]",
                _ => "null",
            };
            if json.get(span.clone()) != Some(empty.as_bytes()) {
                self.splices.push(span.clone(), empty.into());
            }
        }
    }
}

impl Stop {
    /// Remembers what the event at hand says of the answer.
    fn remember(&mut self, found: &Found, json: &[u8]) {
        if !found.choices.is_empty() {
            self.said.clear();
            for member in found.members(json) {
                self.said.extend_from_slice(member);
                self.said.push(b',');
            }
            let mut texts = found.texts.iter();
            self.is_legacy = texts.any(
                |text| matches!(text.role, Role::Delta(channel) if channel.kind == Kind::Legacy),
            );
        }
        for choice in &found.choices {
            if !self.choices.contains(&choice.index) && self.choices.len() < MAX_CHOICES {
                self.choices.push(choice.index);
            }
        }
        if let Some(span) = &found.response
            && span.len() <= MAX_RESPONSE
        {
            self.response = json.get(span.clone()).map(<[u8]>::to_vec);
        }
        if found.event.is_some() {
            self.response.get_or_insert_default();
            self.sequence_number = found.sequence_number;
        }
    }

    /// Forgets the choices that the event at hand finishes.
    fn forget(&mut self, found: &Found) {
        for choice in found.choices.iter().filter(|choice| choice.is_finished) {
            self.choices.retain(|index| *index != choice.index);
        }
    }

    /// Adds to `out` what ends the answer.
    fn write(&self, blocked: &Blocked, rewritten: &mut Rewritten, out: &mut Vec<u8>) {
        rewritten.is_blocked = true;
        match &self.response {
            Some(response) => {
                block::write_end_of_response(blocked, response, self.sequence_number, out);
            }
            None => {
                block::write_end_of_choices(blocked, &self.said, &self.choices, self.is_legacy, out)
            }
        }
    }
}
