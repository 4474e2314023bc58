//! The probe scenarios show the whole ABI: every function, every callback, every status; and
//! a table says which shows what.

mod calls;
mod envoy;
mod scripts;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use calls::{Function, Probe};
use tollgate_host::{CALLBACKS, Status, host_functions};
use tollgate_tests::places;

/// Part of the ABI, but nothing in Envoy 1.40 does it, so no scenario can.
const NEVER_IN_ENVOY: &[&str] = &["proxy_on_foreign_function"];

/// Statuses that Envoy 1.40 gives to some guest.
const STATUSES: &[Status] = &[
    Status::Ok,
    Status::NotFound,
    Status::BadArgument,
    Status::SerializationFailure,
    Status::ParseFailure,
    Status::InvalidMemoryAccess,
    Status::Empty,
    Status::CasMismatch,
    Status::InternalFailure,
    Status::Unimplemented,
];

/// Played once for all tests.
fn probes() -> &'static [Probe] {
    static PROBES: LazyLock<Vec<Probe>> = LazyLock::new(Probe::all);
    &PROBES
}

/// Everything the harness offers and calls.
fn abi() -> Vec<Function> {
    let callbacks = CALLBACKS
        .iter()
        .map(|name| Function::Callback((*name).to_owned()));
    let functions = host_functions().into_iter();
    let functions = functions.map(|(module, name)| Function::Host(module, name));
    callbacks.chain(functions).collect()
}

fn full_name(function: &Function) -> String {
    match function {
        Function::Callback(name) => name.clone(),
        Function::Host(module, name) if module == "env" => name.clone(),
        Function::Host(module, name) => format!("{module}.{name}"),
    }
}

/// A call in passing shows nothing: some scenario's script has to be about it.
#[test]
fn every_function_and_callback_is_shown() {
    let shows = |function: &Function| probes().iter().any(|probe| probe.shows(function));
    let abi = abi();
    let not_shown = abi.iter().filter(|function| !shows(function));
    let not_shown: BTreeSet<String> = not_shown.map(full_name).collect();
    let never: BTreeSet<String> = NEVER_IN_ENVOY.iter().map(ToString::to_string).collect();
    assert_eq!(
        not_shown, never,
        "named in no script of a scenario in host-tests/scenarios/probes that calls it and \
         replays on Envoy, and the list of what nothing in Envoy does"
    );
}

#[test]
fn every_status_is_given() {
    let calls = probes().iter().flat_map(|probe| &probe.calls);
    let given: BTreeSet<u32> = calls
        .filter(|(function, _)| matches!(function, Function::Host(module, _) if module == "env"))
        .filter_map(|(_, result)| *result)
        .collect();
    let not_given = |status: &&Status| !given.contains(&u32::from(**status));
    let not_given: Vec<&Status> = STATUSES.iter().filter(not_given).collect();
    assert!(not_given.is_empty(), "given in no scenario: {not_given:?}");
}

#[test]
fn what_is_about_the_same_is_said_once() {
    let mut by_about: BTreeMap<&str, &str> = BTreeMap::new();
    for probe in probes() {
        let other = by_about.insert(&probe.scenario.about, &probe.name);
        assert!(
            other.is_none(),
            "{} and {other:?} say the same `about`",
            probe.name
        );
    }
}

#[test]
fn the_table_is_up_to_date() {
    let file = places::root().join("host-tests/scenarios/README.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let fresh = table::renewed(&text, probes(), &abi());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, fresh).unwrap();
        return;
    }
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (text.lines().collect(), fresh.lines().collect());
    assert!(
        text == fresh,
        "host-tests/scenarios/README.md is behind the scenarios: \
         `BLESS=1 cargo test -p tollgate-tests --test probes` renews it\n- {}\n+ {}",
        Vec::from_iter(old.difference(&new).copied()).join("\n- "),
        Vec::from_iter(new.difference(&old).copied()).join("\n+ ")
    );
}
