//! A scenario as its TOML file says it, key by key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::value::{Bytes, Duration};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What is shown, in a sentence.
    pub about: String,
    /// The filter and how Envoy is told to run it.
    pub filter: Filter,
    /// The protocols of the two connections.
    #[serde(default)]
    pub protocol: Protocols,
    /// The name of the route in Envoy's configuration, property `xds.route_name`.
    pub route_name: Option<String>,
    /// Properties only Envoy would know, as text, by path joined with `.`.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Clusters for callouts besides the one of the route.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// Why the result is this one only as the file is written: another cut of a body or
    /// of TCP data, another
    /// protocol or a second stream may give another, or none. Without it they may not.
    pub cuts_matter: Option<String>,
    /// Why a worker dies; without it none may.
    pub traps: Option<String>,
    /// Why a real Envoy cannot replay it, or does something else.
    pub not_on_envoy: Option<String>,
    /// What holds at the end, however the scenario is cut or broken off.
    #[serde(default)]
    pub books: Books,
    /// What happens, in order.
    pub steps: Vec<Spanned<Step>>,
}

/// `PluginConfig` and `VmConfig` in Envoy's words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The module, relative to the scenario's file; or several, each of which must do the
    /// same.
    pub wasm: Modules,
    /// `PluginConfig.name`.
    #[serde(default)]
    pub name: String,
    /// `PluginConfig.root_id`.
    #[serde(default)]
    pub root_id: String,
    /// `VmConfig.vm_id`.
    #[serde(default)]
    pub vm_id: String,
    /// `PluginConfig.configuration`: text as it is, or a table that becomes JSON.
    pub configuration: Option<toml::Value>,
    /// `VmConfig.configuration`, likewise.
    pub vm_configuration: Option<toml::Value>,
    /// `VmConfig.environment_variables.key_values`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// `PluginConfig.allow_on_headers_stop_iteration`.
    #[serde(default)]
    pub allow_on_headers_stop_iteration: bool,
    /// Of listener and clusters; Envoy's default is 1 MiB.
    pub per_connection_buffer_limit_bytes: Option<usize>,
    /// Worker threads, each with a VM of its own; 1 unless said.
    #[serde(default = "one")]
    pub workers: usize,
}

/// One module's file, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a module's file or a list of them")]
pub enum Modules {
    /// One.
    One(PathBuf),
    /// Several.
    Several(Vec<PathBuf>),
}

fn one() -> usize {
    1
}

/// The protocols of client and upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocols {
    /// Of the client's connection.
    #[serde(default)]
    pub client: ProtocolName,
    /// Of the upstream's connection.
    #[serde(default)]
    pub upstream: ProtocolName,
}

/// A protocol's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtocolName {
    /// HTTP/1.1: data and end of stream come apart.
    #[default]
    Http1,
    /// HTTP/2: the last data ends the stream.
    Http2,
}

/// Metrics that are settled when every stream has ended, whichever way each did.
///
/// Counters are named by how their names begin, and count from when the filter was
/// configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Books {
    /// For each entry: the counters that begin so are, in all, the number of streams whose
    /// request headers arrived.
    #[serde(default)]
    pub once_per_stream: Vec<String>,
    /// For each entry: the counters that begin with one of its texts are, in all, as many as
    /// those that begin with any other of them.
    #[serde(default)]
    pub agree: Vec<Vec<String>>,
    /// Gauges that are 0.
    #[serde(default)]
    pub zero_at_rest: Vec<String>,
}

/// One step: what it names happens in the order of the fields here.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The stream or TCP connection it is about; the latest unless said. A request's head
    /// opens a stream, and `connect` a connection, under this name or its number.
    pub stream: Option<String>,
    /// The worker a new stream or connection goes to, from 0.
    pub worker: Option<usize>,
    /// Time passes.
    pub advance: Option<Duration>,
    /// A client opens a TCP connection, and the filter stands as
    /// `envoy.filters.network.wasm` in front of `tcp_proxy`. `{}` when there is no more to
    /// say. A scenario has TCP connections or HTTP streams, not both.
    pub connect: Option<Connect>,
    /// The client sends on its stream.
    pub request: Option<Message>,
    /// The client sends on its TCP connection.
    pub downstream: Option<Data>,
    /// A callout of the filter is answered.
    pub callout: Option<Callout>,
    /// The upstream sends on the stream.
    pub response: Option<Message>,
    /// The upstream sends on the TCP connection.
    pub upstream: Option<Data>,
    /// A peer goes away: `client` or `upstream`. Over HTTP/2 the stream is reset, else the
    /// connection (TCP's RST).
    pub reset: Option<Peer>,
    /// What must have come out by now.
    pub expect: Option<Expect>,
}

