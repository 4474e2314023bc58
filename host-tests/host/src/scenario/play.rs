//! A scenario played on this harness.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::connection::Connection;
use crate::connection_state::ConnectionOptions;
use crate::error::Error;
use crate::flow::StreamOptions;
use crate::host::Host;
use crate::metrics::Metric;
use crate::module::Module;
use crate::plugin::Plugin;
use crate::shared::LogLine;
use crate::stream::Stream;
use crate::worker::Worker;

use super::compare::{self, Difference};
use super::event::{Action, CalloutOutcome, Event, Scenario};
use super::file::{ExpectMessage, Peer};
use super::grpc::{self, GrpcCallee, GrpcSent};
use super::outcome::{ConnectionOutcome, Outcome, StreamOutcome, level_name};
use super::presented;
use crate::message::{FilterState, Received};

/// Something on which a scenario's events can happen: this harness, or a real Envoy.
pub trait Player {
    /// Makes one event happen, and waits until what follows from it has happened.
    ///
    /// # Errors
    /// A sentence when the event cannot happen.
    fn act(&mut self, action: &Action) -> Result<(), String>;

    /// What has come out so far.
    ///
    /// # Errors
    /// A sentence when that cannot be found out.
    fn outcome(&mut self) -> Result<Outcome, String>;

    /// What has come out once `holds` is true of it, or when the player has waited long
    /// enough. For a host that does all there is to do at once that is now.
    ///
    /// # Errors
    /// As [`Player::outcome`].
    fn outcome_when(&mut self, holds: &dyn Fn(&Outcome) -> bool) -> Result<Outcome, String> {
        let _ = holds;
        self.outcome()
    }

    /// What the oldest unanswered callout to `cluster` sent; `None` when there is none.
    ///
    /// # Errors
    /// A sentence when that cannot be found out.
    fn callout(&mut self, cluster: &str) -> Result<Option<Received>, String>;

    /// What the filter has sent in the oldest open gRPC call or stream that fits, once
    /// `holds` is true of it, or when the player has waited long enough; `None` when there
    /// is none.
    ///
    /// # Errors
    /// A sentence when that cannot be found out.
    fn grpc_sent(
        &mut self,
        callee: &GrpcCallee,
        holds: &dyn Fn(&GrpcSent) -> bool,
    ) -> Result<Option<GrpcSent>, String>;
}

/// Where a scenario's events met something else than it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line of the step.
    pub line: usize,
    /// What differs; empty when an event could not happen.
    pub differences: Vec<Difference>,
    /// Why an event could not happen.
    pub problem: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        for difference in &self.differences {
            write!(f, "; {difference}")?;
        }
        match &self.problem {
            Some(problem) => write!(f, "; {problem}"),
            None => Ok(()),
        }
    }
}

/// Plays `events`, comparing wherever they expect something. All failures are listed.
pub fn play<'e>(
    player: &mut dyn Player,
    events: impl IntoIterator<Item = &'e Event>,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for event in events {
        match step(player, &event.action) {
            Ok(differences) if differences.is_empty() => {}
            Ok(differences) => failures.push(Failure {
                line: event.line,
                differences,
                problem: None,
            }),
            Err(problem) => {
                // What follows would fail for the same reason.
                failures.push(Failure {
                    line: event.line,
                    differences: Vec::new(),
                    problem: Some(problem),
                });
                break;
            }
        }
    }
    failures
}

pub(super) fn step(player: &mut dyn Player, action: &Action) -> Result<Vec<Difference>, String> {
    match action {
        Action::Expect { stream, expect } => {
            let differences =
                |outcome: &Outcome| compare::expectation(expect, stream.as_deref(), outcome);
            let outcome = player.outcome_when(&|outcome| differences(outcome).is_empty())?;
            Ok(differences(&outcome))
        }
        Action::Callout {
            cluster,
            sent: Some(sent),
            ..
        } => {
            let differences = sent_differs(player, cluster, sent)?;
            player.act(action)?;
            Ok(differences)
        }
        Action::Grpc {
            callee,
            sent: Some(sent),
            ..
        } => {
            let differs = |actual: &GrpcSent| grpc::differences(sent, actual);
            let actual = player.grpc_sent(callee, &|actual| differs(actual).is_empty())?;
            let differences = differs(&actual.ok_or_else(|| callee.missing())?);
            player.act(action)?;
            Ok(differences)
        }
        other => player.act(other).map(|()| Vec::new()),
    }
}

