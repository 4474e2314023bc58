//! What streams get after a trap, by policy, and what a restricted guest may do.

use std::collections::BTreeSet;
use std::time::Duration;

use tollgate_host::{FailurePolicy, Headers, Host, Plugin, StreamEnd, Worker};

use crate::guest::{HEADERS, callbacks, module};

const GET: [(&str, &str); 1] = [(":path", "/")];
const TRAP: [(&str, &str); 2] = [(":path", "/"), ("x-trap", "1")];
const OK: [(&str, &str); 1] = [(":status", "200")];

/// Traps on a request with `x-trap`, marks every other one, counts requests in a metric and
/// leaves its context's number in shared data.
fn trapping(host: &Host, failure_policy: FailurePolicy) -> Worker {
    let source = format!(
        r#"(global $metric (mut i32) #0)
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $define_metric #0 @"requests" #16))
          (global.set $metric (i32.load #16)) #1)
        (func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $increment (global.get $metric) (i64.const 1)))
          (if (i32.eqz (call $get #0 @"x-trap" #16 #20)) (then unreachable))
          (drop (call $add #0 @"x-seen" @"1")) #0)
        (func (export "proxy_on_response_body") {HEADERS} #0)
        (func (export "proxy_on_log") (param i32))"#
    );
    let plugin = Plugin {
        failure_policy,
        ..Plugin::default()
    };
    host.recorded_worker(&module(&source), plugin).unwrap()
}

#[test]
fn open_streams_fail_with_their_next_event_under_every_policy() {
    for policy in [
        FailurePolicy::FailClosed,
        FailurePolicy::FailOpen,
        FailurePolicy::FailReload,
    ] {
        let host = Host::new();
        let worker = trapping(&host, policy);
        let (mut waiting, mut answered) = (worker.open(), worker.open());
        waiting.request(GET, "");
        answered.request(GET, "").response_headers(OK, false);
        let mut trapped = worker.open();
        trapped.request(TRAP, "");
        assert_eq!(trapped.client().status(), Some(503), "{policy:?}");
        assert_eq!((waiting.end(), answered.end()), (None, None));
        host.advance(Duration::from_secs(2));
        let mut next = worker.open();
        next.request(GET, "");
        waiting.response(OK, "late");
        answered.response_body("late", true);
        assert_eq!(waiting.client().status(), Some(503), "{policy:?}");
        assert_eq!(answered.end(), Some(StreamEnd::ResponseCut), "{policy:?}");
        assert_eq!(answered.client().status(), Some(200));
    }
}

#[test]
fn a_new_stream_goes_past_a_dead_filter_that_fails_open() {
    let worker = trapping(&Host::new(), FailurePolicy::FailOpen);
    let mut opened_before = worker.open();
    worker.open().request(TRAP, "");
    worker.transcript();
    let mut opened_after = worker.open();
    for stream in [&mut opened_before, &mut opened_after] {
        stream
            .request_headers(TRAP, false)
            .request_body("ask", false);
        stream.request_trailers([("x-t", "1")]);
        stream.response(OK, "answer");
        let upstream = stream.upstream();
        assert_eq!((upstream.text().as_str(), upstream.complete), ("ask", true));
        assert_eq!(upstream.trailers, Some(Headers::from([("x-t", "1")])));
        assert_eq!(upstream.header("x-seen"), None);
        assert_eq!(
            (stream.client().text(), stream.end()),
            ("answer".into(), Some(StreamEnd::Complete))
        );
    }
    assert_eq!(callbacks(&worker), [""; 0]);
    assert!(worker.death().is_some());
}

#[test]
fn a_new_stream_starts_the_vm_anew_once_a_second() {
    let host = Host::new();
    let worker = trapping(&host, FailurePolicy::FailReload);
    // (time since the last request in ms, what it says, its status, VMs started anew so far)
    let rows = [
        (0, GET.to_vec(), None, 0),
        (0, TRAP.to_vec(), Some(503), 0),
        (999, GET.to_vec(), Some(503), 0),
        (1, GET.to_vec(), None, 1),
        (10, TRAP.to_vec(), Some(503), 1),
        (989, GET.to_vec(), Some(503), 1),
        (1, GET.to_vec(), None, 2),
        (5000, TRAP.to_vec(), Some(503), 2),
        (0, GET.to_vec(), None, 3),
    ];
    // Opened on the first VM: begins on whichever is there when its headers come.
    let mut early = worker.open();
    let mut reloads = 0;
    for (milliseconds, headers, status, expected) in rows {
        host.advance(Duration::from_millis(milliseconds));
        let mut stream = worker.open();
        stream.request(headers, "");
        assert_eq!(stream.client().status(), status);
        assert_eq!(worker.reloads(), expected);
        if expected > reloads {
            // Contexts are numbered from the beginning.
            assert_eq!(stream.upstream().header("x-seen").as_deref(), Some("1"));
            assert!(stream.id() <= 3, "{}", stream.id());
            stream.response(OK, "fine");
            assert_eq!(stream.client().text(), "fine");
            reloads = expected;
        }
    }
    early.request(GET, "");
    assert_eq!(early.upstream().header("x-seen").as_deref(), Some("1"));
    assert!(worker.death().is_none());
    // What belongs to the host stays: every request that reached a VM was counted.
    assert_eq!(host.counter("requests"), 8);
    let starts = callbacks(&worker);
    let starts = starts.iter().filter(|call| call.starts_with("configure("));
    assert_eq!(starts.count(), 4);
}

#[test]
fn a_restricted_guest_is_refused_what_is_not_listed() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (i32.store #16 #77)
          (drop (call $get #0 @":path" #16 #20))
          (drop (call $now #16))
          (drop (call $random #24 #8))
          (drop (call $clock #0 (i64.const 1) #24))
          (drop (call $resolve_dns @"a" #24))
          (drop (call $pthread_equal #1 #2))
          #0)
        (func (export "proxy_on_log") (param i32))
        (func (export "proxy_on_done") (param i32) (result i32) #1)"#
    );
    let allowed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    // (what is listed, statuses of the six calls, callbacks)
    let rows: [(BTreeSet<String>, Vec<u32>, Vec<&str>); 3] = [
        (
            BTreeSet::new(),
            vec![0; 6],
            vec!["request_headers(1,1)", "log()", "done()"],
        ),
        (
            allowed(&[
                "proxy_on_request_headers",
                "proxy_get_header_map_value",
                "clock_time_get",
            ]),
            vec![0, 10, 76, 0, 0, 0],
            vec!["request_headers(1,1)"],
        ),
        (allowed(&["proxy_on_log"]), vec![], vec!["log()"]),
    ];
    for (allowed_capabilities, expected, made) in rows {
        let plugin = Plugin {
            allowed_capabilities,
            ..Plugin::default()
        };
        let worker = Host::new()
            .recorded_worker(&module(&source), plugin)
            .unwrap();
        let mut stream = worker.open();
        stream.request(GET, "").response(OK, "");
        assert_eq!(stream.client().status(), Some(200));
        let calls = worker.transcript();
        let host_calls = calls
            .iter()
            .filter(|call| !call.function.starts_with("proxy_on_"));
        let seen: Vec<_> = host_calls.filter_map(|call| call.result).collect();
        assert_eq!(seen, expected);
        let seen = calls
            .iter()
            .filter(|call| call.function.starts_with("proxy_on_"));
        let seen: Vec<_> = seen.map(|call| call.function).collect();
        let names = made
            .iter()
            .map(|call| call.split('(').next().unwrap_or_default());
        let names: Vec<_> = names.map(|name| format!("proxy_on_{name}")).collect();
        assert_eq!(seen, names);
    }
}
