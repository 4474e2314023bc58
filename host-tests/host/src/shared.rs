//! What all workers of a host have in common.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::metrics::Stats;
use crate::queues::Queues;
use crate::shared_data::SharedData;

/// 2026-01-01T00:00:00Z: where a host's wall clock starts unless told otherwise.
pub(crate) const DEFAULT_START_NS: u64 = 1_767_225_600_000_000_000;

/// A line a guest logged, through `proxy_log` or by writing to standard output or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Number of the worker, from 0 in order of creation.
    pub worker: usize,
    /// 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical.
    pub level: u32,
    /// The text, invalid UTF-8 shown as U+FFFD.
    pub message: String,
}

/// The state of one Envoy process as far as VMs share it.
#[derive(Debug)]
pub(crate) struct Shared {
    now_ns: AtomicU64,
    start_ns: u64,
    pub seed: u64,
    data: Mutex<SharedData>,
    queues: Mutex<Queues>,
    stats: Mutex<Stats>,
    logs: Mutex<Vec<LogLine>>,
}

impl Shared {
    pub fn new(start_ns: u64, seed: u64) -> Self {
        Self {
            now_ns: AtomicU64::new(start_ns),
            start_ns,
            seed,
            data: Mutex::default(),
            queues: Mutex::default(),
            stats: Mutex::default(),
            logs: Mutex::default(),
        }
    }

    /// Wall clock, nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Relaxed)
    }

    /// Nanoseconds since the host began.
    pub fn uptime_ns(&self) -> u64 {
        self.now_ns() - self.start_ns
    }

    pub fn set_now_ns(&self, now_ns: u64) {
        self.now_ns.store(now_ns, Ordering::Relaxed);
    }

    pub fn data(&self) -> MutexGuard<'_, SharedData> {
        lock(&self.data)
    }

    pub fn queues(&self) -> MutexGuard<'_, Queues> {
        lock(&self.queues)
    }

    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    pub fn logs(&self) -> MutexGuard<'_, Vec<LogLine>> {
        lock(&self.logs)
    }
}

/// A panic in one test thread leaves these plain values whole, so poison means nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
