//! Every file under `host-tests/scenarios` does on the harness what it says, and no variation
//! of it does harm.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tollgate_host::Module;
use tollgate_host::scenario::{Scenario, bless, files, vary};
use tollgate_tests::places;

fn folder() -> PathBuf {
    places::root().join("host-tests/scenarios")
}

/// Every scenario on every module it names; modules are compiled once.
fn scenarios() -> Vec<(Scenario, Module)> {
    let mut modules: BTreeMap<PathBuf, Module> = BTreeMap::new();
    let mut scenarios = Vec::new();
    for file in files(folder()).unwrap() {
        let mut scenario = Scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
        if std::env::var_os("BLESS").is_some() {
            scenario = blessed(&scenario);
        }
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

/// With `BLESS` set, what comes out becomes what the file expects.
fn blessed(scenario: &Scenario) -> Scenario {
    let file = &scenario.file;
    let module = Module::load(&scenario.wasm).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let blessed =
        bless(file, &text, &module).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if blessed.text != text {
        std::fs::write(file, &blessed.text).unwrap();
    }
    Scenario::load(file).unwrap_or_else(|error| panic!("{error}"))
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
