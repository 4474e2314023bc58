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

/// What serde says of a value, in the words of who writes TOML instead of Rust.
pub(super) fn in_words_of_toml(problem: &str) -> String {
    // (what serde says, instead)
    const WORDS: [(&str, &str); 10] = [
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("unknown variant", "unknown value"),
        ("expected a string", "expected a text"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        ("expected u16", "expected a whole number up to 65535"),
        ("expected u32", "expected a whole number from 0"),
        ("expected u64", "expected a whole number from 0"),
        ("expected usize", "expected a whole number from 0"),
    ];
    if let Some((before, _)) = problem.split_once("expected struct ") {
        return format!("{before}expected a table");
    }
    let mut problem = problem.to_owned();
    for (serdes, tomls) in WORDS {
        problem = problem.replacen(serdes, tomls, 1);
    }
    problem
}

/// The line, from 1, of a byte offset.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The line, from 1, of the table `[filter]`; 0 where it is written otherwise.
pub(super) fn filter_line(text: &str) -> usize {
    let table = text.lines().position(|line| line.trim() == "[filter]");
    table.map_or(0, |at| at + 1)
}

/// The line, from 1, of a key within the step that begins at `step_line`, or of the first that
/// is in it; of what it is in, as far as the file names that; else the step's own.
pub(super) fn line_of(text: &str, step_line: usize, key: &str) -> usize {
    let mut table = String::new();
    let (mut found, mut most) = (step_line, 0);
    for (at, line) in text.lines().enumerate().skip(step_line) {
        let line = line.trim();
        if line.starts_with("[[") {
            break;
        }
        if let Some(named) = line.strip_prefix("[steps.") {
            table = named.split(']').next().unwrap_or_default().to_owned() + ".";
            continue;
        }
        let named = line.split(['=', '{']).next().unwrap_or_default().trim();
        let named = format!("{table}{named}");
        let is_it = named == key || key.starts_with(&format!("{named}."));
        // A table may be named by what is in it only.
        let is_in_it = named.starts_with(&format!("{key}."));
        let length = named.len().min(key.len());
        if (is_it || is_in_it) && length > most {
            (found, most) = (at + 1, length);
        }
    }
    found
}

/// The line, from 1, of a key outside of the steps; 0 where the file does not name it.
pub(super) fn line_at_top(text: &str, key: &str) -> usize {
    let table = key.rsplit_once('.').and_then(|(table, key)| {
        let heading = format!("[{table}]");
        let at = text.lines().position(|line| line.trim() == heading)?;
        Some((at + 1, key))
    });
    let (start, key) = table.unwrap_or((0, key));
    line_of(text, start, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_step_is_found_however_it_is_written() {
        let text = "about = 'x'\n[[steps]]\nrequest.head = 'GET /'\n\n[[steps]]\n\
                    expect.details = 'd'\n[steps.expect.client]\nstatus = 200\n\
                    [[steps]]\nexpect.client = { status = 1 }\n";
        let rows = [
            (2, "request.head", 3),
            (2, "expect.details", 2),
            (5, "expect.details", 6),
            (5, "expect.client.status", 8),
            (5, "expect.client.head", 5),
            (9, "expect.client.status", 10),
            (2, "request", 3),
            (5, "expect", 6),
        ];
        for (step, key, line) in rows {
            assert_eq!(line_of(text, step, key), line, "{key} of line {step}");
        }
    }
}
