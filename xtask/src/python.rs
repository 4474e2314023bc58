//! Virtual environments under `target/` with pinned packages from PyPI.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::Tool;
use crate::packages::Apt;

/// The official clients the tests put in front of the gateway, unchanged.
pub const CLIENTS: [&str; 2] = ["openai==3.52.0", "azure-ai-inference==1.0.0b9"];

/// The oldest Python that the pinned packages can be installed for.
const OLDEST: (u32, u32) = (3, 10);

/// What an interpreter may be called, the usual name first: on a machine whose `python3` is
/// too old a newer one often lies beside it.
const NAMES: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
];

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
    let pip = create(venv)?;
    println!("  pip installs {}", requirements.join(" "));
    let pip = pip
        .args(["install", "--quiet", "--disable-pip-version-check"])
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

/// Makes an empty environment; the pip that installs into it.
fn create(venv: &Path) -> Result<Tool> {
    let python = find_or_install()?;
    let create = |options: &[&str]| {
        Tool::new(python)
            .args(["-m", "venv", "--clear"])
            .args(options)
            .arg(venv)
            .read()
    };
    let own_pip = || Tool::new(interpreter(venv)).args(["-m", "pip"]);
    let Err(first) = create(&[]) else {
        return Ok(own_pip());
    };
    // Debian keeps what gives an environment its own pip in a package of its own. Python's
    // pip can install into one without, if it is 22.3 or newer.
    let outer_pip = || {
        Tool::new(python)
            .args(["-m", "pip", "--python"])
            .arg(interpreter(venv))
    };
    if create(&["--without-pip"]).is_ok() && outer_pip().arg("--version").try_read().is_some() {
        return Ok(outer_pip());
    }
    let advice = format!(
        "{python} makes no virtual environment, because its module `venv` or `pip` is missing; \
         install them (on Debian: `apt-get install python3-venv`)"
    );
    Apt::ready()
        .and_then(|apt| apt.install(&["python3-venv"]))
        .map_err(|error| error.context(format!("{first:#}")).context(advice.clone()))?;
    create(&[]).context(advice)?;
    Ok(own_pip())
}

/// The name of a Python that is new enough.
fn find_or_install() -> Result<&'static str> {
    let found = on_path();
    let packages = ["python3", "python3-venv"];
    if found.is_empty() && Apt::ready().and_then(|apt| apt.install(&packages)).is_ok() {
        return choose(&on_path());
    }
    choose(&found)
}

/// The interpreters there are, with their versions.
fn on_path() -> Vec<(&'static str, (u32, u32))> {
    NAMES
        .into_iter()
        .filter_map(|name| {
            let said = Tool::new(name).arg("--version").try_read()?;
            Some((name, version(&said)?))
        })
        .collect()
}

/// The first that is new enough; the error says what there is and what to do.
fn choose(found: &[(&'static str, (u32, u32))]) -> Result<&'static str> {
    if let Some((name, _)) = found.iter().find(|(_, version)| *version >= OLDEST) {
        return Ok(name);
    }
    let there = match found {
        [] => "there is no Python on PATH".to_owned(),
        [(name, (major, minor)), ..] => format!("{name} is Python {major}.{minor}"),
    };
    let (major, minor) = OLDEST;
    bail!(
        "{there}, but the pinned packages need {major}.{minor} or newer: install one from your \
         system's packages, Homebrew or https://www.python.org and put it on PATH"
    )
}

/// Major and minor of `Python 3.11.7`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().strip_prefix("Python ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_too_old_is_named_with_what_to_do() {
        // What each interpreter says of itself; the one to use, or the complaint.
        type Said = &'static [(&'static str, &'static str)];
        let rows: [(Said, Result<&str, &str>); 5] = [
            (&[("python3", "Python 3.11.7\n")], Ok("python3")),
            (&[("python3", "Python 3.10.0+")], Ok("python3")),
            (
                &[("python3", "Python 3.9.2"), ("python3.12", "Python 3.12.1")],
                Ok("python3.12"),
            ),
            (
                &[("python3", "Python 3.9.2")],
                Err("python3 is Python 3.9, but the pinned packages need 3.10 or newer: install"),
            ),
            (
                &[],
                Err("there is no Python on PATH, but the pinned packages need 3.10 or newer"),
            ),
        ];
        for (said, expected) in rows {
            let found: Vec<_> = said
                .iter()
                .map(|(name, said)| (*name, version(said).unwrap()))
                .collect();
            match (choose(&found), expected) {
                (Ok(name), Ok(expected)) => assert_eq!(name, expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().starts_with(expected), "{error}");
                }
                (chosen, expected) => panic!("{chosen:?} is not {expected:?}"),
            }
        }
        assert_eq!(version("pyenv: python3: command not found"), None);
    }
}
