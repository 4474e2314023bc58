//! Every file under `host-tests/scenarios` does on a real Envoy what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tollgate_host::envoy::Replay;
use tollgate_host::scenario::{Scenario, play};
use tollgate_tests::places;

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

#[test]
fn scenarios_hold_on_envoy() {
    let envoy = places::envoy().unwrap();
    let mut failed = Vec::new();
    for file in files(&places::root().join("host-tests/scenarios")) {
        let scenario = Scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let started = Instant::now();
        let mut replay = Replay::start(&scenario, &envoy, &BTreeSet::new()).unwrap();
        println!("started {:?}", started.elapsed());
        for failure in play(&mut replay, &scenario.events) {
            failed.push(format!("{}: {failure:#?}", file.display()));
        }
        println!("done {:?}", started.elapsed());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
