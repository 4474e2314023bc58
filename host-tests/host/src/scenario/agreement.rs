//! Two outcomes of the same events, beside each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection_state::ReceivedBytes;
use crate::headers::Headers;
use crate::message::Received;

use super::compare::{Difference, Found};
use super::file::End;
use super::outcome::{ConnectionOutcome, Outcome, StreamOutcome};
use super::shown;

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
    if expected.shared_data != actual.shared_data {
        let entries = |outcome: &Outcome| shown::entries(&shown::shared(outcome));
        found.push(Difference::new(
            "shared_data",
            entries(expected),
            entries(actual),
        ));
    }
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
    let mut of_stream = Found::of(name);
    let details = |outcome: &StreamOutcome| outcome.details.clone().unwrap_or("(none)".to_owned());
    of_stream.texts("details", &details(expected), &details(actual));
    state(
        &mut of_stream,
        (&expected.filter_state, &expected.properties),
        (&actual.filter_state, &actual.properties),
    );
    found.extend(of_stream.differences);
}

fn connections(
    found: &mut Vec<Difference>,
    name: &str,
    expected: &ConnectionOutcome,
    actual: &ConnectionOutcome,
) {
    let mut of_connection = Found::of(name);
    for (side, expected, actual) in [
        (
            "upstream",
            expected.upstream.as_ref(),
            actual.upstream.as_ref(),
        ),
        ("client", Some(&expected.client), Some(&actual.client)),
    ] {
        let bytes = |of: Option<&ReceivedBytes>| of.map_or(Vec::new(), |of| of.bytes.clone());
        let key = format!("{side}.data");
        of_connection.bytes(&key, &bytes(expected), &bytes(actual));
        let (expected, actual) = (End::of_bytes(expected), End::of_bytes(actual));
        of_connection.texts(&format!("{side}.end"), expected.word(), actual.word());
    }
    state(
        &mut of_connection,
        (&expected.filter_state, &expected.properties),
        (&actual.filter_state, &actual.properties),
    );
    found.extend(of_connection.differences);
}

type Entries = BTreeMap<String, Vec<u8>>;

/// Filter state and properties.
fn state(found: &mut Found, expected: (&Entries, &Entries), actual: (&Entries, &Entries)) {
    for (key, expected, actual) in [
        ("filter_state", expected.0, actual.0),
        ("properties", expected.1, actual.1),
    ] {
        if expected != actual {
            found.add(key, shown::entries(expected), shown::entries(actual));
        }
    }
}

/// Everything in which two messages differ; `side` begins the keys.
pub fn messages(found: &mut Vec<Difference>, side: &str, expected: &Received, actual: &Received) {
    let mut of_message = Found::of(side);
    for (key, expected, actual) in [
        ("head", &expected.headers, &actual.headers),
        ("trailers", &expected.trailers, &actual.trailers),
    ] {
        let fields = |of: &Option<Headers>| of.as_ref().map_or("(none)".to_owned(), shown::sorted);
        if expected.as_ref().map(shown::by_name) != actual.as_ref().map(shown::by_name) {
            of_message.add(key, fields(expected), fields(actual));
        }
    }
    of_message.bytes("body", &expected.body, &actual.body);
    of_message.bytes("excess", &expected.excess, &actual.excess);
    if expected.metadata != actual.metadata {
        let frames = |of: &Received| shown::frames(&of.metadata);
        of_message.add("metadata", frames(expected), frames(actual));
    }
    let end = |message: &Received| match (message.complete, message.reset) {
        (false, false) => "open",
        (true, false) => "complete",
        (false, true) => "reset",
        (true, true) => "complete, then reset",
    };
    of_message.texts("end", end(expected), end(actual));
    found.extend(of_message.differences);
}
