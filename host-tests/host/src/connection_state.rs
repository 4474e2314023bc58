//! One TCP connection as Envoy's network filter manager keeps it for one filter.

use std::collections::{BTreeMap, VecDeque};

use crate::costs::Costs;
use crate::message::FilterState;

/// What one peer of a TCP connection has received so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedBytes {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// The sizes in which they were sent.
    pub chunks: Vec<usize>,
    /// True once Envoy ended its half of the connection to this peer (FIN).
    pub ended: bool,
    /// True when Envoy reset the connection under this peer (RST).
    pub reset: bool,
}

impl ReceivedBytes {
    /// The bytes as text, invalid UTF-8 shown as U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn take(&mut self, bytes: Vec<u8>, end: bool) {
        if !bytes.is_empty() {
            self.chunks.push(bytes.len());
            self.bytes.extend(bytes);
        }
        self.ended |= end;
    }
}

/// How a TCP connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// Both peers ended their halves.
    Complete,
    /// The client reset it.
    ClientReset,
    /// The upstream reset it.
    UpstreamReset,
    /// No connection to the upstream could be made.
    UpstreamRefused,
    /// The filter closed it (`proxy_close_stream`).
    ClosedByFilter,
    /// The filter's VM is dead.
    FilterFailed,
}

/// What is particular to one TCP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// The upstream does not take connections.
    pub upstream_refuses: bool,
    /// Properties that Envoy would know, already in their wire form, by path joined with
    /// `.` (`source.address`, `upstream.address`).
    pub properties: BTreeMap<String, Vec<u8>>,
}

/// One direction: what its sender sent and Envoy has not passed on, and what has arrived.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    /// Envoy's read buffer. It stays after Pause and the next bytes are added to it.
    unsent: Vec<u8>,
    /// From a data callback until one of them returns Continue, the guest may look.
    pub shown: bool,
    /// The sender has ended its half.
    pub ended: bool,
    /// What the receiver got.
    pub out: ReceivedBytes,
}

impl Direction {
    /// Bytes, the sender's end, or both arrive. Gives what the data callback is told: the
    /// size of everything not sent on.
    pub fn arrive(&mut self, bytes: Vec<u8>, end: bool) -> u32 {
        self.unsent.extend(bytes);
        self.ended |= end;
        self.shown = true;
        self.unsent.len() as u32
    }

    pub fn forward(&mut self) {
        let bytes = std::mem::take(&mut self.unsent);
        self.out.take(bytes, self.ended);
    }

    pub fn visible(&self) -> Option<&[u8]> {
        self.shown.then_some(self.unsent.as_slice())
    }

    pub fn visible_mut(&mut self) -> Option<&mut Vec<u8>> {
        self.shown.then_some(&mut self.unsent)
    }
}

/// What the client did while Envoy was not reading from it.
#[derive(Debug)]
pub(crate) enum Unread {
    Data(Vec<u8>, bool),
    Reset,
}

/// A TCP connection, its filter context included.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    pub options: ConnectionOptions,
    /// `proxy_on_context_create` was called.
    pub created: bool,
    /// `proxy_on_delete` has been called, or never will be.
    pub deleted: bool,
    /// The upstream has been connected; until then Envoy does not read from the client.
    pub connected: bool,
    pub unread: VecDeque<Unread>,
    /// From the client to the upstream.
    pub downstream: Direction,
    /// From the upstream to the client.
    pub upstream: Direction,
    pub end: Option<ConnectionEnd>,
    /// Set by `proxy_set_property`.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
    pub filter_state: BTreeMap<String, FilterState>,
    pub costs: Costs,
    /// Events that could not happen any more, and why.
    pub ignored: Vec<String>,
}
