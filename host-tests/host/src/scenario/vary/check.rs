//! Plays variations and compares what came out with the file as it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::message::Received;
use crate::module::Module;
use crate::scenario::agreement;
use crate::scenario::compare::Difference;
use crate::scenario::event::Scenario;
use crate::scenario::hold::hold;
use crate::scenario::outcome::{Outcome, StreamOutcome};
use crate::scenario::play::Failure;
use crate::shared::lock;

use super::excuse::Excuse;
use super::run::{self, Run};
use super::twist::{self, Twist};
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
const REASON: &str = "reset reason: ";

/// Stands before differences between two outcomes.
const NOT_THE_SAME: &str = "not what comes out of the file as it is written";

/// Plays every variation of every scenario, on as many threads as there are processors.
///
/// Faults come in the order of scenarios and variations. A scenario that is wrong as it is
/// written is not varied. An excuse that no variation of a file needs, on any of its modules,
/// is a fault too.
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
                    let examined = Examined::of(scenario, module, &Choice::All);
                    lock(&found).push((index, examined));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(index, _)| *index);
    let mut by_file: BTreeMap<&Path, (&Scenario, BTreeSet<Excuse>)> = BTreeMap::new();
    for (index, examined) in &found {
        let scenario = &scenarios[*index].0;
        let (_, needed) = by_file
            .entry(&scenario.file)
            .or_insert((scenario, BTreeSet::new()));
        needed.extend(&examined.needed);
    }
    let idle = by_file.into_values();
    let idle = idle.flat_map(|(scenario, needed)| idle_excuses(scenario, &needed));
    let found = found.into_iter().flat_map(|(_, examined)| examined.faults);
    found.chain(idle).collect()
}

/// Plays the chosen variations of one scenario; see [`check_all`]. One whose
/// filter must not start has none but itself.
pub fn check(scenario: &Scenario, module: &Module, choice: &Choice) -> Vec<Fault> {
    let examined = Examined::of(scenario, module, choice);
    let mut faults = examined.faults;
    if *choice == Choice::All {
        faults.extend(idle_excuses(scenario, &examined.needed));
    }
    faults
}

/// What the variations of a scenario show.
struct Examined {
    faults: Vec<Fault>,
    /// What its file says may differ, and did.
    needed: BTreeSet<Excuse>,
}

impl Examined {
    fn of(scenario: &Scenario, module: &Module, choice: &Choice) -> Self {
        let mut examined = Self {
            faults: Vec::new(),
            needed: BTreeSet::new(),
        };
        if scenario.filter.refused.is_some() {
            let failures = hold(scenario, module)
                .unwrap_or_else(|error| vec![run::problem(error.to_string())]);
            examined.add(scenario, &Variation::AS_WRITTEN, failures);
            return examined;
        }
        let mut variations = choice.of(scenario).into_iter();
        let Some(as_written) = variations.next() else {
            return examined;
        };
        let mut original = play(&as_written, scenario, module, true);
        let failures = std::mem::take(&mut original.failures);
        if !failures.is_empty() {
            // Whether it needs its excuses would show once it is right.
            examined.needed.extend(Excuse::ALL);
            examined.add(scenario, &as_written, failures);
            return examined;
        }
        for variation in variations {
            let failures = examined.failures(&variation, scenario, module, &original);
            examined.add(scenario, &variation, failures);
        }
        examined.look_on_the_way(scenario, module, choice);
        examined
    }

    fn add(&mut self, scenario: &Scenario, variation: &Variation, failures: Vec<Failure>) {
        let faults = failures.into_iter().map(|failure| Fault {
            file: scenario.file.clone(),
            wasm: scenario.wasm.clone(),
            variation: variation.clone(),
            failure,
        });
        self.faults.extend(faults);
    }

    /// What is wrong with a variation, and not excused.
    fn failures(
        &mut self,
        variation: &Variation,
        scenario: &Scenario,
        module: &Module,
        original: &Run,
    ) -> Vec<Failure> {
        let excuse = Excuse::of(scenario, variation);
        let expects = variation.twist.is_none() && excuse.is_none();
        let mut run = play(variation, scenario, module, expects);
        let mut failures = std::mem::take(&mut run.failures);
        self.take_logs(scenario, &mut failures);
        if !failures.is_empty() {
            return failures;
        }
        failures = original.hangs(&run, variation.twist);
        failures.extend(differs(variation, scenario, original, &run));
        self.take_logs(scenario, &mut failures);
        match excuse {
            Some(excuse) => {
                if failures.iter().any(is_more_than_logs) {
                    self.needed.insert(excuse);
                }
                Vec::new()
            }
            None => failures,
        }
    }

    /// Takes away what is about the logs, where these may differ.
    fn take_logs(&mut self, scenario: &Scenario, failures: &mut Vec<Failure>) {
        let excuse = Excuse::LogsDependOnCuts;
        if !excuse.is_in(scenario) {
            return;
        }
        for failure in failures.iter_mut() {
            let count = failure.differences.len();
            failure.differences.retain(|found| found.key != "logs");
            if failure.differences.len() < count {
                self.needed.insert(excuse);
            }
        }
        keep_what_says_something(failures);
    }

