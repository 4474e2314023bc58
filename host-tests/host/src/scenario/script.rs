//! A scenario's file read, checked, and made a flat list of events.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::flow::Protocol;
use crate::message::HttpAnswer;

use super::connection::{self, Kind};
use super::error::{FileError, in_words_of_toml, line_at, line_of};
use super::event::{Action, CalloutOutcome, Event, Scenario};
use super::expected;
use super::file::{File, Message, Modules, Peer, ProtocolName, Step};
use super::filter::{self, FilterConfig};
use super::grpc;
use super::head;
use super::sending::Sending;
use super::services;

impl Scenario {
    /// Reads and checks the scenario in the file `path`, which must expect something.
    ///
    /// # Errors
    /// With file, line and key of the first thing that is wrong.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path)
            .map_err(|error| FileError::whole(path, format!("cannot be read: {error}")))?;
        let scenario = Self::parse(path, &text)?;
        expected::check_all(&scenario)?;
        Ok(scenario)
    }

    /// As [`Scenario::load`], of a text, which may expect nothing yet; `path` is where relative
    /// names in it start.
    ///
    /// # Errors
    /// With line and key of the first thing that is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        let file = parse_file(path, text)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut modules = match &file.filter.wasm {
            Modules::One(one) => vec![folder.join(one)],
            Modules::Several(several) => several.iter().map(|one| folder.join(one)).collect(),
        };
        let wrong = |key: &str, problem: String| FileError {
            file: path.to_owned(),
            line: line_of(text, 0, key),
            key: key.to_owned(),
            problem,
        };
        if modules.is_empty() {
            let problem = "an empty list: name at least one module's file".to_owned();
            return Err(wrong("filter.wasm", problem));
        }
        if !(1..=MOST_WORKERS).contains(&file.filter.workers) {
            let problem = format!("a number from 1 to {MOST_WORKERS}");
            return Err(wrong("filter.workers", problem));
        }
        let kind = Kind::of(&file);
        kind.check_file(&file)
            .map_err(|(key, problem)| wrong(&key, problem))?;
        let mut flattening = Flattening {
            source: Source { path, text },
            events: Vec::new(),
            opened: BTreeMap::new(),
            latest: None,
            kind,
            workers: file.filter.workers,
            clusters: &file.clusters,
            grpc_clusters: &file.grpc_clusters,
            clusters_without_hosts: &file.clusters_without_hosts,
        };
        filter::check(path, text, &file)?;
        for (index, step) in file.steps.into_iter().enumerate() {
            let line = line_at(text, step.span().start);
            flattening.step(index, line, step.into_inner())?;
        }
        let events = flattening.events;
        Ok(Self {
            file: path.to_owned(),
            about: file.about,
            wasm: modules.remove(0),
            also_on: modules,
            filter: FilterConfig::of(file.filter).map_err(|(key, problem)| wrong(&key, problem))?,
            client: protocol(file.protocol.client),
            upstream: protocol(file.protocol.upstream),
            route_name: file.route_name,
            properties: file.properties,
            clusters: file.clusters,
            grpc_clusters: file.grpc_clusters,
            clusters_without_hosts: file.clusters_without_hosts,
            cuts_matter: file.cuts_matter,
            logs_depend_on_cuts: file.logs_depend_on_cuts,
            second_stream_matters: file.second_stream_matters,
            traps: file.traps,
            not_on_envoy: file.not_on_envoy,
            books: file.books,
            events,
        })
    }
}

/// Each VM reserves gigabytes of addresses.
const MOST_WORKERS: usize = 1000;

fn parse_file(path: &Path, text: &str) -> Result<File, FileError> {
    let broken = |error: &toml::de::Error, key: String| FileError {
        file: path.to_owned(),
        line: error.span().map_or(0, |span| line_at(text, span.start)),
        key,
        problem: in_words_of_toml(error.message()),
    };
    let deserializer =
        toml::Deserializer::parse(text).map_err(|error| broken(&error, String::new()))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        // The whole file is `.`; a step goes by a name of toml's own.
        let key = error.path().to_string();
        let key = key.replace(".$__serde_spanned_private_value", "");
        let key = key.strip_prefix('.').unwrap_or(&key).to_owned();
        broken(error.inner(), key)
    })
}

fn protocol(name: ProtocolName) -> Protocol {
    match name {
        ProtocolName::Http1 => Protocol::Http1,
        ProtocolName::Http2 => Protocol::Http2,
    }
}

/// The file, to say where something is.
#[derive(Clone, Copy)]
struct Source<'t> {
    path: &'t Path,
    text: &'t str,
}

impl Source<'_> {
    fn line_of(self, step_line: usize, key: &str) -> usize {
        line_of(self.text, step_line, key)
    }
}

/// Steps on their way to events.
struct Flattening<'t> {
    source: Source<'t>,
    events: Vec<Event>,
    opened: BTreeMap<String, Sending>,
    latest: Option<String>,
    kind: Kind,
    workers: usize,
    clusters: &'t [String],
    grpc_clusters: &'t [String],
    clusters_without_hosts: &'t [String],
}

