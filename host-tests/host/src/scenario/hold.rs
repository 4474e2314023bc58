//! Whether a scenario holds on this harness as it is written.

use crate::error::Error;
use crate::module::Module;

use super::compare::Difference;
use super::event::Scenario;
use super::play::{Failure, Harness};
use super::vary::Run;

/// Plays a scenario on this harness: everything is as it expects, no worker dies unless it
/// says so, contexts end in order, and the books are settled when the last stream is closed.
/// Or sees that its filter does not start where it says that.
///
/// # Errors
/// When the module or its configuration is refused and should not be.
pub fn hold(scenario: &Scenario, module: &Module) -> Result<Vec<Failure>, Error> {
    let started = Harness::start(scenario, module);
    let Some(reason) = &scenario.filter.refused else {
        return Ok(Run::on(started?, scenario, module, true).failures);
    };
    let actual = match started {
        Ok(_) => "(the filter starts)".to_owned(),
        Err(error) => match error.to_string() {
            said if said.contains(reason) => return Ok(Vec::new()),
            said => said,
        },
    };
    Ok(vec![Failure {
        line: 0,
        differences: vec![Difference::new("filter.refused", reason, actual)],
        problem: None,
    }])
}
