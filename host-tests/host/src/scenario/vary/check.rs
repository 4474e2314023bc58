//! Plays variations and compares what came out with the file as it is written.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::module::Module;
use crate::scenario::agreement;
use crate::scenario::compare::Difference;
use crate::scenario::event::Scenario;
use crate::scenario::hold::hold;
use crate::scenario::outcome::Outcome;
use crate::scenario::play::Failure;
use crate::shared::lock;

use super::run::{self, Run};
use super::{Choice, Fault, Variation};

/// Headers with which an HTTP/1 head says how its body ends; an HTTP/2 head need not.
const FRAMING: [&str; 2] = ["transfer-encoding", "content-length"];

/// Parts of Envoy's response code details for a peer's reset: each protocol has its own.
const RESETS: [&str; 5] = [
    "downstream_remote_disconnect",
    "http2.remote_reset",
    "{connection_termination}",
    "{protocol_error}",
    "{remote_reset}",
];

/// Where Envoy's answer to a request whose upstream broke off names how, likewise.
const REASON: &[u8] = b"reset reason: ";

/// Plays every variation of every scenario, on as many threads as there are processors.
///
/// Faults come in the order of scenarios and variations. A scenario that is wrong as it is
/// written is not varied.
pub fn check_all(scenarios: &[(Scenario, Module)]) -> Vec<Fault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((scenario, module)) = scenarios.get(index) else {
                        break;
                    };
                    let faults = check(scenario, module, &Choice::All);
                    lock(&found).push((index, faults));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().flat_map(|(_, faults)| faults).collect()
}

/// Plays the chosen variations of one scenario; see [`check_all`]. One whose
/// filter must not start has none but itself.
pub fn check(scenario: &Scenario, module: &Module, choice: &Choice) -> Vec<Fault> {
    let mut faults = Vec::new();
    if scenario.filter.refused.is_some() {
        let failures = hold(scenario, module).unwrap_or_else(|error| {
            vec![Failure {
                line: 0,
                differences: Vec::new(),
                problem: Some(error.to_string()),
            }]
        });
        let faults = failures.into_iter().map(|failure| Fault {
            file: scenario.file.clone(),
            wasm: scenario.wasm.clone(),
            variation: Variation::AS_WRITTEN,
            failure,
        });
        return faults.collect();
    }
    let mut original: Option<Run> = None;
    for variation in choice.of(scenario) {
        let mut run = play(&variation, scenario, module);
        let mut failures = std::mem::take(&mut run.failures);
        if let Some(original) = &original
            && failures.is_empty()
            && scenario.cuts_matter.is_none()
        {
            failures = original.hangs(&run, variation.twist);
            if variation.twist.is_none() {
                failures.extend(differs(&original.outcome, run.outcome.clone(), {
                    is_reframed(&variation, scenario)
                }));
            }
        }
        let is_wrong = !failures.is_empty();
        faults.extend(failures.into_iter().map(|failure| Fault {
            file: scenario.file.clone(),
            wasm: scenario.wasm.clone(),
            variation: variation.clone(),
            failure,
        }));
        match original {
            Some(_) => {}
            None if is_wrong => break,
            None => original = Some(run),
        }
    }
    faults
}

fn play(variation: &Variation, scenario: &Scenario, module: &Module) -> Run {
    let is_same = variation.twist.is_none() && scenario.cuts_matter.is_none();
    let expects = variation.changes_nothing() || is_same;
    let mut run = Run::of(&variation.of(scenario), module, expects);
    if is_reframed(variation, scenario) {
        for failure in &mut run.failures {
            failure.differences.retain(|found| !is_about_framing(found));
        }
        run.failures
            .retain(|failure| failure.problem.is_some() || !failure.differences.is_empty());
    }
    run
}

fn is_reframed(variation: &Variation, scenario: &Scenario) -> bool {
    let written = (scenario.client, scenario.upstream);
    variation
        .protocols
        .is_some_and(|protocols| protocols != written)
}

/// What is not in the end as it is without the variation.
fn differs(original: &Outcome, mut outcome: Outcome, is_reframed: bool) -> Option<Failure> {
    let mut expected = original.clone();
    if is_reframed {
        unframe(&mut expected);
        unframe(&mut outcome);
    }
    let differences = agreement::between(&expected, &outcome);
    let text = "not what comes out of the file as it is written".to_owned();
    (!differences.is_empty()).then(|| Failure {
        differences,
        ..run::problem(text)
    })
}

/// Takes away what the protocol decides.
fn unframe(outcome: &mut Outcome) {
    for stream in outcome.streams.values_mut() {
        for message in [&mut stream.upstream, &mut stream.client] {
            if let Some(headers) = &mut message.headers {
                FRAMING.iter().for_each(|name| headers.remove(name));
            }
        }
        let details = stream.details.as_deref().unwrap_or_default();
        if RESETS.iter().any(|reset| details.contains(reset)) {
            stream.details = None;
            let body = &mut stream.client.body;
            if let Some(at) = body.windows(REASON.len()).position(|part| part == REASON) {
                body.truncate(at);
            }
        }
    }
}

/// An expectation that another protocol need not meet. The outcome as a whole shows whether
/// it was only that.
fn is_about_framing(found: &Difference) -> bool {
    let is_framing = |name: &&str| {
        let expected = found
            .expected
            .strip_prefix("no ")
            .unwrap_or(&found.expected);
        expected == *name || expected.starts_with(&format!("{name}:"))
    };
    let (_, key) = found.key.rsplit_once('.').unwrap_or(("", &found.key));
    match key {
        "head" | "details" => true,
        "headers" | "without" => FRAMING.iter().any(is_framing),
        _ => false,
    }
}