impl Flattening<'_> {
    fn step(&mut self, index: usize, line: usize, step: Step) -> Result<(), FileError> {
        let source = self.source;
        let wrong = |key: &str, problem: String| FileError {
            file: source.path.to_owned(),
            line: source.line_of(line, key),
            key: format!("steps[{index}].{key}")
                .trim_end_matches('.')
                .to_owned(),
            problem,
        };
        let kind = self.kind;
        kind.check_step(&step)
            .map_err(|(key, problem)| wrong(key, problem))?;
        let request = step.request.as_ref();
        let opens = request.is_some_and(|message| message.head.is_some());
        let opens = opens || step.connect.is_some();
        if step.worker.is_some() && !opens {
            let problem = "a worker is chosen where `request.head` or `connect` opens something";
            return Err(wrong("worker", problem.to_owned()));
        }
        let worker = step.worker.unwrap_or(0);
        if worker >= self.workers {
            let problem = format!("`filter.workers` is {}, counted from 0", self.workers);
            return Err(wrong("worker", problem));
        }
        if let Some(callout) = &step.callout
            && !self.clusters.contains(&callout.cluster)
        {
            let name = &callout.cluster;
            let problem = match self.clusters_without_hosts.contains(name) {
                true => format!("`{name}` has no host, and callouts to it fail at once"),
                false => format!("`clusters` does not name `{name}`"),
            };
            return Err(wrong("callout.cluster", problem));
        }
        if opens {
            let number = self.opened.len() + 1;
            let name = step.stream.clone().unwrap_or_else(|| number.to_string());
            if self.opened.contains_key(&name) {
                let problem = format!("an earlier step has opened `{name}`: choose another name");
                return Err(wrong("stream", problem));
            }
            self.opened.insert(name.clone(), Sending::default());
            self.latest = Some(name);
        } else if let Some(name) = &step.stream {
            if !self.opened.contains_key(name) {
                let problem = format!("no earlier step has opened `{name}`");
                return Err(wrong("stream", problem));
            }
            self.latest = Some(name.clone());
        }
        let named = self.latest.clone();
        let sends = step.request.is_some() || step.response.is_some();
        let sends = sends || step.downstream.is_some() || step.upstream.is_some();
        if (sends || step.reset.is_some()) && named.is_none() {
            return Err(wrong("stream", kind.nothing_open().to_owned()));
        }
        let stream = named.clone().unwrap_or_default();
        if let Some(sending) = self.opened.get_mut(&stream) {
            check_sending(sending, &step)
                .map_err(|(key, problem)| wrong(key.trim_end_matches('.'), problem))?;
        }

        let mut actions = Vec::new();
        actions.extend(step.advance.map(|span| Action::Advance(span.0)));
        actions.extend(step.connect.map(|connect| Action::Connect {
            stream: stream.clone(),
            worker,
            refused: connect.refused,
        }));
        if let Some(message) = step.request {
            pieces(&mut actions, &stream, Peer::Client, worker, message)
                .map_err(|(key, problem)| wrong(&format!("request.{key}"), problem))?;
        }
        if let Some(data) = step.downstream {
            let pieces = connection::pieces(&stream, Peer::Client, data)
                .map_err(|(key, problem)| wrong(&format!("downstream{key}"), problem))?;
            actions.extend(pieces);
        }
        if let Some(callout) = step.callout {
            if let Some(sent) = &callout.sent {
                expected::check_sent(sent)
                    .map_err(|(key, problem)| wrong(&format!("callout.{key}"), problem))?;
            }
            let answer = callout.answer.map(|answer| {
                Ok(HttpAnswer {
                    headers: head::response(&answer.head)
                        .map_err(|problem| wrong("callout.answer.head", problem))?,
                    body: answer.body.0,
                    trailers: head::fields(answer.trailers.iter().map(String::as_str))
                        .map_err(|problem| wrong("callout.answer.trailers", problem))?,
                })
            });
            let outcome = match (answer.transpose()?, callout.reset) {
                (None, false) => CalloutOutcome::Open,
                (None, true) => CalloutOutcome::Reset,
                (Some(answer), false) => CalloutOutcome::Answer(answer),
                (Some(answer), true) if !answer.trailers.is_empty() => {
                    let problem = "an answer that breaks off does not get to its trailers";
                    return Err(wrong("callout.answer.trailers", problem.to_owned()));
                }
                (Some(answer), true) => CalloutOutcome::BrokenOff(answer),
            };
            actions.push(Action::Callout {
                cluster: callout.cluster,
                sent: callout.sent.map(Box::new),
                outcome,
            });
        }
        if let Some(grpc) = step.grpc {
            let events = grpc::events(grpc, self.grpc_clusters);
            actions
                .extend(events.map_err(|(key, problem)| wrong(&format!("grpc.{key}"), problem))?);
        }
        if let Some(lookup) = step.lookup {
            let action = services::lookup(lookup);
            actions.push(action.map_err(|problem| wrong("lookup.addresses", problem))?);
        }
        if let Some(message) = step.response {
            pieces(&mut actions, &stream, Peer::Upstream, worker, message)
                .map_err(|(key, problem)| wrong(&format!("response.{key}"), problem))?;
        }
        if let Some(data) = step.upstream {
            let pieces = connection::pieces(&stream, Peer::Upstream, data)
                .map_err(|(key, problem)| wrong(&format!("upstream{key}"), problem))?;
            actions.extend(pieces);
        }
        actions.extend(step.reset.map(|by| Action::Reset {
            stream: stream.clone(),
            by,
        }));
        if let Some(expect) = step.expect {
            kind.check_expect(&expect)
                .and_then(|()| expected::check(&expect, self.clusters, self.grpc_clusters))
                .map_err(|(key, problem)| wrong(&format!("expect.{key}"), problem))?;
            actions.push(Action::Expect {
                stream: named,
                expect: Box::new(expect),
            });
        }
        if actions.is_empty() {
            let problem = "a step says nothing: name one of advance, connect, request, \
                           downstream, callout, grpc, lookup, response, upstream, reset, expect";
            return Err(wrong("", problem.to_owned()));
        }
        let events = actions.into_iter().map(|action| Event { line, action });
        self.events.extend(events);
        Ok(())
    }
}

