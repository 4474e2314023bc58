//! Every scenario does on the harness what it says, on every module that must pass it, and no
//! variation of it does harm.

mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use tollgate_host::Module;
use tollgate_host::scenario::vary::{self, Variation};
use tollgate_host::scenario::{Checker, Scenario, files};
use tollgate_tests::places;

/// Every scenario with its module; each module is compiled once.
fn loaded() -> Vec<(Scenario, Module)> {
    let mut loaded: BTreeMap<PathBuf, Module> = BTreeMap::new();
    let with_modules = modules::scenarios().into_iter().map(|mut scenario| {
        let module = loaded.entry(scenario.wasm.clone()).or_insert_with(|| {
            Module::load(&scenario.wasm)
                .unwrap_or_else(|error| panic!("{}: {error}", scenario.wasm.display()))
        });
        // What a failure tells to type is typed at the repository's root.
        scenario.file = modules::name(&scenario);
        (scenario, module.clone())
    });
    with_modules.collect()
}

/// With `BLESS` set, what comes out becomes what the files expect.
fn bless() {
    let mut checker = Checker::default();
    let mut left = Vec::new();
    for file in files(modules::folder()).unwrap() {
        match checker.bless(&file) {
            Ok(blessed) => {
                for change in blessed.changes {
                    println!("blessed {}:{}: {change}", file.display(), change.line);
                }
            }
            Err(error) => left.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}

#[test]
fn scenarios_hold_in_every_variation() {
    if std::env::var_os("BLESS").is_some() {
        bless();
    }
    let scenarios = loaded();
    let variations: usize = scenarios
        .iter()
        .map(|(scenario, _)| Variation::all(scenario).len())
        .sum();
    let started = Instant::now();
    let faults = vary::check_all(&scenarios);
    println!(
        "{} scenarios on their modules, {variations} variations in {:?}",
        scenarios.len(),
        started.elapsed()
    );
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(
        shown.is_empty(),
        "{} faults\n{}",
        shown.len(),
        shown.join("\n")
    );
}

/// Modules and folders are all in the table, and no file names a module that its folder's row
/// does not.
#[test]
fn modules_and_scenarios_are_all_listed() {
    let rows = modules::rows();
    let built = std::fs::read_dir(places::filters()).unwrap();
    let built = built.map(|entry| entry.unwrap().path());
    let built = built.filter(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    let built: BTreeSet<_> = built
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<_> = rows.keys().cloned().collect();
    assert_eq!(
        built, listed,
        "modules built and in host-tests/modules.toml"
    );

    for entry in std::fs::read_dir(modules::folder()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let listed: BTreeSet<_> = rows
            .iter()
            .filter(|(_, folders)| folders.contains(&name))
            .map(|(module, _)| module.clone())
            .collect();
        assert!(!listed.is_empty(), "no module plays the folder {name}");
        for scenario in modules::read(&name) {
            let own = std::iter::once(&scenario.wasm).chain(&scenario.also_on);
            for wasm in own {
                let module = wasm.file_stem().unwrap().to_string_lossy();
                assert!(
                    listed.contains(&*module),
                    "{}: `{module}` is not among those of its folder: {listed:?}",
                    scenario.file.display()
                );
            }
        }
    }
}
