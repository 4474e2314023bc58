//! A simulated world for tests: shared values with Envoy's rules of comparison, a clock that
//! tests move, and other workers that come in between a read and a write.

use core::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::host::{Host, Shared, Stored, Unavailable, Version};

/// What all workers share.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    last_version: Cell<u32>,
    pub(crate) now: Cell<u64>,
    pub(crate) is_broken: Cell<bool>,
    pub(crate) has_no_time: Cell<bool>,
    pub(crate) gets: Cell<u64>,
    pub(crate) sets: Cell<u64>,
}

impl Store {
    pub(crate) fn at(now: u64) -> Rc<Store> {
        let store = Store::default();
        store.now.set(now);
        Rc::new(store)
    }

    pub(crate) fn bytes(&self) -> usize {
        let values = self.values.borrow();
        values
            .iter()
            .map(|(key, (value, _))| key.len() + value.len())
            .sum()
    }

    /// Gets and sets so far.
    pub(crate) fn calls(&self) -> (u64, u64) {
        (self.gets.get(), self.sets.get())
    }
}

/// What another worker does between this one's read and its write.
type Intrusion = Box<dyn FnOnce()>;

/// One worker's world.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) store: Rc<Store>,
    pub(crate) intrusions: RefCell<VecDeque<Intrusion>>,
}

impl World {
    pub(crate) fn of(store: &Rc<Store>) -> World {
        World {
            store: Rc::clone(store),
            intrusions: RefCell::default(),
        }
    }

    /// The next reads are each followed by another worker's write of the same bytes.
    pub(crate) fn conflict(&self, times: usize) {
        for _ in 0..times {
            let store = Rc::clone(&self.store);
            let touch = move || {
                let version = store.last_version.get() + 1;
                store.last_version.set(version);
                for (_, at) in store.values.borrow_mut().values_mut() {
                    *at = version;
                }
            };
            self.intrusions.borrow_mut().push_back(Box::new(touch));
        }
    }
}

impl Host for World {
    fn now(&self) -> Option<u64> {
        Some(self.store.now.get()).filter(|_| !self.store.has_no_time.get())
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, Unavailable> {
        self.store.gets.set(self.store.gets.get() + 1);
        if self.store.is_broken.get() {
            return Err(Unavailable);
        }
        let found = self.store.values.borrow().get(key).cloned();
        let intrusion = self.intrusions.borrow_mut().pop_front();
        if let Some(intrusion) = intrusion {
            intrusion();
        }
        Ok(found.map(|(value, version)| Shared {
            value,
            version: Version::At(version),
        }))
    }

    /// As Envoy compares: a key without a value takes any, [`Version::Absent`] never fits one
    /// that has a value, [`Version::Any`] always does.
    fn share(&self, key: &str, value: &[u8], seen: Version) -> Result<Stored, Unavailable> {
        self.store.sets.set(self.store.sets.get() + 1);
        if self.store.is_broken.get() {
            return Err(Unavailable);
        }
        let mut values = self.store.values.borrow_mut();
        if let Some((_, version)) = values.get(key)
            && ![Version::Any, Version::At(*version)].contains(&seen)
        {
            return Ok(Stored::Conflict);
        }
        let version = self.store.last_version.get() + 1;
        self.store.last_version.set(version);
        values.insert(key.to_owned(), (value.to_vec(), version));
        Ok(Stored::Yes)
    }

    fn property(&self, _path: &str) -> Option<Vec<u8>> {
        None
    }
}
