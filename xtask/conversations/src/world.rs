//! What an Envoy of one worker would be to the stages: shared values and a clock that the replay
//! moves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use tollgate_core::host::{Host, Shared, Stored, Unavailable, Version};

#[derive(Default)]
pub(crate) struct World {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    last: Cell<u32>,
    pub(crate) now: Cell<u64>,
}

impl Host for World {
    fn now(&self) -> Option<u64> {
        Some(self.now.get())
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, Unavailable> {
        let values = self.values.borrow();
        Ok(values.get(key).map(|(value, version)| Shared {
            value: value.clone(),
            version: Version::At(*version),
        }))
    }

    fn share(&self, key: &str, value: &[u8], seen: Version) -> Result<Stored, Unavailable> {
        let mut values = self.values.borrow_mut();
        if let Some((_, version)) = values.get(key)
            && ![Version::Any, Version::At(*version)].contains(&seen)
        {
            return Ok(Stored::Conflict);
        }
        self.last.set(self.last.get().wrapping_add(1));
        values.insert(key.to_owned(), (value.to_vec(), self.last.get()));
        Ok(Stored::Yes)
    }

    fn property(&self, _path: &str) -> Option<Vec<u8>> {
        None
    }
}
