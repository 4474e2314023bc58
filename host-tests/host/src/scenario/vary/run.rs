//! One play of a variation, and what it showed.

use std::collections::BTreeSet;

use crate::grpc_calls::GrpcEvent;
use crate::module::Module;
use crate::scenario::books;
use crate::scenario::compare::Difference;
use crate::scenario::event::{Action, Scenario};
use crate::scenario::lifecycle::{self, Connections};
use crate::scenario::outcome::Outcome;
use crate::scenario::play::{self, Failure, Harness, Player};
use crate::stream::Stream;

use super::twist::{self, Twist};

/// Calls nobody answers are broken off at the end, again and again where the filter makes
/// new ones; this often at most.
const MOST_BROKEN_CALLS: usize = 100;

/// What one play showed.
pub struct Run {
    /// What is wrong by itself.
    pub failures: Vec<Failure>,
    /// After the last event.
    pub outcome: Outcome,
    /// Streams that had ended by then.
    ended: BTreeSet<String>,
    /// Streams whose requests the upstream has whole, or need not have.
    delivered: BTreeSet<String>,
    /// Streams that the module had answered itself.
    replied: BTreeSet<String>,
}

/// A sentence about the whole play.
pub fn problem(problem: String) -> Failure {
    at(0, Vec::new(), Some(problem))
}

fn at(line: usize, differences: Vec<Difference>, problem: Option<String>) -> Failure {
    Failure {
        line,
        differences,
        problem,
    }
}

impl Run {
    /// Plays `scenario`; what it expects is compared only if it `expects` anything.
    pub fn of(scenario: &Scenario, module: &Module, expects: bool) -> Self {
        match Harness::start(scenario, module) {
            Ok(harness) => Self::on(harness, scenario, module, expects),
            Err(error) => Self::of_no_start(error.to_string()),
        }
    }

    /// As [`Run::of`], on a harness that nothing has happened on.
    pub fn on(mut harness: Harness, scenario: &Scenario, module: &Module, expects: bool) -> Self {
        let before = books::counters(harness.host());
        let mut failures = Vec::new();
        let mut death = None;
        let mut number = 0;
        for event in &scenario.events {
            let line = event.line;
            if !twist::is_expectation(event) {
                number += 1;
            } else if !expects {
                continue;
            }
            match step(&mut harness, &event.action, expects) {
                Ok(differences) if differences.is_empty() => {}
                Ok(differences) => failures.push(at(line, differences, None)),
                Err(problem) => {
                    let problem = format!("at event {number}: {problem}");
                    failures.push(at(line, Vec::new(), Some(problem)));
                    // What follows would fail for the same reason.
                    break;
                }
            }
            if death.is_none() {
                let when = format!("at event {number}");
                death = died(&harness, &when).map(|problem| at(line, Vec::new(), Some(problem)));
            }
        }
        if !expects {
            break_calls(&harness);
        }
        let outcome = harness.outcome().unwrap_or_default();
        let streams = |holds: fn(&Stream) -> bool| {
            let streams = harness.streams().iter();
            let holding = streams.filter(|(_, stream)| holds(stream));
            holding.map(|(name, _)| name.clone()).collect()
        };
        let mut ended: BTreeSet<String> = streams(|stream| stream.end().is_some());
        let connections = harness.connections().iter();
        let over = connections.filter(|(_, connection)| connection.end().is_some());
        ended.extend(over.map(|(name, _)| name.clone()));
        let delivered =
            streams(|stream| stream.upstream().complete || stream.local_reply().is_some());
        let replied = streams(|stream| stream.local_reply().is_some());
        let disorder = close(&mut harness, module);
        let death = death.or_else(|| died(&harness, "at the end").map(problem));
        match (death, &scenario.traps) {
            // Everything else follows from it.
            (Some(death), None) => failures = vec![death],
            (Some(_), Some(_)) => {}
            (None, Some(_)) => {
                let text = "`traps` says that a worker dies, and none did";
                failures.push(problem(text.to_owned()));
            }
            (None, None) => {
                let streams = harness.streams().len() + harness.connections().len();
                let unsettled = books::unsettled(&scenario.books, harness.host(), &before, streams);
                let unnamed = match expects {
                    true => books::unnamed(&scenario.books, harness.host()),
                    false => Vec::new(),
                };
                let wrong = disorder.into_iter().chain(unsettled).chain(unnamed);
                failures.extend(wrong.map(problem));
            }
        }
        Self {
            failures,
            outcome,
            ended,
            delivered,
            replied,
        }
    }

