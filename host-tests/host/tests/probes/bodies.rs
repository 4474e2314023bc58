//! Body callbacks: what is visible, what is held, what goes on.

use tollgate_host::{Plugin, Protocol, StreamEnd, StreamOptions};

use crate::guest::{BODY, HEADERS, TRAILERS, callbacks, holding_headers, statuses, worker};

const POST: [(&str, &str); 3] = [(":method", "POST"), (":path", "/"), ("content-length", "5")];
const OK: [(&str, &str); 1] = [(":status", "200")];

/// A request-body callback that returns what this expression gives.
fn on_body(side: &str, action: &str) -> String {
    format!(r#"(func (export "proxy_on_{side}_body") {BODY} {action})"#)
}

#[test]
fn pause_accumulates_and_continue_forwards_everything() {
    // (action, chunks, callbacks, chunks the upstream received)
    type Row = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static [usize],
    );
    let rows: [Row; 6] = [
        (
            "#0",
            &["aa", "bbb"],
            &["body(2,0)", "body(3,0)", "body(0,1)"],
            &[2, 3],
        ),
        (
            "#1",
            &["aa", "bbb"],
            &["body(2,0)", "body(5,0)", "body(5,1)"],
            &[],
        ),
        // Held until 5 bytes are there; what comes later is seen alone.
        (
            "(i32.and (i32.lt_u (local.get $count) #5) (i32.eqz (local.get $end)))",
            &["aa", "bbb", "cccccc"],
            &["body(2,0)", "body(5,0)", "body(6,0)", "body(0,1)"],
            &[5, 6],
        ),
        // Held until the end.
        (
            "(i32.eqz (local.get $end))",
            &["aa", "bbb"],
            &["body(2,0)", "body(5,0)", "body(5,1)"],
            &[5],
        ),
        // StopIterationAndWatermark holds without showing what it holds.
        (
            "(i32.mul (i32.eqz (local.get $end)) #2)",
            &["aa", "bbb"],
            &["body(2,0)", "body(3,0)", "body(0,1)"],
            &[5],
        ),
        // StopIterationNoBuffer loses the chunk; 4 and above mean the same.
        (
            "(i32.mul (i32.eqz (local.get $end)) #3)",
            &["aa", "bbb"],
            &["body(2,0)", "body(3,0)", "body(0,1)"],
            &[],
        ),
    ];
    for (action, chunks, expected, forwarded) in rows {
        for side in ["request", "response"] {
            let worker = worker(&on_body(side, action), Plugin::default());
            let mut stream = worker.open();
            stream.request_headers(POST, side == "response");
            if side == "response" {
                stream.response_headers(OK, false);
            }
            for chunk in chunks {
                match side {
                    "request" => stream.request_body(chunk, false),
                    _ => stream.response_body(chunk, false),
                };
            }
            let received = match side {
                "request" => stream.request_body("", true).upstream(),
                _ => stream.response_body("", true).client(),
            };
            let seen: Vec<_> = callbacks(&worker)
                .into_iter()
                .filter_map(|call| Some(call.strip_prefix(&format!("{side}_"))?.to_owned()))
                .filter(|call| call.starts_with("body"))
                .collect();
            assert_eq!(seen, expected, "{side} {action}");
            assert_eq!(received.chunks, forwarded, "{side} {action}");
            let hangs = matches!(action, "#1");
            assert_eq!(received.complete, !hangs, "{side} {action}");
        }
    }
}

#[test]
fn data_and_end_come_apart_in_http_1_and_together_in_http_2() {
    for (protocol, expected) in [
        (Protocol::Http1, "request_body(5,0) request_body(0,1)"),
        (Protocol::Http2, "request_body(5,1)"),
    ] {
        let worker = worker(&on_body("request", "#0"), Plugin::default());
        let options = StreamOptions {
            client: protocol,
            ..StreamOptions::default()
        };
        worker.open_with(options).request(POST, "hello");
        let seen = callbacks(&worker).join(" ");
        assert_eq!(seen, expected);
    }
}

