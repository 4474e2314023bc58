//! Two outcomes of the same events, beside each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection_state::ReceivedBytes;
use crate::message::Received;

use super::compare::{Difference, frames_shown, sorted};
use super::file::End;
use super::outcome::{ConnectionOutcome, Outcome, StreamOutcome};

/// Everything in which `actual` is not `expected`. The sizes in which bodies were cut on
/// their way out are no difference: a receiver cannot rely on them.
pub fn between(expected: &Outcome, actual: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    let none = StreamOutcome::default();
    let names: BTreeSet<_> = expected
        .streams
        .keys()
        .chain(actual.streams.keys())
        .collect();
    for name in names {
        let side = |outcome: &Outcome| outcome.streams.get(name).unwrap_or(&none).clone();
        streams(&mut found, name, &side(expected), &side(actual));
    }
    let none = ConnectionOutcome::default();
    let names: BTreeSet<_> = expected
        .connections
        .keys()
        .chain(actual.connections.keys())
        .collect();
    for name in names {
        let side = |outcome: &Outcome| outcome.connections.get(name).unwrap_or(&none).clone();
        connections(&mut found, name, &side(expected), &side(actual));
    }
    let lines = |values: &BTreeMap<String, u64>| {
        let lines = values.iter().map(|(key, value)| format!("{key}: {value}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut differ = |key: &str, expected: String, actual: String| {
        if expected != actual {
            found.push(Difference::new(key, expected, actual));
        }
    };
    differ("metrics", lines(&expected.metrics), lines(&actual.metrics));
    differ("logs", expected.logs.join("\n"), actual.logs.join("\n"));
    let joined = |names: &[String]| names.join("\n");
    differ(
        "callouts",
        joined(&expected.callouts),
        joined(&actual.callouts),
    );
    differ("grpc", joined(&expected.grpc), joined(&actual.grpc));
    differ(
        "lookups",
        joined(&expected.lookups),
        joined(&actual.lookups),
    );
    differ(
        "shared_data",
        bytes(&texts(&expected.shared_data)),
        bytes(&texts(&actual.shared_data)),
    );
    found
}

fn streams(
    found: &mut Vec<Difference>,
    name: &str,
    expected: &StreamOutcome,
    actual: &StreamOutcome,
) {
    messages(
        found,
        &format!("{name}.upstream"),
        &expected.upstream,
        &actual.upstream,
    );
    messages(
        found,
        &format!("{name}.client"),
        &expected.client,
        &actual.client,
    );
    let mut differ = |key: &str, expected: String, actual: String| {
        if expected != actual {
            found.push(Difference::new(format!("{name}.{key}"), expected, actual));
        }
    };
    let details = |outcome: &StreamOutcome| outcome.details.clone().unwrap_or("(none)".to_owned());
    differ("details", details(expected), details(actual));
    differ(
        "filter_state",
        bytes(&expected.filter_state),
        bytes(&actual.filter_state),
    );
    differ(
        "properties",
        bytes(&expected.properties),
        bytes(&actual.properties),
    );
}

fn connections(
    found: &mut Vec<Difference>,
    name: &str,
    expected: &ConnectionOutcome,
    actual: &ConnectionOutcome,
) {
    let mut differ = |key: &str, expected: String, actual: String| {
        if expected != actual {
            found.push(Difference::new(format!("{name}.{key}"), expected, actual));
        }
    };
    let data =
        |received: Option<&ReceivedBytes>| received.map_or_else(String::new, ReceivedBytes::text);
    let end = |received: Option<&ReceivedBytes>| End::of_bytes(received).word().to_owned();
    for (side, expected, actual) in [
        (
            "upstream",
            expected.upstream.as_ref(),
            actual.upstream.as_ref(),
        ),
        ("client", Some(&expected.client), Some(&actual.client)),
    ] {
        differ(&format!("{side}.data"), data(expected), data(actual));
        differ(&format!("{side}.end"), end(expected), end(actual));
    }
    let (filter_state, properties) = (&expected.filter_state, &expected.properties);
    differ(
        "filter_state",
        bytes(filter_state),
        bytes(&actual.filter_state),
    );
    differ("properties", bytes(properties), bytes(&actual.properties));
}

/// Everything in which two messages differ; `side` begins the keys.
pub fn messages(found: &mut Vec<Difference>, side: &str, expected: &Received, actual: &Received) {
    let mut differ = |key: &str, expected: String, actual: String| {
        if expected != actual {
            let key = format!("{side}.{key}");
            found.push(Difference::new(key, expected, actual));
        }
    };
    let fields = |headers: &Option<_>| headers.as_ref().map_or("(none)".to_owned(), sorted);
    differ("head", fields(&expected.headers), fields(&actual.headers));
    differ("body", expected.text(), actual.text());
    let excess = |message: &Received| String::from_utf8_lossy(&message.excess).into_owned();
    differ("excess", excess(expected), excess(actual));
    differ(
        "trailers",
        fields(&expected.trailers),
        fields(&actual.trailers),
    );
    differ(
        "metadata",
        frames_shown(&expected.metadata),
        frames_shown(&actual.metadata),
    );
    let end = |message: &Received| match (message.complete, message.reset) {
        (false, false) => "open",
        (true, false) => "complete",
        (false, true) => "reset",
        (true, true) => "complete, then reset",
    };
    differ("end", end(expected).to_owned(), end(actual).to_owned());
}

fn texts(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let entries = entries.iter();
    entries
        .map(|(key, value)| (String::from_utf8_lossy(key).into_owned(), value.clone()))
        .collect()
}

fn bytes(entries: &BTreeMap<String, Vec<u8>>) -> String {
    let lines: Vec<_> = entries
        .iter()
        .map(|(key, value)| format!("{key}: {}", String::from_utf8_lossy(value)))
        .collect();
    lines.join("\n")
}