fn sent_differs(
    player: &mut dyn Player,
    cluster: &str,
    sent: &ExpectMessage,
) -> Result<Vec<Difference>, String> {
    let received = player
        .callout(cluster)?
        .ok_or_else(|| format!("the filter has no open callout to `{cluster}`"))?;
    Ok(compare::message("sent", sent, &received))
}

/// Number of the VM on Envoy's main thread, behind the one of the first try.
const MAIN_THREAD: usize = 1;

/// This harness as a [`Player`].
pub struct Harness {
    host: Host,
    vm_id: String,
    /// Serves no stream, but ticks.
    _main_thread: Worker,
    workers: Vec<Worker>,
    streams: BTreeMap<String, Stream>,
    connections: BTreeMap<String, Connection>,
    options: StreamOptions,
    first_log: usize,
}

impl Harness {
    /// Starts the scenario's workers.
    ///
    /// # Errors
    /// When the module or its configuration is refused.
    pub fn start(scenario: &Scenario, module: &Module) -> Result<Self, Error> {
        Self::start_as(scenario, module, Self::plugin(scenario))
    }

    /// What the scenario says of the filter, as this host's settings.
    pub fn plugin(scenario: &Scenario) -> Plugin {
        let filter = &scenario.filter;
        Plugin {
            name: filter.name.clone(),
            root_id: filter.root_id.clone(),
            vm_id: filter.vm_id.clone(),
            configuration: filter.configuration.clone().into_bytes(),
            vm_configuration: filter.vm_configuration.clone().into_bytes(),
            environment: filter.environment.clone(),
            allow_on_headers_stop_iteration: filter.allow_on_headers_stop_iteration,
            buffer_limit: filter
                .per_connection_buffer_limit_bytes
                .unwrap_or(Plugin::default().buffer_limit),
            failure_policy: filter.failure_policy,
            reload_backoff: filter
                .reload_backoff
                .unwrap_or(Plugin::default().reload_backoff),
            clusters: [&scenario.clusters, &scenario.grpc_clusters]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            clusters_without_hosts: scenario.clusters_without_hosts.iter().cloned().collect(),
            allowed_capabilities: filter.allowed_capabilities.clone(),
            ..Plugin::default()
        }
    }

    /// As [`Harness::start`], with settings that a scenario has no key for.
    ///
    /// # Errors
    /// When the module or its configuration is refused.
    pub fn start_as(scenario: &Scenario, module: &Module, plugin: Plugin) -> Result<Self, Error> {
        let host = Host::new();
        // Envoy starts a VM to see whether it can, and one on its main thread, before those
        // of its workers.
        drop(host.worker(module, plugin.clone())?);
        let main_thread = host.worker(module, plugin.clone())?;
        let workers = (0..scenario.filter.workers)
            .map(|_| host.recorded_worker(module, plugin.clone()))
            .map(|started| started.map_err(|failed| failed.error))
            .collect::<Result<_, _>>()?;
        let mut properties: BTreeMap<String, Vec<u8>> = scenario
            .properties
            .iter()
            .map(|(path, value)| (path.clone(), value.clone().into_bytes()))
            .collect();
        if let Some(name) = &scenario.route_name {
            properties.insert("xds.route_name".to_owned(), name.clone().into_bytes());
        }
        let first_log = host.logs().len();
        Ok(Self {
            host,
            vm_id: scenario.filter.vm_id.clone(),
            _main_thread: main_thread,
            workers,
            streams: BTreeMap::new(),
            connections: BTreeMap::new(),
            options: StreamOptions {
                client: scenario.client,
                upstream: scenario.upstream,
                properties,
            },
            first_log,
        })
    }

