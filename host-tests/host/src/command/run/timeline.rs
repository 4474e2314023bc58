//! What happened in a run, in order.

use tollgate_host::{CallDirection, Crossing, Received};

/// One thing that happened.
pub enum Entry {
    /// A peer sent something to the proxy.
    Arrives { from: Peer, what: String },
    /// The proxy sent something on to a peer.
    Leaves { to: Peer, what: String },
    /// Something that is no message: a local reply, the end, time that passed.
    Note(String),
    /// A callback or a host call of a worker.
    Crossing(usize, Crossing),
}

/// Whom the proxy speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Client,
    Upstream,
    Callout,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Callout => "callout",
        }
    }
}

/// What `after` has that `before` had not.
pub fn sent_on(to: Peer, before: &Received, after: &Received) -> Option<Entry> {
    let mut parts = Vec::new();
    if before.headers.is_none()
        && let Some(headers) = &after.headers
    {
        parts.push(head_line(headers));
    }
    let bytes = after.body.len() - before.body.len();
    if bytes > 0 {
        let pieces = after.chunks.len() - before.chunks.len();
        let pieces = match pieces {
            1 => String::new(),
            pieces => format!(" in {pieces} pieces"),
        };
        parts.push(format!("body {bytes} B{pieces}"));
    }
    if before.trailers.is_none()
        && let Some(trailers) = &after.trailers
    {
        parts.push(format!("trailers ({})", trailers.len()));
    }
    if after.complete && !before.complete {
        parts.push("end".to_owned());
    }
    if after.reset && !before.reset {
        parts.push("RESET".to_owned());
    }
    let what = parts.join(", ");
    (!what.is_empty()).then_some(Entry::Leaves { to, what })
}

/// A head in a line: `headers POST /path (7)`.
pub fn head_line(headers: &tollgate_host::Headers) -> String {
    let part = |name| headers.get(name).unwrap_or_default();
    let first = match headers.get(":status") {
        Some(status) => status.into_owned(),
        None => format!("{} {}", part(":method"), part(":path")),
    };
    format!("headers {first} ({})", headers.len())
}

/// Host calls behind the callback at `at` until the next one.
pub fn host_calls_of(entries: &[Entry], at: usize) -> usize {
    let behind = entries.iter().skip(at + 1);
    let calls = behind.take_while(|entry| {
        matches!(entry, Entry::Crossing(_, call) if call.direction == CallDirection::HostCall)
    });
    calls.count()
}