    fn of_no_start(error: String) -> Self {
        Self {
            failures: vec![problem(error)],
            outcome: Outcome::default(),
            ended: BTreeSet::new(),
            delivered: BTreeSet::new(),
            replied: BTreeSet::new(),
        }
    }

    /// Streams that end in this run of the file as it is written, and not in `other`, which
    /// had this `twist`.
    pub fn hangs(&self, other: &Self, twist: Option<Twist>) -> Vec<Failure> {
        let sends_all = !matches!(twist, Some(Twist::Reset { .. } | Twist::EarlyAnswer { .. }));
        let mut hangs = Vec::new();
        let (streams, connections) = (&other.outcome.streams, &other.outcome.connections);
        for name in streams.keys().chain(connections.keys()) {
            let original = twist::original(name);
            // The file has no answer of an upstream for what the module answers itself, as it is
            // written; with an earlier stream broken off it may have to ask.
            let is_unanswered = self.replied.contains(original)
                && other.delivered.contains(name)
                && !other.replied.contains(name);
            if is_unanswered {
                continue;
            }
            if self.ended.contains(original) && !other.ended.contains(name) {
                let what = match connections.contains_key(name) {
                    true => "connection",
                    false => "stream",
                };
                let text = format!("{what} `{name}` hangs after the last event: it has no end");
                hangs.push(problem(text));
            } else if sends_all
                && self.delivered.contains(original)
                && !other.delivered.contains(name)
            {
                let text = "hangs after the last event: the upstream never gets the request's end";
                hangs.push(problem(format!("stream `{name}` {text}")));
            }
        }
        hangs
    }
}

fn step(harness: &mut Harness, action: &Action, expects: bool) -> Result<Vec<Difference>, String> {
    if !expects
        && let Action::Callout { cluster, .. } = action
        && harness.callout(cluster)?.is_none()
    {
        // The filter had no reason to make it this time.
        return Ok(Vec::new());
    }
    if !expects && matches!(action, Action::Grpc { .. } | Action::Lookup { .. }) {
        // Nor these; or another call than the file's is now the oldest.
        let _ = harness.act(action);
        return Ok(Vec::new());
    }
    let differences = play::step(harness, action)?;
    Ok(if expects { differences } else { Vec::new() })
}

fn died(harness: &Harness, when: &str) -> Option<String> {
    let death = harness.workers().iter().find_map(|worker| worker.death());
    death.map(|death| format!("{when}: the worker died: {death}"))
}

/// What nobody will answer breaks off: callouts, gRPC and lookups; so nothing waits for it.
fn break_calls(harness: &Harness) {
    for _ in 0..MOST_BROKEN_CALLS {
        let mut any = false;
        for worker in harness.workers() {
            for call in worker.http_calls() {
                any |= worker.reset_http_call(call.id);
            }
            for call in worker.grpc_calls() {
                any |= worker.answer_grpc_call(call.id, GrpcEvent::Reset);
            }
            for lookup in worker.dns_lookups() {
                any |= worker.answer_dns_lookup(lookup.id, &[]);
            }
        }
        if !any {
            break;
        }
    }
}

/// Ends what is still open and shuts the workers down; gives what was out of order in the
/// contexts' lives.
fn close(harness: &mut Harness, module: &Module) -> Vec<String> {
    let names: Vec<String> = harness.streams().keys().cloned().collect();
    for name in &names {
        if let Ok(stream) = harness.stream(name)
            && stream.end().is_none()
        {
            stream.reset_by_client();
        }
    }
    let open: Vec<String> = harness.connections().keys().cloned().collect();
    for name in &open {
        if let Ok(connection) = harness.connection(name) {
            // One of them may have ended its half, and its reset would go unnoticed.
            connection.reset_by_client().reset_by_upstream();
        }
    }
    let contexts = |open_only: bool| -> BTreeSet<u64> {
        let all = harness.connections().values();
        let wanted = all.filter(|connection| !open_only || connection.end().is_none());
        wanted.map(|connection| connection.id().into()).collect()
    };
    let connections = Connections {
        all: contexts(false),
        open: contexts(true),
    };
    let mut disorder = Vec::new();
    for worker in harness.workers() {
        if worker.death().is_none() {
            let transcript = worker.transcript();
            disorder.extend(lifecycle::disorder(module, &transcript, &connections));
            worker.shut_down();
        }
    }
    disorder
}
