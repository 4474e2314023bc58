//! Whether an executable is the Envoy that this harness is compared with.

use std::path::Path;
use std::process::{Command, Stdio};

/// What this harness does is what this release does.
const RELEASE: &str = "1.40.";

/// Asks the executable for its version.
///
/// # Errors
/// A sentence when it cannot be run, is no Envoy, or is one of another release.
pub fn is_comparable(envoy: &Path) -> Result<(), String> {
    let path = envoy.display();
    let output = Command::new(envoy)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{path} cannot be run: {error}"))?;
    // `/usr/bin/envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`
    let said = String::from_utf8_lossy(&output.stdout);
    let parts = said.split_once(" version: ").map(|(_, version)| version);
    match parts.and_then(|version| version.trim().split('/').nth(1)) {
        None => Err(format!("{path} is no Envoy: `--version` does not say one")),
        Some(version) if !version.starts_with(RELEASE) => Err(format!(
            "{path} is Envoy {version}, and this harness does what {RELEASE}x does"
        )),
        Some(_) => Ok(()),
    }
}
