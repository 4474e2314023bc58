//! Workers that take turns at every single host call, in any order, without threads.
//!
//! What an operation does depends on nothing but what the host answers. So an operation is
//! stopped before its next call by beginning it again: calls that were made are answered as they
//! were then, one more is made, and those after it fail and change nothing. An operation of which
//! no call failed has ended.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::host::world::{self, World};
use crate::host::{Host, Shared, Stored, Unavailable, Version};

/// What the host answered to a call.
#[derive(Clone)]
enum Answer {
    Read(Result<Option<Shared>, Unavailable>),
    Wrote(Result<Stored, Unavailable>),
}

/// An operation on its way.
pub(super) struct Turns<Op> {
    pub(super) op: Op,
    world: World,
    answers: RefCell<Vec<Answer>>,
    at: Cell<usize>,
    may_call: Cell<bool>,
    is_stopped: Cell<bool>,
}

impl<Op> Turns<Op> {
    pub(super) fn of(shared: &Rc<world::Store>, op: Op) -> Turns<Op> {
        Turns {
            op,
            world: World::of(shared),
            answers: RefCell::default(),
            at: Cell::new(0),
            may_call: Cell::new(false),
            is_stopped: Cell::new(false),
        }
    }

    /// Makes one more call; the result where the operation has ended with it.
    pub(super) fn take<T>(&self, run: impl Fn(&dyn Host, &Op) -> T) -> Option<T> {
        self.at.set(0);
        self.may_call.set(true);
        self.is_stopped.set(false);
        let result = run(self, &self.op);
        (!self.is_stopped.get()).then_some(result)
    }

    fn answer(&self, call: impl FnOnce(&World) -> Answer) -> Option<Answer> {
        let at = self.at.get();
        self.at.set(at + 1);
        let mut answers = self.answers.borrow_mut();
        if at == answers.len() && self.may_call.replace(false) {
            answers.push(call(&self.world));
        }
        let answer = answers.get(at).cloned();
        self.is_stopped.set(answer.is_none());
        answer
    }
}

impl<Op> Host for Turns<Op> {
    fn now(&self) -> Option<u64> {
        None
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, Unavailable> {
        match self.answer(|world| Answer::Read(world.shared(key))) {
            Some(Answer::Read(answer)) => answer,
            Some(Answer::Wrote(_)) => panic!("it did something else than before"),
            None => Err(Unavailable),
        }
    }

    fn share(&self, key: &str, value: &[u8], seen: Version) -> Result<Stored, Unavailable> {
        match self.answer(|world| Answer::Wrote(world.share(key, value, seen))) {
            Some(Answer::Wrote(answer)) => answer,
            Some(Answer::Read(_)) => panic!("it did something else than before"),
            None => Err(Unavailable),
        }
    }

    fn property(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}
