//! A scenario played on a real Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::flow::Protocol;
use crate::headers::Headers;
use crate::message::Received;
use crate::scenario::file::Peer;
use crate::scenario::{
    Action, CalloutOutcome, FilterConfig, GrpcCallee, GrpcSent, Outcome, Player, Scenario,
    StreamOutcome, presented,
};

use super::callouts::Callouts;
use super::configuration::{self, LISTENER, Places, UPSTREAM};
use super::connection::Connection;
use super::log;
use super::process::{POLL, Process};
use super::records::{self, PROPERTY_PREFIX};
use super::services::Services;
use super::tcp::Connections;
use super::upstream::Upstream;
use super::workers::{self, Workers};

/// What has not come out of Envoy after this time will not come.
pub const LIMIT: Duration = Duration::from_secs(2);
/// A scenario in which time passes for longer is no test.
const MOST_ADVANCED: Duration = Duration::from_secs(60);
/// Envoy's name for stats of filters.
const METRIC_PREFIX: &str = "wasmcustom.";

/// A real Envoy between a scripted client and a scripted upstream, as a [`Player`].
///
/// Shared data cannot be seen from outside of an Envoy: [`Outcome::shared_data`] is empty.
pub struct Replay {
    process: Process,
    workers: Workers,
    worker_count: usize,
    address: SocketAddr,
    filter: FilterConfig,
    upstream: Upstream,
    client_protocol: Protocol,
    upstream_protocol: Protocol,
    callouts: Callouts,
    services: Services,
    streams: BTreeMap<String, Stream>,
    connections: Connections,
    /// Lines of Envoy's log before the first event.
    first_line: usize,
}

struct Stream {
    /// The client's, by which all else of the stream is found.
    port: u16,
    client: Connection,
    /// The request's method is HEAD.
    to_head: bool,
}

impl Replay {
    /// Starts `envoy` with the scenario's filter. Of filter state and properties only what
    /// the scenario's expectations or `filter_state` name (`wasm.` and a path is a
    /// property) is seen.
    ///
    /// # Errors
    /// With Envoy's own words when it refuses the filter, or when time would pass for too long.
    pub fn start(
        scenario: &Scenario,
        envoy: &Path,
        filter_state: &BTreeSet<String>,
    ) -> Result<Self, String> {
        takes_no_longer_than_a_test_may(scenario)?;
        let upstream = Upstream::listen(scenario.upstream, true).map_err(text)?;
        let connections = Connections::listen().map_err(text)?;
        let at_upstream = match scenario.is_tcp() {
            true => connections.address(),
            false => upstream.address(),
        };
        let callouts = Callouts::listen(&scenario.clusters).map_err(text)?;
        let services = Services::listen(&scenario.grpc_clusters).map_err(text)?;
        let mut filter_state = filter_state.clone();
        filter_state.extend(expected_state(scenario));
        let workers = scenario.filter.workers;
        let mut process = Process::start(envoy, workers, |access_log| {
            let places = Places {
                clusters: [(UPSTREAM, at_upstream)]
                    .into_iter()
                    .chain(callouts.addresses())
                    .chain(services.addresses())
                    .collect(),
                access_log,
                filter_state: &filter_state,
            };
            configuration::bootstrap(scenario, &places)
        })?;
        let address = process.listener(LISTENER)?;
        let first_line = log::lines(&process.log()).len();
        Ok(Self {
            workers: Workers::of(&mut process, workers)?,
            worker_count: workers,
            address,
            process,
            filter: scenario.filter.clone(),
            upstream,
            client_protocol: scenario.client,
            upstream_protocol: scenario.upstream,
            callouts,
            services,
            streams: BTreeMap::new(),
            connections,
            first_line,
        })
    }

    fn stream(&mut self, name: &str) -> Result<&mut Stream, String> {
        let stream = self.streams.get_mut(name);
        stream.ok_or_else(|| format!("no stream `{name}` was opened"))
    }

