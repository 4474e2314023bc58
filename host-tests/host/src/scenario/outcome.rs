//! What has come out of a host by some moment, in a form that two hosts can be compared by.

use std::collections::BTreeMap;

use crate::connection_state::ReceivedBytes;
use crate::message::Received;

use super::file::End;

/// Everything that peers, logs, metrics and stores show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// By the stream's name.
    pub streams: BTreeMap<String, StreamOutcome>,
    /// TCP connections by name.
    pub connections: BTreeMap<String, ConnectionOutcome>,
    /// Counters and gauges by name, without Envoy's `wasmcustom.`; histograms have no one
    /// value.
    pub metrics: BTreeMap<String, u64>,
    /// What filters logged since they were configured, each `level: text`.
    pub logs: Vec<String>,
    /// Clusters of the callouts nobody has answered yet, oldest first.
    pub callouts: Vec<String>,
    /// gRPC calls and streams that are open at their service, each `cluster
    /// package.Service/Method`, sorted.
    pub grpc: Vec<String>,
    /// Names asked for that nobody has looked up yet, oldest first.
    pub lookups: Vec<String>,
    /// Shared data of the filter's `vm_id`.
    pub shared_data: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What has come out of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamOutcome {
    /// What the upstream received.
    pub upstream: Received,
    /// What the client received.
    pub client: Received,
    /// Envoy's response code details.
    pub details: Option<String>,
    /// Filter state the filter set.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// Properties the filter set, by path joined with `.`.
    pub properties: BTreeMap<String, Vec<u8>>,
}

/// What has come out of one TCP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOutcome {
    /// What the upstream received; `None` as long as it is not connected.
    pub upstream: Option<ReceivedBytes>,
    /// What the client received.
    pub client: ReceivedBytes,
    /// Filter state the filter set.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// Properties the filter set, by path joined with `.`.
    pub properties: BTreeMap<String, Vec<u8>>,
}

impl End {
    /// How far what a TCP connection carries has come at a peer.
    pub fn of_bytes(received: Option<&ReceivedBytes>) -> Self {
        match received {
            None => Self::Nothing,
            Some(received) if received.reset => Self::Reset,
            Some(received) if received.ended => Self::Complete,
            Some(_) => Self::Open,
        }
    }

    /// How far the message has come that a peer received.
    pub fn of(message: &Received) -> Self {
        if message.reset {
            Self::Reset
        } else if message.complete {
            Self::Complete
        } else if message.headers.is_some() {
            Self::Open
        } else {
            Self::Nothing
        }
    }

    /// The word a scenario says it with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Reset => "reset",
        }
    }
}

/// The name of a log level as scenarios write it.
pub fn level_name(level: u32) -> &'static str {
    match level {
        0 => "trace",
        1 => "debug",
        2 => "info",
        3 => "warn",
        4 => "error",
        _ => "critical",
    }
}
