//! What only the library says of HTTP/2 METADATA. The rest is in
//! `host-tests/scenarios/probes/metadata*.toml`.

use tollgate_host::{Metadata, Plugin, Protocol, StreamOptions};

use crate::guest;

const POST: [(&str, &str); 2] = [(":method", "POST"), (":path", "/")];

#[test]
fn of_repeated_keys_the_first_counts() {
    // Seen on Envoy 1.40, of a raw frame; a table in a scenario cannot repeat a key.
    let worker = guest::worker("", Plugin::default());
    let mut stream = worker.open_with(StreamOptions {
        client: Protocol::Http2,
        upstream: Protocol::Http2,
        ..StreamOptions::default()
    });
    stream
        .request_headers(POST, false)
        .request_metadata([("a", "1"), ("a", "2"), ("b", "3")]);
    let frame = [("a", "1"), ("b", "3")].map(|(key, value)| (key.into(), value.into()));
    assert_eq!(stream.upstream().metadata, [Metadata::from(frame)]);
}

#[test]
fn http_1_has_no_metadata() {
    let worker = guest::worker("", Plugin::default());
    let mut stream = worker.open();
    stream
        .request_headers(POST, false)
        .request_metadata([("k", "v")]);
    assert_eq!(
        stream.ignored(),
        ["request METADATA: it does not follow from what came before"]
    );
}
