//! The same scenario on this harness and on a real Envoy: both must show the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::message::Received;
use crate::module::Module;
use crate::scenario::{
    Action, Difference, Event, Failure, Harness, Outcome, Player, Scenario, between, messages,
};

use super::records::PROPERTY_PREFIX;
use super::replay::Replay;
use crate::scenario::presented::SERVICE_TIME;

/// After the last event: what Envoy would send that the harness does not is sent by then.
const QUIET: Duration = Duration::from_millis(20);

/// What only one of the two can have, and why. It is taken out of both before they are
/// compared; everything else must be the same.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "`date` of a response",
        "Envoy adds it after the last filter, with the time of day",
    ),
    (
        "`connection` and `transfer-encoding` at the peers",
        "they belong to one hop of HTTP/1, and Envoy adds and removes them after the last filter",
    ),
    ("`:scheme` at an HTTP/1 upstream", "HTTP/1 does not send it"),
    (
        "`content-length: 0` at the peers",
        "Envoy's HTTP/1 codec adds it after the last filter to a message without a body",
    ),
    (
        "`x-envoy-internal` and `x-envoy-expected-rq-timeout-ms` of a callout",
        "Envoy's own client adds them behind the filter, and nothing turns them off",
    ),
    (
        "the number in `x-envoy-upstream-service-time` of a callout's answer",
        "how long it took, different each time",
    ),
    (
        "the order of open callouts",
        "each has a connection of its own, and any may arrive first",
    ),
    (
        "shared data",
        "nothing shows it outside of Envoy; what a filter reads of it is compared",
    ),
];

/// Plays a scenario on both and compares all that has come out after every event.
///
/// # Errors
/// When the harness or Envoy refuses the module.
pub fn agree(scenario: &Scenario, module: &Module, envoy: &Path) -> Result<Vec<Failure>, String> {
    let mut harness = Harness::start(scenario, module).map_err(|error| error.to_string())?;
    let steps = record(&mut harness, scenario)?;
    let mut state = BTreeSet::new();
    for step in &steps {
        let streams = step.outcome.streams.values();
        let streams = streams.map(|stream| (&stream.filter_state, &stream.properties));
        let connections = step.outcome.connections.values();
        let connections = connections.map(|of| (&of.filter_state, &of.properties));
        for (filter_state, properties) in streams.chain(connections) {
            state.extend(filter_state.keys().cloned());
            let properties = properties.keys();
            state.extend(properties.map(|path| format!("{PROPERTY_PREFIX}{path}")));
        }
    }
    let mut replay = Replay::start(scenario, envoy, &state)?;
    let mut failures = Vec::new();
    for step in &steps {
        let mut differences = step.replayed(&mut replay)?;
        let same = |outcome: &Outcome| differences_of(&step.outcome, outcome).is_empty();
        let outcome = replay.outcome_when(&same)?;
        differences.extend(differences_of(&step.outcome, &outcome));
        if !differences.is_empty() {
            failures.push(Failure {
                line: step.event.line,
                differences,
                problem: None,
            });
            // What follows would differ for the same reason.
            return Ok(failures);
        }
    }
    if let Some(last) = steps.last() {
        std::thread::sleep(QUIET);
        let differences = differences_of(&last.outcome, &replay.outcome()?);
        if !differences.is_empty() {
            failures.push(Failure {
                line: last.event.line,
                differences,
                problem: None,
            });
        }
    }
    Ok(failures)
}

/// An event, and what had come out of the harness when it had happened.
struct Step<'s> {
    event: &'s Event,
    /// What the callout it answers had sent.
    callout: Option<Received>,
    problem: Option<String>,
    outcome: Outcome,
}

fn record<'s>(harness: &mut Harness, scenario: &'s Scenario) -> Result<Vec<Step<'s>>, String> {
    let events = scenario.events.iter();
    let steps = events.map(|event| {
        Ok(Step {
            event,
            callout: callout(harness, &event.action)?,
            problem: harness.act(&event.action).err(),
            outcome: harness.outcome()?,
        })
    });
    steps.collect()
}

fn callout(player: &mut dyn Player, action: &Action) -> Result<Option<Received>, String> {
    match action {
        Action::Callout { cluster, .. } => player.callout(cluster),
        _ => Ok(None),
    }
}

impl Step<'_> {
    /// Makes the event happen; in what the callout it is about differs.
    fn replayed(&self, replay: &mut Replay) -> Result<Vec<Difference>, String> {
        let mut differences = Vec::new();
        let of_harness = self.callout.clone().unwrap_or_default();
        let of_envoy = callout(replay, &self.event.action)?.unwrap_or_default();
        let (of_harness, of_envoy) = (comparable(&of_harness), comparable(&of_envoy));
        messages(&mut differences, "sent", &of_harness, &of_envoy);
        let problem = replay.act(&self.event.action).err();
        if self.problem.is_some() != problem.is_some() {
            let text = |problem: &Option<String>| problem.clone().unwrap_or("it happened".into());
            differences.push(Difference {
                key: "event".to_owned(),
                expected: text(&self.problem),
                actual: text(&problem),
            });
        }
        Ok(differences)
    }
}

fn differences_of(harness: &Outcome, envoy: &Outcome) -> Vec<Difference> {
    let comparable = |outcome: &Outcome| {
        let mut outcome = outcome.clone();
        outcome.shared_data.clear();
        outcome.callouts.sort_unstable();
        for line in &mut outcome.logs {
            *line = without_service_time(line);
        }
        for stream in outcome.streams.values_mut() {
            stream.client = comparable(&stream.client);
            stream.upstream = comparable(&stream.upstream);
        }
        outcome
    };
    between(&comparable(harness), &comparable(envoy))
}

/// A message without [`EXCEPTIONS`].
fn comparable(message: &Received) -> Received {
    let mut message = message.clone();
    if let Some(headers) = &mut message.headers {
        for name in [
            "date",
            "connection",
            "transfer-encoding",
            ":scheme",
            "x-envoy-internal",
            "x-envoy-expected-rq-timeout-ms",
        ] {
            headers.remove(name);
        }
        if message.body.is_empty() && headers.value("content-length") == Some(b"0") {
            headers.remove("content-length");
        }
    }
    message
}

fn without_service_time(line: &str) -> String {
    let mut parts = line.split(SERVICE_TIME);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(SERVICE_TIME);
        text.extend(part.chars().filter(|c| !c.is_ascii_digit()));
    }
    text
}
