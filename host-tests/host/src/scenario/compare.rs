//! What came out beside what was expected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::connection_state::ReceivedBytes;
use crate::headers::Headers;
use crate::message::{Metadata, Received};

use super::file::{End, Expect, ExpectMessage};
use super::head;
use super::outcome::{ConnectionOutcome, Outcome, StreamOutcome};

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
pub fn expectation(expect: &Expect, stream: Option<&str>, outcome: &Outcome) -> Vec<Difference> {
    let mut found = match stream.and_then(|name| outcome.connections.get(name)) {
        Some(connection) => of_connection(expect, connection),
        None => of_stream(expect, stream, outcome),
    };
    entries(&mut found, "metrics", &expect.metrics, &outcome.metrics);
    let shared = shared(outcome);
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
    let (filter_state, properties) = (texts(filter_state), texts(properties));
    entries(found, "filter_state", &expect.filter_state, &filter_state);
    entries(found, "properties", &expect.properties, &properties);
}

/// What of `expected` is not so of the bytes that a peer received on a TCP connection.
pub fn data(
    side: &str,
    expected: &ExpectMessage,
    actual: Option<&ReceivedBytes>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |key: &str, expected: String, actual: String| {
        if expected != actual {
            let key = format!("{side}.{key}");
            found.push(Difference::new(key, expected, actual));
        }
    };
    let bytes = actual.map_or_else(String::new, ReceivedBytes::text);
    if let Some(data) = &expected.data {
        differ("data", text(&data.0), bytes.clone());
    }
    for part in &expected.contains {
        if !bytes.contains(part) {
            differ("contains", part.clone(), bytes.clone());
        }
    }
    if let Some(end) = expected.end {
        let actual = End::of_bytes(actual);
        differ("end", end.word().to_owned(), actual.word().to_owned());
    }
    found
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

fn entries<V: PartialEq + ToString>(
    found: &mut Vec<Difference>,
    key: &str,
    expected: &BTreeMap<String, V>,
    actual: &BTreeMap<String, V>,
) {
    for (name, expected) in expected {
        let actual = actual.get(name);
        if actual != Some(expected) {
            let actual = actual.map_or_else(|| "(not there)".to_owned(), V::to_string);
            let key = format!("{key}.\"{name}\"");
            found.push(Difference::new(key, expected.to_string(), actual));
        }
    }
}

/// What of `expected` is not so in a message that a peer received; `side` begins the keys.
pub fn message(side: &str, expected: &ExpectMessage, actual: &Received) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |key: &str, expected: String, actual: String| {
        if expected != actual {
            let key = format!("{side}.{key}");
            found.push(Difference::new(key, expected, actual));
        }
    };
    let none = Headers::new();
    let headers = actual.headers.as_ref().unwrap_or(&none);
    if let Some(status) = expected.status {
        let actual = headers.get(":status").unwrap_or("(none)".into());
        differ("status", status.to_string(), actual.into_owned());
    }
    if let Some(text) = &expected.head {
        // Checked when the file was read.
        let wanted =
            if text.trim_start().starts_with(|c: char| c.is_ascii_digit()) || side == "client" {
                head::response(text)
            } else {
                head::request(text)
            };
        let wanted = wanted.unwrap_or_default();
        differ("head", sorted(&wanted), sorted(headers));
    }
    let wanted = head::fields(expected.headers.iter().map(String::as_str)).unwrap_or_default();
    for (wanted, came) in named_fields(&wanted, headers) {
        differ("headers", wanted, came);
    }
    for name in &expected.without {
        if headers.value(name).is_some() {
            differ("without", format!("no {name}"), named(headers, name));
        }
    }
    if let Some(body) = &expected.body {
        differ("body", text(&body.0), text(&actual.body));
    }
    for part in &expected.contains {
        let body = text(&actual.body);
        if !body.contains(part) {
            differ("contains", part.clone(), body);
        }
    }
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
        differ(
            "metadata",
            frames_shown(&wanted),
            frames_shown(&actual.metadata),
        );
    }
    if let Some(trailers) = &expected.trailers {
        let wanted = head::fields(trailers.iter().map(String::as_str)).unwrap_or_default();
        let actual = actual.trailers.as_ref().unwrap_or(&none);
        differ("trailers", sorted(&wanted), sorted(actual));
    }
    if let Some(end) = expected.end {
        let actual = End::of(actual);
        differ("end", end.word().to_owned(), actual.word().to_owned());
    }
    found
}

/// METADATA frames, a line each, as a scenario writes them.
pub fn frames_shown(frames: &[Metadata]) -> String {
    let frames = frames.iter().map(|frame| {
        let entries = frame.iter();
        let entries = entries.map(|(key, value)| format!("{} = {:?}", text(key), text(value)));
        format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
    });
    frames.collect::<Vec<_>>().join("\n")
}

/// All fields, a line each, by name; values of one name in their order.
pub fn sorted(headers: &Headers) -> String {
    let mut lines: Vec<(&[u8], String)> = headers
        .iter()
        .map(|(name, value)| (name, format!("{}: {}", text(name), text(value))))
        .collect();
    lines.sort_by_key(|(name, _)| *name);
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

/// For each name in `wanted`, its fields there and in `actual`.
pub(super) fn named_fields(wanted: &Headers, actual: &Headers) -> Vec<(String, String)> {
    let names: BTreeSet<String> = wanted.iter().map(|(name, _)| text(name)).collect();
    let both = names.iter();
    both.map(|name| (named(wanted, name), named(actual, name)))
        .collect()
}

fn named(headers: &Headers, name: &str) -> String {
    let lines: Vec<_> = headers
        .all(name)
        .map(|value| format!("{name}: {}", text(value)))
        .collect();
    if lines.is_empty() {
        format!("(no {name})")
    } else {
        lines.join("\n")
    }
}

/// Shared data as texts.
pub(super) fn shared(outcome: &Outcome) -> BTreeMap<String, String> {
    let entries = outcome.shared_data.iter();
    entries
        .map(|(key, value)| (text(key), text(value)))
        .collect()
}

/// Values as texts, invalid UTF-8 shown as U+FFFD.
pub(super) fn texts(values: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let texts = values.iter().map(|(key, value)| (key.clone(), text(value)));
    texts.collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
