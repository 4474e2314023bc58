//! The table in the scenarios' README: which scenario shows what.

use std::fmt::Write as _;

use tollgate_host::Status;

use crate::NEVER_IN_ENVOY;
use crate::calls::{Function, Probe};

/// Everything below this line is written by the test.
const MARK: &str =
    "<!-- Below: written by `BLESS=1 cargo test -p tollgate-tests --test probes`. -->\n";

/// The text with its part below [`MARK`] written anew.
pub fn renewed(text: &str, probes: &[Probe], abi: &[Function]) -> String {
    let above = text.split(MARK).next().unwrap_or_default();
    let mut text = format!("{above}{MARK}");
    behaviours(&mut text, probes);
    callbacks(&mut text, probes, abi);
    functions(&mut text, probes, abi);
    wasi(&mut text, probes, abi);
    text
}

fn behaviours(text: &mut String, probes: &[Probe]) {
    text.push_str("\n## Behaviours\n\n| scenario | what it shows |\n|---|---|\n");
    for probe in probes {
        let about = probe.scenario.about.replace('|', "\\|");
        let not = match probe.scenario.not_on_envoy {
            Some(_) => " *(harness only)*",
            None => "",
        };
        writeln!(text, "| {} | {about}{not} |", link(&probe.name)).unwrap();
    }
}

fn callbacks(text: &mut String, probes: &[Probe], abi: &[Function]) {
    text.push_str("\n## Callbacks\n\n| callback | shown by |\n|---|---|\n");
    for function in abi {
        if let Function::Callback(name) = function {
            let shown = best(probes, function, |_| true);
            let shown = match shown {
                Some(name) => link(name),
                None if NEVER_IN_ENVOY.contains(&name.as_str()) => {
                    "nothing in Envoy makes it".into()
                }
                None => "no scenario yet".into(),
            };
            writeln!(text, "| `{name}` | {shown} |").unwrap();
        }
    }
}

fn functions(text: &mut String, probes: &[Probe], abi: &[Function]) {
    text.push_str(
        "\n## Host functions\n\nEach status that scenarios get, and one that gets it.\n\n\
         | function | gives |\n|---|---|\n",
    );
    for function in abi {
        if let Function::Host(module, name) = function
            && module == "env"
        {
            let name_of = |code| match name.as_str() {
                "pthread_equal" => code_alone(code),
                _ => Status::name(code).map_or_else(|| code_alone(code), str::to_owned),
            };
            let given = given(probes, function, name_of);
            writeln!(text, "| `{name}` | {given} |").unwrap();
        }
    }
}

fn wasi(text: &mut String, probes: &[Probe], abi: &[Function]) {
    text.push_str(
        "\n## WASI\n\nError numbers, 0 for success, under both names the module has.\n\n\
         | function | `wasi_snapshot_preview1` | `wasi_unstable` |\n|---|---|---|\n",
    );
    for function in abi {
        if let Function::Host(module, name) = function
            && module == "wasi_snapshot_preview1"
        {
            let unstable = Function::Host("wasi_unstable".to_owned(), name.clone());
            let given = |function| given(probes, function, code_alone);
            writeln!(
                text,
                "| `{name}` | {} | {} |",
                given(function),
                given(&unstable)
            )
            .unwrap();
        }
    }
}

fn code_alone(code: u32) -> String {
    code.to_string()
}

/// `OK` and where, `NOT_FOUND` and where.
fn given(probes: &[Probe], function: &Function, name: impl Fn(u32) -> String) -> String {
    let calls = probes.iter().flat_map(|probe| &probe.calls);
    let results = calls.filter(|(called, _)| called == function);
    let mut results: Vec<Option<u32>> = results.map(|(_, result)| *result).collect();
    results.sort_unstable();
    results.dedup();
    let shown = results.into_iter().map(|result| {
        let shown = best(probes, function, |given| given == result);
        let shown = shown.map(link).unwrap_or_default();
        match result {
            Some(code) => format!("{} {shown}", name(code)),
            None => shown,
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The scenario to look at: one whose script is about the function and does little else.
fn best<'p>(
    probes: &'p [Probe],
    function: &Function,
    gives: impl Fn(Option<u32>) -> bool,
) -> Option<&'p str> {
    let has = |probe: &&Probe| {
        let mut calls = probe.calls.iter();
        calls.any(|(called, result)| called == function && gives(*result))
    };
    let best = probes.iter().filter(has).min_by_key(|probe| {
        let mut others: Vec<&Function> = probe.calls.iter().map(|(called, _)| called).collect();
        others.sort_unstable();
        others.dedup();
        (!probe.names(function), others.len(), probe.calls.len())
    });
    best.map(|probe| probe.name.as_str())
}

fn link(name: &str) -> String {
    format!("[{name}](probes/{name}.toml)")
}
