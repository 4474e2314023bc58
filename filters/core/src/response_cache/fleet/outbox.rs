//! What is to be sent with the next tick, bounded by bytes.

use std::collections::VecDeque;

use crate::callout::Callout;

/// Bytes of bodies that wait together, in one worker.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// Calls that wait together.
pub(super) const MOST: usize = 1024;
/// Calls that are made with one tick.
pub(super) const AT_ONCE: usize = 128;

/// Calls in the order they are to be made.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    calls: VecDeque<Callout>,
    bytes: usize,
}

impl Outbox {
    /// Whether there is room for a call with a body of so many bytes.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= MOST_BYTES && self.calls.len() < MOST
    }

    /// Queues a call; false where there is no room for it.
    pub(super) fn push(&mut self, callout: Callout) -> bool {
        let fits = self.has_room_for(callout.body.len());
        if fits {
            self.bytes = self.bytes.saturating_add(callout.body.len());
            self.calls.push_back(callout);
        }
        fits
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Those that are made with this tick.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Callout> {
        let count = self.calls.len().min(AT_ONCE);
        let bytes = &mut self.bytes;
        let taken = self.calls.drain(..count);
        taken.inspect(|callout| *bytes = bytes.saturating_sub(callout.body.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(bytes: usize) -> Callout {
        Callout {
            cluster: "redis".to_owned(),
            headers: Vec::new(),
            body: vec![0; bytes],
            timeout_milliseconds: 1,
            most: 1,
        }
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_number() {
        let mut outbox = Outbox::default();
        assert!(outbox.push(call(MOST_BYTES)));
        assert!(!outbox.push(call(1)));
        assert!(outbox.push(call(0)));
        assert_eq!(outbox.take().count(), 2);
        assert!(outbox.is_empty());
        assert!((0..MOST).all(|_| outbox.push(call(1))));
        assert!(!outbox.push(call(1)));
        assert_eq!(outbox.take().count(), AT_ONCE);
        assert!(outbox.push(call(MOST_BYTES - (MOST - AT_ONCE))));
        assert!(!outbox.push(call(1)));
    }
}
