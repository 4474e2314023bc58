//! Scenario files that say what cannot be: each is refused with its line, key and a sentence.

use crate::Folder;

/// Steps of a scenario file, and what is said of it.
type Row = (&'static str, &'static str);

#[track_caller]
fn are_refused(rows: &[Row]) {
    for (steps, said) in rows {
        let text = format!("about = \"x\"\n[filter]\nwasm = \"filter.wasm\"\n{steps}\n");
        let folder = Folder::new().with_guest("").with("s.toml", &text);
        let done = folder.run("test s.toml");
        assert!(done.out.contains(said), "{text}\n{}", done.out);
        assert_eq!((done.code, done.err.as_str()), (2, ""), "{text}");
    }
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
