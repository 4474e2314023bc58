//! Every file under `host-tests/scenarios` on a real Envoy: it does what the file says, and
//! shows what the harness shows after every event.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tollgate_host::Module;
use tollgate_host::envoy;
use tollgate_host::scenario::{Failure, Scenario};
use tollgate_tests::places;

/// Envoys at a time: each mostly waits.
const PARALLEL: usize = 4;
/// More scenarios than this that no Envoy replays would make the comparison a promise.
const MOST_EXCEPTIONS: usize = 10;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What differs, in a text; `TOLLGATE_SCENARIO` chooses files whose path contains it.
fn replayed(what: impl Fn(&Scenario) -> Result<Vec<Failure>, String> + Sync) {
    let only = std::env::var("TOLLGATE_SCENARIO").unwrap_or_default();
    let folder = places::root().join("host-tests/scenarios");
    let mut files = files(&folder);
    files.retain(|file| file.to_string_lossy().contains(&only));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let exceptions = Mutex::new(Vec::new());
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = file.strip_prefix(&folder).unwrap().display().to_string();
                    let scenario = Scenario::load(file).unwrap_or_else(|error| panic!("{error}"));
                    if let Some(reason) = &scenario.not_on_envoy {
                        exceptions.lock().unwrap().push(format!("{name}: {reason}"));
                        continue;
                    }
                    let began = Instant::now();
                    let result = what(&scenario);
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
        files.len() - exceptions.len(),
        files.len(),
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
    replayed(|scenario| envoy::hold(scenario, &envoy));
}

#[test]
fn harness_and_envoy_agree() {
    let envoy = places::envoy().unwrap();
    replayed(|scenario| {
        let module = Module::load(&scenario.wasm).map_err(|error| error.to_string())?;
        envoy::agree(scenario, &module, &envoy)
    });
}
