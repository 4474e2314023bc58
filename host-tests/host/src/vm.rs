//! What host functions see: the state of one VM, kept in wasmtime's store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Memory, TypedFunc};

use crate::connection_state::ConnectionState;
use crate::costs::Costs;
use crate::counters::Counters;
use crate::dns::DnsLookups;
use crate::exports::Exports;
use crate::flow::{Side, StreamState};
use crate::grpc_calls::GrpcCalls;
use crate::limits::Limits;
use crate::message::{FilterState, HttpAnswer, HttpCall, LocalReply};
use crate::metrics::MetricIds;
use crate::plugin::Plugin;
use crate::random;
use crate::shared::{LogLine, Shared};
use crate::transcript::Recorder;

/// The root context: Envoy numbers contexts from 1, and the VM itself is 0.
pub(crate) const ROOT: u32 = 1;

/// What the guest is doing, as far as it restricts the host functions it may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `_initialize`, `_start` or `main`.
    Starting,
    /// A callback.
    Running,
    /// Its allocator, called by a host function.
    Allocating,
}

/// The root context, once its configuration may be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Present,
    /// Its `proxy_on_done` returned false; it goes with `proxy_done`.
    Waiting,
    /// `proxy_done` was called; `proxy_on_delete` follows when the callback has returned.
    Leaving,
    /// After `proxy_on_delete`.
    Gone,
}

/// Something a guest asked for that happens only when its callback has returned, because
/// the guest must not be entered again before.
#[derive(Debug)]
pub(crate) enum Deferred {
    /// `proxy_done` after the root context had asked to wait.
    DeleteRoot,
    Continue {
        stream: u32,
        side: Side,
    },
    Close {
        stream: u32,
    },
    LocalReply {
        stream: u32,
        reply: LocalReply,
    },
    /// A gRPC call that failed while it was being made.
    GrpcClose {
        id: u32,
        status: u32,
        message: String,
    },
    ContinueConnection {
        connection: u32,
    },
    CloseConnection {
        connection: u32,
    },
}

/// The configuration the guest may read in the callback now running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configuring {
    No,
    Plugin,
}

pub(crate) struct PendingCall {
    pub call: HttpCall,
    /// Nanoseconds since 1970.
    pub deadline_ns: Option<u64>,
}

pub(crate) struct Vm {
    pub plugin: Arc<Plugin>,
    pub shared: Arc<Shared>,
    pub worker: usize,
    /// Where the host's log was when the VM began; other workers write there too.
    pub first_log: usize,
    pub limits: Limits,
    pub memory: Option<Memory>,
    pub allocator: Option<TypedFunc<u32, u32>>,
    /// Once the module is instantiated.
    pub exports: Option<Arc<Exports>>,
    /// Of a module that counts its allocations.
    pub counters: Option<Counters>,
    pub phase: Phase,
    pub configuring: Configuring,

    pub streams: BTreeMap<u32, StreamState>,
    /// TCP connections; their contexts are numbered together with the streams'.
    pub connections: BTreeMap<u32, ConnectionState>,
    /// The context whose callback is running; 0 outside callbacks.
    pub true_context: u32,
    /// Set by `proxy_set_effective_context` for the rest of the callback.
    pub effective_context: Option<u32>,
    /// A local reply was sent: the running callback counts as stopped whatever it returns.
    pub stop_iteration: bool,
    pub deferred: VecDeque<Deferred>,

    pub tick_period: Option<Duration>,
    /// Nanoseconds since 1970.
    pub next_tick_ns: Option<u64>,
    pub http_calls: BTreeMap<u32, PendingCall>,
    pub last_http_call: u32,
    /// The answer `proxy_on_http_call_response` is looking at.
    pub http_answer: Option<HttpAnswer>,
    pub dns: DnsLookups,
    /// By context and name: whether a property is read-only.
    pub declared_properties: BTreeMap<(u32, Vec<u8>), bool>,
    /// The buffer of a foreign function's call, or of DNS results, in their callbacks.
    pub call_data: Vec<u8>,
    /// What `proxy_get_status` gives.
    pub call_status: (u32, String),
    pub grpc: GrpcCalls,
    pub root: Root,

