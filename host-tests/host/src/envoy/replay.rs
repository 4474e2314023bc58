//! A scenario played on a real Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::headers::Headers;
use crate::message::Received;
use crate::scenario::file::Peer;
use crate::scenario::{
    Action, CalloutOutcome, FilterConfig, Outcome, Player, Scenario, StreamOutcome,
};

use super::configuration::{self, DETAILS, LISTENER, PORT, Places, STATE, UPSTREAM};
use super::connection::Connection;
use super::http1::Kind;
use super::log;
use super::process::{POLL, Process};
use super::upstream::{Upstream, Upstreams};
use super::workers::{self, Workers};

/// What has not come out of Envoy after this time will not come.
const LIMIT: Duration = Duration::from_secs(2);
/// Envoy's name for stats of filters.
const METRIC_PREFIX: &str = "wasmcustom.";
/// Envoy's name for filter state that `proxy_set_property` made.
pub const PROPERTY_PREFIX: &str = "wasm.";

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
    clusters: Upstreams,
    streams: BTreeMap<String, Stream>,
    /// Lines of Envoy's log before the first event.
    first_line: usize,
}

struct Stream {
    /// The client's, by which all else of the stream is found.
    port: u16,
    client: Connection,
}

impl Replay {
    /// Starts `envoy` with the scenario's filter. Of filter state and properties only what
    /// the scenario's expectations or `filter_state` name (`wasm.` and a path is a
    /// property) is seen.
    ///
    /// # Errors
    /// With Envoy's own words when it refuses the filter.
    pub fn start(
        scenario: &Scenario,
        envoy: &Path,
        filter_state: &BTreeSet<String>,
    ) -> Result<Self, String> {
        let upstream = Upstream::listen(true).map_err(text)?;
        let mut clusters = Upstreams::new();
        for name in &scenario.clusters {
            clusters.insert(name.clone(), Upstream::listen(false).map_err(text)?);
        }
        let mut filter_state = filter_state.clone();
        filter_state.extend(expected_state(scenario));
        let workers = scenario.filter.workers;
        let mut process = Process::start(envoy, workers, |access_log| {
            let callouts = clusters.iter();
            let callouts = callouts.map(|(name, cluster)| (name.as_str(), cluster.address()));
            let places = Places {
                clusters: [(UPSTREAM, upstream.address())]
                    .into_iter()
                    .chain(callouts)
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
            clusters,
            streams: BTreeMap::new(),
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
        let kind = Kind::Responses { to_head };
        let mut client = Connection::new(socket, kind, Vec::new()).map_err(text)?;
        let written = client.request(headers, end);
        self.streams
            .insert(name.to_owned(), Stream { port, client });
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
            if client.closed || client.messages.iter().any(|answer| answer.complete) {
                return Ok(());
            }
            if started.elapsed() > LIMIT {
                return Err(format!("the upstream has received nothing of `{name}`"));
            }
            std::thread::sleep(POLL);
        }
    }

    /// Looks at the connection of the oldest unanswered callout to a cluster.
    fn open_callout<R>(
        &self,
        cluster: &str,
        look: &mut impl FnMut(&mut Connection) -> R,
    ) -> Option<R> {
        let cluster = self.clusters.get(cluster)?;
        let open = open_since(cluster).into_iter().enumerate();
        let open = open.filter_map(|(at, began)| Some((began?, at)));
        let (_, oldest) = open.min()?;
        cluster.nth(oldest, look)
    }

    fn callout_when_there<R>(
        &self,
        cluster: &str,
        mut look: impl FnMut(&mut Connection) -> R,
    ) -> Option<R> {
        let started = Instant::now();
        loop {
            let found = self.open_callout(cluster, &mut look);
            if found.is_some() || started.elapsed() > LIMIT {
                return found;
            }
            std::thread::sleep(POLL);
        }
    }

    fn seen(&mut self) -> Result<Outcome, String> {
        let records = records(&self.process.access_log());
        let streams = self.streams.iter().map(|(name, stream)| {
            let record = records.get(&u64::from(stream.port));
            let state = record.into_iter().flat_map(filter_state);
            let (properties, filter_state) =
                state.partition::<Vec<_>, _>(|(key, _)| key.starts_with(PROPERTY_PREFIX));
            let upstream = self.upstream.with(stream.port, request_seen);
            let outcome = StreamOutcome {
                upstream: upstream.unwrap_or_default(),
                client: stream
                    .client
                    .seen()
                    .messages
                    .into_iter()
                    .next_back()
                    .unwrap_or_default(),
                details: record.and_then(|record| Some(record[DETAILS].as_str()?.to_owned())),
                filter_state: filter_state.into_iter().collect(),
                properties: properties
                    .into_iter()
                    .map(|(key, value)| (key[PROPERTY_PREFIX.len()..].to_owned(), value))
                    .collect(),
            };
            (name.clone(), outcome)
        });
        let streams = streams.collect();
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
        let lines = lines.iter().skip(self.first_line);
        let mut callouts = Vec::new();
        for (name, cluster) in &self.clusters {
            let open = open_since(cluster).into_iter().flatten();
            callouts.extend(open.map(|began| (began, name.clone())));
        }
        callouts.sort();
        Ok(Outcome {
            streams,
            metrics: metrics.collect(),
            logs: lines
                .filter_map(|line| log::of_filter(line, &self.filter))
                .collect(),
            callouts: callouts.into_iter().map(|(_, name)| name).collect(),
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
            } => self.at_upstream(stream, |upstream| upstream.response(headers, *end))?,
            Action::Body {
                stream,
                from,
                bytes,
                end,
            } => match from {
                Peer::Client => self.stream(stream)?.client.body(bytes, *end)?,
                Peer::Upstream => {
                    self.at_upstream(stream, |upstream| upstream.body(bytes, *end))?;
                }
            },
            Action::Trailers {
                stream,
                from,
                trailers,
            } => match from {
                Peer::Client => self.stream(stream)?.client.trailers(trailers)?,
                Peer::Upstream => {
                    self.at_upstream(stream, |upstream| upstream.trailers(trailers))?;
                }
            },
            Action::Reset { stream, by } => match by {
                Peer::Client => self.stream(stream)?.client.reset(),
                Peer::Upstream => self.at_upstream(stream, |upstream| {
                    upstream.reset();
                    Ok(())
                })?,
            },
            Action::Callout {
                cluster, outcome, ..
            } => {
                let answered = self.callout_when_there(cluster, |connection| match outcome {
                    CalloutOutcome::Open => Ok(()),
                    CalloutOutcome::Answer(answer) => answer_with(connection, answer),
                    CalloutOutcome::Reset => {
                        connection.reset();
                        Ok(())
                    }
                });
                answered
                    .ok_or_else(|| format!("the filter has no open callout to `{cluster}`"))??;
            }
            Action::Expect { .. } => {}
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
        Ok(self.callout_when_there(cluster, unanswered).flatten())
    }
}

fn answer_with(
    connection: &mut Connection,
    answer: &crate::message::HttpAnswer,
) -> Result<(), String> {
    let (body, trailers) = (!answer.body.is_empty(), !answer.trailers.is_empty());
    connection.response(&answer.headers, !body && !trailers)?;
    if body {
        connection.body(&answer.body, !trailers)?;
    }
    if trailers {
        connection.trailers(&answer.trailers)?;
    }
    Ok(())
}

/// The request on a connection, if it is whole and was not answered.
fn unanswered(connection: &mut Connection) -> Option<Received> {
    let seen = connection.seen();
    let open = !seen.closed && seen.messages.len() > connection.written();
    let request = seen.messages.into_iter().next_back();
    request.filter(|request| open && request.complete)
}

/// Of each connection, when the request began that was not answered yet.
fn open_since(cluster: &Upstream) -> Vec<Option<Instant>> {
    cluster.all(|connection| unanswered(connection).and(connection.seen().began))
}

/// What an upstream received. A connection closed before the exchange was over is a reset
/// of it, over HTTP/1 there is no other way.
fn request_seen(connection: &mut Connection) -> Received {
    let seen = connection.seen();
    let answered = connection.written() > 0;
    let request = seen.messages.into_iter().next_back();
    let mut request = request.unwrap_or_default();
    request.reset |= seen.closed && !(request.complete && answered);
    request
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

/// The latest record of each client's port.
fn records(access_log: &str) -> BTreeMap<u64, Value> {
    let lines = access_log.lines();
    let records = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records
        .filter_map(|record| Some((record[PORT].as_u64()?, record)))
        .collect()
}

fn filter_state(record: &Value) -> Vec<(String, Vec<u8>)> {
    let fields = record.as_object().into_iter().flatten();
    let states = fields.filter_map(|(key, value)| {
        let key = key.strip_prefix(STATE)?;
        Some((key.to_owned(), value.as_str()?.as_bytes().to_vec()))
    });
    states.collect()
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
