//! Which modules play which scenarios, as `host-tests/modules.toml` says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tollgate_host::scenario::{Scenario, files};
use tollgate_tests::places;

/// Folders of scenarios by module.
pub fn rows() -> BTreeMap<String, Vec<String>> {
    let file = places::root().join("host-tests/modules.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The folder of the scenarios, as a person would write it.
pub fn folder() -> PathBuf {
    places::root()
        .join("host-tests/scenarios")
        .canonicalize()
        .unwrap()
}

/// The file of a scenario from the repository's root on.
pub fn name(scenario: &Scenario) -> PathBuf {
    let root = places::root().canonicalize().unwrap();
    let file = scenario.file.strip_prefix(root);
    file.unwrap_or(&scenario.file).to_owned()
}

/// Every scenario on every module that must pass it.
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (module, folders) in rows() {
        let wasm = places::filter(&module).unwrap();
        for scenario in folders.iter().flat_map(|name| read(name)) {
            scenarios.push(Scenario {
                wasm: wasm.clone(),
                also_on: Vec::new(),
                ..scenario
            });
        }
    }
    scenarios
}

/// The scenarios of a folder.
pub fn read(name: &str) -> Vec<Scenario> {
    let files = files(folder().join(name)).unwrap_or_else(|error| panic!("{error}"));
    let scenarios = files.iter().map(Scenario::load);
    scenarios
        .map(|scenario| scenario.unwrap_or_else(|error| panic!("{error}")))
        .collect()
}
