//! The request bytes that all streams of one worker hold together.
//!
//! Each slow upload within every other limit costs memory for as long as its client likes:
//! a few thousand of them once exhausted a VM, and a VM out of memory traps. So every
//! growth is counted first, here, and refused above the bound.

use std::cell::Cell;
use std::rc::Rc;

/// A bound on bytes, shared by the streams of a worker.
#[derive(Clone)]
pub(crate) struct Budget {
    held: Rc<Cell<usize>>,
    most: usize,
}

impl Budget {
    /// A budget of `most` bytes, none of which is held.
    pub(crate) fn new(most: usize) -> Budget {
        Budget {
            held: Rc::new(Cell::new(0)),
            most,
        }
    }

    /// Part of this budget: nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

/// The part of a budget that one stream holds; given back when dropped.
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    /// Holds `bytes` in all from now on. False, and nothing changes, where the budget does
    /// not allow it.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let others = self.budget.held.get().saturating_sub(self.bytes);
        let held = others.saturating_add(bytes);
        let fits = held <= self.budget.most || bytes <= self.bytes;
        if fits {
            self.budget.held.set(held);
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget
            .held
            .set(self.budget.held.get().saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_and_given_back() {
        let budget = Budget::new(100);
        let mut first = budget.share();
        let mut second = budget.share();
        assert!(first.grow_to(60));
        assert!(!second.grow_to(41));
        assert!(second.grow_to(40));
        assert!(!first.grow_to(61));
        assert!(first.grow_to(10), "shrinking always fits");
        assert!(second.grow_to(90));
        drop(second);
        assert!(first.grow_to(100));
        drop(first);
        assert_eq!(budget.held.get(), 0);
        assert!(budget.share().grow_to(100));
        assert!(!budget.share().grow_to(usize::MAX));
    }
}
