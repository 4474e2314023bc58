//! Scenario files found, played and judged, for the command and for anyone's own tests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::module::Module;

use super::error::{FileError, line_of};
use super::play::{Failure, Harness, play};
use super::report::report;
use super::script::Scenario;

/// A scenario file and what became of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The file as it was named or found.
    pub file: PathBuf,
    /// What its `about` says; empty when it cannot be read.
    pub about: String,
    /// How it went.
    pub verdict: Verdict,
}

/// How a scenario went.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything was as it says.
    Passed,
    /// These things were not, in order.
    Failed(Vec<Failure>),
    /// The scenario or its module cannot be read, so nothing was played.
    Unreadable(FileError),
}

impl Checked {
    /// True when everything was as the scenario says.
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Passed)
    }
}

/// Modules by their file, so that scenarios of one filter load it once.
#[derive(Debug, Default)]
pub struct Modules(BTreeMap<PathBuf, Module>);

impl Modules {
    /// Plays the scenario in `file` on this harness.
    pub fn check(&mut self, file: &Path) -> Checked {
        self.check_with(file, |scenario, module| {
            let mut harness = Harness::start(scenario, module)?;
            Ok(play(&mut harness, &scenario.events))
        })
    }

    /// Reads the scenario in `file` and its module, and has `run` find what fails: one way
    /// to play it or several, here or on another host. An error of `run` is the filter's:
    /// it does not start.
    pub fn check_with(
        &mut self,
        file: &Path,
        run: impl FnOnce(&Scenario, &Module) -> Result<Vec<Failure>, Error>,
    ) -> Checked {
        let mut checked = Checked {
            file: file.to_owned(),
            about: String::new(),
            verdict: Verdict::Passed,
        };
        let scenario = match Scenario::load(file) {
            Ok(scenario) => scenario,
            Err(error) => {
                checked.verdict = Verdict::Unreadable(error);
                return checked;
            }
        };
        checked.about.clone_from(&scenario.about);
        let result = self
            .load(&scenario.wasm)
            .and_then(|module| run(&scenario, module));
        checked.verdict = match result {
            Ok(failures) if failures.is_empty() => Verdict::Passed,
            Ok(failures) => Verdict::Failed(failures),
            Err(error) => {
                let text = fs::read_to_string(file).unwrap_or_default();
                let line = text.lines().position(|line| line.trim() == "[filter]");
                let table = line.map_or(0, |at| at + 1);
                let line = line_of(&text, table, "wasm");
                match error {
                    Error::Read { .. } => Verdict::Unreadable(FileError {
                        file: file.to_owned(),
                        line,
                        key: "filter.wasm".to_owned(),
                        problem: error.to_string(),
                    }),
                    error => Verdict::Failed(vec![Failure {
                        line,
                        differences: Vec::new(),
                        problem: Some(error.to_string()),
                    }]),
                }
            }
        };
        checked
    }

    fn load(&mut self, path: &Path) -> Result<&Module, Error> {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), Module::load(path)?);
        }
        Ok(&self.0[path])
    }
}

/// A file or folder in which no scenarios were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoFiles {
    /// As it was named.
    pub path: PathBuf,
    /// Why.
    pub problem: String,
}

impl fmt::Display for NoFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for NoFiles {}

/// The scenario files that `path` means: itself, or every `.toml` in and below a folder, by
/// name.
///
/// # Errors
/// When it cannot be read, or is a folder without any.
pub fn files(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, NoFiles> {
    let path = path.as_ref();
    let no_files = |problem: String| NoFiles {
        path: path.to_owned(),
        problem,
    };
    if !path.is_dir() {
        return match fs::metadata(path) {
            Ok(_) => Ok(vec![path.to_owned()]),
            Err(error) => Err(no_files(format!("cannot be read: {error}"))),
        };
    }
    let mut found = Vec::new();
    below(path, &mut found).map_err(|error| no_files(format!("cannot be read: {error}")))?;
    found.sort();
    if found.is_empty() {
        let problem = "there is no scenario (a file ending in .toml) in it".to_owned();
        return Err(no_files(problem));
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            found.push(path);
        }
    }
    Ok(())
}

/// Plays every scenario in and below `folder`, for a test of one's own; gives their number.
///
/// # Panics
/// When one fails or cannot be read, or there is none, with what `tollgate-host test` would
/// print.
#[track_caller]
pub fn check_folder(folder: impl AsRef<Path>) -> usize {
    let files = match files(folder) {
        Ok(files) => files,
        Err(error) => panic!("{error}"),
    };
    let mut modules = Modules::default();
    let checked: Vec<Checked> = files.iter().map(|file| modules.check(file)).collect();
    let failed: Vec<&Checked> = checked.iter().filter(|checked| !checked.passed()).collect();
    if !failed.is_empty() {
        let reports: String = failed.iter().map(|checked| report(checked)).collect();
        let plain = anstream::adapter::strip_str(&reports);
        panic!("{} of {} scenarios:\n{plain}", failed.len(), checked.len());
    }
    checked.len()
}
