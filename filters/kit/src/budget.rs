//! The request bytes that all streams of one VM hold together.
//!
//! Each slow upload within every other limit costs memory for as long as its client likes:
//! a few thousand of them once exhausted a VM, and a VM out of memory traps. So every
//! growth is counted first, here, and refused above the bound.

use std::cell::Cell;

thread_local! {
    /// Bytes held in this VM, by the streams of every plugin configuration it runs: two
    /// listeners, or an old and a new configuration, share one VM and its memory.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// The part of the VM's budget that one stream holds; given back when dropped.
pub(crate) struct Share {
    most: usize,
    bytes: usize,
}

impl Share {
    /// Nothing yet, of a budget of `most` bytes for the whole VM.
    pub(crate) fn of(most: usize) -> Share {
        Share { most, bytes: 0 }
    }

    /// Whether more than half of the budget is held.
    pub(crate) fn is_scarce(&self) -> bool {
        HELD.get() > self.most / 2
    }

    /// Holds `bytes` in all from now on. False, and nothing changes, where the budget does
    /// not allow it.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let held = HELD.get().saturating_sub(self.bytes).saturating_add(bytes);
        let fits = held <= self.most || bytes <= self.bytes;
        if fits {
            HELD.set(held);
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_given_back() {
        let mut first = Share::of(100);
        let mut second = Share::of(100);
        assert!(first.grow_to(60));
        assert!(!second.grow_to(41));
        assert!(second.grow_to(40));
        assert!(!first.grow_to(61));
        assert!(first.is_scarce() && !Share::of(200).is_scarce());
        assert!(
            Share::of(101).grow_to(1),
            "another configuration's bound, the same bytes"
        );
        assert!(!Share::of(50).grow_to(1));
        assert!(first.grow_to(10), "shrinking always fits");
        assert!(second.grow_to(90));
        drop(second);
        assert!(first.grow_to(100));
        drop(first);
        assert_eq!(HELD.get(), 0);
        assert!(!Share::of(100).grow_to(usize::MAX));
    }
}