    pub metrics: MetricIds,
    pub random: u64,
    /// Of the callback now running, or the last one.
    pub callback_costs: Costs,
    /// Of everything since the VM began.
    pub costs: Costs,
    pub transcript: Option<Recorder>,
}

impl Vm {
    pub fn new(plugin: Arc<Plugin>, shared: Arc<Shared>, worker: usize) -> Self {
        let limits = Limits::of(&plugin);
        let first_log = shared.logs().len();
        let random = shared.seed.wrapping_add(worker as u64);
        Self {
            plugin,
            shared,
            worker,
            first_log,
            limits,
            memory: None,
            allocator: None,
            exports: None,
            counters: None,
            phase: Phase::Running,
            configuring: Configuring::No,
            streams: BTreeMap::new(),
            connections: BTreeMap::new(),
            true_context: 0,
            effective_context: None,
            stop_iteration: false,
            deferred: VecDeque::new(),
            tick_period: None,
            next_tick_ns: None,
            http_calls: BTreeMap::new(),
            last_http_call: 0,
            http_answer: None,
            dns: DnsLookups::default(),
            declared_properties: BTreeMap::new(),
            call_data: Vec::new(),
            call_status: (0, String::new()),
            grpc: GrpcCalls::default(),
            root: Root::Present,
            metrics: MetricIds::default(),
            random,
            callback_costs: Costs::default(),
            costs: Costs::default(),
            transcript: None,
        }
    }

    /// The context host functions act on. An effective context that is gone falls back to
    /// the true one, as in cpp-host's `contextOrEffectiveContext`.
    pub fn context(&self) -> u32 {
        match self.effective_context {
            Some(id) if self.context_exists(id) => id,
            _ => self.true_context,
        }
    }

    pub fn context_exists(&self, id: u32) -> bool {
        (id == ROOT && self.root != Root::Gone)
            || self
                .streams
                .get(&id)
                .is_some_and(|s| s.created && !s.deleted)
            || self
                .connections
                .get(&id)
                .is_some_and(|c| c.created && !c.deleted)
    }

    /// The TCP connection host functions act on; `None` on a stream or the root context.
    pub fn connection(&self) -> Option<&ConnectionState> {
        self.connections.get(&self.context())
    }

    pub fn connection_mut(&mut self) -> Option<&mut ConnectionState> {
        let context = self.context();
        self.connections.get_mut(&context)
    }

    /// The stream host functions act on; `None` on a connection or the root context.
    pub fn stream(&self) -> Option<&StreamState> {
        self.streams.get(&self.context())
    }

    pub fn stream_mut(&mut self) -> Option<&mut StreamState> {
        let context = self.context();
        self.streams.get_mut(&context)
    }

    /// The filter state of a stream or connection; none on the root context.
    pub fn filter_state_mut(&mut self, id: u32) -> Option<&mut BTreeMap<String, FilterState>> {
        if let Some(connection) = self.connections.get_mut(&id) {
            return Some(&mut connection.filter_state);
        }
        Some(&mut self.streams.get_mut(&id)?.filter_state)
    }

    pub fn log(&self, level: u32, message: &[u8]) {
        let message = String::from_utf8_lossy(message).into_owned();
        self.shared.logs().push(LogLine {
            worker: self.worker,
            level,
            message,
        });
    }

    /// The guest's own last line behind the first `count` of the host's log.
    pub fn last_log_since(&self, count: usize) -> Option<String> {
        let logs = self.shared.logs();
        let own = logs
            .iter()
            .skip(count)
            .rfind(|line| line.worker == self.worker);
        own.map(|line| line.message.clone())
    }

    /// The next 64 of the guest's random bits.
    pub fn next_random(&mut self) -> u64 {
        random::next(&mut self.random)
    }
}
