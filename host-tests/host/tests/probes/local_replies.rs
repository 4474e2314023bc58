//! Local replies, resets, and how streams end.

use tollgate_host::{Plugin, Received, Stream, StreamEnd};

use crate::guest::{BODY, HEADERS, callbacks, statuses, worker};

const GET: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];
const OK: [(&str, &str); 2] = [(":status", "200"), ("x-from", "upstream")];

/// Replies 429 with the details and body given, and returns Continue all the same.
const REPLY: &str = r#"(drop (call $reply #429 @"limited" @"slow down" #0 #0 #-1))"#;
const END: &str = r#"
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_done") (param i32) (result i32) #1)
  (func (export "proxy_on_delete") (param i32))"#;

fn is_reply(received: &Received) -> bool {
    received.status() == Some(429) && received.text() == "slow down" && received.complete
}

#[test]
fn a_reply_to_a_request_passes_the_response_callbacks() {
    // (callback that replies, callbacks until the end, whether the upstream was reached)
    let rows: [(&str, &[&str], bool); 2] = [
        ("request_headers", &["request_headers(2,0)"], false),
        ("request_body", &["request_body(1,0)"], true),
    ];
    for (callback, before, reached) in rows {
        let source = format!(
            r#"(func (export "proxy_on_{callback}") {HEADERS} {REPLY} {REPLY} #0)
            (func (export "proxy_on_response_headers") {HEADERS}
              (drop (call $add #2 @"x-seen" @"1")) #0)
            (func (export "proxy_on_response_body") {BODY} #0) {END}"#
        );
        let worker = worker(&source, Plugin::default());
        let mut stream = worker.open();
        stream.request_headers(GET, false).request_body("x", true);
        let client = stream.client();
        assert!(is_reply(&client), "{client:?}");
        assert_eq!(client.header("x-seen").as_deref(), Some("1"));
        assert_eq!(client.header("content-type").as_deref(), Some("text/plain"));
        assert_eq!(stream.details().as_deref(), Some("limited"));
        assert_eq!(stream.local_reply().unwrap().grpc_status, None);
        assert_eq!(stream.upstream().headers.is_some(), reached);
        assert_eq!(stream.upstream().reset, reached);
        let after = [
            "response_headers(3,0)",
            "response_body(9,1)",
            "log()",
            "done()",
            "delete()",
        ];
        assert_eq!(callbacks(&worker), [before, &after].concat());
    }
}

#[test]
fn a_reply_without_body_and_one_to_head() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (if (i32.eq (local.get $count) #1)
            (then {REPLY})
            (else (drop (call $reply #204 #0 #0 #0 #0 #0 #0 #0))))
          #0)"#
    );
    let worker = worker(&source, Plugin::default());
    let mut stream = worker.open();
    stream.request_headers(GET, true);
    assert_eq!(
        stream.client().headers.unwrap(),
        [(":status", "204")].into()
    );
    assert_eq!(stream.local_reply().unwrap().grpc_status, Some(0));

    let mut stream = worker.open();
    stream.request_headers([(":method", "HEAD")], true);
    assert_eq!(
        stream.client().header("content-length").as_deref(),
        Some("9")
    );
    assert_eq!(
        (stream.client().text(), stream.client().complete),
        (String::new(), true)
    );
}

#[test]
fn ends_run_log_done_delete_once_and_later_events_are_ignored() {
    use StreamEnd::{ClientReset, Complete, ResponseCut, UpstreamReset};
    // What happens after the request's headers, and the end.
    type Row = (fn(&mut Stream), StreamEnd);
    let rows: [Row; 6] = [
        (|s| _ = s.response(OK, "all"), Complete),
        (
            |s| _ = s.request_body("x", false).response(OK, "early"),
            Complete,
        ),
        (|s| _ = s.reset_by_client(), ClientReset),
        (
            |s| _ = s.response_headers(OK, false).reset_by_client(),
            ClientReset,
        ),
        (
            |s| _ = s.response_headers(OK, false).reset_by_upstream(),
            UpstreamReset,
        ),
        (|s| _ = s.reset_by_upstream(), Complete),
    ];
    for (row, (events, expected)) in rows.into_iter().enumerate() {
        let worker = worker(END, Plugin::default());
        let mut stream = worker.open();
        stream.request_headers(GET, false);
        events(&mut stream);
        assert_eq!(stream.end(), Some(expected), "row {row}");
        assert_eq!(
            callbacks(&worker),
            ["log()", "done()", "delete()"],
            "row {row}"
        );
        let (upstream, client) = (stream.upstream(), stream.client());
        assert_eq!(client.reset, !client.complete, "row {row}");
        assert!(upstream.reset, "row {row}");
        stream
            .reset_by_client()
            .reset_by_upstream()
            .response(OK, "late")
            .request_body("x", true);
        assert_eq!(
            stream.ignored().len(),
            5,
            "row {row}: {:?}",
            stream.ignored()
        );
        assert_eq!(
            (stream.upstream(), stream.client()),
            (upstream, client),
            "row {row}"
        );
        assert!(callbacks(&worker).is_empty(), "row {row}");
        assert_ne!(expected, ResponseCut);
    }
}

#[test]
fn closing_a_stream_sends_no_status() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $close #4)) (drop (call $close #0)) #1) {END}"#
    );
    let worker = worker(&source, Plugin::default());
    let mut stream = worker.open();
    stream.request_headers(GET, true);
    assert_eq!(stream.end(), Some(StreamEnd::ClosedByFilter));
    assert_eq!(
        (stream.client().headers.clone(), stream.client().reset),
        (None, true)
    );
    assert_eq!(statuses(&worker, "proxy_close_stream"), [2, 0]);
}
