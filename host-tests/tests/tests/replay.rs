//! Every scenario on a real Envoy, on every module that must pass it, which must show what the
//! harness shows after every event.

mod modules;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tollgate_host::Module;
use tollgate_host::envoy::{Agreement, EXCEPTIONS, NOT_COMPARED, agree};
use tollgate_host::scenario::{Action, Failure, Scenario};
use tollgate_tests::places;

/// Envoys at a time: each mostly waits.
const PARALLEL: usize = 4;
/// The scenarios that no Envoy replays. Each says why; more would make the comparison a promise.
const NOT_ON_ENVOY: [&str; 5] = [
    "host-tests/scenarios/probes/endless-loop.toml",
    "host-tests/scenarios/probes/lookup.toml",
    "host-tests/scenarios/rate-limiter/quotas.toml",
    "host-tests/scenarios/response-cache/fleet-purge.toml",
    "host-tests/scenarios/response-cache/fleet.toml",
];

/// `TOLLGATE_SCENARIO` chooses files whose path contains it.
#[test]
fn harness_and_envoy_agree() {
    let envoy = places::envoy().unwrap();
    let only = std::env::var("TOLLGATE_SCENARIO").unwrap_or_default();
    let scenarios: Vec<(String, Scenario)> = modules::scenarios()
        .into_iter()
        .map(|scenario| {
            let module = scenario.wasm.file_stem().unwrap().to_string_lossy();
            let name = format!("{} on {module}", modules::name(&scenario).display());
            (name, scenario)
        })
        .filter(|(name, _)| name.contains(&only))
        .collect();
    let (replayed, rest): (Vec<_>, Vec<_>) = scenarios
        .iter()
        .partition(|(_, scenario)| scenario.not_on_envoy.is_none());
    assert!(
        !scenarios.is_empty(),
        "TOLLGATE_SCENARIO={only} is part of no scenario's path"
    );
    let started = Instant::now();
    let timed = |(name, scenario): &(String, Scenario)| {
        let began = Instant::now();
        let result = on_both(scenario, &envoy);
        println!("{name}: {:.1?}", began.elapsed());
        result
    };
    let mut results = in_parallel(&replayed, |one| timed(one));
    for (one, result) in replayed.iter().zip(&mut results) {
        if !agrees(result) && has_time(&one.1) {
            println!("{}: again, alone", one.0);
            *result = timed(one);
        }
    }
    println!("{} scenarios in {:.1?}", replayed.len(), started.elapsed());
    for (name, scenario) in &rest {
        let reason = scenario.not_on_envoy.as_deref().unwrap_or_default();
        println!("not on Envoy: {name}: {reason}");
    }
    for (what, reason) in NOT_COMPARED {
        println!("not compared: {what}: {reason}");
    }

    let (mut differ, mut needed) = (Vec::new(), BTreeSet::new());
    for ((name, _), result) in replayed.iter().zip(results) {
        match result {
            Ok(agreement) => {
                needed.extend(agreement.needed);
                if !agreement.failures.is_empty() {
                    differ.push(format!("{name}:{}", shown(&agreement.failures)));
                }
            }
            Err(problem) => differ.push(format!("{name}: {problem}")),
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ\n{}",
        differ.len(),
        differ.join("\n")
    );
    if only.is_empty() {
        let files = rest.iter().map(|(name, _)| name.as_str());
        let files: BTreeSet<_> = files.filter_map(|name| name.split(" on ").next()).collect();
        assert_eq!(
            files,
            NOT_ON_ENVOY.into(),
            "the scenarios that say `not_on_envoy`"
        );
        for exception in EXCEPTIONS.iter().filter(|exception| !exception.by_chance) {
            assert!(
                needed.contains(exception.what),
                "no scenario needs the exception of {} ({}): remove it",
                exception.what,
                exception.reason
            );
        }
    }
}

fn agrees(result: &Result<Agreement, String>) -> bool {
    result
        .as_ref()
        .is_ok_and(|agreement| agreement.failures.is_empty())
}

/// Envoy's clock does not wait: on a busy machine a tick may come before the event that a
/// scenario has ahead of it, or a limit may have recovered by a second more than it says. With
/// the machine to itself it does not.
fn has_time(scenario: &Scenario) -> bool {
    let mut events = scenario.events.iter();
    events.any(|event| matches!(event.action, Action::Advance(_)))
        || scenario.filter.configuration.contains("rate_limiter")
}

fn on_both(scenario: &Scenario, envoy: &Path) -> Result<Agreement, String> {
    let module = Module::load(&scenario.wasm).map_err(|error| error.to_string())?;
    agree(scenario, &module, envoy)
}

/// The results in the order of `all`.
fn in_parallel<T: Sync, R: Send>(all: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(index) else { break };
                    let result = run(one);
                    done.lock().unwrap().push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn shown(failures: &[Failure]) -> String {
    let mut text = String::new();
    for failure in failures {
        let problem = failure.problem.as_deref().unwrap_or_default();
        let _ = writeln!(text, "{} {problem}", failure.line);
        for difference in &failure.differences {
            let indented = |value: &str| value.replace('\n', "\n             ");
            let (harness, envoy) = (&difference.expected, &difference.actual);
            let _ = writeln!(text, "  {}", difference.key);
            let _ = writeln!(text, "    harness  {}", indented(harness));
            let _ = writeln!(text, "    Envoy    {}", indented(envoy));
        }
    }
    text
}
