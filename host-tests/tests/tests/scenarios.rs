//! Every file under `host-tests/scenarios` does on the harness what it says.

use std::path::{Path, PathBuf};

use tollgate_host::Module;
use tollgate_host::scenario::{Harness, Scenario, play};
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
fn scenarios_hold_on_the_harness() {
    let mut failed = Vec::new();
    for file in files(&places::root().join("host-tests/scenarios")) {
        let scenario = Scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let module = Module::load(&scenario.wasm).unwrap();
        let mut harness = Harness::start(&scenario, &module).unwrap();
        for failure in play(&mut harness, &scenario.events) {
            failed.push(format!("{}: {failure:#?}", file.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
