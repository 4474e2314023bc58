//! A scenario as its TOML file says it, key by key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::value::{self, Bytes, Duration};

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
    /// Clusters for gRPC calls and streams, which speak HTTP/2. A filter names one by its
    /// name or by a serialized `envoy.config.core.v3.GrpcService`.
    #[serde(default)]
    pub grpc_clusters: Vec<String>,
    /// Clusters for callouts, gRPC or not, that have no host: each callout fails at once.
    #[serde(default)]
    pub clusters_without_hosts: Vec<String>,
    /// Why another cut of a body or of TCP data, trailers behind a body or another protocol
    /// may give something else, or a peer that breaks off leave a stream open. Without it
    /// they may not.
    pub cuts_matter: Option<String>,
    /// Why they may give other logs, and nothing else. Without it they may not.
    pub logs_depend_on_cuts: Option<String>,
    /// Why a second stream or connection that does the same beside each may change what comes
    /// out of either. Without it it may not.
    pub second_stream_matters: Option<String>,
    /// Why a worker dies; without it none may.
    pub traps: Option<String>,
    /// Why a real Envoy cannot replay it, or does something else.
    pub not_on_envoy: Option<String>,
    /// What holds at the end, however the scenario is cut or broken off.
    #[serde(default)]
    pub books: Books,
    /// What happens, in order.
    #[serde(default)]
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
    /// `PluginConfig.failure_policy`: what new streams get when the VM has trapped. Envoy's
    /// default is FAIL_CLOSED.
    #[serde(default)]
    pub failure_policy: FailurePolicyName,
    /// `PluginConfig.reload_config.backoff.base_interval`: under FAIL_RELOAD, the least time
    /// between two starts of the VM, a time span such as `"200ms"`; Envoy's default is
    /// `"1s"`. Envoy waits up to half as long again, at random.
    pub reload_backoff: Option<Duration>,
    /// `PluginConfig.capability_restriction_config.allowed_capabilities`: the host functions
    /// the filter may call and the callbacks made to it, by the names it imports and exports
    /// them by; without any, all.
    #[serde(default)]
    pub allowed_capabilities: BTreeSet<String>,
    /// Why the filter must not start; Envoy then refuses its whole configuration, whatever
    /// the failure policy. Such a scenario has no steps.
    pub refused: Option<String>,
    /// Of listener and clusters; Envoy's default is 1 MiB.
    pub per_connection_buffer_limit_bytes: Option<usize>,
    /// Worker threads, each with a VM of its own; 1 unless said.
    #[serde(default = "one")]
    pub workers: usize,
}

/// Envoy's failure policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicyName {
    /// New streams are answered 503.
    #[default]
    FailClosed,
    /// They go past the filter.
    FailOpen,
    /// The first one after `reload_backoff` starts the VM anew; until then, 503.
    FailReload,
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
    /// those that begin with any other of them; ` + ` within a text adds.
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
    /// The service of a gRPC call or stream acts.
    pub grpc: Option<Grpc>,
    /// A name the filter asked for is looked up.
    pub lookup: Option<Lookup>,
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

/// The oldest open gRPC call or stream to a cluster, and what its service does: initial
/// metadata, messages, then the end or a reset. What is not named stays for a later step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grpc {
    /// The cluster it went to, one of `grpc_clusters`.
    pub cluster: String,
    /// The oldest one that calls this, as `package.Service/Method`; any unless said.
    pub method: Option<String>,
    /// What the filter sent must be so.
    pub sent: Option<ExpectGrpc>,
    /// The service begins its response with these, each `name: value`. Messages begin it
    /// without any.
    pub initial_metadata: Option<Vec<String>>,
    /// The service sends these, without gRPC's five bytes of framing.
    #[serde(default)]
    pub messages: Vec<Bytes>,
    /// The service ends the response.
    pub end: Option<GrpcEnd>,
    /// The service resets the HTTP/2 stream instead.
    #[serde(default)]
    pub reset: bool,
}

/// How a service ends a gRPC call or stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcEnd {
    /// `grpc-status`, a number: 0 is OK.
    pub status: u32,
    /// `grpc-message`.
    #[serde(default)]
    pub message: String,
    /// Further trailing metadata, each `name: value`.
    #[serde(default)]
    pub trailing_metadata: Vec<String>,
}

/// What a gRPC service must have received. What is not named is not compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectGrpc {
    /// The service and the method, as `package.Service/Method`.
    pub method: Option<String>,
    /// These metadata are there, each `name: value`; a name has these values only.
    #[serde(default)]
    pub initial_metadata: Vec<String>,
    /// Exactly these messages so far, without framing.
    pub messages: Option<Vec<Bytes>>,
    /// Whether the filter has sent its last message; that of a call is its only one.
    pub end: Option<bool>,
    /// The call's timeout as the service is told it, a time span such as `"5s"`; `"0s"` for
    /// a call without one. Streams have none.
    pub timeout: Option<Duration>,
}

/// The oldest unanswered lookup of a name by `envoy_resolve_dns`, and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The name.
    pub name: String,
    /// Its addresses, each as Envoy writes it, `127.0.0.1:0`; none: the name does not exist.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// How long they hold, a time span; `"60s"` unless said.
    #[serde(default = "minute")]
    pub ttl: Duration,
}

fn minute() -> Duration {
    Duration(std::time::Duration::from_secs(60))
}

/// What must have come out. What is not named is not compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
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
    /// Counters and gauges, without Envoy's `wasmcustom.`. A gauge below zero wraps at Envoy,
    /// and may be written either way, the wrapped one as a text.
    #[serde(default, deserialize_with = "value::counts")]
    pub metrics: BTreeMap<String, u64>,
    /// Everything the filter logged since it was configured, each `level: text`.
    pub logs: Option<Vec<String>>,
    /// Callouts nobody has answered yet, by cluster, oldest first.
    pub callouts: Option<Vec<String>>,
    /// gRPC calls and streams that are open at their service, each
    /// `cluster package.Service/Method`, by name. A stream is open until the service ends it
    /// or the filter cancels it.
    pub grpc: Option<Vec<String>>,
    /// Names asked for that nobody has looked up yet, oldest first.
    pub lookups: Option<Vec<String>>,
    /// Entries of shared data, as text.
    #[serde(default)]
    pub shared_data: BTreeMap<String, String>,
}

/// What a peer must have received. Of a TCP connection there are `data`, `contains` and `end`,
/// of a message all but `data`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
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
