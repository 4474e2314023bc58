//! Scenario files found, played and judged, for the command and for anyone's own tests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::envoy;
use crate::error::Error;
use crate::module::Module;

use super::bless::{BlessError, Blessed, bless};
use super::error::{FileError, line_of};
use super::event::Scenario;
use super::hold::hold;
use super::play::{Failure, Harness};
use super::report::report;
use super::vary::{self, Choice};

/// Begins what a real Envoy does otherwise; expected is then what this harness does.
pub(super) const ON_ENVOY: &str = "on Envoy: ";

/// Faults of one scenario's variations that are shown: most have one cause.
const MOST_FAULTS: usize = 3;

/// A scenario file and what became of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The file as it was named or found.
    pub file: PathBuf,
    /// What its `about` says; empty when it cannot be read.
    pub about: String,
    /// Name of the module it was played on, when the scenario names several.
    pub module: Option<String>,
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
    /// Everything was as it says on this harness; it was not played on Envoy, for this reason.
    Skipped(String),
    /// The scenario or its module cannot be read, so nothing was played.
    Unreadable(FileError),
}

impl Checked {
    /// True when everything that was played was as the scenario says.
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Passed | Verdict::Skipped(_))
    }
}

/// Plays scenario files on this harness; each module is loaded once.
#[derive(Debug, Default)]
pub struct Checker(BTreeMap<PathBuf, Module>);

impl Checker {
    /// Plays the scenario in `file`, on each module it names.
    pub fn check(&mut self, file: &Path) -> Vec<Checked> {
        self.check_with(file, hold)
    }

    /// As [`Checker::check`], and what passes is played again in the chosen variations; see
    /// [`vary::check`].
    pub fn check_varied(&mut self, file: &Path, choice: &Choice) -> Vec<Checked> {
        self.check_with(file, |scenario, module| {
            // One that does not start, as it must or not, has no play to vary.
            if scenario.filter.refused.is_some() {
                return hold(scenario, module);
            }
            drop(Harness::start(scenario, module)?);
            if !choice.is_in(scenario) {
                let problem = "it has no such variation; one is `byte by byte, HTTP/2`";
                return Ok(vec![about_all(problem.to_owned())]);
            }
            let mut faults = vary::check(scenario, module, choice).into_iter();
            let shown = faults.by_ref().take(MOST_FAULTS);
            let mut failures: Vec<Failure> = shown.map(|fault| fault.into_failure()).collect();
            let more = faults.len();
            if more > 0 {
                let problem = format!("{more} more like these, in other variations");
                failures.push(about_all(problem));
            }
            Ok(failures)
        })
    }

    /// As [`Checker::check`], and what passes is played again on the real Envoy whose
    /// executable is `envoy`, which must show what this harness shows after every event.
    /// Scenarios that say `not_on_envoy` are not: they are [`Verdict::Skipped`].
    pub fn check_on_envoy(&mut self, file: &Path, envoy: &Path) -> Vec<Checked> {
        let mut reason = None;
        let mut checked = self.check_with(file, |scenario, module| {
            reason.clone_from(&scenario.not_on_envoy);
            let failures = hold(scenario, module)?;
            if !failures.is_empty() || scenario.not_on_envoy.is_some() {
                return Ok(failures);
            }
            let agreement = envoy::agree(scenario, module, envoy);
            let failures = agreement.map(|agreement| agreement.failures);
            let mut failures = failures.unwrap_or_else(|problem| vec![about_all(problem)]);
            for failure in &mut failures {
                for found in &mut failure.differences {
                    found.key = format!("{ON_ENVOY}{}", found.key);
                }
                failure.problem = failure
                    .problem
                    .take()
                    .map(|text| format!("{ON_ENVOY}{text}"));
            }
            Ok(failures)
        });
        if let Some(reason) = reason {
            for one in checked.iter_mut().filter(|one| one.passed()) {
                one.verdict = Verdict::Skipped(reason.clone());
            }
        }
        checked
    }

    /// Writes what comes out of the scenario in `file` on its first module into the file, where
    /// that is not what it expects; see [`bless`].
    ///
    /// # Errors
    /// When it cannot be played to its end, or written; the file is then as it was.
    pub fn bless(&mut self, file: &Path) -> Result<Blessed, BlessError> {
        let cannot = |what: &str, error: std::io::Error| {
            let problem = format!("cannot be {what}: {error}");
            BlessError::File(FileError::whole(file, problem))
        };
        let text = fs::read_to_string(file).map_err(|error| cannot("read", error))?;
        let scenario = Scenario::parse(file, &text).map_err(BlessError::File)?;
        let module = self.load(&scenario.wasm).map_err(BlessError::Start)?;
        let blessed = bless(file, &text, module)?;
        if blessed.text != text {
            fs::write(file, &blessed.text).map_err(|error| cannot("written", error))?;
        }
        Ok(blessed)
    }

    /// Reads the scenario in `file` and its modules, and has `run` find what fails on each:
    /// one way to play it or several, here or on another host. An error of `run` is the
    /// filter's: it does not start.
    pub fn check_with(
        &mut self,
        file: &Path,
        mut run: impl FnMut(&Scenario, &Module) -> Result<Vec<Failure>, Error>,
    ) -> Vec<Checked> {
        let scenario = match Scenario::load(file) {
            Ok(scenario) => scenario,
            Err(error) => {
                return vec![Checked {
                    file: file.to_owned(),
                    about: String::new(),
                    module: None,
                    verdict: Verdict::Unreadable(error),
                }];
            }
        };
        let several = !scenario.also_on.is_empty();
        let on_each = scenario.on_each_module().map(|scenario| {
            let result = self
                .load(&scenario.wasm)
                .and_then(|module| run(&scenario, module));
            let verdict = match result {
                Ok(failures) if failures.is_empty() => Verdict::Passed,
                Ok(failures) => Verdict::Failed(failures),
                Err(error) => not_started(file, error),
            };
            let name = scenario.wasm.file_name().unwrap_or_default();
            let module = several.then(|| name.to_string_lossy().into_owned());
            Checked {
                file: file.to_owned(),
                about: scenario.about,
                module,
                verdict,
            }
        });
        on_each.collect()
    }

    fn load(&mut self, path: &Path) -> Result<&Module, Error> {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), Module::load(path)?);
        }
        Ok(&self.0[path])
    }
}

fn about_all(problem: String) -> Failure {
    Failure {
        line: 0,
        differences: Vec::new(),
        problem: Some(problem),
    }
}

/// A module that cannot be read is the file's fault; one that does not start the filter's.
fn not_started(file: &Path, error: Error) -> Verdict {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = line_of(&text, 0, "filter.wasm");
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
    let mut checker = Checker::default();
    let checked: Vec<Checked> = files.iter().flat_map(|file| checker.check(file)).collect();
    let failed: Vec<&Checked> = checked.iter().filter(|checked| !checked.passed()).collect();
    if !failed.is_empty() {
        let reports: String = failed.iter().map(|checked| report(checked)).collect();
        let plain = anstream::adapter::strip_str(&reports);
        panic!(
            "{} of {} plays of scenarios:\n{plain}",
            failed.len(),
            checked.len()
        );
    }
    files.len()
}
