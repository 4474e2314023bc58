//! The same scenario on this harness and on a real Envoy: both must show the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::message::Received;
use crate::module::Module;
use crate::scenario::{
    Action, Difference, Event, Failure, GrpcSent, Harness, Outcome, Player, Scenario, between,
    grpc_between, messages,
};

use super::exceptions::{EXCEPTIONS, Shown};
use super::records::PROPERTY_PREFIX;
use super::refusal::refuses;
use super::replay::Replay;

/// After the last event: what Envoy would send that the harness does not is sent by then.
const QUIET: Duration = Duration::from_millis(20);

/// What the comparison of a scenario on both shows.
#[derive(Debug, Default)]
pub struct Agreement {
    /// Where they differ: one at most, as what follows would differ for the same reason.
    pub failures: Vec<Failure>,
    /// Those of [`EXCEPTIONS`] without which they would differ, by `what`.
    pub needed: BTreeSet<&'static str>,
}

/// Plays a scenario on both and compares all that has come out after every event.
///
/// # Errors
/// When the harness or Envoy refuses the module.
pub fn agree(scenario: &Scenario, module: &Module, envoy: &Path) -> Result<Agreement, String> {
    if scenario.filter.refused.is_some() {
        let failures = refuses(scenario, module, envoy)?;
        return Ok(Agreement {
            failures,
            ..Agreement::default()
        });
    }
    let mut harness = Harness::start(scenario, module).map_err(|error| error.to_string())?;
    let steps = record(&mut harness, scenario)?;
    let mut state = BTreeSet::new();
    for step in &steps {
        let outcome = &step.shown.outcome;
        let streams = outcome.streams.values();
        let streams = streams.map(|stream| (&stream.filter_state, &stream.properties));
        let connections = outcome.connections.values();
        let connections = connections.map(|of| (&of.filter_state, &of.properties));
        for (filter_state, properties) in streams.chain(connections) {
            state.extend(filter_state.keys().cloned());
            let properties = properties.keys();
            state.extend(properties.map(|path| format!("{PROPERTY_PREFIX}{path}")));
        }
    }
    let mut replay = Replay::start(scenario, envoy, &state)?;
    let mut agreement = Agreement::default();
    for step in &steps {
        let differences = step.replayed(&mut replay, &mut agreement.needed)?;
        if !differences.is_empty() {
            agreement.failures.push(step.failed(differences));
            return Ok(agreement);
        }
    }
    if let Some(last) = steps.last() {
        std::thread::sleep(QUIET);
        let envoy = Shown {
            outcome: replay.outcome()?,
            ..Shown::default()
        };
        let (harness, envoy) = (last.shown.comparable(), envoy.comparable());
        let differences = between(&harness.outcome, &envoy.outcome);
        if !differences.is_empty() {
            agreement.failures.push(last.failed(differences));
        }
    }
    Ok(agreement)
}

/// An event, and what the harness showed when it had happened.
struct Step<'s> {
    event: &'s Event,
    /// What the gRPC call or stream it is about had sent.
    grpc: Option<GrpcSent>,
    problem: Option<String>,
    shown: Shown,
}

fn record<'s>(harness: &mut Harness, scenario: &'s Scenario) -> Result<Vec<Step<'s>>, String> {
    let events = scenario.events.iter();
    let steps = events.map(|event| {
        let sent = sent(harness, &event.action)?;
        Ok(Step {
            event,
            grpc: grpc_sent(harness, &event.action, &|_| true)?,
            problem: harness.act(&event.action).err(),
            shown: Shown {
                outcome: harness.outcome()?,
                sent,
            },
        })
    });
    steps.collect()
}

fn sent(player: &mut dyn Player, action: &Action) -> Result<Received, String> {
    match action {
        Action::Callout { cluster, .. } => Ok(player.callout(cluster)?.unwrap_or_default()),
        _ => Ok(Received::default()),
    }
}

fn grpc_sent(
    player: &mut dyn Player,
    action: &Action,
    holds: &dyn Fn(&GrpcSent) -> bool,
) -> Result<Option<GrpcSent>, String> {
    match action {
        Action::Grpc { callee, .. } => player.grpc_sent(callee, holds),
        _ => Ok(None),
    }
}

impl Step<'_> {
    /// Makes the event happen; in what Envoy differs then, and which exceptions it took.
    fn replayed(
        &self,
        replay: &mut Replay,
        needed: &mut BTreeSet<&'static str>,
    ) -> Result<Vec<Difference>, String> {
        let sent = sent(replay, &self.event.action)?;
        let expected = self.grpc.clone().unwrap_or_default();
        let to_service = grpc_sent(replay, &self.event.action, &|sent| *sent == expected)?;
        let problem = replay.act(&self.event.action).err();
        let shown = |outcome: Outcome| Shown {
            outcome,
            sent: sent.clone(),
        };
        let harness = self.shown.comparable();
        let same = |outcome: &Outcome| {
            differences(&harness, &shown(outcome.clone()).comparable()).is_empty()
        };
        let envoy = shown(replay.outcome_when(&same)?);
        let mut found = differences(&harness, &envoy.comparable());
        found.extend(grpc_between(&expected, &to_service.unwrap_or_default()));
        if self.problem.is_some() != problem.is_some() {
            let text = |problem: &Option<String>| problem.clone().unwrap_or("it happened".into());
            found.push(Difference {
                key: "event".to_owned(),
                expected: text(&self.problem),
                actual: text(&problem),
            });
        }
        if found.is_empty() {
            for (index, exception) in EXCEPTIONS.iter().enumerate() {
                let (harness, envoy) = (
                    self.shown.without_all_but(index),
                    envoy.without_all_but(index),
                );
                if !differences(&harness, &envoy).is_empty() {
                    needed.insert(exception.what);
                }
            }
        }
        Ok(found)
    }

    fn failed(&self, differences: Vec<Difference>) -> Failure {
        Failure {
            line: self.event.line,
            differences,
            problem: None,
        }
    }
}

fn differences(harness: &Shown, envoy: &Shown) -> Vec<Difference> {
    let mut found = between(&harness.outcome, &envoy.outcome);
    messages(&mut found, "sent", &harness.sent, &envoy.sent);
    found
}
