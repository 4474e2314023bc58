//! Where the things that `cargo xtask setup` and `build` made are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// What to do when one of them is missing.
const ADVICE: &str = "run `cargo xtask test`, which sets up what is missing";

/// The repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The folder of the modules: `TOLLGATE_FILTERS`, else `target/filters`.
pub fn filters() -> PathBuf {
    std::env::var_os("TOLLGATE_FILTERS")
        .map_or_else(|| root().join("target/filters"), PathBuf::from)
}

/// A module by its name, such as `token-estimator`.
///
/// # Errors
/// When it was not built.
pub fn filter(name: &str) -> Result<PathBuf> {
    existing(filters().join(format!("{name}.wasm")))
}

/// The Envoy to run: `TOLLGATE_ENVOY`, else the one setup installed.
///
/// # Errors
/// When there is none.
pub fn envoy() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("TOLLGATE_ENVOY") {
        return existing(path.into());
    }
    std::fs::read_dir(root().join("target/envoy/lib"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|file| file.is_file())
        .with_context(|| format!("there is no Envoy under target/envoy: {ADVICE}"))
}

/// A Python with the official clients: `TOLLGATE_PYTHON`, else the one setup made.
///
/// # Errors
/// When there is none.
pub fn python() -> Result<PathBuf> {
    existing(
        std::env::var_os("TOLLGATE_PYTHON")
            .map_or_else(|| root().join("target/python/bin/python"), PathBuf::from),
    )
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    if !path.exists() {
        bail!("{} does not exist: {ADVICE}", path.display());
    }
    Ok(path)
}
