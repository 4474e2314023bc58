//! A scenario as a flat list of events, which every host can play and variations can cut
//! anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::dns::DnsAddress;
use crate::flow::Protocol;
use crate::grpc_calls::GrpcEvent;
use crate::headers::Headers;
use crate::message::{HttpAnswer, Metadata};

use super::file::{Books, Expect, ExpectGrpc, ExpectMessage, Peer};
use super::filter::FilterConfig;
use super::grpc::GrpcCallee;

/// A scenario, read and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file it was read from.
    pub file: PathBuf,
    /// What is shown, in a sentence.
    pub about: String,
    /// The module's file; the first where several are named.
    pub wasm: PathBuf,
    /// Modules besides that must do the same.
    pub also_on: Vec<PathBuf>,
    /// How Envoy is told to run it.
    pub filter: FilterConfig,
    /// How the client's connection speaks.
    pub client: Protocol,
    /// How the upstream's connection speaks.
    pub upstream: Protocol,
    /// Name of the route.
    pub route_name: Option<String>,
    /// Properties only Envoy would know, by path joined with `.`.
    pub properties: BTreeMap<String, String>,
    /// Clusters callouts may name.
    pub clusters: Vec<String>,
    /// Clusters gRPC calls and streams may name.
    pub grpc_clusters: Vec<String>,
    /// Clusters without hosts, which either may name.
    pub clusters_without_hosts: Vec<String>,
    /// Why another cut or protocol gives something else, if so.
    pub cuts_matter: Option<String>,
    /// Why it gives other logs, and nothing else, if so.
    pub logs_depend_on_cuts: Option<String>,
    /// Why a second stream is treated otherwise, if so.
    pub second_stream_matters: Option<String>,
    /// Why a worker dies, if one does.
    pub traps: Option<String>,
    /// Why a real Envoy cannot replay it, if so.
    pub not_on_envoy: Option<String>,
    /// What holds however it ends.
    pub books: Books,
    /// What happens, in order.
    pub events: Vec<Event>,
}

/// Something that happens, and where the file says so.
#[derive(Clone, Debug)]
pub struct Event {
    /// Line of the step, from 1.
    pub line: usize,
    /// What happens.
    pub action: Action,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Action {
    /// Time passes.
    Advance(Duration),
    /// A client opens a stream by its request's head.
    Open {
        /// The stream's name.
        stream: String,
        /// The worker it goes to, from 0.
        worker: usize,
        /// The head.
        headers: Headers,
        /// It is all there is.
        end: bool,
    },
    /// The upstream answers with a head.
    Answer {
        /// The stream's name.
        stream: String,
        /// The head.
        headers: Headers,
        /// It is all there is.
        end: bool,
    },
    /// A client opens a TCP connection.
    Connect {
        /// The connection's name.
        stream: String,
        /// The worker it goes to, from 0.
        worker: usize,
        /// The upstream does not take it.
        refused: bool,
    },
    /// A peer sends on a TCP connection.
    Data {
        /// The connection's name.
        stream: String,
        /// Who sends.
        from: Peer,
        /// What is read at once.
        bytes: Vec<u8>,
        /// The sender ends its half with it.
        end: bool,
    },
    /// A peer sends an HTTP/2 METADATA frame.
    Metadata {
        /// The stream's name.
        stream: String,
        /// Who sends.
        from: Peer,
        /// Its entries.
        metadata: Metadata,
    },
    /// A peer sends body bytes.
    Body {
        /// The stream's name.
        stream: String,
        /// Who sends.
        from: Peer,
        /// The bytes; none with `end` is an empty last piece.
        bytes: Vec<u8>,
        /// They are the last, and no trailers follow.
        end: bool,
    },
    /// A peer ends its message with trailers.
    Trailers {
        /// The stream's name.
        stream: String,
        /// Who sends.
        from: Peer,
        /// The trailers.
        trailers: Headers,
    },
    /// A peer goes away.
    Reset {
        /// The stream's or connection's name.
        stream: String,
        /// Who.
        by: Peer,
    },
    /// The oldest unanswered callout to a cluster gets its answer.
    Callout {
        /// The cluster.
        cluster: String,
        /// What the filter sent must be so.
        sent: Option<Box<ExpectMessage>>,
        /// What happens to it.
        outcome: CalloutOutcome,
    },
    /// The service of the oldest gRPC call or stream that fits acts.
    Grpc {
        /// Which.
        callee: GrpcCallee,
        /// What the filter sent must be so.
        sent: Option<Box<ExpectGrpc>>,
        /// What the service does; nothing if `None`.
        event: Option<GrpcEvent>,
    },
    /// The oldest lookup of a name is answered.
    Lookup {
        /// The name.
        name: String,
        /// Its addresses; none if it does not exist.
        addresses: Vec<DnsAddress>,
    },
    /// This must have come out by now.
    Expect {
        /// The stream's name; none before the first.
        stream: Option<String>,
        /// What.
        expect: Box<Expect>,
    },
}

/// What happens to a callout.
#[derive(Clone, Debug)]
pub enum CalloutOutcome {
    /// It stays open.
    Open,
    /// It is answered.
    Answer(HttpAnswer),
    /// Its connection breaks.
    Reset,
    /// Its connection breaks when so much of the answer has come.
    BrokenOff(HttpAnswer),
}

impl Scenario {
    /// The scenario on each of its modules, one at a time.
    pub fn on_each_module(&self) -> impl Iterator<Item = Self> {
        let modules = std::iter::once(&self.wasm).chain(&self.also_on);
        modules.map(|wasm| Self {
            wasm: wasm.clone(),
            also_on: Vec::new(),
            ..self.clone()
        })
    }

    /// Whether it is about TCP connections, not HTTP streams.
    pub fn is_tcp(&self) -> bool {
        let mut events = self.events.iter();
        events.any(|event| matches!(event.action, Action::Connect { .. }))
    }
}