    fn open(
        &mut self,
        name: &str,
        worker: usize,
        headers: &Headers,
        end: bool,
    ) -> Result<(), String> {
        let (process, count) = (&mut self.process, self.worker_count);
        let socket = workers::connect(process, LISTENER, self.address, worker, count)?;
        let port = socket.local_addr().map_err(text)?.port();
        let to_head = headers.value(":method") == Some(b"HEAD");
        let client = Connection::client(socket, self.client_protocol, to_head);
        let mut client = client.map_err(text)?;
        let written = client.head(0, headers, end);
        self.streams.insert(
            name.to_owned(),
            Stream {
                port,
                client,
                to_head,
            },
        );
        written
    }

    /// Does something at the upstream's end of a stream, once it has got there; nothing if
    /// the client has its answer already.
    fn at_upstream(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Connection) -> Result<(), String>,
    ) -> Result<(), String> {
        let stream = self.stream(name)?;
        let (port, started) = (stream.port, Instant::now());
        loop {
            let arrived = |connection: &mut Connection| !connection.seen().messages.is_empty();
            if self.upstream.with(port, arrived) == Some(true) {
                return self.upstream.with(port, act).unwrap_or(Ok(()));
            }
            let client = self.stream(name)?.client.seen();
            if client.gone(0) || client.messages.iter().any(|answer| answer.complete) {
                return Ok(());
            }
            if started.elapsed() > LIMIT {
                return Err(format!("the upstream has received nothing of `{name}`"));
            }
            std::thread::sleep(POLL);
        }
    }

    fn seen(&mut self) -> Result<Outcome, String> {
        let mut records = records::latest(&self.process.access_log());
        let connections = self.connections.outcomes(&mut records);
        let mut streams = BTreeMap::new();
        for (name, stream) in &self.streams {
            let record = records.remove(&stream.port).unwrap_or_default();
            let upstream = self
                .upstream
                .with(stream.port, |upstream| request_seen(upstream));
            let outcome = StreamOutcome {
                upstream: upstream.unwrap_or_default(),
                client: stream
                    .client
                    .seen()
                    .messages
                    .into_iter()
                    .next()
                    .unwrap_or_default(),
                details: record.details,
                filter_state: record.filter_state,
                properties: record.properties,
            };
            streams.insert(name.clone(), outcome);
        }
        let stats = self.process.admin(&format!(
            "/stats?format=json&filter=^{}",
            METRIC_PREFIX.replace('.', "\\.")
        ))?;
        let stats = stats["stats"].as_array().into_iter().flatten();
        let metrics = stats.filter_map(|stat| {
            let name = stat["name"].as_str()?.strip_prefix(METRIC_PREFIX)?;
            Some((name.to_owned(), stat["value"].as_u64()?))
        });
        let lines = log::lines(&self.process.log());
        // The main thread has a VM too, whose ticks say the same once more.
        let main = self.process.main_thread();
        let lines = lines.iter().skip(self.first_line);
        let lines = lines.filter(|line| line.thread != main);
        Ok(Outcome {
            streams,
            connections,
            metrics: metrics.collect(),
            logs: lines
                .filter_map(|line| log::of_filter(line, &self.filter))
                .collect(),
            callouts: self.callouts.open(),
            grpc: self.services.open(),
            lookups: Vec::new(),
            shared_data: BTreeMap::new(),
        })
    }
}

