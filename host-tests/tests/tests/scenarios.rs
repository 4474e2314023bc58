//! Every file under `host-tests/scenarios` does on the harness what it says, and no variation
//! of it does harm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tollgate_host::Module;
use tollgate_host::scenario::{Scenario, vary};
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

/// Every scenario on every module it names; modules are compiled once.
fn scenarios() -> Vec<(Scenario, Module)> {
    let mut modules: BTreeMap<PathBuf, Module> = BTreeMap::new();
    let mut scenarios = Vec::new();
    for file in files(&places::root().join("host-tests/scenarios")) {
        let scenario = Scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
        for scenario in scenario.on_each_module() {
            let name = scenario.wasm.file_name().unwrap().to_owned();
            let module = modules.entry(name.into()).or_insert_with(|| {
                Module::load(&scenario.wasm)
                    .unwrap_or_else(|error| panic!("{}: {error}", scenario.wasm.display()))
            });
            let module = module.clone();
            scenarios.push((scenario, module));
        }
    }
    scenarios
}

#[test]
fn scenarios_hold_in_every_variation() {
    let scenarios = scenarios();
    assert!(!scenarios.is_empty());
    let faults = vary::check_all(&scenarios);
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(
        shown.is_empty(),
        "{} faults\n{}",
        shown.len(),
        shown.join("\n")
    );
}
