//! What came out beside what was expected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::connection_state::ReceivedBytes;
use crate::headers::Headers;
use crate::message::{Metadata, Received};

use super::file::{End, Expect, ExpectMessage};
use super::head;
use super::outcome::{ConnectionOutcome, Outcome, StreamOutcome};
use super::shown;

/// What there is of a name that is not there.
const NOT_THERE: &str = "(not there)";
/// What there is of a message without a head.
const NOTHING_CAME: &str = "(nothing came)";

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key of the expectation, such as `client.headers`.
    pub key: String,
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
}

impl Difference {
    pub(super) fn new(
        key: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            expected: expected.into(),
            actual: actual.into(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            expected,
            actual,
        } = self;
        write!(f, "{key}: expected {expected:?}, came {actual:?}")
    }
}

/// What of `expect` is not so in `outcome`, for the stream or connection it is about.
pub(super) fn expectation(
    expect: &Expect,
    stream: Option<&str>,
    outcome: &Outcome,
) -> Vec<Difference> {
    let mut found = match stream.and_then(|name| outcome.connections.get(name)) {
        Some(connection) => of_connection(expect, connection),
        None => of_stream(expect, stream, outcome),
    };
    let differ = |name: &str, expected: &u64, actual: Option<&u64>| {
        (actual != Some(expected)).then(|| {
            let actual = actual.map_or_else(|| NOT_THERE.to_owned(), u64::to_string);
            Difference::new(format!("metrics.\"{name}\""), expected.to_string(), actual)
        })
    };
    let metrics = expect.metrics.iter();
    found.extend(
        metrics.filter_map(|(name, expected)| differ(name, expected, outcome.metrics.get(name))),
    );
    let shared = shown::shared(outcome);
    entries(&mut found, "shared_data", &expect.shared_data, &shared);
    lines(&mut found, "logs", &expect.logs, &outcome.logs);
    let mut grpc = expect.grpc.clone();
    if let Some(grpc) = &mut grpc {
        grpc.sort();
    }
    lines(&mut found, "callouts", &expect.callouts, &outcome.callouts);
    lines(&mut found, "grpc", &grpc, &outcome.grpc);
    lines(&mut found, "lookups", &expect.lookups, &outcome.lookups);
    found
}

fn of_stream(expect: &Expect, stream: Option<&str>, outcome: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    let none = StreamOutcome::default();
    let stream = stream.and_then(|name| outcome.streams.get(name));
    let stream = stream.unwrap_or(&none);
    if let Some(expected) = &expect.upstream {
        found.extend(message("upstream", expected, &stream.upstream));
    }
    if let Some(expected) = &expect.client {
        found.extend(message("client", expected, &stream.client));
    }
    if let Some(expected) = &expect.details {
        let actual = stream.details.as_deref().unwrap_or("(none)");
        if expected != actual {
            found.push(Difference::new("details", expected, actual));
        }
    }
    state(&mut found, expect, &stream.filter_state, &stream.properties);
    found
}

fn of_connection(expect: &Expect, connection: &ConnectionOutcome) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(expected) = &expect.upstream {
        found.extend(data("upstream", expected, connection.upstream.as_ref()));
    }
    if let Some(expected) = &expect.client {
        found.extend(data("client", expected, Some(&connection.client)));
    }
    state(
        &mut found,
        expect,
        &connection.filter_state,
        &connection.properties,
    );
    found
}

fn state(
    found: &mut Vec<Difference>,
    expect: &Expect,
    filter_state: &BTreeMap<String, Vec<u8>>,
    properties: &BTreeMap<String, Vec<u8>>,
) {
    entries(found, "filter_state", &expect.filter_state, filter_state);
    entries(found, "properties", &expect.properties, properties);
}

/// What of `expected` is not so of the bytes that a peer received on a TCP connection.
pub fn data(
    side: &str,
    expected: &ExpectMessage,
    actual: Option<&ReceivedBytes>,
) -> Vec<Difference> {
    let mut found = Found::of(side);
    let bytes = actual.map_or(&[][..], |actual| &actual.bytes);
    if let Some(data) = &expected.data {
        match actual {
            Some(_) => found.bytes("data", &data.0, bytes),
            None => found.add("data", shown::bytes(&data.0), "(no connection)"),
        }
    }
    found.contains(&expected.contains, bytes);
    if let Some(end) = expected.end {
        found.texts("end", end.word(), End::of_bytes(actual).word());
    }
    found.differences
}

fn lines(
    found: &mut Vec<Difference>,
    key: &str,
    expected: &Option<Vec<String>>,
    actual: &[String],
) {
    if let Some(expected) = expected
        && expected != actual
    {
        found.push(Difference::new(key, expected.join("\n"), actual.join("\n")));
    }
}

