//! The request sent, the upstream's answer, and everything that came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tollgate_host::scenario::file::{Books, Peer as Sender};
use tollgate_host::scenario::{
    Action, CalloutOutcome, FilterConfig, Harness, Outcome, Player as _, Scenario, presented,
};
use tollgate_host::{
    Costs, Death, FailurePolicy, Host, HttpAnswer, LocalReply, LogLine, Metric, MetricKind, Module,
    Protocol, Received, StreamEnd, Worker,
};

use super::input::{Input, Message};
use super::timeline::{Entry, Peer, head_line, sent_on};

/// A run and its result.
pub struct Run {
    /// The workers' starts: number and calls.
    pub start: Vec<Entry>,
    pub streams: Vec<StreamRun>,
    /// Counters, gauges and histograms by name.
    pub metrics: BTreeMap<(MetricKind, String), Metric>,
    /// What the workers logged, their starts included.
    pub logs: Vec<LogLine>,
    /// As scenarios see it.
    pub outcome: Outcome,
    /// Workers that are dead, and why.
    pub deaths: Vec<(usize, Death)>,
    /// Per worker, its start included.
    pub workers: Vec<WorkerCosts>,
}

pub struct WorkerCosts {
    pub start: Costs,
    pub all: Costs,
}

/// One request and what became of it.
pub struct StreamRun {
    pub name: String,
    pub worker: usize,
    pub timeline: Vec<Entry>,
    /// With the head as Envoy presents it to the filter.
    pub request: Message,
    /// In the order in which they were answered.
    pub callouts: Vec<AnsweredCallout>,
    pub upstream: Received,
    /// What the upstream answered, likewise; `None` when the request never reached it whole.
    pub response: Option<Message>,
    pub client: Received,
    pub local_reply: Option<LocalReply>,
    pub details: Option<String>,
    pub end: Option<StreamEnd>,
    pub costs: Costs,
}

/// A callout of the filter that an option answered.
pub struct AnsweredCallout {
    pub cluster: String,
    /// Not before the upstream had answered the request.
    pub after_response: bool,
}

/// A filter that calls out for ever would never let a run end.
const MOST_CALLOUTS: usize = 100;

/// Runs it.
///
/// # Errors
/// A sentence when the filter does not start.
pub fn perform(input: &Input, module: &Module) -> Result<Run, String> {
    let scenario = scenario(input);
    let mut plugin = Harness::plugin(&scenario);
    if let Some(fuel) = input.fuel {
        plugin.fuel_per_callback = fuel;
    }
    let mut harness =
        Harness::start_as(&scenario, module, plugin).map_err(|error| error.to_string())?;
    let start = crossings(&harness);
    let start_costs: Vec<Costs> = harness.workers().iter().map(Worker::costs).collect();
    let mut streams = Vec::new();
    for index in 0..input.repeat {
        let name = (index + 1).to_string();
        let going = Going {
            input,
            harness: &mut harness,
            name: &name,
            timeline: Vec::new(),
            callouts: Vec::new(),
            answered: false,
        };
        streams.push(going.run(index % input.workers)?);
    }
    let workers = harness.workers().iter().zip(start_costs);
    let costs = workers.map(|(worker, start)| WorkerCosts {
        start,
        all: worker.costs(),
    });
    let costs = costs.collect();
    let dead = harness.workers().iter().enumerate();
    let deaths = dead.filter_map(|(at, worker)| Some((at, worker.death()?)));
    Ok(Run {
        start,
        streams,
        metrics: Host::metrics(harness.host()),
        logs: harness.logs(),
        deaths: deaths.collect(),
        workers: costs,
        outcome: harness.outcome()?,
    })
}

