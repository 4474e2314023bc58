//! Redis, and Webdis, its face over HTTP: what the Envoys of a fleet share answers by.

use anyhow::{Context, Result};

use crate::exec::{Tool, on_path};
use crate::packages::Apt;
use crate::setup::Found;

const PROGRAMS: [&str; 2] = ["redis-server", "webdis"];

/// Finds both on the path, or installs Debian's packages, whose services it stops: the tests start
/// their own.
///
/// # Errors
/// Why there are none.
pub fn find_or_install() -> Result<Found> {
    let missing = PROGRAMS.iter().filter(|program| !on_path(program));
    let missing: Vec<&str> = missing.copied().collect();
    if missing.is_empty() {
        return Ok(Found::there(PROGRAMS.join(" and ")));
    }
    let advice = format!("install {}, or put them on the PATH", missing.join(" and "));
    Apt::ready()
        .and_then(|apt| apt.install(&missing))
        .context(advice)?;
    for program in &missing {
        // Where nothing was started there is nothing to stop.
        let _ = Tool::new("service").args([*program, "stop"]).try_read();
    }
    Ok(Found::installed(format!(
        "Debian's {}",
        missing.join(" and ")
    )))
}
