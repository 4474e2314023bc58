//! Where things are: sources by the manifest, everything made by chores under `target/`.
//!
//! `CARGO_TARGET_DIR` moves what cargo builds for the host, but not these: the Envoy
//! configurations name `target/filters/NAME.wasm`, relative to the repository.

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The finished modules.
pub fn filters() -> PathBuf {
    root().join("target/filters")
}

/// The same modules with the names of their functions.
pub fn named_filters() -> PathBuf {
    filters().join("names")
}

/// Cargo's directory for wasm32-wasip1: its compiler may differ from the host's.
pub fn wasm_target() -> PathBuf {
    root().join("target/wasm")
}

/// The virtual environment with the official clients.
pub fn python() -> PathBuf {
    root().join("target/python")
}

/// The virtual environment with Envoy's wheel.
pub fn envoy() -> PathBuf {
    root().join("target/envoy")
}

/// The virtual environment with what others make, to be shown beside.
pub fn peers() -> PathBuf {
    root().join("target/peers")
}
