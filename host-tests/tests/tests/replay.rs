//! Every scenario on a real Envoy, on every module that must pass it: it does what the file
//! says, and shows what the harness shows after every event.

mod modules;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tollgate_host::Module;
use tollgate_host::envoy::{self, Replay};
use tollgate_host::scenario::{Failure, Scenario, play};
use tollgate_tests::places;

/// Envoys at a time: each mostly waits.
const PARALLEL: usize = 4;
/// More scenarios than this that no Envoy replays would make the comparison a promise.
const MOST_EXCEPTIONS: usize = 10;

/// What differs, in a text; `TOLLGATE_SCENARIO` chooses files whose path contains it.
fn replayed(what: impl Fn(&Scenario) -> Result<Vec<Failure>, String> + Sync) {
    let only = std::env::var("TOLLGATE_SCENARIO").unwrap_or_default();
    let mut scenarios = modules::scenarios();
    scenarios.retain(|scenario| scenario.file.to_string_lossy().contains(&only));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let exceptions = Mutex::new(Vec::new());
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let module = scenario.wasm.file_stem().unwrap().to_string_lossy();
                    let name = format!("{} on {module}", modules::name(scenario).display());
                    if let Some(reason) = &scenario.not_on_envoy {
                        exceptions.lock().unwrap().push(format!("{name}: {reason}"));
                        continue;
                    }
                    let began = Instant::now();
                    let result = what(scenario);
                    println!("{name}: {:?}", began.elapsed());
                    let failures = match result {
                        Ok(failures) if failures.is_empty() => continue,
                        Ok(failures) => shown(&failures),
                        Err(problem) => problem,
                    };
                    failed.lock().unwrap().push(format!("{name}:{failures}"));
                }
            });
        }
    });
    let (failed, exceptions) = (
        failed.into_inner().unwrap(),
        exceptions.into_inner().unwrap(),
    );
    println!(
        "{} of {} scenarios replayed in {:?}; not on Envoy:\n{}",
        scenarios.len() - exceptions.len(),
        scenarios.len(),
        started.elapsed(),
        exceptions.join("\n")
    );
    assert!(
        failed.is_empty(),
        "{} differ\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(exceptions.len() <= MOST_EXCEPTIONS, "{exceptions:#?}");
}

fn shown(failures: &[Failure]) -> String {
    let mut text = String::new();
    for failure in failures {
        text.push_str(&format!(
            "{} {}\n",
            failure.line,
            failure.problem.as_deref().unwrap_or("")
        ));
        for difference in &failure.differences {
            text.push_str(&format!(
                "  {}\n    expected {}\n    actual   {}\n",
                difference.key,
                difference.expected.replace('\n', "\n             "),
                difference.actual.replace('\n', "\n             ")
            ));
        }
    }
    text
}

#[test]
fn scenarios_hold_on_envoy() {
    let envoy = places::envoy().unwrap();
    replayed(|scenario| {
        let mut replay = Replay::start(scenario, &envoy, &BTreeSet::new())?;
        Ok(play(&mut replay, &scenario.events))
    });
}

#[test]
fn harness_and_envoy_agree() {
    let envoy = places::envoy().unwrap();
    replayed(|scenario| {
        let module = Module::load(&scenario.wasm).map_err(|error| error.to_string())?;
        envoy::agree(scenario, &module, &envoy)
    });
}
