//! Reads the counters that [`crate::instrument`] puts into a module.

use wasmtime::{AsContextMut, Global, Instance, Val};

use crate::costs::Allocations;
use crate::instrument::COUNTERS;

/// The counters of one running module.
#[derive(Clone, Copy)]
pub(crate) struct Counters([Global; 4]);

/// What they showed.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    pub allocations: Allocations,
    /// Fuel used for the counting itself.
    pub fuel: u64,
}

impl Counters {
    /// The counters of a module that has them.
    pub fn find(instance: &Instance, store: &mut impl AsContextMut) -> Option<Self> {
        let [calls, bytes, frees, fuel] =
            COUNTERS.map(|name| instance.get_global(store.as_context_mut(), name));
        Some(Self([calls?, bytes?, frees?, fuel?]))
    }

    /// What was counted since the last call.
    pub fn take(&self, store: &mut impl AsContextMut) -> Counted {
        let [calls, bytes, frees, fuel] = self.0.map(|global| {
            let value = global.get(&mut *store).i64().unwrap_or(0);
            set(global, store, 0);
            value as u64
        });
        Counted {
            allocations: Allocations {
                calls,
                bytes,
                frees,
            },
            fuel,
        }
    }

    /// Calls and bytes so far, to be put back by [`Counters::forget_since`].
    pub fn mark(&self, store: &mut impl AsContextMut) -> [i64; 2] {
        let [calls, bytes, ..] = self.0;
        [calls, bytes].map(|global| global.get(&mut *store).i64().unwrap_or(0))
    }

    /// Takes out what was allocated since the mark: the host asked for it.
    pub fn forget_since(&self, mark: [i64; 2], store: &mut impl AsContextMut) {
        for (global, value) in self.0.into_iter().zip(mark) {
            set(global, store, value);
        }
    }
}

fn set(global: Global, store: &mut impl AsContextMut, value: i64) {
    // Fails only for a global of another type, or one that is constant.
    let _ = global.set(store, Val::I64(value));
}
