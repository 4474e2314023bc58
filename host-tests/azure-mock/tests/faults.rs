//! Faults and dictated answers, over both versions of HTTP.

mod common;

use std::io::Read;
use std::time::{Duration, Instant};

use azure_mock::{Bytes, Handle, RawAnswer, Script, StatusCode, Version};
use common::*;

fn faulty(http: Http, region: &Handle, fault: &str, body: &str) -> Option<Got> {
    send(
        http,
        region,
        "POST",
        CHAT,
        &[
            ("api-key", "k"),
            ("x-mock-fault", fault),
            ("te", "trailers"),
        ],
        body,
    )
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn statuses() {
    let (_mock, region) = one(|_| {});
    let rows = [
        ("status=429", 429, "1", "1000"),
        ("status=429;retry-after-ms=1500", 429, "2", "1500"),
        ("status=500", 500, "", ""),
        ("status=503;retry-after-ms=20", 503, "1", "20"),
        ("status=404", 404, "", ""),
        ("status=418", 418, "", ""),
        ("nonsense", 400, "", ""),
    ];
    for http in [Http::One, Http::Two] {
        for (fault, status, seconds, milliseconds) in rows {
            let got = faulty(http, &region, fault, HELLO).unwrap();
            assert_eq!(got.status.as_u16(), status, "{fault}");
            assert_eq!(got.header("retry-after"), seconds, "{fault}");
            assert_eq!(got.header("retry-after-ms"), milliseconds, "{fault}");
            assert!(got.json()["error"]["message"].is_string(), "{fault}");
        }
    }
}

#[test]
fn latency_comes_before_the_headers() {
    let (_mock, region) = one(|_| {});
    let start = Instant::now();
    assert_eq!(
        faulty(Http::One, &region, "latency=50ms", HELLO)
            .unwrap()
            .status,
        200
    );
    assert!(start.elapsed() >= Duration::from_millis(50));
    // And this between the events, of which there are at least eleven.
    let start = Instant::now();
    let got = faulty(Http::One, &region, "event-delay=2ms", HELLO_STREAM).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(22));
    assert_eq!(got.events().len(), got.frames.len());
    // The same waits and events in fewer pieces.
    let start = Instant::now();
    let fewer = faulty(
        Http::One,
        &region,
        "event-delay=2ms;events-at-once=5",
        HELLO_STREAM,
    );
    let fewer = fewer.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(22));
    assert_eq!(fewer.events(), got.events());
    assert_eq!(fewer.frames.len(), got.frames.len().div_ceil(5));
}

#[test]
fn resets() {
    let (_mock, region) = one(|_| {});
    let whole = post(&region, CHAT, HELLO);
    let stream = post(&region, CHAT, HELLO_STREAM);
    for http in [Http::One, Http::Two] {
        assert!(
            faulty(http, &region, "reset=headers", HELLO).is_none(),
            "{http:?}"
        );

        let got = faulty(http, &region, "reset=after-events:3", HELLO_STREAM).unwrap();
        assert!(got.broken, "{http:?}");
        assert_eq!(got.events(), stream.events()[..3], "{http:?}");

        let got = faulty(http, &region, "reset=after-events:1", HELLO).unwrap();
        assert!(got.broken, "{http:?}");
        assert_eq!(
            got.body(),
            whole.body()[..whole.body().len() / 2],
            "{http:?}"
        );

        let got = faulty(http, &region, "reset=after-events:0", HELLO).unwrap();
        assert!(got.broken && got.body().is_empty(), "{http:?}");
    }
}

/// A raw client sees what the kernel says: a reset, not an end.
#[test]
fn a_reset_is_a_tcp_reset() {
    use std::io::Write;
    let (_mock, region) = one(|_| {});
    for fault in ["reset=headers", "reset=after-events:2"] {
        let mut stream = std::net::TcpStream::connect(region.address()).unwrap();
        let length = HELLO_STREAM.len();
        let request = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\napi-key: k\r\nx-mock-fault: {fault}\r\ncontent-length: {length}\r\n\r\n{HELLO_STREAM}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{fault}");
    }
}

#[test]
fn error_inside_a_stream() {
    let (_mock, region) = one(|_| {});
    let stream = post(&region, CHAT, HELLO_STREAM).events();
    let got = faulty(Http::One, &region, "error-event:2", HELLO_STREAM).unwrap();
    assert_eq!(got.status, 200);
    let events = got.events();
    assert_eq!(events[..2], stream[..2]);
    assert_eq!(events[2]["error"]["type"], "server_error");
    assert_eq!(events.len(), 3);
    assert!(!got.broken);
}

