//! What requests cost in our modules, in units that no machine changes, kept in a table
//! under version control.
//!
//! `table.toml` holds them for each compiler that builds the modules. The test of this
//! crate measures again and fails for what has grown; `cargo xtask costs` shows the costs
//! and, with `--bless`, writes them down.

mod comparison;
mod limited;
mod measure;
mod requests;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result};
use tollgate_tests::places;

pub use comparison::{Comparison, compare};
pub use measure::{Measured, Module, measure};
pub use requests::{REQUESTS, Request};
pub use table::Table;

/// The table under version control.
pub fn table_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("table.toml")
}

/// What compiled the modules, as `rustup, rustc 1.95.0`.
///
/// # Errors
/// When they were not built by `cargo xtask build`.
pub fn compiler() -> Result<String> {
    let file = places::filters().join("compiler.txt");
    let text = std::fs::read_to_string(&file);
    let text = text
        .with_context(|| format!("{} cannot be read: run `cargo xtask build`", file.display()))?;
    Ok(text.trim().to_owned())
}

/// Whether this is CI, where nothing may go unchecked.
pub fn in_ci() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}

/// The command that writes down what this compiler's modules cost.
pub fn bless_command(compiler: &str) -> &'static str {
    if compiler.starts_with("Debian") {
        "TOLLGATE_WASM_TOOLCHAIN=debian cargo xtask costs --bless"
    } else {
        "cargo xtask costs --bless"
    }
}