fn entries(
    found: &mut Vec<Difference>,
    key: &str,
    expected: &BTreeMap<String, String>,
    actual: &BTreeMap<String, Vec<u8>>,
) {
    for (name, expected) in expected {
        let actual = actual.get(name);
        if actual.is_none_or(|actual| actual != expected.as_bytes()) {
            let actual = actual.map_or_else(|| NOT_THERE.to_owned(), |actual| shown::bytes(actual));
            let key = format!("{key}.\"{name}\"");
            found.push(Difference::new(key, expected, actual));
        }
    }
}

/// What of `expected` is not so in a message that a peer received; `side` begins the keys.
///
/// Of a message that has not begun nothing is so, except that it has not: neither an empty body
/// nor a header's absence.
pub(super) fn message(side: &str, expected: &ExpectMessage, actual: &Received) -> Vec<Difference> {
    let mut found = Found::of(side);
    let none = Headers::new();
    let headers = actual.headers.as_ref().unwrap_or(&none);
    let has_begun = actual.headers.is_some();
    if let Some(status) = expected.status {
        let actual = headers.get(":status").unwrap_or("(none)".into());
        found.texts("status", &status.to_string(), &actual);
    }
    if let Some(text) = &expected.head {
        // Checked when the file was read.
        let wanted =
            if text.trim_start().starts_with(|c: char| c.is_ascii_digit()) || side == "client" {
                head::response(text)
            } else {
                head::request(text)
            };
        found.fields("head", &wanted.unwrap_or_default(), headers);
    }
    let wanted = head::fields(expected.headers.iter().map(String::as_str)).unwrap_or_default();
    found.named("headers", &wanted, headers);
    for name in &expected.without {
        if !has_begun {
            found.add("without", format!("no {name}"), NOTHING_CAME);
        } else if headers.value(name).is_some() {
            let named = shown::named(headers, name);
            found.add("without", format!("no {name}"), named);
        }
    }
    if let Some(body) = &expected.body {
        match has_begun {
            true => found.bytes("body", &body.0, &actual.body),
            false => found.add("body", shown::bytes(&body.0), NOTHING_CAME),
        }
    }
    found.contains(&expected.contains, &actual.body);
    if let Some(frames) = &expected.metadata {
        let wanted: Vec<Metadata> = frames
            .iter()
            .map(|frame| {
                let entries = frame.iter();
                let entries =
                    entries.map(|(key, value)| (key.clone().into(), value.clone().into()));
                entries.collect()
            })
            .collect();
        if wanted.is_empty() && actual.metadata.is_empty() && !has_begun {
            found.add("metadata", shown::frames(&wanted), NOTHING_CAME);
        } else if wanted != actual.metadata {
            let shown = shown::frames(&actual.metadata);
            found.add("metadata", shown::frames(&wanted), shown);
        }
    }
    if let Some(trailers) = &expected.trailers {
        let wanted = head::fields(trailers.iter().map(String::as_str)).unwrap_or_default();
        match has_begun {
            true => found.fields(
                "trailers",
                &wanted,
                actual.trailers.as_ref().unwrap_or(&none),
            ),
            false => found.add("trailers", shown::sorted(&wanted), NOTHING_CAME),
        }
    }
    if let Some(end) = expected.end {
        found.texts("end", end.word(), End::of(actual).word());
    }
    found.differences
}

/// Differences under keys that begin alike.
pub(super) struct Found {
    side: String,
    pub differences: Vec<Difference>,
}

impl Found {
    pub fn of(side: impl Into<String>) -> Self {
        Self {
            side: side.into(),
            differences: Vec::new(),
        }
    }

    pub fn add(&mut self, key: &str, expected: impl Into<String>, actual: impl Into<String>) {
        let key = format!("{}.{key}", self.side);
        self.differences
            .push(Difference::new(key, expected, actual));
    }

    pub fn texts(&mut self, key: &str, expected: &str, actual: &str) {
        if expected != actual {
            self.add(key, expected, actual);
        }
    }

    pub fn bytes(&mut self, key: &str, expected: &[u8], actual: &[u8]) {
        if expected != actual {
            self.add(key, shown::bytes(expected), shown::bytes(actual));
        }
    }

    /// All fields, in any order of names.
    pub fn fields(&mut self, key: &str, expected: &Headers, actual: &Headers) {
        if shown::by_name(expected) != shown::by_name(actual) {
            self.add(key, shown::sorted(expected), shown::sorted(actual));
        }
    }

    /// Each name in `expected` has these values only.
    pub fn named(&mut self, key: &str, expected: &Headers, actual: &Headers) {
        let names: BTreeSet<&[u8]> = expected.iter().map(|(name, _)| name).collect();
        for name in names {
            let name = shown::text(name);
            if !expected.all(&name).eq(actual.all(&name)) {
                let actual = shown::named(actual, &name);
                self.add(key, shown::named(expected, &name), actual);
            }
        }
    }

    fn contains(&mut self, parts: &[String], bytes: &[u8]) {
        for part in parts {
            let mut places = bytes.windows(part.len().max(1));
            if !places.any(|place| place == part.as_bytes()) {
                self.add("contains", part, shown::text(bytes));
            }
        }
    }
}
