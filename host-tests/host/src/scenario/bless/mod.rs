//! Blessing: what came out becomes what a scenario expects.
//!
//! For an author who has looked at the difference and wants it. Only values of expectations
//! change, in place; comments, order and style of the file stay.

mod edit;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml_edit::{DocumentMut, Item, TableLike};

use crate::error::Error;
use crate::module::Module;

use super::compare;
use super::error::{FileError, line_of};
use super::event::{Action, Scenario};
use super::file::{Expect, ExpectMessage};
use super::hold::hold;
use super::outcome::{ConnectionOutcome, Outcome, StreamOutcome};
use super::play::{self, Failure, Harness, Player};
use super::shown;
use crate::message::Received;

/// A scenario whose expectations are what came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blessed {
    /// The file's new text.
    pub text: String,
    /// What was changed, in order.
    pub changes: Vec<Change>,
    /// What still differs: `without` and `contains` say what an author wants of any outcome,
    /// and no outcome says what else they could want.
    pub left: Vec<Failure>,
}

/// A value that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its line in the file as it was, from 1.
    pub line: usize,
    /// Its key, such as `expect.client.body`.
    pub key: String,
    /// The value before.
    pub old: String,
    /// The value now.
    pub new: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, old, new, .. } = self;
        write!(f, "{key}: {old:?} → {new:?}")
    }
}

/// Why nothing was blessed.
#[derive(Debug)]
pub enum BlessError {
    /// The file cannot be used.
    File(FileError),
    /// The module or its configuration is refused.
    Start(Error),
    /// A step cannot happen, or the filter trapped at it: there is no outcome to bless.
    Play {
        /// Line of the step.
        line: usize,
        /// What happened.
        problem: String,
    },
}

impl fmt::Display for BlessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Start(error) => write!(f, "not blessed: {error}"),
            Self::Play { line, problem } => write!(f, "not blessed: line {line}: {problem}"),
        }
    }
}

impl std::error::Error for BlessError {}

/// Plays the scenario `text` of the file `path` on `module`, and replaces the values of
/// expectations that differ.
///
/// An expectation that is empty (`expect = {}`, `[steps.expect]`) gets what client and
/// upstream received, with filter state, properties, logs, open callouts and lookups where
/// there are any; metrics an author names. An entry of a map that is not there any more goes.
///
/// # Errors
/// When it cannot be played to its end.
pub fn bless(path: &Path, text: &str, module: &Module) -> Result<Blessed, BlessError> {
    let scenario = Scenario::parse(path, text).map_err(BlessError::File)?;
    if scenario.filter.refused.is_some() {
        return Ok(Blessed {
            text: text.to_owned(),
            changes: Vec::new(),
            left: hold(&scenario, module).map_err(BlessError::Start)?,
        });
    }
    let broken = |error: toml_edit::TomlError| BlessError::File(FileError::whole(path, error));
    let mut document: DocumentMut = text.parse().map_err(broken)?;
    let mut harness = Harness::start(&scenario, module).map_err(BlessError::Start)?;
    let mut steps = Steps::of(&mut document);
    let (mut changes, mut left) = (Vec::new(), Vec::new());
    // Those that are no wish are changes; gives the others.
    let changed = |changes: &mut Vec<Change>, step, table: &str, found: Vec<_>| {
        let (wishes, replaced): (Vec<_>, Vec<_>) = found.into_iter().partition(is_a_wish);
        changes.extend(replaced.into_iter().map(|found: compare::Difference| {
            let key = format!("{table}.{}", found.key);
            Change {
                line: line_of(text, step, &key),
                key,
                old: found.expected,
                new: found.actual,
            }
        }));
        wishes
    };
    for event in &scenario.events {
        let failed = |problem| BlessError::Play {
            line: event.line,
            problem,
        };
        let remaining = match &event.action {
            Action::Expect { stream, expect } => {
                let outcome = harness.outcome().map_err(failed)?;
                let stream = stream.as_deref();
                let differences = compare::expectation(expect, stream, &outcome);
                let table = steps.next_with(&["expect"]);
                match table {
                    Some(table) if table.is_empty() => {
                        edit::fill(table, stream, &outcome);
                        changes.push(Change {
                            line: line_of(text, event.line, "expect"),
                            key: "expect".to_owned(),
                            old: "(empty)".to_owned(),
                            new: "(what came out)".to_owned(),
                        });
                        Vec::new()
                    }
                    Some(table) if !differences.is_empty() => {
                        rewrite(table, expect, stream, &outcome);
                        changed(&mut changes, event.line, "expect", differences)
                    }
                    _ => differences,
                }
            }
            Action::Callout {
                cluster,
                sent: Some(sent),
                ..
            } => {
                let received = harness.callout(cluster).map_err(failed)?;
                let problem = || format!("the filter has no open callout to `{cluster}`");
                let received = received.ok_or_else(|| failed(problem()))?;
                let differences = compare::message("sent", sent, &received);
                let table = steps.next_with(&["callout", "sent"]);
                if let Some(table) = table.filter(|_| !differences.is_empty()) {
                    rewrite_message(table, "sent", sent, &received);
                }
                harness.act(&event.action).map_err(failed)?;
                changed(&mut changes, event.line, "callout", differences)
            }
            // Few and short: the author changes them.
            Action::Grpc { .. } => play::step(&mut harness, &event.action).map_err(failed)?,
            other => {
                harness.act(other).map_err(failed)?;
                Vec::new()
            }
        };
        if scenario.traps.is_none()
            && let Some(death) = harness.workers().iter().find_map(|worker| worker.death())
        {
            return Err(failed(format!("the worker died: {death}")));
        }
        if !remaining.is_empty() {
            left.push(Failure {
                line: event.line,
                differences: remaining,
                problem: None,
            });
        }
    }
    Ok(Blessed {
        text: match changes.is_empty() {
            // A document's text may space dotted keys in another way than the file.
            true => text.to_owned(),
            false => document.to_string(),
        },
        changes,
        left,
    })
}

