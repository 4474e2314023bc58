//! What is wrong with a scenario file, where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::TableLike;

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

/// The line, from 1, of a key: of the step that begins at `step_line`, or of the file where that
/// is 0. Where the file does not name it, of what it is in as far as the file names that, and at
/// last `step_line` itself.
pub(super) fn line_of(text: &str, step_line: usize, key: &str) -> usize {
    let Ok(document) = toml_edit::Document::parse(text) else {
        return step_line;
    };
    let top = document.as_table() as &dyn TableLike;
    let mut table = match step_line {
        0 => Some(top),
        line => step(text, top, line),
    };
    let (mut found, mut rest) = (step_line, key);
    while let Some(within) = table {
        // Keys may have dots in them: the longest that fits is meant.
        let names = within.iter().map(|(name, _)| name);
        let Some(name) = names
            .filter(|name| begins_with(rest, name))
            .max_by_key(|name| name.len())
        else {
            break;
        };
        let span = within.key(name).and_then(toml_edit::Key::span);
        found = span.map_or(found, |span| line_at(text, span.start));
        rest = rest[name.len()..].trim_start_matches('.');
        table = within.get(name).and_then(toml_edit::Item::as_table_like);
    }
    found
}

/// Whether a path begins with this key.
fn begins_with(path: &str, key: &str) -> bool {
    let rest = path.strip_prefix(key);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The step that begins at a line.
fn step<'t>(text: &str, top: &'t dyn TableLike, line: usize) -> Option<&'t dyn TableLike> {
    let is_it =
        |span: Option<Range<usize>>| span.is_some_and(|span| line_at(text, span.start) == line);
    match top.get("steps")? {
        toml_edit::Item::ArrayOfTables(steps) => {
            let mut steps = steps.iter();
            let step = steps.find(|step| is_it(step.span()))?;
            Some(step)
        }
        steps => {
            let mut steps = steps.as_array()?.iter();
            let step = steps.find(|step| is_it(step.span()))?;
            Some(step.as_inline_table()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_step_is_found_however_it_is_written() {
        let text = "about = 'x'\n[[steps]]\nrequest.head = 'GET /'\n\n[[steps]]\n\
                    expect.details = 'd'\n[steps.expect.client]\nstatus = 200\n\
                    [[steps]]\nexpect.client = { status = 1 }\n\
                    [[steps]]\nrequest.body = \"\"\"\nexpect.upstream.end = 1\n[[steps]]\n\
                    \"\"\"\nexpect.upstream.end = 'open'\nexpect.filter_state.\"a.b\" = 'c'\n\
                    [filter.configuration]\nlimit = 1\n";
        let rows = [
            (2, "request.head", 3),
            (2, "expect.details", 2),
            (5, "expect.details", 6),
            (5, "expect.client.status", 8),
            (5, "expect.client.head", 7),
            (9, "expect.client.status", 10),
            (2, "request", 3),
            (5, "expect", 6),
            (11, "expect.upstream.end", 16),
            (11, "expect.filter_state.a.b", 17),
            (0, "filter.configuration.limit[0].x", 19),
            (0, "clusters", 0),
        ];
        for (step, key, line) in rows {
            assert_eq!(line_of(text, step, key), line, "{key} of line {step}");
        }
    }
}
