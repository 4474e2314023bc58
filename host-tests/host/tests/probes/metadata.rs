//! HTTP/2 METADATA frames. Every row was seen on Envoy 1.40 with `allow_metadata: true`,
//! between a client and an upstream that write raw frames.

use std::time::Duration;

use tollgate_host::{Host, Metadata, Plugin, Protocol, StreamOptions};

use crate::guest::{BODY, HEADERS, TRAILERS, callbacks, holding_headers, module};

const POST: [(&str, &str); 2] = [(":method", "POST"), (":path", "/")];
const OK: [(&str, &str); 1] = [(":status", "200")];
const TICK: Duration = Duration::from_millis(10);

fn http_2() -> StreamOptions {
    StreamOptions {
        client: Protocol::Http2,
        upstream: Protocol::Http2,
        ..StreamOptions::default()
    }
}

/// What this callback does, with the others saying Continue; ticks continue both ways.
fn source(callback: &str, body: &str) -> String {
    let all = [
        ("request_headers", HEADERS),
        ("request_metadata", TRAILERS),
        ("request_body", BODY),
        ("response_headers", HEADERS),
        ("response_metadata", TRAILERS),
        ("response_body", BODY),
    ];
    let mut source = String::from(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $tick_period #10)) #1)
        (func (export "proxy_on_tick") (param i32) (drop (call $effective #2))
          (drop (call $continue #0)) (drop (call $continue #1)))"#,
    );
    for (name, parameters) in all {
        let body = if name == callback { body } else { "#0" };
        source.push_str(&format!(
            "(func (export \"proxy_on_{name}\") {parameters} {body})\n"
        ));
    }
    source
}

#[test]
fn metadata_are_shown_as_a_number_of_keys_and_go_on_whatever_is_returned() {
    // (callback, what it does, may hold headers, callbacks)
    let whole = "request_headers(2,0) request_metadata(2) request_body(2,0) tick() \
                 request_metadata(1) request_body(1,1) response_headers(1,0) \
                 response_metadata(1) response_body(1,1)";
    let rows = [
        ("", "", false, whole),
        ("request_metadata", "#1", false, whole),
        ("response_metadata", "#1", false, whole),
        (
            "request_body",
            "(i32.eqz (local.get $end))",
            false,
            "request_headers(2,0) request_metadata(2) request_body(2,0) tick() \
             request_metadata(1) request_body(1,1) response_headers(1,0) \
             response_metadata(1) response_body(1,1)",
        ),
        (
            "request_headers",
            "#1",
            false,
            "request_headers(2,0) tick() request_metadata(2) request_body(2,0) \
             request_metadata(1) request_body(1,1) response_headers(1,0) \
             response_metadata(1) response_body(1,1)",
        ),
        ("request_headers", "#1", true, whole),
    ];
    for (callback, body, hold, expected) in rows {
        let plugin = if hold {
            holding_headers()
        } else {
            Plugin::default()
        };
        let host = Host::new();
        let module = module(&source(callback, body));
        let worker = host.recorded_worker(&module, plugin).unwrap();
        worker.transcript();
        let mut stream = worker.open_with(http_2());
        stream
            .request_headers(POST, false)
            .request_metadata([("k", "v"), ("kk", "vv")])
            .request_body("aa", false);
        host.advance(TICK);
        stream
            .request_metadata([("a", "1"), ("a", "2")])
            .request_metadata([("", ""); 0])
            .request_body("b", true)
            .response_headers(OK, false)
            .response_metadata([("k", "v")])
            .response_body("c", true);
        assert_eq!(callbacks(&worker).join(" "), expected, "{callback} {body}");
        let frames = |received: &[Metadata]| -> Vec<String> {
            let pairs = received.iter().map(|frame| {
                let pairs = frame
                    .iter()
                    .map(|(key, value)| [key, &b"="[..], value].concat());
                String::from_utf8(pairs.collect::<Vec<_>>().join(&b' ')).unwrap()
            });
            pairs.collect()
        };
        assert_eq!(
            frames(&stream.upstream().metadata),
            ["k=v kk=vv", "a=1"],
            "{callback}"
        );
        assert_eq!(frames(&stream.client().metadata), ["k=v"], "{callback}");
        assert_eq!(stream.upstream().text(), "aab", "{callback}");
    }
}

#[test]
fn held_headers_may_be_edited_and_continued_from_a_metadata_callback() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS} #1)
        (func (export "proxy_on_request_metadata") {TRAILERS}
          (drop (call $add #0 @"x" @"y")) (drop (call $continue #0)) #0)"#
    );
    let worker = crate::guest::worker(&source, holding_headers());
    let mut stream = worker.open_with(http_2());
    stream
        .request_headers(POST, false)
        .request_metadata([("k", "v")]);
    let upstream = stream.upstream();
    assert_eq!(upstream.header("x").as_deref(), Some("y"));
    assert_eq!(upstream.metadata.len(), 1);
}

#[test]
fn a_local_reply_in_a_metadata_callback_ends_the_request() {
    let source = source(
        "request_metadata",
        "(drop (call $reply #403 #0 #0 #0 #0 #0 #0 #-1)) #0",
    );
    let worker = crate::guest::worker(&source, Plugin::default());
    let mut stream = worker.open_with(http_2());
    stream
        .request_headers(POST, false)
        .request_metadata([("k", "v")]);
    assert_eq!(stream.client().status(), Some(403));
    assert!(stream.upstream().reset);
    assert_eq!(stream.upstream().metadata, Vec::<Metadata>::new());
}

#[test]
fn response_metadata_come_behind_the_headers_they_overtook() {
    let worker = crate::guest::worker(&source("", ""), Plugin::default());
    let mut stream = worker.open_with(http_2());
    stream
        .request_headers(POST, true)
        .response_metadata([("k", "v"), ("kk", "vv")])
        .response_headers(OK, true);
    let calls = callbacks(&worker).join(" ");
    assert!(
        calls.ends_with("response_headers(1,1) response_metadata(2)"),
        "{calls}"
    );
    assert_eq!(stream.client().metadata.len(), 1);
}

#[test]
fn http_1_has_no_metadata() {
    let worker = crate::guest::worker(&source("", ""), Plugin::default());
    let mut stream = worker.open();
    stream
        .request_headers(POST, false)
        .request_metadata([("k", "v")]);
    assert_eq!(
        stream.ignored(),
        ["request METADATA: it does not follow from what came before"]
    );
}