fn is_a_wish(difference: &compare::Difference) -> bool {
    difference.key.ends_with(".without") || difference.key.ends_with(".contains")
}

/// The steps of a document, walked along as their expectations come up in playing.
struct Steps<'d> {
    tables: Vec<&'d mut dyn TableLike>,
    /// The step at hand, and what of it has come up.
    at: usize,
    seen: Vec<String>,
}

impl<'d> Steps<'d> {
    fn of(document: &'d mut DocumentMut) -> Self {
        let tables = match document.get_mut("steps") {
            Some(Item::ArrayOfTables(tables)) => tables
                .iter_mut()
                .map(|table| table as &mut dyn TableLike)
                .collect(),
            Some(Item::Value(toml_edit::Value::Array(tables))) => tables
                .iter_mut()
                .filter_map(toml_edit::Value::as_inline_table_mut)
                .map(|table| table as &mut dyn TableLike)
                .collect(),
            _ => Vec::new(),
        };
        Self {
            tables,
            at: 0,
            seen: Vec::new(),
        }
    }

    /// The table at `path` of the next step that has one. A step's callout comes up before
    /// its expectation, and each once.
    fn next_with(&mut self, path: &[&str]) -> Option<&mut dyn TableLike> {
        let name = path.join(".");
        while self.at < self.tables.len() {
            let has = edit::at(self.tables[self.at], path).is_some();
            if has && !self.seen.contains(&name) {
                self.seen.push(name);
                edit::open_up(self.tables[self.at], "expect");
                return edit::at(self.tables[self.at], path);
            }
            self.at += 1;
            self.seen.clear();
        }
        None
    }
}

/// Replaces what differs in an expectation.
fn rewrite(table: &mut dyn TableLike, expect: &Expect, stream: Option<&str>, outcome: &Outcome) {
    match stream.and_then(|name| outcome.connections.get(name)) {
        Some(connection) => rewrite_connection(table, expect, connection),
        None => {
            let none = StreamOutcome::default();
            let stream = stream.and_then(|name| outcome.streams.get(name));
            rewrite_stream(table, expect, stream.unwrap_or(&none));
        }
    }
    edit::entries(table, "metrics", &expect.metrics, &outcome.metrics);
    edit::entries(
        table,
        "shared_data",
        &expect.shared_data,
        &shown::texts(&shown::shared(outcome)),
    );
    for (key, expected, actual) in [
        ("logs", &expect.logs, &outcome.logs),
        ("callouts", &expect.callouts, &outcome.callouts),
        ("grpc", &expect.grpc, &outcome.grpc),
        ("lookups", &expect.lookups, &outcome.lookups),
    ] {
        if let Some(expected) = expected
            && expected != actual
        {
            edit::set_lines(table, key, actual);
        }
    }
}

fn rewrite_stream(table: &mut dyn TableLike, expect: &Expect, stream: &StreamOutcome) {
    let sides = [
        ("upstream", &expect.upstream, &stream.upstream),
        ("client", &expect.client, &stream.client),
    ];
    for (side, expected, actual) in sides {
        if let Some(expected) = expected
            && let Some(table) = edit::at(table, &[side])
        {
            rewrite_message(table, side, expected, actual);
        }
    }
    if let Some(expected) = &expect.details
        && Some(expected) != stream.details.as_ref()
    {
        edit::set_or_remove(table, "details", stream.details.clone());
    }
    rewrite_state(table, expect, &stream.filter_state, &stream.properties);
}

fn rewrite_connection(table: &mut dyn TableLike, expect: &Expect, connection: &ConnectionOutcome) {
    let sides = [
        ("upstream", &expect.upstream, connection.upstream.as_ref()),
        ("client", &expect.client, Some(&connection.client)),
    ];
    for (side, expected, actual) in sides {
        let Some(expected) = expected else { continue };
        let Some(table) = edit::at(table, &[side]) else {
            continue;
        };
        for difference in compare::data(side, expected, actual) {
            if let Some((_, key)) = difference.key.split_once('.') {
                edit::set_received(table, key, actual);
            }
        }
    }
    rewrite_state(
        table,
        expect,
        &connection.filter_state,
        &connection.properties,
    );
}

fn rewrite_state(
    table: &mut dyn TableLike,
    expect: &Expect,
    filter_state: &BTreeMap<String, Vec<u8>>,
    properties: &BTreeMap<String, Vec<u8>>,
) {
    let (filter_state, properties) = (shown::texts(filter_state), shown::texts(properties));
    edit::entries(table, "filter_state", &expect.filter_state, &filter_state);
    edit::entries(table, "properties", &expect.properties, &properties);
}

/// Replaces what differs in an expected message.
fn rewrite_message(
    table: &mut dyn TableLike,
    side: &str,
    expected: &ExpectMessage,
    actual: &Received,
) {
    let differences = compare::message(side, expected, actual);
    let differs = |key: &str| {
        let key = format!("{side}.{key}");
        differences.iter().any(|difference| difference.key == key)
    };
    for key in ["head", "status", "body", "metadata", "trailers", "end"] {
        if differs(key) {
            edit::set_part(table, key, actual);
        }
    }
    if differs("headers") {
        edit::headers(table, &expected.headers, actual);
    }
}

#[cfg(test)]
mod tests;
