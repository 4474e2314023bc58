//! What a request that is not answered from the cache has from the stage until its end.

use super::keyer::Digest;
use super::recording::Recording;
use super::store::Ticket;
use crate::callout::Place;
use crate::exchange::ResponseHead;
use crate::rate_limiter::tenant::Tenant;

/// What the stage made of a request that is sent, or waits.
#[derive(Debug)]
pub struct Cached {
    /// What its answer says of that, where headers say what happened.
    pub(super) told: String,
    pub(super) miss: Option<Missed>,
}

/// What is asked of the cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) key: Digest,
    /// Whose answers these are, where they are not everybody's.
    pub(super) tenant: Option<Tenant>,
    /// When it was asked, in nanoseconds since 1970.
    pub(super) asked: u64,
    /// Until when it waits for another's answer.
    pub(super) until: u64,
}

/// A request whose answer may be kept.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) question: Question,
    pub(super) recording: Recording,
    /// It is the first of its like, of all workers.
    pub(super) ticket: Option<Ticket>,
    /// Others of this worker wait for it, or may.
    pub(super) leads: bool,
    pub(super) waits: Option<Waits>,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// The answer to one like it, at this place.
    Turn(Place),
    /// The fleet's store.
    Fleet,
}

impl Missed {
    /// One that nobody waits for, whose answer may have `most` bytes.
    pub(super) fn alone(question: Question, most: u32) -> Missed {
        Missed {
            question,
            recording: Recording::new(most),
            ticket: None,
            leads: false,
            waits: None,
        }
    }

    /// Whether others wait for an answer that is not kept.
    pub(super) fn is_awaited_in_vain(&self) -> bool {
        (self.leads || self.ticket.is_some()) && self.recording.is_lost()
    }

    /// What others wait for, which they are to be told of: nobody waits for this one then.
    pub(super) fn take_awaited(&mut self) -> Missed {
        let mut awaited = Missed::alone(self.question, 0);
        awaited.ticket = self.ticket.take();
        awaited.leads = core::mem::take(&mut self.leads);
        awaited
    }
}

/// The answer, while it passes.
impl Cached {
    /// Takes note of the answer's head.
    pub(crate) fn on_response_head(&mut self, head: &ResponseHead<'_>) {
        if let Some(missed) = &mut self.miss {
            missed.recording.begin(head);
        }
    }

    /// Keeps what came of the answer.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if let Some(missed) = &mut self.miss {
            missed.recording.push(chunk);
        }
    }

    /// There is no room to keep more.
    pub(crate) fn keep_no_more(&mut self) {
        if let Some(missed) = &mut self.miss {
            missed.recording.lose();
        }
    }

    /// Bytes that are kept of the answer so far.
    pub(crate) fn kept(&self) -> usize {
        self.miss
            .as_ref()
            .map_or(0, |missed| missed.recording.kept())
    }

    /// Whether the answer is wanted.
    pub(crate) fn is_keeping(&self) -> bool {
        self.miss
            .as_ref()
            .is_some_and(|missed| missed.recording.is_keeping())
    }
}