fn scenario(input: &Input) -> Scenario {
    let protocol = protocol(input);
    Scenario {
        file: PathBuf::new(),
        about: String::new(),
        wasm: input.wasm.clone(),
        also_on: Vec::new(),
        filter: FilterConfig {
            name: input.name.clone(),
            root_id: input.root_id.clone(),
            vm_id: input.vm_id.clone(),
            configuration: input.configuration.clone(),
            vm_configuration: input.vm_configuration.clone(),
            environment: input.environment.clone(),
            allow_on_headers_stop_iteration: input.allow_on_headers_stop_iteration,
            failure_policy: FailurePolicy::default(),
            reload_backoff: None,
            allowed_capabilities: BTreeSet::new(),
            refused: None,
            per_connection_buffer_limit_bytes: input.buffer_limit,
            workers: input.workers,
        },
        client: protocol,
        upstream: protocol,
        route_name: None,
        properties: input.properties.clone(),
        clusters: input.callouts.keys().cloned().collect(),
        grpc_clusters: Vec::new(),
        clusters_without_hosts: Vec::new(),
        cuts_matter: None,
        logs_depend_on_cuts: None,
        second_stream_matters: None,
        traps: None,
        not_on_envoy: None,
        books: Books::default(),
        events: Vec::new(),
    }
}

/// How both connections speak.
fn protocol(input: &Input) -> Protocol {
    match input.http2 {
        true => Protocol::Http2,
        false => Protocol::Http1,
    }
}

/// The messages as the filter meets them, so that a comparison shows what it did, and not
/// what Envoy did before it.
fn request_presented(input: &Input) -> Message {
    Message {
        headers: presented::request(&input.request.headers, protocol(input)),
        body: input.request.body.clone(),
    }
}

fn response_presented(input: &Input) -> Message {
    let Message { headers, body } = &input.response;
    let to_head = input.request.headers.value(":method") == Some(b"HEAD");
    Message {
        headers: presented::response(headers, protocol(input), body.is_empty(), to_head),
        body: body.clone(),
    }
}

fn crossings(harness: &Harness) -> Vec<Entry> {
    let workers = harness.workers().iter().enumerate();
    let calls = workers.flat_map(|(at, worker)| {
        let calls = worker.transcript().into_iter();
        calls.map(move |call| Entry::Crossing(at, call))
    });
    calls.collect()
}

/// A request on its way.
struct Going<'a> {
    input: &'a Input,
    harness: &'a mut Harness,
    name: &'a str,
    timeline: Vec<Entry>,
    callouts: Vec<AnsweredCallout>,
    answered: bool,
}

