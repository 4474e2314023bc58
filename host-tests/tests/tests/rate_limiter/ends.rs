//! What every end of a stream costs, once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::{Stack, exchange};

use crate::{CHAT, CONFIGURATION, access_log, question, stat};

/// HTTP/2 to the regions: there trailers and resets of single streams are.
const HTTP2: &str = r#"type: STATIC
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
"#;

/// One module with both stages, in the place of two.
const RATE_LIMITER: &str = "                  - name: rate-limiter\n";
const DISABLED: &str = "                    disabled: true\n";

/// What a request is to be charged in the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Price {
    /// What the answer's `usage` says.
    Usage,
    /// The estimated prompt, and the output that was read.
    Counted,
    /// What was reserved.
    Reserved,
    /// Nothing.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Json,
    Stream,
    StreamWithUsage,
}

fn body(form: Form) -> Value {
    let mut body = question();
    match form {
        Form::Json => {}
        Form::Stream => body["stream"] = true.into(),
        Form::StreamWithUsage => {
            body["stream"] = true.into();
            body["stream_options"] = json!({"include_usage": true});
        }
    }
    body
}

/// The books after each request: what the metrics say of all, and the log of the last.
struct Books<'a> {
    stack: &'a Stack,
    requests: usize,
    totals: [u64; 5],
}

const TOTALS: [&str; 5] = [
    "admitted",
    "reserved_tokens",
    "settled_tokens",
    "overshoot_tokens",
    "refunded_tokens",
];

impl Books<'_> {
    /// Checks the last request's entry against `price` and against the metrics.
    fn close(&mut self, what: &str, price: Price) -> Value {
        self.requests += 1;
        let line = access_log(self.stack, self.requests).pop().unwrap();
        let of = |key: &str| -> u64 {
            let text = line[key].as_str().and_then(|text| text.parse().ok());
            text.unwrap_or_else(|| panic!("{what}: no {key} in {line}"))
        };
        let (reserved, settled) = (of("reserved_tokens"), of("settled_tokens"));
        assert!(reserved > of("prompt_tokens"), "{what}: {line}");
        match price {
            Price::Usage => {
                let used = of("used_prompt_tokens") + of("used_completion_tokens");
                assert_eq!(settled, used, "{what}: {line}");
            }
            Price::Counted => {
                // Its answer is the same each time, of 7 tokens by the usage of the others.
                let output = settled.checked_sub(of("prompt_tokens"));
                let near = output.is_some_and(|output| (6..=8).contains(&output));
                assert!(near, "{what}: {line}");
            }
            Price::Reserved => assert_eq!(settled, reserved, "{what}: {line}"),
            Price::Nothing => assert_eq!(settled, 0, "{what}: {line}"),
        }
        let charge = settled.saturating_sub(reserved);
        let refund = reserved.saturating_sub(settled);
        let booked = [1, reserved, settled, charge, refund];
        for (total, booked) in self.totals.iter_mut().zip(booked) {
            *total += booked;
        }
        let is_booked = || TOTALS.map(|name| stat(self.stack, name));
        assert_eq!(is_booked(), self.totals, "{what}: {TOTALS:?}");
        line
    }
}

