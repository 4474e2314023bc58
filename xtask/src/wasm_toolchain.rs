//! The only place that knows where wasm32-wasip1 comes from and how to compile for it.
//!
//! Rustup's target where it is installed or can be downloaded, else Debian's packages: a
//! rustc of Debian's, which builds std from Debian's copy of its source, against Debian's
//! WASI libc. Either way SIMD128 is on: the scanner and the estimator are built on it, and
//! every Envoy with V8 runs it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::Tool;
use crate::packages::Apt;
use crate::setup::Found;
use crate::{paths, rustup};

const TARGET: &str = "wasm32-wasip1";
const SIMD: &str = "-C target-feature=+simd128";

/// `rust-version` of the workspace: a Debian compiler below it is of no use.
const OLDEST_RUSTC: (u32, u32) = (1, 95);

/// Debian's compiler and what it needs beside the linker (which is versioned).
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];
const DEBIAN_WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// Debian's clippy for that compiler; without it everything but the lint works.
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";
const DEBIAN_CLIPPY_PACKAGE: &str = "rust-web-clippy";

/// How to compile for wasm32-wasip1 here.
pub enum WasmToolchain {
    /// The host's toolchain has the target.
    Rustup,
    /// Debian's compiler with its own linker and a std built from source.
    Debian {
        /// Path of `wasm-ld-NN`.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// Finds the target, or installs it; the error says how to get it by hand.
    pub fn find_or_install() -> Result<(Self, Found)> {
        let only = std::env::var("TOLLGATE_WASM_TOOLCHAIN").unwrap_or_default();
        let (rustup, debian) = match only.as_str() {
            "" => (true, true),
            "rustup" => (true, false),
            "debian" => (false, true),
            other => bail!("TOLLGATE_WASM_TOOLCHAIN is `{other}`; it can be `rustup` or `debian`"),
        };
        if rustup && rustup_has_target() {
            return Ok((Self::Rustup, Found::there("rustup's")));
        }
        if debian && let Some(linker) = debian_is_complete() {
            let found = Found::there(format!("Debian's rustc-web with {}", linker.display()));
            return Ok((Self::Debian { linker }, found));
        }
        let mut reasons = Vec::new();
        if rustup {
            match rustup::add("target", TARGET) {
                Ok(()) if rustup_has_target() => {
                    return Ok((Self::Rustup, Found::installed("rustup target add")));
                }
                Ok(()) => reasons.push("rustup's default toolchain is not the one in use".into()),
                Err(reason) => reasons.push(format!("rustup: {reason}")),
            }
        }
        if debian {
            match install_debian() {
                Ok(linker) => {
                    let found =
                        Found::installed("Debian's rustc-web, rust-web-src, wasi-libc, lld");
                    return Ok((Self::Debian { linker }, found));
                }
                Err(error) => reasons.push(format!("Debian: {error:#}")),
            }
        }
        bail!(
            "the Rust target {TARGET}, which the filters are compiled for, is missing and could \
             not be installed ({}); install it with `rustup target add {TARGET}`, or on Debian \
             with `apt-get install {} lld-NN`",
            reasons.join("; "),
            DEBIAN_PACKAGES.join(" "),
        )
    }

    /// `cargo build` for the target; the caller adds packages and profile.
    pub fn cargo_build(&self) -> Tool {
        self.with_target(Tool::cargo(["build"]))
    }

    /// `cargo clippy` for the target, installed if need be; the caller adds packages.
    ///
    /// # Errors
    /// When this toolchain's own clippy cannot be had: another compiler's does not fit.
    pub fn cargo_clippy(&self) -> Result<Tool> {
        match self {
            Self::Rustup => Ok(self.with_target(Tool::cargo(["clippy"]))),
            Self::Debian { .. } => {
                if !Path::new(DEBIAN_CLIPPY).exists() {
                    Apt::ready()?.install(&[DEBIAN_CLIPPY_PACKAGE])?;
                }
                // Started by its path, it takes the clippy-driver that lies beside it.
                Ok(self.with_target(Tool::new(DEBIAN_CLIPPY).arg("clippy").without_xtask()))
            }
        }
    }

    /// A subcommand of cargo, made to compile for the target.
    fn with_target(&self, cargo: Tool) -> Tool {
        let cargo = cargo
            .args(["--target", TARGET, "--target-dir"])
            .arg(paths::wasm_target())
            // Flags and wrappers meant for the host's compiler have no business here.
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        match self {
            Self::Rustup => cargo.env("RUSTFLAGS", SIMD),
            Self::Debian { linker } => cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", DEBIAN_RUSTC)
                // -Zbuild-std is unstable, and this compiler is a stable one.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_WASIP1_LINKER", linker)
                .env("RUSTFLAGS", format!("-L {DEBIAN_WASI_LIBC} {SIMD}")),
        }
    }

    /// What compiles and whose std it brings, as `rustup, rustc 1.95.0`: modules of two
    /// compilers, or with std from two places, differ in what they cost.
    ///
    /// # Errors
    /// When the compiler does not say its version.
    pub fn compiler(&self) -> Result<String> {
        let (source, rustc) = match self {
            Self::Rustup => ("rustup", "rustc"),
            Self::Debian { .. } => ("Debian", DEBIAN_RUSTC),
        };
        let said = Tool::new(rustc).arg("-vV").read()?;
        let release = said.lines().find_map(|line| line.strip_prefix("release: "));
        let release = release.with_context(|| format!("`{rustc} -vV` names no release"))?;
        Ok(format!("{source}, rustc {}", release.trim()))
    }

    /// Where cargo leaves a profile's modules.
    pub fn output(&self, profile: &str) -> PathBuf {
        paths::wasm_target().join(TARGET).join(profile)
    }
}

fn rustup_has_target() -> bool {
    Tool::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .try_read()
        .is_some_and(|dir| Path::new(dir.trim()).is_dir())
}

/// The linker, when compiler, std's source, libc and linker are all installed.
fn debian_is_complete() -> Option<PathBuf> {
    let version = Tool::new(DEBIAN_RUSTC).arg("--version").try_read()?;
    let src = Tool::new(DEBIAN_RUSTC)
        .args(["--print", "sysroot"])
        .try_read()?;
    let src = Path::new(src.trim()).join("lib/rustlib/src/rust/library/std");
    let complete = rustc_version(&version)? >= OLDEST_RUSTC
        && src.is_dir()
        && Path::new(DEBIAN_WASI_LIBC).join("libc.a").exists();
    complete.then(newest_linker).flatten()
}

fn install_debian() -> Result<PathBuf> {
    let apt = Apt::ready()?;
    let lld = apt
        .newest_versioned("lld")
        .unwrap_or_else(|| "lld".to_owned());
    let mut wanted = DEBIAN_PACKAGES.to_vec();
    if newest_linker().is_none() {
        wanted.push(&lld);
    }
    apt.install(&wanted)?;
    debian_is_complete().with_context(|| {
        let (major, minor) = OLDEST_RUSTC;
        format!("its packages are installed, but not a complete rustc {major}.{minor} or newer")
    })
}

/// The highest-numbered `wasm-ld-NN`, else a plain `wasm-ld`.
fn newest_linker() -> Option<PathBuf> {
    let versioned = std::fs::read_dir("/usr/bin")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let number = entry
                .file_name()
                .to_str()?
                .strip_prefix("wasm-ld-")?
                .parse::<u32>()
                .ok()?;
            Some((number, entry.path()))
        });
    let plain = Path::new("/usr/bin/wasm-ld");
    versioned
        .max()
        .map(|(_, path)| path)
        .or_else(|| plain.exists().then(|| plain.to_owned()))
}

/// Major and minor of `rustc 1.96.0 (…)`.
fn rustc_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("rustc ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_are_compared_by_number() {
        let rows = [
            (
                "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)",
                true,
            ),
            ("rustc 1.95.0", true),
            ("rustc 1.85.0 (4d91de4e4 2025-02-17)", false),
            ("rustc 1.9.0", false),
        ];
        for (said, expected) in rows {
            assert_eq!(
                rustc_version(said).unwrap() >= OLDEST_RUSTC,
                expected,
                "{said}"
            );
        }
        assert_eq!(rustc_version("gcc 12"), None);
    }
}
