//! What failed in a scenario, for a person: file, line, key, and the two values apart.

use std::fmt::Write as _;
use std::fs;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::check::{Checked, ON_ENVOY, Verdict};
use super::compare::Difference;
use super::error::line_of;
use super::play::Failure;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const EXPECTED: Style = AnsiColor::Red.on_default();
const ACTUAL: Style = AnsiColor::Green.on_default();

/// Lines of unchanged text around a change.
const CONTEXT: usize = 3;

/// Why the scenario did not pass, with ANSI colours ([`anstream`] prints it as the terminal
/// wants it); empty when it passed.
pub fn report(checked: &Checked) -> String {
    let mut out = String::new();
    let failures = match &checked.verdict {
        Verdict::Passed | Verdict::Skipped(_) => return out,
        Verdict::Unreadable(error) => {
            let _ = writeln!(out, "{BOLD}{error}{BOLD:#}");
            return out;
        }
        Verdict::Failed(failures) => failures,
    };
    let module = checked.module.as_deref();
    let module = module.map_or_else(String::new, |module| format!(" ({module})"));
    // A variation fails as a whole: it has no line.
    let at = |line: usize| match line {
        0 => checked.file.display().to_string(),
        line => format!("{}:{line}", checked.file.display()),
    };
    // Lines are a help: a file that is gone since it was played has none.
    let text = fs::read_to_string(&checked.file).unwrap_or_default();
    for failure in failures {
        if let Some(problem) = &failure.problem {
            let _ = writeln!(out, "{BOLD}{}{BOLD:#}{module}: {problem}", at(failure.line));
        }
        for finding in findings(&text, failure) {
            let Finding { line, key, found } = finding;
            let _ = writeln!(out, "{BOLD}{}: {key}{BOLD:#}{module}", at(line));
            out.push_str(&difference(found));
        }
    }
    out
}

/// A difference and where its expectation stands in the file.
pub struct Finding<'f> {
    /// Line from 1; 0 when no one line is meant.
    pub line: usize,
    /// The key's path within its step, such as `expect.client.status`.
    pub key: String,
    /// The two values.
    pub found: &'f Difference,
}

/// A failure's differences in the order of the file, whose text is `text`.
pub fn findings<'f>(text: &str, failure: &'f Failure) -> Vec<Finding<'f>> {
    let place = |found: &'f Difference| {
        let key = match &found.key {
            key if key.starts_with(ON_ENVOY) => key.clone(),
            key if key.starts_with("grpc.sent.") => key.clone(),
            key if key.starts_with("filter.") => key.clone(),
            key if key.starts_with("sent.") => format!("callout.{key}"),
            key => format!("expect.{key}"),
        };
        Finding {
            line: line_of(text, failure.line, &key),
            key,
            found,
        }
    };
    let mut findings: Vec<_> = failure.differences.iter().map(place).collect();
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// Expected and actual value apart: two lines, or a diff when one has several lines.
pub fn difference(found: &Difference) -> String {
    let mut out = String::new();
    let (expected, actual) = (&found.expected, &found.actual);
    if !expected.contains('\n') && !actual.contains('\n') {
        let _ = writeln!(
            out,
            "    {EXPECTED}- expected  {}{EXPECTED:#}",
            shown(expected)
        );
        let _ = writeln!(out, "    {ACTUAL}+ actual    {}{ACTUAL:#}", shown(actual));
        return out;
    }
    let diff = TextDiff::from_lines(expected, actual);
    let _ = writeln!(out, "    {EXPECTED}- expected{EXPECTED:#}");
    let _ = writeln!(out, "    {ACTUAL}+ actual{ACTUAL:#}");
    let one_ends = expected.ends_with('\n') != actual.ends_with('\n');
    for hunk in diff.grouped_ops(CONTEXT) {
        if let Some(first) = hunk.first().filter(|op| op.old_range().start > 0) {
            let line = first.old_range().start + 1;
            let _ = writeln!(out, "    {DIM}  … from line {line}{DIM:#}");
        }
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Delete => ('-', EXPECTED),
                ChangeTag::Insert => ('+', ACTUAL),
            };
            let line = shown(change.value().trim_end_matches('\n'));
            let _ = writeln!(out, "    {style}{sign} {line}{style:#}");
            if one_ends && change.missing_newline() && change.tag() != ChangeTag::Equal {
                let _ = writeln!(out, "    {DIM}  (no line end){DIM:#}");
            }
        }
    }
    out
}

/// Control characters made visible: a value must not move the terminal's cursor, and a
/// carriage return is a difference worth seeing.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}