/// A peer of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Who sends the request.
    Client,
    /// Who answers it.
    Upstream,
}

/// A message or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `GET /path` or `200`, and a line for each header. `content-length: auto` is the length
    /// of the body in this step.
    pub head: Option<String>,
    /// Body bytes in one piece.
    pub body: Option<Bytes>,
    /// Body bytes in these pieces.
    #[serde(default)]
    pub chunks: Vec<Bytes>,
    /// HTTP/2 METADATA: one frame of these entries, behind the head and in front of the body.
    /// Needs HTTP/2 at the peer that sends it, and Envoy's `allow_metadata`.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Trailers, each `name: value`.
    #[serde(default)]
    pub trailers: Vec<String>,
    /// False when more of the message follows in a later step.
    #[serde(default = "yes")]
    pub end: bool,
}

fn yes() -> bool {
    true
}

/// A new TCP connection.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// True when the upstream does not take the connection; false unless said.
    #[serde(default)]
    pub refused: bool,
}

/// What a peer sends on a TCP connection.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Bytes that Envoy reads in one piece.
    pub data: Option<Bytes>,
    /// Bytes that Envoy reads in these pieces.
    #[serde(default)]
    pub chunks: Vec<Bytes>,
    /// True when the peer ends its half of the connection (TCP's FIN), which Envoy reads with
    /// the last of these bytes; false unless said.
    #[serde(default)]
    pub end: bool,
}

/// The oldest unanswered callout to a cluster, and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callout {
    /// The cluster it went to.
    pub cluster: String,
    /// What the filter sent must be so.
    pub sent: Option<ExpectMessage>,
    /// The answer; without it the callout stays open.
    pub answer: Option<Answer>,
    /// The connection breaks: before any answer, or in the middle of the one given.
    #[serde(default)]
    pub reset: bool,
}

/// A whole message that answers an HTTP callout.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// `200`, and a line for each header.
    pub head: String,
    /// The body.
    #[serde(default)]
    pub body: Bytes,
    /// Trailers, each `name: value`.
    #[serde(default)]
    pub trailers: Vec<String>,
}

/// What must have come out. What is not named is not compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What the upstream received of the stream or connection.
    pub upstream: Option<ExpectMessage>,
    /// What the client received of it.
    pub client: Option<ExpectMessage>,
    /// Envoy's response code details; a TCP connection has none.
    pub details: Option<String>,
    /// Filter state set by the filter, as text.
    #[serde(default)]
    pub filter_state: BTreeMap<String, String>,
    /// Properties set by the filter, as text.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Counters and gauges, without Envoy's `wasmcustom.`.
    #[serde(default)]
    pub metrics: BTreeMap<String, u64>,
    /// Everything the filter logged since it was configured, each `level: text`.
    pub logs: Option<Vec<String>>,
    /// Callouts nobody has answered yet, by cluster, oldest first.
    pub callouts: Option<Vec<String>>,
    /// Entries of shared data, as text.
    #[serde(default)]
    pub shared_data: BTreeMap<String, String>,
}

/// What a peer must have received. Of a TCP connection there are `data`, `contains` and `end`,
/// of a message all but `data`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectMessage {
    /// Exactly this head, in any order of names.
    pub head: Option<String>,
    /// The status.
    pub status: Option<u16>,
    /// These headers are there, each `name: value`; a name has these values only.
    #[serde(default)]
    pub headers: Vec<String>,
    /// No header of these names is there.
    #[serde(default)]
    pub without: Vec<String>,
    /// Exactly this body.
    pub body: Option<Bytes>,
    /// Exactly these bytes of a TCP connection.
    pub data: Option<Bytes>,
    /// The body, or the bytes of a TCP connection, contain these texts.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Exactly these HTTP/2 METADATA frames, each with these entries.
    pub metadata: Option<Vec<BTreeMap<String, String>>>,
    /// Exactly these trailers, each `name: value`.
    pub trailers: Option<Vec<String>>,
    /// How far the message has come.
    pub end: Option<End>,
}

/// How far a message, or what a TCP connection carries one way, has come at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// Nothing has arrived; on TCP, Envoy has not connected to the upstream.
    Nothing,
    /// Something has arrived, or the TCP connection is there, and more may come.
    Open,
    /// Everything has arrived; on TCP, Envoy has ended its half of the connection (FIN).
    Complete,
    /// It broke off; on TCP by RST.
    Reset,
}