    /// What the workers share.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The workers, in order.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// What the workers logged, their starts included, numbered as in [`Harness::workers`].
    pub fn logs(&self) -> Vec<LogLine> {
        let logs = self.host.logs().into_iter();
        let of_workers = logs.filter(|line| line.worker > MAIN_THREAD);
        let numbered = of_workers.map(|line| LogLine {
            worker: line.worker - MAIN_THREAD - 1,
            ..line
        });
        numbered.collect()
    }

    /// The streams opened so far, by name.
    pub fn streams(&self) -> &BTreeMap<String, Stream> {
        &self.streams
    }

    /// The TCP connections opened so far, by name.
    pub fn connections(&self) -> &BTreeMap<String, Connection> {
        &self.connections
    }

    pub(super) fn connection(&mut self, name: &str) -> Result<&mut Connection, String> {
        let connection = self.connections.get_mut(name);
        connection.ok_or_else(|| format!("no connection `{name}` was opened"))
    }

    fn worker(&self, number: usize) -> Result<&Worker, String> {
        let worker = self.workers.get(number);
        worker.ok_or_else(|| "there is no such worker".to_owned())
    }

    pub(super) fn stream(&mut self, name: &str) -> Result<&mut Stream, String> {
        let stream = self.streams.get_mut(name);
        stream.ok_or_else(|| format!("no stream `{name}` was opened"))
    }

    fn pending(&self, cluster: &str) -> Option<(&Worker, crate::message::HttpCall)> {
        let calls = self.workers.iter().flat_map(|worker| {
            let calls = worker.http_calls().into_iter();
            calls.map(move |call| (worker, call))
        });
        let mut calls = calls.filter(|(_, call)| call.cluster == cluster);
        calls.next()
    }
}

