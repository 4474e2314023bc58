//! A host: what one Envoy process shares among its workers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::error::Error;
use crate::guest::Guest;
use crate::metrics::{Metric, MetricKind};
use crate::module::Module;
use crate::plugin::Plugin;
use crate::shared::{DEFAULT_START_NS, LogLine, Shared, lock};
use crate::worker::Worker;

/// One space of shared data, queues, metrics and time, and the workers in it.
///
/// Everything is deterministic: time moves only by [`Host::advance`], and random bytes
/// come from a seed.
pub struct Host {
    shared: Arc<Shared>,
    workers: Mutex<Vec<Weak<Mutex<Guest>>>>,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host whose clock shows 2026-01-01T00:00:00Z, with seed 0.
    pub fn new() -> Self {
        Self::starting_at(Duration::from_nanos(DEFAULT_START_NS), 0)
    }

    /// A host whose clock shows `since_1970`, and whose guests' random bytes come from `seed`.
    pub fn starting_at(since_1970: Duration, seed: u64) -> Self {
        let shared = Arc::new(Shared::new(since_1970.as_nanos() as u64, seed));
        Self {
            shared,
            workers: Mutex::default(),
        }
    }

    /// Starts a VM: `_initialize`, root context, `proxy_on_vm_start`, `proxy_on_configure`.
    ///
    /// Envoy does this on its main thread too and once for each worker, so what a filter
    /// does while it is configured happens that often.
    pub fn worker(&self, module: &Module, plugin: Plugin) -> Result<Worker, Error> {
        self.start(module, plugin, false)
    }

    /// As [`Host::worker`], with every call across the ABI written down from the start;
    /// see [`Worker::transcript`].
    pub fn recorded_worker(&self, module: &Module, plugin: Plugin) -> Result<Worker, Error> {
        self.start(module, plugin, true)
    }

    fn start(&self, module: &Module, plugin: Plugin, transcript: bool) -> Result<Worker, Error> {
        let mut workers = lock(&self.workers);
        let number = workers.len();
        let guest = Guest::start(
            module,
            Arc::new(plugin),
            self.shared.clone(),
            number,
            transcript,
        )?;
        let guest = Arc::new(Mutex::new(guest));
        workers.push(Arc::downgrade(&guest));
        Ok(Worker::new(guest))
    }

    /// Moves the clock, making ticks, callout timeouts and queue notices as they come due,
    /// in order of time and then of workers.
    pub fn advance(&self, by: Duration) {
        let workers: Vec<_> = lock(&self.workers)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        let target = self.shared.now_ns() + by.as_nanos() as u64;
        loop {
            while workers
                .iter()
                .any(|worker| lock(worker).run_queue_notices())
            {}
            let due = workers
                .iter()
                .filter_map(|worker| Some((lock(worker).next_due_ns()?, worker)))
                .filter(|(due, _)| *due <= target)
                .min_by_key(|(due, _)| *due);
            let Some((due, worker)) = due else { break };
            self.shared.set_now_ns(due.max(self.shared.now_ns()));
            lock(worker).run_due();
        }
        self.shared.set_now_ns(target);
    }

    /// The wall clock, since 1970.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.shared.now_ns())
    }

    /// Everything guests logged, in order.
    pub fn logs(&self) -> Vec<LogLine> {
        self.shared.logs().clone()
    }

    /// All metrics by kind and name; Envoy's names have `wasmcustom.` in front.
    pub fn metrics(&self) -> BTreeMap<(MetricKind, String), Metric> {
        self.shared.stats().clone()
    }

    /// The value of a counter, or 0 when nobody defined it.
    pub fn counter(&self, name: &str) -> u64 {
        match self
            .shared
            .stats()
            .get(&(MetricKind::Counter, name.to_owned()))
        {
            Some(Metric::Counter(value)) => *value,
            _ => 0,
        }
    }

    /// The value of a gauge, or 0 when nobody defined it.
    pub fn gauge(&self, name: &str) -> u64 {
        match self
            .shared
            .stats()
            .get(&(MetricKind::Gauge, name.to_owned()))
        {
            Some(Metric::Gauge(value)) => *value,
            _ => 0,
        }
    }

    /// The shared data of a `vm_id`.
    pub fn shared_data(&self, vm_id: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.shared.data().entries(vm_id)
    }

    /// Writes shared data from outside, as another VM would.
    pub fn set_shared_data(&self, vm_id: &str, key: &[u8], value: &[u8]) {
        // A compare value of 0 never mismatches.
        let _ = self.shared.data().set(vm_id, key, value, 0);
    }
}