impl Going<'_> {
    fn run(mut self, worker: usize) -> Result<StreamRun, String> {
        let Message { headers, body } = self.input.request.clone();
        let request = request_presented(self.input);
        let what = head_line(&request.headers);
        let open = Action::Open {
            stream: self.name.to_owned(),
            worker,
            headers,
            end: body.is_empty(),
        };
        self.arrives(Peer::Client, what, &open)?;
        self.body(Sender::Client, &self.input.chunks)?;
        self.answer_callouts()?;

        let mut response = None;
        if self.upstream().complete && self.end().is_none() {
            let Message { headers, body } = self.input.response.clone();
            let message = response_presented(self.input);
            self.answered = true;
            let what = head_line(&message.headers);
            let answer = Action::Answer {
                stream: self.name.to_owned(),
                headers,
                end: body.is_empty(),
            };
            self.arrives(Peer::Upstream, what, &answer)?;
            self.body(Sender::Upstream, &self.input.response_chunks)?;
            self.answer_callouts()?;
            response = Some(message);
        } else if self.end().is_none() {
            let note = "the upstream does not answer: the request has not come to it whole";
            self.timeline.push(Entry::Note(note.to_owned()));
        }
        if self.end().is_none() {
            let note = "the stream is still open: the filter holds it";
            self.timeline.push(Entry::Note(note.to_owned()));
        }
        let stream = &self.harness.streams()[self.name];
        Ok(StreamRun {
            name: self.name.to_owned(),
            worker,
            request,
            upstream: stream.upstream(),
            response,
            client: stream.client(),
            local_reply: stream.local_reply(),
            details: stream.details(),
            end: stream.end(),
            costs: stream.costs(),
            timeline: self.timeline,
            callouts: self.callouts,
        })
    }

    /// A body in its pieces. HTTP/1 ends it apart from the last of them, and the timeline
    /// shows that.
    fn body(&mut self, from: Sender, pieces: &[Vec<u8>]) -> Result<(), String> {
        let peer = match from {
            Sender::Client => Peer::Client,
            Sender::Upstream => Peer::Upstream,
        };
        let last = pieces.len().saturating_sub(1);
        for (at, bytes) in pieces.iter().enumerate() {
            if self.end().is_some() {
                return Ok(());
            }
            let end = at == last;
            let together = self.input.http2;
            let mut events = vec![(bytes.clone(), end && together)];
            if end && !together {
                events.push((Vec::new(), true));
            }
            for (bytes, end) in events {
                if self.end().is_some() {
                    return Ok(());
                }
                let what = match (bytes.len(), end) {
                    (0, _) => "end".to_owned(),
                    (size, true) => format!("body {size} B, end"),
                    (size, false) => format!("body {size} B"),
                };
                let body = Action::Body {
                    stream: self.name.to_owned(),
                    from,
                    bytes,
                    end,
                };
                self.arrives(peer, what, &body)?;
            }
        }
        Ok(())
    }

    /// Answers callouts as long as the filter makes any; it can name only clusters that an
    /// option has an answer of.
    fn answer_callouts(&mut self) -> Result<(), String> {
        for _ in 0..MOST_CALLOUTS {
            let calls = self.harness.workers().iter().flat_map(Worker::http_calls);
            let Some(call) = calls.min_by_key(|call| call.id) else {
                return Ok(());
            };
            let answer = &self.input.callouts[&call.cluster];
            let answer = HttpAnswer {
                headers: answer.headers.clone(),
                body: answer.body.clone(),
                ..HttpAnswer::default()
            };
            let headers = presented::callout_answer(&answer).headers;
            let what = format!("{} from `{}`", head_line(&headers), call.cluster);
            self.timeline.push(Entry::Leaves {
                to: Peer::Callout,
                what: format!("{} to `{}`", head_line(&call.headers), call.cluster),
            });
            let action = Action::Callout {
                cluster: call.cluster.clone(),
                sent: None,
                outcome: CalloutOutcome::Answer(answer),
            };
            self.arrives(Peer::Callout, what, &action)?;
            self.callouts.push(AnsweredCallout {
                after_response: self.answered,
                cluster: call.cluster,
            });
        }
        let note = format!("more than {MOST_CALLOUTS} callouts: the rest stay open");
        self.timeline.push(Entry::Note(note));
        Ok(())
    }

    /// Makes an event happen and writes down what follows from it.
    fn arrives(&mut self, from: Peer, what: String, action: &Action) -> Result<(), String> {
        self.timeline.push(Entry::Arrives { from, what });
        let (upstream, client) = (self.upstream(), self.client());
        let (replied, ended) = (self.local_reply().is_some(), self.end().is_some());
        self.harness.act(action)?;
        // The end callbacks come when everything has been sent.
        let mut calls = crossings(self.harness);
        let ends = |entry: &Entry| matches!(entry, Entry::Crossing(_, call) if call.function == "proxy_on_log");
        let last = calls.iter().position(ends).unwrap_or(calls.len());
        let ending = calls.split_off(last);
        self.timeline.extend(calls);
        if let Some(reply) = self.local_reply().filter(|_| !replied) {
            let details = match reply.details.as_str() {
                "" => String::new(),
                details => format!(" ({details})"),
            };
            let note = format!("local reply {}{details}", reply.status);
            self.timeline.push(Entry::Note(note));
        }
        let upstream = sent_on(Peer::Upstream, &upstream, &self.upstream());
        let client = sent_on(Peer::Client, &client, &self.client());
        self.timeline.extend(upstream);
        self.timeline.extend(client);
        if let Some(end) = self
            .end()
            .filter(|end| !ended && *end != StreamEnd::Complete)
        {
            self.timeline
                .push(Entry::Note(format!("the stream ends: {end:?}")));
        }
        self.timeline.extend(ending);
        Ok(())
    }

    fn upstream(&self) -> Received {
        let stream = self.harness.streams().get(self.name);
        stream.map(|stream| stream.upstream()).unwrap_or_default()
    }

    fn client(&self) -> Received {
        let stream = self.harness.streams().get(self.name);
        stream.map(|stream| stream.client()).unwrap_or_default()
    }

    fn local_reply(&self) -> Option<LocalReply> {
        self.harness.streams().get(self.name)?.local_reply()
    }

    fn end(&self) -> Option<StreamEnd> {
        self.harness.streams().get(self.name)?.end()
    }
}