#[test]
fn every_way_a_stream_ends_settles_once_and_to_what_it_cost() {
    use Form::{Json, Stream, StreamWithUsage};
    use Price::{Counted, Nothing, Reserved, Usage};
    let rows = [
        // Fault; form; price.
        ("none", Json, Usage),
        ("none", StreamWithUsage, Usage),
        ("none", Stream, Counted),
        ("gzip", Json, Reserved),
        ("gzip", StreamWithUsage, Reserved),
        ("reset=after-events:0", Stream, Reserved),
        ("reset=after-events:2", Stream, Reserved),
        ("reset=after-events:4", StreamWithUsage, Reserved),
        ("reset=after-events:1", Json, Reserved),
        ("reset=headers", Stream, Nothing),
        ("error-event:4", Stream, Reserved),
        // An upstream that has said 200 can only refuse in its stream.
        ("error-event:1", Stream, Nothing),
        ("status=500", Json, Nothing),
        ("status=400", Json, Nothing),
        // Of every region: Envoy has tried them all.
        ("status=429", Stream, Nothing),
        ("trailers", Json, Usage),
        ("trailers", StreamWithUsage, Usage),
        ("trailers", Stream, Counted),
        ("trailers;gzip", Json, Reserved),
    ];
    // The filters; the protocol to the regions; how many modules count exchanges.
    let chain = || Stack::of(CONFIGURATION);
    let http2 = ("type: STATIC\n", HTTP2);
    let gateway = chain()
        .replace("token-estimator.wasm", "gateway.wasm")
        .replace(RATE_LIMITER, &format!("{RATE_LIMITER}{DISABLED}"));
    for (name, stack, modules) in [
        ("chain, HTTP/1.1", chain(), 2),
        ("chain, HTTP/2", chain().replace(http2.0, http2.1), 2),
        ("gateway, HTTP/2", gateway.replace(http2.0, http2.1), 1),
    ] {
        let stack = stack.start().unwrap();
        let mut books = Books {
            stack: &stack,
            requests: 0,
            totals: [0; 5],
        };
        let client = stack.http2_client();
        for (fault, form, price) in rows {
            let what = format!("{name}, {fault}, {form:?}");
            // A tenant for each: what others learnt changes nothing.
            let request = client.post(CHAT).header("api-key", &what);
            let request = request.header("x-mock-fault", fault);
            // A stream that breaks off is an error for the client, as it should be.
            let answer = request.json(&body(form)).send();
            if name.ends_with("HTTP/2") && fault == "trailers" {
                assert!(answer.unwrap().trailers.is_some(), "{what}");
            }
            books.close(&what, price);
        }
        // No stream is left that could settle again.
        let active = |envoy: &tollgate_tests::Envoy| envoy.stat("http.llm.downstream_rq_active");
        let idle = |envoy: &tollgate_tests::Envoy| active(envoy).is_ok_and(|active| active == 0);
        stack.envoy.wait_until("no request", idle).unwrap();
        assert_eq!(TOTALS.map(|name| stat(&stack, name)), books.totals);
        let ends = stack.envoy.stats("tollgate.exchanges.end.").unwrap();
        let ends: u64 = ends.iter().map(|(_, count)| count).sum();
        assert_eq!(ends, modules * u64::try_from(rows.len()).unwrap(), "{name}");
    }
}

/// A client that goes in the middle of its answer has been worked for, and one that goes
/// before its request was whole has not been charged.
#[test]
fn a_client_that_leaves_pays_for_what_was_begun() {
    let stack = Stack::of(CONFIGURATION).start().unwrap();
    let mut books = Books {
        stack: &stack,
        requests: 0,
        totals: [0; 5],
    };
    let mut body = body(Form::Stream);
    // Learnt: answers of this tenant have some ten tokens.
    let whole = send(&stack, "none", &body);
    exchange(stack.gateway(), [whole.as_bytes()]).unwrap();
    books.close("whole", Price::Counted);

    // Nobody knows what was worked on before it went.
    for (fault, seen) in [("latency=30s", ""), ("event-delay=100ms", "data: ")] {
        let request = send(&stack, fault, &body);
        let mut client = TcpStream::connect(stack.gateway()).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let [before, ..] = books.totals;
        let is_there = |_: &tollgate_tests::Envoy| stat(&stack, "admitted") > before;
        stack.envoy.wait_until("the request", is_there).unwrap();
        read_until(&mut client, seen);
        drop(client);
        let line = books.close(fault, Price::Reserved);
        assert_eq!(line["details"], "downstream_remote_disconnect", "{line}");
    }

    body["max_tokens"] = 41.into();
    let unsent = send(&stack, "none", &body);
    let mut client = TcpStream::connect(stack.gateway()).unwrap();
    client
        .write_all(&unsent.as_bytes()[..unsent.len() - 1])
        .unwrap();
    drop(client);
    let line = access_log(&stack, 4).pop().unwrap();
    assert_eq!(line["reserved_tokens"], Value::Null, "{line}");
    assert_eq!(TOTALS.map(|name| stat(&stack, name)), books.totals);
}

/// Reads until `text` has come.
pub fn read_until(client: &mut TcpStream, text: &str) {
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut chunk = [0; 1024];
        let length = client.read(&mut chunk).unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..length]);
    }
}

/// A request as bytes.
fn send(stack: &Stack, fault: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {CHAT} HTTP/1.1\r\nhost: {}\r\napi-key: one\r\nx-mock-fault: {fault}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        stack.gateway(),
        body.len()
    )
}
