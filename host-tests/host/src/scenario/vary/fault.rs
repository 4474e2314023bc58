//! What a variation shows to be wrong, and how to see it again.

use std::fmt;
use std::path::PathBuf;

use crate::scenario::play::Failure;

use super::Variation;

/// Something a variation shows to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The scenario's file.
    pub file: PathBuf,
    /// The module.
    pub wasm: PathBuf,
    /// The variation.
    pub variation: Variation,
    /// What is wrong; at line 0 where it is the whole that is.
    pub failure: Failure,
}

impl Fault {
    /// The command that plays this variation again.
    pub fn command(&self) -> String {
        let file = self.file.display();
        let chosen = self.variation.option();
        format!("tollgate-host test {file} --vary {chosen}")
    }

    /// As a failure of the scenario, which says in which variation and how to see it again
    /// where it needs one.
    pub(in crate::scenario) fn into_failure(self) -> Failure {
        if self.variation.changes_nothing() && !self.failure.differences.is_empty() {
            return self.failure;
        }
        let again = format!("again: {}", self.command());
        let problem = match &self.failure.problem {
            Some(problem) => format!("{}: {problem}", self.variation),
            None => self.variation.to_string(),
        };
        Failure {
            problem: Some(format!("{problem}\n    {again}")),
            ..self.failure
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let module = self.wasm.file_name().unwrap_or(self.wasm.as_os_str());
        write!(
            f,
            "{} on {}, {}: ",
            self.file.display(),
            module.display(),
            self.variation
        )?;
        let Failure {
            line,
            differences,
            problem,
        } = &self.failure;
        let line = (*line > 0).then(|| format!("line {line}"));
        let differences = differences.iter().map(ToString::to_string);
        let parts = line.into_iter().chain(problem.clone()).chain(differences);
        f.write_str(&parts.collect::<Vec<_>>().join("; "))?;
        write!(f, "\n    again: {}", self.command())
    }
}

impl std::error::Error for Fault {}