#[test]
fn gzip() {
    let (_mock, region) = one(|_| {});
    for body in [HELLO, HELLO_STREAM] {
        let plain = post(&region, CHAT, body);
        for http in [Http::One, Http::Two] {
            let got = faulty(http, &region, "gzip", body).unwrap();
            assert_eq!(got.header("content-encoding"), "gzip");
            assert_eq!(gunzip(&got.body()), plain.text(), "{http:?}");
        }
    }
    let got = faulty(
        Http::One,
        &region,
        "gzip;reset=after-events:2",
        HELLO_STREAM,
    )
    .unwrap();
    let mut text = String::new();
    let cut = flate2::read::GzDecoder::new(&got.body()[..]).read_to_string(&mut text);
    assert!(cut.is_err() && got.broken);
    assert_eq!(text.matches("data: ").count(), 2, "{text}");
}

#[test]
fn trailers() {
    let (_mock, region) = one(|_| {});
    for http in [Http::One, Http::Two] {
        for body in [HELLO, HELLO_STREAM] {
            let got = faulty(http, &region, "trailers", body).unwrap();
            assert_eq!(got.trailers.unwrap()["x-mock-trailer"], "done", "{http:?}");
        }
    }
}

#[test]
fn faults_of_a_region() {
    let (_mock, region) =
        one(|config| config.regions[0].fault = "status=500;times=1".parse().unwrap());
    let statuses = || [(); 3].map(|()| post(&region, CHAT, HELLO).status.as_u16());
    assert_eq!(statuses(), [500, 200, 200]);
    region.set_fault("status=503;every=2".parse().unwrap());
    assert_eq!(statuses(), [200, 503, 200]);
    // A request has its own word.
    region.set_fault("status=503".parse().unwrap());
    assert_eq!(
        faulty(Http::One, &region, "none", HELLO).unwrap().status,
        200
    );
    region.set_fault("none".parse().unwrap());
    assert_eq!(statuses(), [200; 3]);
}

#[test]
fn dictated_text() {
    let (_mock, region) = one(|_| {});
    region.script(Script::text("Only for hello.").when("hello"));
    let got = post(
        &region,
        CHAT,
        r#"{"messages":[{"role":"user","content":"hi"}]}"#,
    )
    .json();
    assert_ne!(got["choices"][0]["message"]["content"], "Only for hello.");
    let got = post(&region, CHAT, HELLO).json();
    assert_eq!(got["choices"][0]["message"]["content"], "Only for hello.");
    assert_eq!(got["usage"]["completion_tokens"], 4);
    let got = post_with(
        &region,
        CHAT,
        &[("x-mock-answer", "Grüße 👋")],
        HELLO_STREAM,
    )
    .events();
    let deltas = got
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    assert_eq!(deltas.collect::<String>(), "Grüße 👋");
}

#[test]
fn dictated_bytes() {
    let (_mock, region) = one(|_| {});
    let chunks = ["da", "ta: {\"a", "\":1}\n\ndata: [DONE]", "\n\n"]
        .map(Bytes::from)
        .to_vec();
    let answer = RawAnswer {
        status: StatusCode::ACCEPTED,
        headers: [(
            "content-type".parse().unwrap(),
            "text/event-stream".parse().unwrap(),
        )]
        .into_iter()
        .collect(),
        chunks: chunks.clone(),
        pause: Duration::from_millis(5),
    };
    region.script(Script::raw(answer).always());
    for http in [Http::One, Http::Two] {
        let got = send(http, &region, "GET", "/anything", &[], "").unwrap();
        assert_eq!(
            (got.status, got.header("content-type")),
            (StatusCode::ACCEPTED, "text/event-stream")
        );
        assert_eq!(got.frames, chunks, "{http:?}");
        assert_eq!(got.header("x-ms-region"), "");
    }
}

#[test]
fn requests_are_remembered_as_they_came() {
    let (_mock, region) = one(|config| config.log_limit = 2);
    let odd = "{\"messages\" : [ ],\n\"x\":1}";
    for (http, version) in [(Http::One, Version::HTTP_11), (Http::Two, Version::HTTP_2)] {
        send(http, &region, "POST", "/v1/x?y=z", &[("x-test", "1")], odd).unwrap();
        let request = region.take_requests().pop().unwrap();
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/v1/x?y=z")
        );
        assert_eq!((request.version, request.body), (version, Bytes::from(odd)));
        assert_eq!(request.headers["x-test"], "1");
        assert_eq!(request.headers["host"], region.address().to_string());
    }
    for path in ["/1", "/2", "/3"] {
        post(&region, path, "");
    }
    let targets: Vec<String> = region
        .requests()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(targets, ["/2", "/3"]);
}
