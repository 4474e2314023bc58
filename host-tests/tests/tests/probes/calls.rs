//! What the probe scenarios really do on the harness: every call across the ABI, by scenario.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tollgate_host::scenario::{Harness, Scenario, files, play};
use tollgate_host::{CallDirection, Module, Worker};
use tollgate_tests::places;

/// A host function as it is imported, or a callback.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Module and name.
    Host(String, String),
    /// Name.
    Callback(String),
}

/// A scenario, and what it called.
pub struct Probe {
    /// Name of its file without `.toml`.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
    /// What was called, and what that gave; `None` for what gives nothing or did not return.
    pub calls: Vec<(Function, Option<u32>)>,
}

impl Function {
    /// As scripts of the probe write it.
    pub fn word(&self) -> String {
        // What is Envoy's alone begins with its name.
        let short = |name: &str, rest: &str| {
            let of = ["proxy_", "envoy_"].map(|of| name.strip_prefix(&format!("{of}{rest}")));
            of.into_iter().flatten().next().unwrap_or(name).to_owned()
        };
        match self {
            Self::Callback(name) => short(name, "on_"),
            Self::Host(module, name) if module == "wasi_unstable" => format!("unstable.{name}"),
            Self::Host(_, name) => short(name, ""),
        }
    }
}

impl Probe {
    /// All of them. What a real Envoy does not replay shows nothing of Envoy, and is not
    /// played.
    pub fn all() -> Vec<Self> {
        let mut modules: BTreeMap<PathBuf, Module> = BTreeMap::new();
        let folder = places::root().join("host-tests/scenarios/probes");
        let files = files(folder).unwrap();
        let probes = files.iter().map(|file| {
            let scenario = Scenario::load(file).unwrap_or_else(|error| panic!("{error}"));
            let load = || {
                let module = Module::load(&scenario.wasm);
                module.unwrap_or_else(|error| panic!("{error}; `cargo xtask build` builds it"))
            };
            let module = modules.entry(scenario.wasm.clone()).or_insert_with(load);
            let calls = match scenario.not_on_envoy {
                Some(_) => Vec::new(),
                None => played(&scenario, module),
            };
            Self {
                name: file.file_stem().unwrap().to_string_lossy().into_owned(),
                scenario,
                calls,
            }
        });
        probes.collect()
    }

    /// Whether it calls this function, and because its script says so.
    pub fn shows(&self, function: &Function) -> bool {
        self.names(function) && self.calls.iter().any(|(called, _)| called == function)
    }

    /// Whether its scripts are about this function, not only its calls.
    pub fn names(&self, function: &Function) -> bool {
        let word = function.word();
        let filter = &self.scenario.filter;
        let lines = filter
            .configuration
            .lines()
            .chain(filter.vm_configuration.lines());
        lines
            .map(|line| line.trim().trim_end_matches(':'))
            .any(|line| {
                let mut words = line.split_ascii_whitespace();
                match function {
                    Function::Callback(_) => {
                        words.next() == Some("on") && words.next() == Some(&word)
                    }
                    Function::Host(..) => words.next() == Some(&word),
                }
            })
    }
}

/// Whether it does what its file says is another test's.
fn played(scenario: &Scenario, module: &Module) -> Vec<(Function, Option<u32>)> {
    // One that is refused has no worker whose calls could be counted.
    let Ok(mut harness) = Harness::start(scenario, module) else {
        return Vec::new();
    };
    play(&mut harness, &scenario.events);
    let workers = harness.workers().iter();
    let calls = workers.flat_map(Worker::transcript).map(|call| {
        let name = call.function.to_owned();
        let function = match call.direction {
            CallDirection::Callback => Function::Callback(name),
            CallDirection::HostCall => Function::Host(call.module.to_owned(), name),
        };
        (function, call.result)
    });
    calls.collect()
}
