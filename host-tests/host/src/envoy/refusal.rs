//! A filter that must not start: Envoy refuses its configuration.

use std::collections::BTreeSet;
use std::path::Path;

use crate::scenario::{Failure, Scenario};

use super::replay::Replay;

/// What Envoy says of a filter that does not start.
const REFUSED: &str = "Unable to create Wasm plugin";

/// Sees that Envoy refuses the filter of a scenario that says so.
///
/// # Errors
/// When Envoy does not start for another reason, with its own words.
pub(super) fn refuses(scenario: &Scenario, envoy: &Path) -> Result<Vec<Failure>, String> {
    match Replay::start(scenario, envoy, &BTreeSet::new()) {
        Ok(_) => Ok(vec![Failure {
            line: 0,
            differences: Vec::new(),
            problem: Some("the filter starts, which `filter.refused` says it does not".to_owned()),
        }]),
        Err(said) if said.contains(REFUSED) => Ok(Vec::new()),
        Err(said) => Err(said),
    }
}
