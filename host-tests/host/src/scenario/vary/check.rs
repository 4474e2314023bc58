//! Plays variations and says what is wrong with what came out.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::module::Module;
use crate::scenario::agreement;
use crate::scenario::books::{self, Counters};
use crate::scenario::lifecycle::{self, Connections};
use crate::scenario::outcome::Outcome;
use crate::scenario::play::{self, Failure, Harness, Player};
use crate::scenario::script::{Action, Scenario};
use crate::shared::lock;
use crate::stream::Stream;

use super::Variation;
use super::twist::{COMPANION, Twist};

/// Callouts nobody answers are broken off at the end, again and again where the filter makes
/// new ones; this often at most.
const MOST_BROKEN_CALLOUTS: usize = 100;

/// Something a variation shows to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The scenario's file.
    pub file: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// The variation's name.
    pub variation: String,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.wasm.file_name().unwrap_or(self.wasm.as_os_str());
        write!(
            f,
            "{} on {}, {}: {}",
            self.file.display(),
            module.display(),
            self.variation,
            self.problem
        )
    }
}

impl std::error::Error for Fault {}

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
                    let faults = check(scenario, module);
                    lock(&found).push((index, faults));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().flat_map(|(_, faults)| faults).collect()
}

/// Plays every variation of one scenario; see [`check_all`].
pub fn check(scenario: &Scenario, module: &Module) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |variation: &Variation, problem: String| {
        faults.push(Fault {
            file: scenario.file.clone(),
            wasm: scenario.wasm.clone(),
            variation: variation.to_string(),
            problem,
        });
    };
    let mut original: Option<Run> = None;
    for variation in Variation::all(scenario) {
        let varied = variation.of(scenario);
        let must_be_same = variation.changes_nothing()
            || (variation.twist.is_none() && scenario.cuts_matter.is_none());
        let reframed = (varied.client, varied.upstream) != (scenario.client, scenario.upstream);
        let run = match Run::of(&varied, module, must_be_same) {
            Ok(mut run) => {
                if reframed {
                    unframe(&mut run.outcome);
                    run.failures.retain(|failure| !is_about_heads(failure));
                }
                run
            }
            Err(problem) => {
                fault(&variation, problem);
                break;
            }
        };
        for failure in &run.failures {
            fault(&variation, failure.to_string());
        }
        for problem in &run.problems {
            fault(&variation, problem.clone());
        }
        let is_wrong = !(run.failures.is_empty() && run.problems.is_empty());
        let Some(original) = &original else {
            if is_wrong {
                break;
            }
            original = Some(run);
            continue;
        };
        for problem in original.hangs(&run, &variation) {
            fault(&variation, problem);
        }
        // Where something is wrong already, what is else would follow from it.
        if must_be_same && !is_wrong {
            let mut expected = original.outcome.clone();
            if reframed {
                unframe(&mut expected);
            }
            for difference in agreement::between(&expected, &run.outcome) {
                let problem = "not what comes out of the file as it is written";
                fault(&variation, format!("{problem}: {difference}"));
            }
        }
    }
    faults
}

/// What one play showed.
struct Run {
    /// Expectations that are not met.
    failures: Vec<Failure>,
    /// What else is wrong by itself.
    problems: Vec<String>,
    /// After the last event.
    outcome: Outcome,
    /// Streams that had ended by then.
    ended: BTreeSet<String>,
    /// Streams whose requests the upstream has whole, or need not have.
    delivered: BTreeSet<String>,
}

impl Run {
    fn of(scenario: &Scenario, module: &Module, expects: bool) -> Result<Self, String> {
        let mut harness = Harness::start(scenario, module).map_err(|error| error.to_string())?;
        let before = books::counters(harness.host());
        let mut failures = Vec::new();
        if expects {
            failures = play::play(&mut harness, &scenario.events);
        } else {
            for event in &scenario.events {
                if let Action::Callout { cluster, .. } = &event.action
                    && harness.callout(cluster)?.is_none()
                {
                    // The filter had no reason to make it this time.
                    continue;
                }
                play::step(&mut harness, &event.action)?;
            }
            break_callouts(&harness);
        }
        let outcome = harness.outcome()?;
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
        let problems = close(harness, scenario, module, &before);
        Ok(Self {
            failures,
            problems,
            outcome,
            ended,
            delivered,
        })
    }

    /// Streams that end in this run of the file as it is written, and not in `other`.
    fn hangs(&self, other: &Self, variation: &Variation) -> Vec<String> {
        let sends_all = !matches!(
            variation.twist,
            Some(Twist::Reset { .. } | Twist::EarlyAnswer { .. })
        );
        let mut hangs = Vec::new();
        let (streams, connections) = (&other.outcome.streams, &other.outcome.connections);
        for name in streams.keys().chain(connections.keys()) {
            let original = name.strip_suffix(COMPANION).unwrap_or(name);
            if self.ended.contains(original) && !other.ended.contains(name) {
                let what = match connections.contains_key(name) {
                    true => "connection",
                    false => "stream",
                };
                hangs.push(format!("{what} `{name}` hangs: it has no end"));
            } else if sends_all
                && self.delivered.contains(original)
                && !other.delivered.contains(name)
            {
                hangs.push(format!(
                    "stream `{name}` hangs: the upstream never gets the request's end"
                ));
            }
        }
        hangs
    }
}

/// Takes away what an HTTP/1 head says about how its body ends, and an HTTP/2 head need not.
fn unframe(outcome: &mut Outcome) {
    for stream in outcome.streams.values_mut() {
        for message in [&mut stream.upstream, &mut stream.client] {
            if let Some(headers) = &mut message.headers {
                headers.remove("transfer-encoding");
                headers.remove("content-length");
            }
        }
    }
}

/// Nothing but a head was not met: another protocol frames it in another way, and the outcome
/// as a whole shows whether that was all.
fn is_about_heads(failure: &Failure) -> bool {
    let mut keys = failure.differences.iter().map(|difference| &difference.key);
    failure.problem.is_none() && keys.all(|key| key.ends_with(".head"))
}

/// Callouts that nobody will answer break off, so that nothing waits for them.
fn break_callouts(harness: &Harness) {
    for _ in 0..MOST_BROKEN_CALLOUTS {
        let mut any = false;
        for worker in harness.workers() {
            for call in worker.http_calls() {
                any |= worker.reset_http_call(call.id);
            }
        }
        if !any {
            break;
        }
    }
}

/// Ends what is still open, shuts the workers down, and looks at what must hold then.
fn close(
    mut harness: Harness,
    scenario: &Scenario,
    module: &Module,
    before: &Counters,
) -> Vec<String> {
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
    let mut problems = Vec::new();
    for worker in harness.workers() {
        if worker.death().is_none() {
            let transcript = worker.transcript();
            problems.extend(lifecycle::disorder(module, &transcript, &connections));
            worker.shut_down();
        }
    }
    let deaths = harness.workers().iter().filter_map(|worker| worker.death());
    let deaths: Vec<String> = deaths
        .map(|death| format!("the worker died: {death}"))
        .collect();
    if deaths.is_empty() {
        let unsettled = books::unsettled(
            &scenario.books,
            harness.host(),
            before,
            names.len() + open.len(),
        );
        problems.extend(unsettled);
        problems
    } else {
        // Everything else follows from it.
        deaths
    }
}
