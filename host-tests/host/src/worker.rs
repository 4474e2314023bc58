//! A worker: one VM running one filter.

use std::sync::{Arc, Mutex};

use crate::connection::Connection;
use crate::connection_state::ConnectionOptions;
use crate::costs::Costs;
use crate::dns::{DnsAddress, DnsLookup};
use crate::error::{Death, Error};
use crate::flow::StreamOptions;
use crate::grpc_calls::{GrpcCall, GrpcEvent};
use crate::guest::{Guest, lock_guest};
use crate::message::{HttpAnswer, HttpCall};
use crate::shared::LogLine;
use crate::stream::Stream;
use crate::transcript::{Crossing, Recorder};
use crate::vm::Root;

/// A VM with its filter configured, as one Envoy worker thread has it.
///
/// A trap ends the VM; [`Plugin::failure_policy`](crate::Plugin::failure_policy) says what
/// later streams get.
pub struct Worker {
    guest: Arc<Mutex<Guest>>,
}

impl Worker {
    pub(crate) fn new(guest: Arc<Mutex<Guest>>) -> Self {
        Self { guest }
    }

    /// A new HTTP/1 stream. Several may be open at a time.
    pub fn open(&self) -> Stream {
        self.open_with(StreamOptions::default())
    }

    /// A new stream with its own protocols and properties.
    pub fn open_with(&self, options: StreamOptions) -> Stream {
        let mut guest = lock_guest(&self.guest);
        let (generation, id) = (guest.loading.generation, guest.open(options));
        drop(guest);
        Stream::new(self.guest.clone(), generation, id)
    }

    /// How often the VM was started anew (FAIL_RELOAD).
    pub fn reloads(&self) -> u32 {
        lock_guest(&self.guest).loading.generation
    }

    /// A new TCP connection through the filter, as `envoy.filters.network.wasm` in front of
    /// `tcp_proxy` sees one. Several may be open at a time.
    pub fn connect(&self) -> Connection {
        self.connect_with(ConnectionOptions::default())
    }

    /// A new TCP connection with its own properties, or whose upstream refuses.
    pub fn connect_with(&self, options: ConnectionOptions) -> Connection {
        let mut guest = lock_guest(&self.guest);
        guest.reload_if_due();
        let (generation, id) = (guest.loading.generation, guest.connect(options));
        drop(guest);
        Connection::new(self.guest.clone(), generation, id)
    }

    /// Why the last attempt to start the VM anew failed (FAIL_RELOAD); `None` once one has
    /// succeeded.
    pub fn failed_reload(&self) -> Option<Arc<Error>> {
        lock_guest(&self.guest).loading.failed.clone()
    }

    /// Why the VM is dead, if it is.
    pub fn death(&self) -> Option<Death> {
        lock_guest(&self.guest).death.clone()
    }

    /// What this VM's guest logged.
    pub fn logs(&self) -> Vec<LogLine> {
        let guest = lock_guest(&self.guest);
        let worker = guest.vm().worker;
        let logs = guest.vm().shared.logs();
        logs.iter()
            .filter(|line| line.worker == worker)
            .cloned()
            .collect()
    }

    /// The HTTP calls nobody has answered yet, oldest first.
    pub fn http_calls(&self) -> Vec<HttpCall> {
        lock_guest(&self.guest)
            .vm()
            .http_calls
            .values()
            .map(|pending| pending.call.clone())
            .collect()
    }

    /// Answers the HTTP call `id`; false when it is not pending.
    pub fn answer_http_call(&self, id: u32, answer: HttpAnswer) -> bool {
        lock_guest(&self.guest).answer_http_call(id, Some(answer))
    }

    /// Breaks the connection of the HTTP call `id` before any answer; Envoy then answers 503
    /// itself. False when it is not pending.
    pub fn reset_http_call(&self, id: u32) -> bool {
        lock_guest(&self.guest).reset_http_call(id)
    }

    /// Breaks the connection of the HTTP call `id` when its answer has begun: the guest gets
    /// nothing of it, and the status 11, `reset`. False when it is not pending.
    pub fn break_http_answer(&self, id: u32) -> bool {
        lock_guest(&self.guest).answer_http_call(id, None)
    }

    /// The gRPC calls and streams that are open, oldest first. A stream that its service has
    /// ended is no longer among them.
    pub fn grpc_calls(&self) -> Vec<GrpcCall> {
        let guest = lock_guest(&self.guest);
        let pending = guest.vm().grpc.pending.values();
        let mut open: Vec<_> = pending.filter(|pending| !pending.remote_closed).collect();
        open.sort_by_key(|pending| pending.order);
        open.iter().map(|pending| pending.call.clone()).collect()
    }

    /// The service at the other end of the gRPC call or stream `id` acts; false when it is
    /// not open, or a second block of initial metadata comes.
    pub fn answer_grpc_call(&self, id: u32, event: GrpcEvent) -> bool {
        lock_guest(&self.guest).grpc_event(id, event)
    }

    /// The names the filter asked for and nobody has answered yet, oldest first.
    pub fn dns_lookups(&self) -> Vec<DnsLookup> {
        let guest = lock_guest(&self.guest);
        let pending = guest.vm().dns.pending.iter();
        pending
            .map(|(&id, name)| DnsLookup {
                id,
                name: name.clone(),
            })
            .collect()
    }

    /// Answers the lookup `id`; without addresses, as for a name that does not exist. False
    /// when it is not pending.
    pub fn answer_dns_lookup(&self, id: u32, addresses: &[DnsAddress]) -> bool {
        lock_guest(&self.guest).answer_dns(id, addresses)
    }

    /// Calls `proxy_on_foreign_function` on the root context, with `data` as buffer 8. The
    /// ABI has this callback; nothing in Envoy 1.40 makes it.
    pub fn foreign_function(&self, function_id: u32, data: &[u8]) {
        lock_guest(&self.guest).foreign_function(function_id, data);
    }

    /// Everything the VMs cost since the first start, starts included.
    pub fn costs(&self) -> Costs {
        lock_guest(&self.guest).vm().costs
    }

    /// Size of the VM's linear memory, in bytes; it never shrinks.
    pub fn memory_bytes(&self) -> usize {
        let guest = lock_guest(&self.guest);
        guest
            .vm()
            .memory
            .map_or(0, |memory| memory.data_size(&guest.store))
    }

    /// Takes what was written down since the last call; empty unless the worker came from
    /// [`Host::recorded_worker`](crate::Host::recorded_worker).
    pub fn transcript(&self) -> Vec<Crossing> {
        let mut guest = lock_guest(&self.guest);
        guest
            .vm_mut()
            .transcript
            .as_mut()
            .map(Recorder::take)
            .unwrap_or_default()
    }

    /// Envoy takes the configuration away: the root context's `done`, then `delete`, unless
    /// the guest asks to wait and calls `proxy_done` later. True when it is gone. To do it
    /// again changes nothing.
    pub fn shut_down(&self) -> bool {
        lock_guest(&self.guest).shut_down()
    }

    /// Whether the root context is gone, by [`Worker::shut_down`] or the `proxy_done` it was
    /// waiting for.
    pub fn is_shut_down(&self) -> bool {
        lock_guest(&self.guest).vm().root == Root::Gone
    }
}
