//! A host: what one Envoy process shares among its workers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::error::{Error, FailedStart, NOTICES_PER_INSTANT};
use crate::guest::{Guest, lock_guest};
use crate::metrics::{Metric, MetricKind};
use crate::module::Module;
use crate::plugin::Plugin;
use crate::shared::{DEFAULT_START_NS, LogLine, Shared, lock};
use crate::shared_data::SharedDataSize;
use crate::worker::Worker;

/// One space of shared data, queues, metrics and time, and the workers in it.
///
/// Everything is deterministic: time moves only by [`Host::advance`], and random bytes
/// come from a seed.
pub struct Host {
    shared: Arc<Shared>,
    workers: Mutex<Workers>,
}

#[derive(Default)]
struct Workers {
    running: Vec<Weak<Mutex<Guest>>>,
    /// The number of the next one. One that does not start has had its own all the same: its
    /// log lines and queues bear it.
    next: usize,
}

/// In the year 2262; what a guest may add to the time still fits into 64 bits then.
const LATEST_NS: u64 = i64::MAX as u64;

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
        let start_ns = u128::from(LATEST_NS).min(since_1970.as_nanos());
        let shared = Arc::new(Shared::new(start_ns as u64, seed));
        Self {
            shared,
            workers: Mutex::default(),
        }
    }

    /// Starts a VM: `_initialize`, root context, `proxy_on_vm_start`, `proxy_on_configure`.
    ///
    /// Envoy does this on its main thread too and once for each worker, so what a filter
    /// does while it is configured happens that often.
    ///
    /// # Errors
    /// [`Error::Import`] and [`Error::Export`] for functions that Envoy does not know,
    /// [`Error::Answer`] for a [`Plugin::answers`] that names none, [`Error::Instantiate`] for
    /// memory above the limit, [`Error::Start`] for a trap, and [`Error::Rejected`] when the
    /// guest refuses its configuration.
    pub fn worker(&self, module: &Module, plugin: Plugin) -> Result<Worker, Error> {
        self.start(module, plugin, false)
            .map_err(|failed| failed.error)
    }

    /// As [`Host::worker`], with every call across the ABI written down from the start;
    /// see [`Worker::transcript`].
    ///
    /// # Errors
    /// As [`Host::worker`]; [`FailedStart::transcript`] shows how far it came.
    pub fn recorded_worker(
        &self,
        module: &Module,
        plugin: Plugin,
    ) -> Result<Worker, Box<FailedStart>> {
        self.start(module, plugin, true)
    }

    fn start(
        &self,
        module: &Module,
        plugin: Plugin,
        transcript: bool,
    ) -> Result<Worker, Box<FailedStart>> {
        let mut workers = lock(&self.workers);
        let number = workers.next;
        workers.next += 1;
        let guest = Guest::start(
            module,
            Arc::new(plugin),
            self.shared.clone(),
            number,
            transcript,
        )?;
        let guest = Arc::new(Mutex::new(guest));
        workers.running.retain(|worker| worker.strong_count() > 0);
        workers.running.push(Arc::downgrade(&guest));
        Ok(Worker::new(guest))
    }

    /// Moves the clock, to 2262 at most, making ticks, callout timeouts and queue notices as they come due,
    /// in order of time and then of workers.
    ///
    /// Notices take no time. A filter that puts something into a queue whenever it is told of
    /// one would hold the clock for ever: the VM that is due the 10,001st notice of one instant
    /// ends, and [`Worker::death`] names the queue.
    pub fn advance(&self, by: Duration) {
        let workers: Vec<_> = lock(&self.workers)
            .running
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        let now = u128::from(self.shared.now_ns());
        let target = u128::from(LATEST_NS).min(now + by.as_nanos()) as u64;
        let mut instant = self.shared.now_ns();
        let mut notices = NOTICES_PER_INSTANT;
        loop {
            if self.shared.now_ns() != instant {
                instant = self.shared.now_ns();
                notices = NOTICES_PER_INSTANT;
            }
            while workers
                .iter()
                .any(|worker| lock_guest(worker).run_queue_notices(&mut notices))
            {}
            let due = workers
                .iter()
                .filter_map(|worker| Some((lock_guest(worker).next_due_ns()?, worker)))
                .filter(|(due, _)| *due <= target)
                .min_by_key(|(due, _)| *due);
            let Some((due, worker)) = due else { break };
            self.shared.set_now_ns(due.max(self.shared.now_ns()));
            lock_guest(worker).run_due();
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

    /// How much shared data a `vm_id` has.
    pub fn shared_data_size(&self, vm_id: &str) -> SharedDataSize {
        self.shared.data().size(vm_id)
    }

    /// Writes shared data from outside, as another VM would.
    pub fn set_shared_data(&self, vm_id: &str, key: &[u8], value: &[u8]) {
        // A compare value of 0 never mismatches.
        let _ = self.shared.data().set(vm_id, key, value, 0);
    }
}
