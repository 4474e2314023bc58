//! Clippy over every crate, and over what runs inside Envoy once more as it runs there.

use anyhow::Result;

use crate::exec::Tool;
use crate::tidy::workspace::Workspace;
use crate::wasm_toolchain::WasmToolchain;

/// What the modules are made of, beside themselves.
const LIBRARIES: [&str; 2] = ["tollgate-core", "tollgate-kit"];

/// The runs of clippy, each to be finished without a warning. Says so where the one for
/// wasm32 is missing: only its `cfg(target_arch)` code then goes unread.
pub fn runs() -> Vec<Tool> {
    let mut runs = vec![Tool::cargo(["clippy", "--workspace", "--all-targets"])];
    match for_wasm() {
        Ok(clippy) => runs.push(clippy),
        Err(why) => println!("  {:<18} note: not run for wasm32: {why:#}", "lint"),
    }
    runs.into_iter()
        .map(|clippy| clippy.args(["--quiet", "--", "-D", "warnings"]))
        .collect()
}

fn for_wasm() -> Result<Tool> {
    let (toolchain, _) = WasmToolchain::find_or_install()?;
    let workspace = Workspace::load()?;
    let packages = LIBRARIES.into_iter().chain(workspace.modules());
    let mut clippy = toolchain.cargo_clippy()?;
    for package in packages {
        clippy = clippy.args(["--package", package]);
    }
    Ok(clippy)
}
