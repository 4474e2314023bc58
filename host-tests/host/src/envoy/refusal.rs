//! A filter that must not start: Envoy refuses its configuration, for the reason the harness has.

use std::collections::BTreeSet;
use std::path::Path;

use crate::module::Module;
use crate::scenario::{Difference, Failure, Harness, Scenario};

use super::replay::Replay;

/// What Envoy says of any filter that does not start.
const REFUSED: &str = "Unable to create Wasm plugin";

/// What it says of each callback of a start that returns false or traps
/// (`PluginHandleBase`, `WasmBase::startBase`).
const CALLBACKS: [(&str, &str); 2] = [
    ("proxy_on_vm_start", "Failed to start base Wasm"),
    ("proxy_on_configure", "Failed to configure base Wasm plugin"),
];

/// Sees that Envoy refuses the filter of a scenario that says so.
///
/// # Errors
/// When Envoy does not start for another reason, with its own words.
pub(super) fn refuses(
    scenario: &Scenario,
    module: &Module,
    envoy: &Path,
) -> Result<Vec<Failure>, String> {
    let started = Harness::start(scenario, module);
    let harness = started.map_or_else(|error| error.to_string(), |_| STARTS.to_owned());
    let said = match Replay::start(scenario, envoy, &BTreeSet::new()) {
        Ok(_) => STARTS.to_owned(),
        Err(said) if said.contains(REFUSED) => said,
        Err(said) => return Err(said),
    };
    if is_same(&harness, &said) {
        return Ok(Vec::new());
    }
    Ok(vec![Failure {
        line: 0,
        differences: vec![Difference {
            key: "filter.refused".to_owned(),
            expected: harness,
            actual: said,
        }],
        problem: None,
    }])
}

const STARTS: &str = "(the filter starts)";

/// Whether Envoy names the callback that the harness names, and a trap where there is one.
fn is_same(harness: &str, envoy: &str) -> bool {
    if harness == STARTS || envoy == STARTS {
        return false;
    }
    CALLBACKS.iter().all(|(callback, sentence)| {
        let trapped = harness.contains(&format!("{callback} trapped"));
        let refused = harness.contains(&format!("{callback} returned false"));
        envoy.contains(sentence) == (trapped || refused)
            && envoy.contains(&format!("Function: {callback} failed")) == trapped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callback_and_the_trap_are_the_same() {
        let started = "E|1|Wasm VM failed Failed to start base Wasm";
        let configured = "E|1|Wasm VM failed Failed to configure base Wasm plugin";
        let trapped = "E|1|Function: proxy_on_configure failed: Uncaught RuntimeError: \
                       unreachable\nE|1|Wasm VM failed Failed to configure base Wasm plugin";
        // (the harness's words, Envoy's, whether they say the same)
        let rows = [
            ("proxy_on_vm_start returned false", started, true),
            ("proxy_on_vm_start returned false", configured, false),
            ("proxy_on_configure returned false", configured, true),
            ("proxy_on_configure returned false", trapped, false),
            ("proxy_on_configure trapped: unreachable", trapped, true),
            ("proxy_on_configure trapped: unreachable", configured, false),
            ("proxy_on_configure returned false", STARTS, false),
            (STARTS, STARTS, false),
        ];
        for (harness, envoy, same) in rows {
            assert_eq!(is_same(harness, envoy), same, "{harness} / {envoy}");
        }
    }
}