impl Player for Harness {
    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Advance(span) => self.host.advance(*span),
            Action::Open {
                stream,
                worker,
                headers,
                end,
            } => {
                let mut opened = self.worker(*worker)?.open_with(self.options.clone());
                let headers = presented::request(headers, self.options.client);
                opened.request_headers(headers, *end);
                self.streams.insert(stream.clone(), opened);
            }
            Action::Answer {
                stream,
                headers,
                end,
            } => {
                let from = self.options.upstream;
                let to_head = self.stream(stream)?.is_head();
                let headers = presented::response(headers, from, *end, to_head);
                self.stream(stream)?.response_headers(headers, *end);
            }
            Action::Connect {
                stream,
                worker,
                refused,
            } => {
                let options = ConnectionOptions {
                    upstream_refuses: *refused,
                    properties: self.options.properties.clone(),
                };
                let connection = self.worker(*worker)?.connect_with(options);
                self.connections.insert(stream.clone(), connection);
            }
            Action::Data {
                stream,
                from,
                bytes,
                end,
            } => {
                let connection = self.connection(stream)?;
                match from {
                    Peer::Client => connection.downstream_data(bytes, *end),
                    Peer::Upstream => connection.upstream_data(bytes, *end),
                };
            }
            Action::Metadata {
                stream,
                from,
                metadata,
            } => {
                let stream = self.stream(stream)?;
                match from {
                    Peer::Client => stream.request_metadata(metadata),
                    Peer::Upstream => stream.response_metadata(metadata),
                };
            }
            Action::Body {
                stream,
                from,
                bytes,
                end,
            } => {
                let stream = self.stream(stream)?;
                match from {
                    Peer::Client => stream.request_body(bytes, *end),
                    Peer::Upstream => stream.response_body(bytes, *end),
                };
            }
            Action::Trailers {
                stream,
                from,
                trailers,
            } => {
                let stream = self.stream(stream)?;
                match from {
                    Peer::Client => stream.request_trailers(trailers.clone()),
                    Peer::Upstream => stream.response_trailers(trailers.clone()),
                };
            }
            Action::Reset { stream, by } if self.connections.contains_key(stream) => {
                let connection = self.connection(stream)?;
                match by {
                    Peer::Client => connection.reset_by_client(),
                    Peer::Upstream => connection.reset_by_upstream(),
                };
            }
            Action::Reset { stream, by } => {
                let stream = self.stream(stream)?;
                match by {
                    Peer::Client => stream.reset_by_client(),
                    Peer::Upstream => stream.reset_by_upstream(),
                };
            }
            Action::Callout {
                cluster, outcome, ..
            } => {
                let (worker, call) = self
                    .pending(cluster)
                    .ok_or_else(|| format!("the filter has no open callout to `{cluster}`"))?;
                match outcome {
                    CalloutOutcome::Open => true,
                    CalloutOutcome::Answer(answer) => {
                        worker.answer_http_call(call.id, presented::callout_answer(answer))
                    }
                    CalloutOutcome::Reset => worker.reset_http_call(call.id),
                    CalloutOutcome::BrokenOff(_) => worker.break_http_answer(call.id),
                };
            }
            Action::Grpc { callee, event, .. } => self.act_grpc(callee, event.as_ref())?,
            Action::Lookup { name, addresses } => self.look_up(name, addresses)?,
            Action::Expect { .. } => {}
        }
        // Notices of queues do not wait for time to pass.
        self.host.advance(Duration::ZERO);
        Ok(())
    }

    fn outcome(&mut self) -> Result<Outcome, String> {
        let streams = self.streams.iter().map(|(name, stream)| {
            let outcome = StreamOutcome {
                upstream: stream.upstream(),
                client: stream.client(),
                details: stream.details(),
                filter_state: values(stream.filter_state()),
                properties: stream.properties(),
            };
            (name.clone(), outcome)
        });
        let connections = self.connections.iter().map(|(name, connection)| {
            let outcome = ConnectionOutcome {
                upstream: connection.upstream(),
                client: connection.client(),
                filter_state: values(connection.filter_state()),
                properties: connection.properties(),
            };
            (name.clone(), outcome)
        });
        let metrics = self.host.metrics().into_iter();
        let metrics = metrics.filter_map(|((_, name), metric)| match metric {
            Metric::Counter(value) | Metric::Gauge(value) => Some((name, value)),
            Metric::Histogram(_) => None,
        });
        let logs = self.host.logs().into_iter().skip(self.first_log);
        let logs = logs.filter(|line| line.worker > MAIN_THREAD);
        let calls = self.workers.iter().flat_map(Worker::http_calls);
        Ok(Outcome {
            streams: streams.collect(),
            connections: connections.collect(),
            metrics: metrics.collect(),
            logs: logs
                .map(|line| format!("{}: {}", level_name(line.level), line.message))
                .collect(),
            callouts: calls.map(|call| call.cluster).collect(),
            grpc: self.grpc_open(),
            lookups: self.lookups(),
            shared_data: self.host.shared_data(&self.vm_id),
        })
    }

    fn callout(&mut self, cluster: &str) -> Result<Option<Received>, String> {
        Ok(self.pending(cluster).map(|(_, call)| Received {
            headers: Some(presented::callout(call.headers)),
            body: call.body,
            trailers: Some(call.trailers).filter(|trailers| !trailers.is_empty()),
            complete: true,
            ..Received::default()
        }))
    }

    fn grpc_sent(
        &mut self,
        callee: &GrpcCallee,
        holds: &dyn Fn(&GrpcSent) -> bool,
    ) -> Result<Option<GrpcSent>, String> {
        let _ = holds;
        Ok(Harness::grpc_sent(self, callee))
    }
}

fn values(filter_state: BTreeMap<String, FilterState>) -> BTreeMap<String, Vec<u8>> {
    let state = filter_state.into_iter();
    state.map(|(key, state)| (key, state.value)).collect()
}