impl Player for Replay {
    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Advance(span) => std::thread::sleep(*span),
            Action::Open {
                stream,
                worker,
                headers,
                end,
            } => self.open(stream, *worker, headers, *end)?,
            Action::Answer {
                stream,
                headers,
                end,
            } => {
                let to_head = self.stream(stream)?.to_head;
                let headers = presented::response(headers, self.upstream_protocol, *end, to_head);
                self.at_upstream(stream, |upstream| upstream.head(0, &headers, *end))?;
            }
            Action::Connect {
                stream,
                worker,
                refused,
            } => {
                let (process, address, count) =
                    (&mut self.process, self.address, self.worker_count);
                let connect = || workers::connect(process, LISTENER, address, *worker, count);
                self.connections.open(stream, *refused, connect)?;
            }
            Action::Data { .. } => self.connections.act(action)?,
            Action::Reset { stream, .. } if self.connections.has(stream) => {
                self.connections.act(action)?;
            }
            Action::Metadata {
                stream,
                from,
                metadata,
            } => match from {
                Peer::Client => self.stream(stream)?.client.metadata(0, metadata)?,
                Peer::Upstream => {
                    self.at_upstream(stream, |upstream| upstream.metadata(0, metadata))?;
                }
            },
            Action::Body {
                stream,
                from,
                bytes,
                end,
            } => match from {
                Peer::Client => self.stream(stream)?.client.body(0, bytes, *end)?,
                Peer::Upstream => {
                    self.at_upstream(stream, |upstream| upstream.body(0, bytes, *end))?;
                }
            },
            Action::Trailers {
                stream,
                from,
                trailers,
            } => match from {
                Peer::Client => self.stream(stream)?.client.trailers(0, trailers)?,
                Peer::Upstream => {
                    self.at_upstream(stream, |upstream| upstream.trailers(0, trailers))?;
                }
            },
            Action::Reset { stream, by } => match by {
                Peer::Client => self.stream(stream)?.client.reset(0)?,
                Peer::Upstream => self.at_upstream(stream, |upstream| upstream.reset(0))?,
            },
            Action::Callout {
                cluster, outcome, ..
            } => {
                let none = || format!("the filter has no open callout to `{cluster}`");
                if let CalloutOutcome::BrokenOff(answer) = outcome {
                    self.callouts.begin(cluster, answer).ok_or_else(none)??;
                    // A reset overtakes what has not been read.
                    self.workers.pulse()?;
                }
                self.callouts.settle(cluster, outcome).ok_or_else(none)??;
            }
            Action::Grpc {
                callee,
                event: Some(event),
                ..
            } => self.services.act(callee, event)?,
            Action::Lookup { name, .. } => {
                return Err(format!(
                    "Envoy asks the machine's own name servers for `{name}`: no scenario can \
                     answer in their place"
                ));
            }
            Action::Grpc { event: None, .. } | Action::Expect { .. } => {}
        }
        self.workers.pulse()
    }

    fn outcome(&mut self) -> Result<Outcome, String> {
        self.seen()
    }

    fn outcome_when(&mut self, holds: &dyn Fn(&Outcome) -> bool) -> Result<Outcome, String> {
        let started = Instant::now();
        loop {
            let outcome = self.seen()?;
            if holds(&outcome) || started.elapsed() > LIMIT {
                return Ok(outcome);
            }
            std::thread::sleep(POLL);
        }
    }

    fn callout(&mut self, cluster: &str) -> Result<Option<Received>, String> {
        Ok(self.callouts.sent(cluster))
    }

    fn grpc_sent(
        &mut self,
        callee: &GrpcCallee,
        holds: &dyn Fn(&GrpcSent) -> bool,
    ) -> Result<Option<GrpcSent>, String> {
        Ok(self.services.sent(callee, holds))
    }
}

/// Time passes on a real Envoy as slowly as anywhere.
fn takes_no_longer_than_a_test_may(scenario: &Scenario) -> Result<(), String> {
    let mut all = Duration::ZERO;
    for event in &scenario.events {
        let Action::Advance(span) = event.action else {
            continue;
        };
        all = all.saturating_add(span);
        if all > MOST_ADVANCED {
            return Err(format!(
                "until line {} time passes for {all:?}, which a real Envoy takes too: let it be \
                 up to {MOST_ADVANCED:?} in all, or say `not_on_envoy`",
                event.line
            ));
        }
    }
    Ok(())
}

/// What an upstream received. An exchange that Envoy ended, or that the upstream itself
/// did, before it was over is a reset.
fn request_seen(upstream: &Connection) -> Received {
    let seen = upstream.seen();
    let over = upstream.written(0);
    let request = seen.messages.first().cloned().unwrap_or_default();
    let exchanged = request.complete && over;
    Received {
        reset: request.reset || upstream.was_reset(0) || (seen.gone(0) && !exchanged),
        ..request
    }
}

/// Filter state and properties that the scenario's expectations name, as Envoy calls them.
fn expected_state(scenario: &Scenario) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for event in &scenario.events {
        if let Action::Expect { expect, .. } = &event.action {
            keys.extend(expect.filter_state.keys().cloned());
            let properties = expect.properties.keys();
            keys.extend(properties.map(|path| format!("{PROPERTY_PREFIX}{path}")));
        }
    }
    keys
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