/// The peers can do what the step says of them, which happens in this order.
fn check_sending(sending: &mut Sending, step: &Step) -> Result<(), (String, String)> {
    if step.connect.as_ref().is_some_and(|connect| connect.refused) {
        sending.refuse();
    }
    let messages = [
        ("request", Peer::Client, &step.request),
        ("response", Peer::Upstream, &step.response),
    ];
    for (sent, peer, message) in messages {
        let Some(message) = message else { continue };
        let taken = sending.message(peer, message);
        taken.map_err(|(key, problem)| (format!("{sent}.{key}"), problem))?;
    }
    let data = [
        ("downstream", Peer::Client, &step.downstream),
        ("upstream", Peer::Upstream, &step.upstream),
    ];
    for (sent, peer, data) in data {
        let Some(data) = data else { continue };
        let taken = sending.data(peer, data);
        taken.map_err(|problem| (sent.to_owned(), problem))?;
    }
    let reset = step.reset.map_or(Ok(()), |peer| sending.reset(peer));
    reset.map_err(|problem| ("reset".to_owned(), problem))
}

/// A message's pieces as events.
fn pieces(
    actions: &mut Vec<Action>,
    stream: &str,
    from: Peer,
    worker: usize,
    message: Message,
) -> Result<(), (&'static str, String)> {
    if message.body.is_some() && !message.chunks.is_empty() {
        return Err(("chunks", "say `body` or `chunks`, not both".to_owned()));
    }
    if !message.trailers.is_empty() && !message.end {
        return Err(("end", "trailers are a message's end".to_owned()));
    }
    let mut parts: Vec<Vec<u8>> = message.chunks.into_iter().map(|chunk| chunk.0).collect();
    parts.extend(message.body.map(|body| body.0));
    let trailers = head::fields(message.trailers.iter().map(String::as_str))
        .map_err(|problem| ("trailers", problem))?;
    let ends_with_trailers = !trailers.is_empty();
    if parts.is_empty()
        && message.end
        && !ends_with_trailers
        && (message.head.is_none() || message.metadata.is_some())
    {
        // An end by itself.
        parts.push(Vec::new());
    }
    if let Some(text) = message.head {
        let end = message.end && parts.is_empty() && !ends_with_trailers;
        let read = match from {
            Peer::Client => head::sent_request(&text),
            Peer::Upstream => head::response(&text),
        };
        let mut headers = read.map_err(|problem| ("head", problem))?;
        if headers.value("content-length") == Some(b"auto") {
            if !message.end {
                let problem = "`content-length: auto` needs the whole body in this step";
                return Err(("head", problem.to_owned()));
            }
            let length: usize = parts.iter().map(Vec::len).sum();
            headers.set("content-length", length.to_string());
        }
        let stream = stream.to_owned();
        actions.push(match from {
            Peer::Client => Action::Open {
                stream,
                worker,
                headers,
                end,
            },
            Peer::Upstream => Action::Answer {
                stream,
                headers,
                end,
            },
        });
    }
    if let Some(entries) = message.metadata {
        let entries = entries.into_iter();
        actions.push(Action::Metadata {
            stream: stream.to_owned(),
            from,
            metadata: entries
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        });
    }
    let count = parts.len();
    for (index, bytes) in parts.into_iter().enumerate() {
        actions.push(Action::Body {
            stream: stream.to_owned(),
            from,
            bytes,
            end: message.end && !ends_with_trailers && index + 1 == count,
        });
    }
    if ends_with_trailers {
        actions.push(Action::Trailers {
            stream: stream.to_owned(),
            from,
            trailers,
        });
    }
    Ok(())
}
