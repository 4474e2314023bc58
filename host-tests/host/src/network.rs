//! Envoy's network filter manager for a chain of one Wasm filter and `tcp_proxy`.
//!
//! As seen on Envoy 1.40 between a scripted client and a scripted upstream. The proxy
//! connects to the upstream when `proxy_on_new_connection` lets it, and reads from the
//! client only then; each direction ends on its own, and the connection when both have.

use crate::connection_state::{ConnectionEnd, ConnectionOptions, ConnectionState, Unread};
use crate::guest::Guest;
use crate::vm::ROOT;

/// Who closed the connection, as `proxy_on_*_connection_close` is told (`PeerType`).
const PEER_UNKNOWN: u32 = 0;
const PEER_LOCAL: u32 = 1;
const PEER_REMOTE: u32 = 2;

impl Guest {
    /// A client connects.
    pub fn connect(&mut self, options: ConnectionOptions) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        let alive = self.death.is_none();
        let state = ConnectionState {
            options,
            created: alive,
            ..ConnectionState::default()
        };
        self.vm_mut().connections.insert(id, state);
        if !alive {
            self.finish(id, ConnectionEnd::FilterFailed);
            return id;
        }
        let exports = self.exports.clone();
        let create = exports.context_create.as_ref();
        self.call(
            "proxy_on_context_create",
            id,
            create,
            (id, ROOT),
            &[id, ROOT],
        );
        let started = exports.new_connection.as_ref();
        let returned = self.call("proxy_on_new_connection", id, started, id, &[id]);
        if self.went_on(id, returned) {
            self.resume_connection(id);
        }
        self.settle();
        id
    }

    /// The connection, as long as it goes on.
    fn open_connection(&mut self, id: u32) -> Option<&mut ConnectionState> {
        let connection = self.vm_mut().connections.get_mut(&id)?;
        connection.end.is_none().then_some(connection)
    }

    /// What a callback deferred happens first; then, whether its result lets the data go on.
    fn went_on(&mut self, id: u32, returned: Option<u32>) -> bool {
        if self.death.is_some() {
            self.close(id, ConnectionEnd::FilterFailed);
            return false;
        }
        self.run_deferred();
        returned.unwrap_or(0) == 0 && self.open_connection(id).is_some()
    }

    /// `continueReading`: connects the upstream if that was held, or sends on what was.
    pub fn resume_connection(&mut self, id: u32) {
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        if std::mem::replace(&mut connection.connected, true) {
            return self.forward_downstream(id);
        }
        if connection.options.upstream_refuses {
            connection.connected = false;
            return self.close(id, ConnectionEnd::UpstreamRefused);
        }
        while let Some(unread) = self
            .open_connection(id)
            .and_then(|connection| connection.unread.pop_front())
        {
            match unread {
                Unread::Data(bytes, end) => self.downstream_data(id, bytes, end),
                Unread::Reset => self.close(id, ConnectionEnd::ClientReset),
            }
        }
    }

    /// Bytes arrive from the client, or the end of its half, or both.
    pub fn downstream_data(&mut self, id: u32, bytes: Vec<u8>, end: bool) {
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        if !connection.connected {
            return connection.unread.push_back(Unread::Data(bytes, end));
        }
        let size = connection.downstream.arrive(bytes, end);
        let exports = self.exports.clone();
        let returned = self.call(
            "proxy_on_downstream_data",
            id,
            exports.downstream_data.as_ref(),
            (id, size, u32::from(end)),
            &[id, size, u32::from(end)],
        );
        if self.went_on(id, returned)
            && let Some(connection) = self.open_connection(id)
        {
            connection.downstream.shown = false;
            self.forward_downstream(id);
        }
        // Envoy is done with a client that has ended its half once its own has ended, even
        // if the filter still holds data.
        let done = |c: &mut ConnectionState| c.downstream.ended && c.upstream.out.ended;
        if self.open_connection(id).is_some_and(done) {
            self.finish_closing(id, ConnectionEnd::Complete, PEER_REMOTE);
        }
    }

    fn forward_downstream(&mut self, id: u32) {
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        connection.downstream.forward();
        // Both halves to the upstream have ended, though the client may not know of one.
        if connection.downstream.out.ended
            && connection.upstream.ended
            && !connection.upstream.out.ended
        {
            self.close(id, ConnectionEnd::Complete);
        }
    }

    /// Bytes arrive from the upstream, or the end of its half, or both.
    pub fn upstream_data(&mut self, id: u32, bytes: Vec<u8>, end: bool) {
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        let size = connection.upstream.arrive(bytes, end);
        let exports = self.exports.clone();
        let returned = self.call(
            "proxy_on_upstream_data",
            id,
            exports.upstream_data.as_ref(),
            (id, size, u32::from(end)),
            &[id, size, u32::from(end)],
        );
        let goes_on = self.went_on(id, returned);
        if end {
            // Envoy has no event of the upstream's connection here, so it takes the end of
            // the data for it: without knowing who closed, and even after `proxy_on_delete`.
            let function = exports.upstream_connection_close.as_ref();
            let name = "proxy_on_upstream_connection_close";
            let peer = PEER_UNKNOWN;
            self.call(name, id, function, (id, peer), &[id, peer]);
            self.run_deferred();
        }
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        if goes_on {
            connection.upstream.shown = false;
            connection.upstream.forward();
        }
        let (client, upstream) = (&connection.downstream, &connection.upstream);
        let both_ended = match upstream.out.ended {
            true => client.ended,
            false => upstream.ended && client.out.ended,
        };
        if both_ended {
            self.close(id, ConnectionEnd::Complete);
        }
    }

    /// A peer breaks off.
    pub fn client_reset(&mut self, id: u32) {
        match self.open_connection(id) {
            Some(connection) if !connection.connected => {
                connection.unread.push_back(Unread::Reset);
            }
            _ => self.close(id, ConnectionEnd::ClientReset),
        }
    }

    pub fn upstream_reset(&mut self, id: u32) {
        self.close(id, ConnectionEnd::UpstreamReset);
    }

    /// `proxy_close_stream`; what was not sent on yet is lost.
    pub fn close_by_filter(&mut self, id: u32) {
        self.close(id, ConnectionEnd::ClosedByFilter);
    }

    fn close(&mut self, id: u32, end: ConnectionEnd) {
        let peer = match end {
            ConnectionEnd::ClientReset => PEER_REMOTE,
            _ => PEER_LOCAL,
        };
        self.finish_closing(id, end, peer);
    }

    /// The last callbacks: other than on HTTP streams, `done` comes before `log`.
    fn finish_closing(&mut self, id: u32, end: ConnectionEnd, peer: u32) {
        if self.open_connection(id).is_none() {
            return;
        }
        self.finish(id, end);
        let exports = self.exports.clone();
        let closed = exports.downstream_connection_close.as_ref();
        let name = "proxy_on_downstream_connection_close";
        self.call(name, id, closed, (id, peer), &[id, peer]);
        self.call("proxy_on_done", id, exports.done.as_ref(), id, &[id]);
        self.call("proxy_on_log", id, exports.log.as_ref(), id, &[id]);
        self.call("proxy_on_delete", id, exports.delete.as_ref(), id, &[id]);
        if let Some(connection) = self.vm_mut().connections.get_mut(&id) {
            connection.deleted = true;
        }
    }

    /// Tells the peers.
    fn finish(&mut self, id: u32, end: ConnectionEnd) {
        let Some(connection) = self.open_connection(id) else {
            return;
        };
        connection.end = Some(end);
        connection.unread.clear();
        let (upstream, client) = (&mut connection.downstream.out, &mut connection.upstream.out);
        match end {
            ConnectionEnd::ClientReset => upstream.reset = connection.connected,
            ConnectionEnd::UpstreamReset => client.reset = true,
            _ => {
                client.ended = true;
                upstream.ended |= connection.connected;
            }
        }
    }
}
