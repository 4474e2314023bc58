//! Finds or installs everything the chores need, one line for each thing.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::exec::{Tool, on_path};
use crate::packages::Apt;
use crate::wasm_toolchain::WasmToolchain;
use crate::{envoy, paths, python, redis, rustup};

/// Where one needed thing comes from.
pub struct Found {
    what: String,
    installed: bool,
}

impl Found {
    /// It was there.
    pub fn there(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            installed: false,
        }
    }

    /// It was installed just now.
    pub fn installed(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            installed: true,
        }
    }

    fn print(&self, item: &str) {
        let verb = if self.installed { "installed" } else { "found" };
        println!("  {item:<18} {verb}: {}", self.what);
    }
}

/// Everything that was found or installed.
pub struct Tools {
    /// How to compile the filters.
    pub wasm: WasmToolchain,
    /// The Envoy the tests run.
    pub envoy: PathBuf,
    /// What could not be had, and which tests therefore cannot run.
    pub missing: Vec<Missing>,
}

/// Something only some tests need, which could not be had.
pub struct Missing {
    /// Tests whose path holds this name need it: `needs_python`, `needs_redis`.
    pub tests: &'static str,
    /// What is missing, why, and how to get it.
    pub why: String,
}

/// What tests are called that need wrk.
pub const WRK: &str = "needs_wrk";

impl Tools {
    /// Tells a test or a tool where everything is.
    pub fn pass_to(&self, tool: Tool) -> Tool {
        tool.env("TOLLGATE_ENVOY", &self.envoy)
            .env("TOLLGATE_FILTERS", paths::filters())
            .env("TOLLGATE_PYTHON", python::interpreter(&paths::python()))
    }
}

/// Finds or installs everything; an error for what nothing works without.
pub fn all() -> Result<Tools> {
    println!("setup");
    let wasm = wasm_toolchain_line()?;
    let (envoy, found) = envoy::find_or_install()?;
    found.print("Envoy");
    let mut missing = Vec::new();
    match python::venv(&paths::python(), &python::CLIENTS) {
        Ok(installed) => {
            let what = format!("{} in target/python", python::CLIENTS.join(", "));
            let found = if installed {
                Found::installed(what)
            } else {
                Found::there(what)
            };
            found.print("Python clients");
        }
        Err(error) => {
            let why = format!("the official clients need Python and PyPI: {error:#}");
            println!("  {:<18} missing: {why}", "Python clients");
            missing.push(Missing {
                tests: "needs_python",
                why,
            });
        }
    }
    if let Err(error) = wrk() {
        let why = format!("{error:#}");
        println!("  {:<18} missing: {why}", "wrk");
        missing.push(Missing { tests: WRK, why });
    }
    match redis::find_or_install() {
        Ok(found) => found.print("Redis, Webdis"),
        Err(error) => {
            let why = format!("the store of a fleet needs redis-server and webdis: {error:#}");
            println!("  {:<18} missing: {why}", "Redis, Webdis");
            missing.push(Missing {
                tests: "needs_redis",
                why,
            });
        }
    }
    Ok(Tools {
        wasm,
        envoy,
        missing,
    })
}

/// What makes the load for real Envoys.
fn wrk() -> Result<()> {
    let found = match on_path("wrk") {
        true => Found::there("on PATH"),
        false => {
            let installed = Apt::ready().and_then(|apt| apt.install(&["wrk"]));
            installed.context(
                "wrk makes the load for a real Envoy: install it (on Debian: `apt-get install wrk`)",
            )?;
            Found::installed("Debian's wrk")
        }
    };
    found.print("wrk");
    Ok(())
}

/// Only what building needs.
pub fn wasm_toolchain() -> Result<WasmToolchain> {
    println!("setup");
    wasm_toolchain_line()
}

fn wasm_toolchain_line() -> Result<WasmToolchain> {
    let (toolchain, found) = WasmToolchain::find_or_install()?;
    found.print("wasm32-wasip1");
    Ok(toolchain)
}

/// `rustfmt` or `clippy`: part of the toolchain, but not of rustup's minimal profile.
pub fn component(name: &str, binary: &str) -> Result<(), String> {
    if Tool::new(binary).arg("--version").try_read().is_some() {
        return Ok(());
    }
    rustup::add("component", name).map_err(|reason| {
        format!("{name} is missing ({reason}); install it with `rustup component add {name}`")
    })?;
    println!("  {name:<18} installed: rustup component add");
    Ok(())
}
