//! Virtual environments under `target/` with pinned packages from PyPI.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::Tool;
use crate::packages::Apt;

/// The official clients the tests put in front of the gateway, unchanged.
pub const CLIENTS: [&str; 2] = ["openai==3.52.0", "azure-ai-inference==1.0.0b9"];

/// Makes sure `venv` holds exactly these `requirements`; true when something was installed.
///
/// What was installed is written down beside the environment, after it succeeded: a later
/// run only compares, and an interrupted one starts over.
pub fn venv(venv: &Path, requirements: &[&str]) -> Result<bool> {
    let stamp = venv.join("tollgate-requirements.txt");
    let wanted = requirements.join("\n");
    if interpreter(venv).exists() && fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(false);
    }
    create(venv)?;
    println!("  pip installs {}", requirements.join(" "));
    let pip = Tool::new(interpreter(venv))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(requirements)
        .finish()?;
    if !pip.ok {
        let reason = pip
            .output
            .trim_end()
            .lines()
            .next_back()
            .unwrap_or_default();
        bail!(
            "pip could not install {}: {reason}",
            requirements.join(", ")
        );
    }
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(true)
}

/// The environment's own Python.
pub fn interpreter(venv: &Path) -> PathBuf {
    venv.join("bin/python")
}

fn create(venv: &Path) -> Result<()> {
    let python = || {
        Tool::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(venv)
    };
    let Err(first) = python().read() else {
        return Ok(());
    };
    // Debian keeps the module `venv` in a package of its own.
    Apt::ready()
        .and_then(|apt| apt.install(&["python3", "python3-venv"]))
        .with_context(|| format!("{first:#}"))
        .context("Python 3 with its module `venv` is missing")?;
    python().read()?;
    Ok(())
}
