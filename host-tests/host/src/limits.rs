//! What one VM may take of the host: memory, tables, and what host functions do for it.
//!
//! wasmtime's fuel is for the guest's own instructions only; a guest that calls the host in an
//! endless loop would hardly use any, and fill the host's memory.

use wasmtime::ResourceLimiter;

use crate::plugin::Plugin;

/// Units of host work for one call of a host function, whatever it does.
pub(crate) const WORK_OF_A_CALL: u64 = 256;

/// The limits of a [`Plugin`], and how much of them is taken.
#[derive(Debug)]
pub(crate) struct Limits {
    memory: Share,
    tables: Share,
    work_per_callback: u64,
    work_left: u64,
}

/// Of all memories, or of all tables, together.
#[derive(Debug)]
struct Share {
    limit: usize,
    taken: usize,
}

impl Share {
    fn of(limit: usize) -> Self {
        Self { limit, taken: 0 }
    }

    /// `maximum` is the guest's own, which wasmtime looks at only afterwards.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let more = desired.saturating_sub(current);
        let grows = more <= self.limit - self.taken && maximum.is_none_or(|most| desired <= most);
        if grows {
            self.taken += more;
        }
        grows
    }
}

impl Limits {
    pub fn of(plugin: &Plugin) -> Self {
        Self {
            memory: Share::of(plugin.memory_limit),
            tables: Share::of(plugin.table_limit),
            work_per_callback: plugin.host_work_per_callback,
            work_left: plugin.host_work_per_callback,
        }
    }

    /// A callback begins.
    pub fn renew_work(&mut self) {
        self.work_left = self.work_per_callback;
    }

    /// Takes units of host work.
    ///
    /// # Errors
    /// The sentence with which the guest ends when there are not so many left.
    pub fn work(&mut self, units: u64) -> wasmtime::Result<()> {
        match self.work_left.checked_sub(units) {
            Some(left) => {
                self.work_left = left;
                Ok(())
            }
            None => Err(self.overworked()),
        }
    }

    #[cold]
    fn overworked(&self) -> wasmtime::Error {
        wasmtime::Error::msg(format!(
            "its host calls were more than {} units of work (an endless loop, or \
             Plugin::host_work_per_callback is too small)",
            self.work_per_callback
        ))
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grow(current, desired, maximum))
    }
}