#[test]
fn set_buffer_replaces_a_prefix_or_appends() {
    // (start, size, text, status, body)
    let rows = [
        (0, 1, "partial.replace.", 0, "partial.replace.ello"),
        (0, 0, "<", 0, "<hello"),
        (0, 5, "new", 0, "new"),
        (0, 99, "new", 0, "new"),
        (0, -1, "", 0, ""),
        (5, 0, ">", 0, "hello>"),
        (99, 3, ">", 0, "hello>"),
        (1, 1, "x", 2, "hello"),
        (4, 0, "x", 2, "hello"),
    ];
    for (start, size, text, status, body) in rows {
        let source = on_body(
            "request",
            &format!(
                r#"(if (i32.eqz (local.get $end))
                    (then (drop (call $set_buffer #0 #{start} #{size} @"{text}"))))
                   #0"#
            ),
        );
        let worker = worker(&source, Plugin::default());
        let mut stream = worker.open();
        stream.request(POST, "hello");
        assert_eq!(
            statuses(&worker, "proxy_set_buffer_bytes"),
            [status],
            "{start} {size}"
        );
        let upstream = stream.upstream();
        assert_eq!(upstream.text(), body, "{start} {size}");
        // Nobody mends it: a filter that edits must.
        assert_eq!(upstream.header("content-length").as_deref(), Some("5"));
    }
}

#[test]
fn get_buffer_clamps_and_allocates_only_for_bytes() {
    // (buffer, start, max, status, allocations, length)
    let rows = [
        (0, 0, -1, 0, 1, 5),
        (0, 1, 2, 0, 1, 2),
        (0, 3, 99, 0, 1, 2),
        (0, 5, 1, 0, 0, 0),
        (0, 6, 1, 0, 0, 0),
        (0, 0, 0, 0, 0, 0),
        // What is not there is an empty buffer; callouts' bodies and configurations are not.
        (1, 0, 1, 0, 0, 0),
        (2, 0, 1, 0, 0, 0),
        (3, 0, 1, 0, 0, 0),
        (4, 0, 1, 1, 0, 77),
        (5, 0, 1, 0, 0, 0),
        (7, 0, 1, 1, 0, 77),
        (8, 0, 1, 0, 0, 0),
        (9, 0, 1, 2, 0, 77),
    ];
    for (buffer, start, max, status, allocations, length) in rows {
        let source = on_body(
            "request",
            &format!(
                r#"(i32.store #20 #77)
                (drop (call $get_buffer #{buffer} #{start} #{max} #16 #20))
                (i32.add #10 (i32.load #20))"#
            ),
        );
        let worker = worker(&source, Plugin::default());
        let options = StreamOptions {
            client: Protocol::Http2,
            ..StreamOptions::default()
        };
        let mut stream = worker.open_with(options);
        stream.request(POST, "hello");
        let calls = worker.transcript();
        let row = format!("{buffer} {start} {max}");
        assert_eq!(calls.last().unwrap().result, Some(status), "{row}");
        assert_eq!(calls[calls.len() - 2].result, Some(10 + length), "{row}");
        assert_eq!(stream.costs().handovers, allocations, "{row}");
    }
}

#[test]
fn trailers_end_a_body_without_end_of_stream() {
    let source = format!(
        r#"(func (export "proxy_on_request_body") {BODY} #1)
        (func (export "proxy_on_request_trailers") {TRAILERS}
          (drop (call $set_buffer #0 #5 #0 @"!"))
          (drop (call $replace #1 @"x-sum" @"2"))
          #0)"#
    );
    let worker = worker(&source, holding_headers());
    let mut stream = worker.open();
    stream
        .request_headers(POST, false)
        .request_body("hello", false);
    stream.request_trailers([("x-sum", "1")]);
    assert_eq!(
        callbacks(&worker),
        ["request_body(5,0)", "request_trailers(1)"]
    );
    let upstream = stream.upstream();
    assert_eq!(upstream.text(), "hello!");
    assert_eq!(
        upstream.trailers.unwrap().get("x-sum").as_deref(),
        Some("2")
    );
    assert!(upstream.complete);
}

#[test]
fn the_last_body_callback_may_add_trailers() {
    let source = on_body(
        "request",
        r#"(drop (call $add #1 @"x-late" @"1")) (i32.const 0)"#,
    );
    let worker = worker(&source, Plugin::default());
    let mut stream = worker.open();
    stream.request(POST, "hello");
    // Refused while more may come, granted at the end.
    assert_eq!(statuses(&worker, "proxy_add_header_map_value"), [2, 0]);
    let upstream = stream.upstream();
    assert_eq!(
        upstream.trailers.unwrap().get("x-late").as_deref(),
        Some("1")
    );
    assert!(upstream.complete);
}

#[test]
fn a_pause_in_headers_stops_all_callbacks_unless_the_flag_is_set() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS} #1)
        (func (export "proxy_on_request_body") {BODY}
          (drop (call $replace #0 @":path" @"/routed"))
          (i32.eqz (local.get $end)))
        (func (export "proxy_on_tick") (param i32)
          (drop (call $effective #2))
          (drop (call $continue #0)))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $tick_period #10)) #1)"#
    );
    let host = tollgate_host::Host::new();
    let module = crate::guest::module(&source);
    let start = |plugin| {
        let worker = host.recorded_worker(&module, plugin).unwrap();
        worker.transcript();
        worker
    };

    let held = start(holding_headers());
    let mut stream = held.open();
    stream.request(POST, "hello");
    assert_eq!(
        callbacks(&held),
        [
            "request_headers(3,0)",
            "request_body(5,0)",
            "request_body(5,1)"
        ]
    );
    assert_eq!(
        stream.upstream().header(":path").as_deref(),
        Some("/routed")
    );
    assert_eq!(stream.upstream().text(), "hello");
    drop(held);

    let stopped = start(Plugin::default());
    let mut stream = stopped.open();
    stream
        .request_headers(POST, false)
        .request_body("aa", false)
        .request_body("bb", false);
    assert_eq!(callbacks(&stopped), ["request_headers(3,0)"]);
    assert_eq!(stream.upstream().headers, None);
    host.advance(std::time::Duration::from_millis(10));
    stream.request_body("", true);
    let seen = callbacks(&stopped);
    assert_eq!(seen, ["tick()", "request_body(4,0)", "request_body(4,1)"]);
    assert_eq!(stream.upstream().header(":path").as_deref(), Some("/"));
    assert_eq!(stream.upstream().text(), "aabb");
}

/// Seen on Envoy 1.40.
#[test]
fn continuing_inside_the_callback_that_pauses_does_not_undo_the_pause() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS} (drop (call $continue #0)) #1)
        (func (export "proxy_on_request_body") {BODY} #0)"#
    );
    let stopped = worker(&source, Plugin::default());
    let mut stream = stopped.open();
    stream.request(POST, "hello");
    assert_eq!(callbacks(&stopped), ["request_headers(3,0)"]);
    assert!(stream.upstream().headers.is_some());
    assert_eq!(
        (stream.upstream().text(), stream.upstream().complete),
        (String::new(), false)
    );

    let paused = worker(
        &on_body("request", "(drop (call $continue #0)) #1"),
        Plugin::default(),
    );
    let mut stream = paused.open();
    stream.request_headers(POST, false);
    let mut sent = Vec::new();
    for chunk in ["aa", "bbb", "cccc"] {
        stream.request_body(chunk, false);
        sent.push(stream.upstream().text());
    }
    assert_eq!(sent, ["", "aabbb", "aabbbcccc"]);
}

#[test]
fn a_held_request_over_the_limit_is_413_and_a_held_response_is_cut() {
    let source = format!(
        r#"(func (export "proxy_on_request_body") {BODY} #1)
        (func (export "proxy_on_response_body") {BODY} #1)"#
    );
    let plugin = Plugin {
        buffer_limit: 8,
        ..Plugin::default()
    };
    let worker = worker(&source, plugin);
    let mut stream = worker.open();
    stream
        .request_headers(POST, false)
        .request_body("12345678", false);
    assert_eq!(stream.local_reply(), None);
    stream.request_body("9", false);
    let reply = stream.local_reply().unwrap();
    assert_eq!(
        (reply.status, reply.details.as_str()),
        (413, "request_payload_too_large")
    );
    assert_eq!(
        stream.client().header("content-length").as_deref(),
        Some("17")
    );
    // The reply's body ran into the guest's own Pause and is over the limit itself, after
    // its headers had left.
    assert_eq!(stream.end(), Some(StreamEnd::ResponseCut));
    assert!(stream.upstream().reset);

    let mut stream = worker.open();
    stream
        .request_headers(POST, true)
        .response_headers(OK, false)
        .response_body("12345678", false);
    assert_eq!(stream.end(), None);
    worker.transcript();
    stream.response_body("9", false);
    assert_eq!(stream.end(), Some(StreamEnd::ResponseCut));
    assert!(stream.client().reset && !stream.client().complete);
    assert_eq!(
        stream.details().as_deref(),
        Some("response_payload_too_large")
    );
    assert_eq!(callbacks(&worker), Vec::<String>::new());
}

#[test]
fn what_is_not_held_has_no_limit() {
    let plugin = Plugin {
        buffer_limit: 8,
        ..Plugin::default()
    };
    let worker = worker("", plugin);
    let mut stream = worker.open();
    stream
        .request(POST, vec![b'x'; 100])
        .response(OK, vec![b'y'; 100]);
    assert_eq!(stream.end(), Some(StreamEnd::Complete));
    assert_eq!(
        (stream.upstream().body.len(), stream.client().body.len()),
        (100, 100)
    );
}
