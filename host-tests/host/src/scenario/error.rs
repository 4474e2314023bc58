//! What is wrong with a scenario file, where.

use std::fmt;
use std::path::{Path, PathBuf};

/// A scenario file that cannot be used: file, line, key and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file as it was named.
    pub file: PathBuf,
    /// Line from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The key's path, such as `steps[2].request.head`; empty when TOML itself is broken.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl FileError {
    pub(super) fn whole(file: &Path, problem: impl fmt::Display) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            key: String::new(),
            problem: problem.to_string(),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for FileError {}

/// The line, from 1, of a byte offset.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
