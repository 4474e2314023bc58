//! Scenario files that say what cannot be: each is refused with its line, key and a sentence.

use crate::Folder;

/// Steps of a scenario file, and what is said of it.
type Row<'t> = (&'t str, &'t str);

#[track_caller]
fn are_refused(rows: &[Row<'_>]) {
    for (steps, said) in rows {
        let text = format!("about = \"x\"\n[filter]\nwasm = \"filter.wasm\"\n{steps}\n");
        refused(&text, said);
    }
}

#[track_caller]
fn refused(text: &str, said: &str) {
    let folder = Folder::new().with_guest("").with("s.toml", text);
    let done = folder.run("test s.toml");
    assert!(done.out.contains(said), "{text}\n{}", done.out);
    assert_eq!((done.code, done.err.as_str()), (2, ""), "{text}");
}

#[test]
fn a_peer_does_only_what_it_can() {
    are_refused(&[
        (
            "[[steps]]\nrequest.head = \"GET /\"",
            "s.toml:5: steps[0].request.head: Envoy answers a request without a host 400 \
             (missing_host_header) before any filter sees it: add a line `host: example.com`",
        ),
        (
            "[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n[[steps]]\nrequest.body = \"x\"",
            "s.toml:7: steps[1].request.body: this peer's message is over since an earlier step: \
             say `end = false` there",
        ),
        (
            "[[steps]]\nrequest.head = \"GET /\\nhost: h\"\nresponse.body = \"x\"",
            "s.toml:6: steps[0].response.body: the response has no head yet",
        ),
        (
            "[[steps]]\nrequest.head = \"GET /\\nhost: h\"\nresponse.metadata = { k = \"v\" }\n\
             [protocol]\nupstream = \"http2\"",
            "s.toml:6: steps[0].response.metadata: the response has no head yet",
        ),
        (
            "[[steps]]\nrequest.head = \"GET /\\nhost: h\"\nresponse.head = \"200\"\n\
             response.end = false\n[[steps]]\nresponse.head = \"200\"",
            "s.toml:9: steps[1].response.head: this message has a head already",
        ),
        (
            "[[steps]]\nrequest.head = \"GET /\\nhost: h\"\nrequest.end = false\n\
             reset = \"client\"\n[[steps]]\nrequest.chunks = [\"x\"]",
            "s.toml:9: steps[1].request.chunks: this peer has broken off in an earlier step",
        ),
        (
            "[[steps]]\nrequest.head = \"GET /\\nhost: h\"\nreset = \"client\"\n\
             [[steps]]\nreset = \"client\"",
            "s.toml:8: steps[1].reset: this peer is gone already",
        ),
        (
            "[[steps]]\nconnect = {}\ndownstream = { data = \"x\", end = true }\n\
             [[steps]]\ndownstream.data = \"y\"",
            "s.toml:8: steps[1].downstream: this peer has ended its half of the connection",
        ),
        (
            "[[steps]]\nconnect.refused = true\nupstream.data = \"x\"",
            "s.toml:6: steps[0].upstream: this peer has no connection: it broke off, or did not \
             take it",
        ),
    ]);
}

#[test]
fn what_json_does_not_have_is_in_no_configuration() {
    let get = "[[steps]]\nrequest.head = \"GET /\\nhost: h\"";
    // (the filter's table goes on, what is said)
    let rows = [
        (
            "configuration = { since = 2026-01-02 }",
            "s.toml:4: filter.configuration.since: JSON has no dates: write \"2026-01-02\" as a \
             text",
        ),
        (
            "[filter.vm_configuration]\nlimit = 1\nlimits = [1.5, nan]",
            "s.toml:6: filter.vm_configuration.limits[1]: JSON has no number `NaN`",
        ),
    ];
    for (filter, said) in rows {
        are_refused(&[(&format!("{filter}\n{get}"), said)]);
    }
}

#[test]
fn clusters_and_addresses_are_those_there_are() {
    let top = "clusters_without_hosts = [\"gone\"]\nclusters = [\"a\"]\n";
    // (a step's key, what is said)
    let rows = [
        (
            "callout.cluster = \"gone\"",
            "s.toml:8: steps[0].callout.cluster: `gone` has no host, and callouts to it fail at \
             once",
        ),
        (
            "lookup = { name = \"x\", addresses = [\"127.0.0.1:0\", \"\"] }",
            "s.toml:8: steps[0].lookup.addresses: `` is no address with a port",
        ),
        (
            "expect.callouts = [\"a\", \"b\"]",
            "s.toml:8: steps[0].expect.callouts: `clusters` does not name `b`",
        ),
        (
            "expect.grpc = [\"b s/m\"]",
            "s.toml:8: steps[0].expect.grpc: `grpc_clusters` does not name `b`",
        ),
    ];
    for (key, said) in rows {
        let steps = format!("[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n{key}");
        refused(
            &format!("{top}about = \"x\"\n[filter]\nwasm = \"filter.wasm\"\n{steps}\n"),
            said,
        );
    }
}

#[test]
fn lines_are_those_of_keys_and_not_of_what_looks_like_them() {
    refused(
        "about = \"x\"\nfilter = { wasm = \"filter.wasm\" }\n[[steps]]\n\
         request.head = \"GET /\\nhost: h\"\n\
         request.body = \"\"\"\nexpect.upstream.headers = []\n[[steps]]\n\"\"\"\n\
         expect.upstream.headers = [\"x\"]\n",
        "s.toml:9: steps[0].expect.upstream.headers: `x` is no header",
    );
}