    /// Where the end is the same in every cut, what comes out on the way need not be.
    fn look_on_the_way(&mut self, scenario: &Scenario, module: &Module, choice: &Choice) {
        let excuse = Excuse::CutsMatter;
        if excuse.is_in(scenario) && !self.needed.contains(&excuse) {
            let mut cut = choice.of(scenario).into_iter();
            let differs = cut.any(|variation| {
                variation.twist.is_none() && {
                    let run = play(&variation, scenario, module, true);
                    run.failures.iter().any(is_more_than_logs)
                }
            });
            self.needed.extend(differs.then_some(excuse));
        }
    }
}

/// Excuses of the file that nothing needs.
fn idle_excuses(scenario: &Scenario, needed: &BTreeSet<Excuse>) -> Vec<Fault> {
    let idle = Excuse::ALL
        .into_iter()
        .filter(|excuse| excuse.is_in(scenario) && !needed.contains(excuse));
    let faults = idle.map(|excuse| Fault {
        file: scenario.file.clone(),
        wasm: scenario.wasm.clone(),
        variation: Variation::AS_WRITTEN,
        failure: run::problem(match excuse {
            Excuse::CutsMatter => "no variation needs `cuts_matter`: take it out; where only the \
                                   logs differ, `logs_depend_on_cuts` says so"
                .to_owned(),
            _ => format!("no variation needs `{}`: take it out", excuse.key()),
        }),
    });
    faults.collect()
}

/// Plays a variation; what it `expects` is compared, but not what its protocol decides.
fn play(variation: &Variation, scenario: &Scenario, module: &Module, expects: bool) -> Run {
    let mut run = Run::of(&variation.of(scenario), module, expects);
    if is_reframed(variation, scenario) {
        for failure in &mut run.failures {
            failure.differences.retain(|found| !is_about_framing(found));
        }
        keep_what_says_something(&mut run.failures);
    }
    run
}

fn keep_what_says_something(failures: &mut Vec<Failure>) {
    failures.retain(|failure| !failure.differences.is_empty() || says_a_problem(failure));
}

fn is_more_than_logs(failure: &Failure) -> bool {
    let mut differences = failure.differences.iter();
    says_a_problem(failure) || differences.any(|found| found.key != "logs")
}

/// A sentence that only introduces differences is none.
fn says_a_problem(failure: &Failure) -> bool {
    let problem = failure.problem.as_deref();
    problem.is_some_and(|problem| problem != NOT_THE_SAME)
}

fn is_reframed(variation: &Variation, scenario: &Scenario) -> bool {
    let written = (scenario.client, scenario.upstream);
    variation
        .protocols
        .is_some_and(|protocols| protocols != written)
}

/// What is not in the end as it is without the variation, of what must be.
fn differs(
    variation: &Variation,
    scenario: &Scenario,
    original: &Run,
    run: &Run,
) -> Option<Failure> {
    let (original, mut outcome) = (&original.outcome, run.outcome.clone());
    let mut expected = match variation.twist {
        None => original.clone(),
        Some(Twist::TwoAtOnce) => {
            outcome = only_peers(outcome);
            each_alone(original, &outcome)
        }
        Some(Twist::Trailers { .. }) => {
            outcome = only_bodies(&outcome);
            only_bodies(original)
        }
        Some(Twist::Reset { .. } | Twist::EarlyAnswer { .. }) => return None,
    };
    if is_reframed(variation, scenario) {
        unframe(&mut expected);
        unframe(&mut outcome);
    }
    let differences = agreement::between(&expected, &outcome);
    (!differences.is_empty()).then(|| Failure {
        differences,
        ..run::problem(NOT_THE_SAME.to_owned())
    })
}

/// What comes out of streams and connections, without what they share.
fn only_peers(outcome: Outcome) -> Outcome {
    Outcome {
        streams: outcome.streams,
        connections: outcome.connections,
        ..Outcome::default()
    }
}

/// What comes out of each stream and connection of `doubled` when it has no companion.
fn each_alone(original: &Outcome, doubled: &Outcome) -> Outcome {
    fn alone<T: Clone>(
        of: &BTreeMap<String, T>,
        names: &BTreeMap<String, T>,
    ) -> BTreeMap<String, T> {
        let names = names.keys();
        let alone = names.filter_map(|name| {
            let of = of.get(twist::original(name))?;
            Some((name.clone(), of.clone()))
        });
        alone.collect()
    }
    Outcome {
        streams: alone(&original.streams, &doubled.streams),
        connections: alone(&original.connections, &doubled.connections),
        ..Outcome::default()
    }
}

/// Trailers may change everything but what comes before them.
fn only_bodies(outcome: &Outcome) -> Outcome {
    let body = |message: &Received| Received {
        body: message.body.clone(),
        ..Received::default()
    };
    let streams = outcome.streams.iter().map(|(name, stream)| {
        let bodies = StreamOutcome {
            upstream: body(&stream.upstream),
            client: body(&stream.client),
            ..StreamOutcome::default()
        };
        (name.clone(), bodies)
    });
    Outcome {
        streams: streams.collect(),
        ..Outcome::default()
    }
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
            if let Some(at) = body
                .windows(REASON.len())
                .position(|part| part == REASON.as_bytes())
            {
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
        "body" => {
            let before = |body: &str| Some(body.split_once(REASON)?.0.to_owned());
            before(&found.expected).is_some_and(|text| before(&found.actual) == Some(text))
        }
        _ => false,
    }
}
