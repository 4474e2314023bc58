//! Contexts: starting, ticks, callouts, acting for another stream.

use std::time::Duration;

use tollgate_host::{Error, Headers, Host, HttpAnswer, Plugin};

use crate::guest::{HEADERS, callbacks, logged, module, statuses, worker};

const GET: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];

#[test]
fn a_vm_starts_in_envoys_order() {
    let source = r#"
      (func (export "_initialize"))
      (func (export "main") (param i32 i32) (result i32) #0)
      (func (export "proxy_on_context_create") (param i32 i32))
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (drop (call $get_buffer #7 #0 #-1 #16 #20))
        (drop (call $get_buffer #6 #0 #-1 #16 #20)) (call $log_result) #1)
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $get_buffer #7 #0 #-1 #16 #20)) (call $log_result)
        (drop (call $set_property @"a" @"b")) #1)"#;
    let plugin = Plugin {
        vm_configuration: b"vm".to_vec(),
        configuration: b"plugin".to_vec(),
        ..Plugin::default()
    };
    let worker = worker(source, plugin);
    worker.open().request(GET, "");
    worker.open().request(GET, "");
    let calls: Vec<_> = worker
        .transcript()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "_initialize()",
        "main(0, 0) = 0",
        "proxy_on_context_create(1, 0)",
        "proxy_on_vm_start(1, 2) = 1",
        "  proxy_get_buffer_bytes(7, 0, 4294967295, 16, 20) = 1",
        "  proxy_get_buffer_bytes(6, 0, 4294967295, 16, 20) = 0",
        "  proxy_log(2, 65536, 2) = 0",
        "proxy_on_configure(1, 6) = 1",
        "  proxy_get_buffer_bytes(7, 0, 4294967295, 16, 20) = 0",
        "  proxy_log(2, 65538, 6) = 0",
        "  proxy_set_property(1024, 1, 1025, 1) = 1",
        "proxy_on_context_create(2, 1)",
        "proxy_on_context_create(3, 1)",
    ];
    assert_eq!(calls, expected);
    assert_eq!(logged(&worker), ["vm", "plugin"]);
}

#[test]
fn a_rejected_configuration_says_why() {
    for callback in ["proxy_on_vm_start", "proxy_on_configure"] {
        let source = format!(
            r#"(func (export "{callback}") (param i32 i32) (result i32)
              (drop (call $log #4 @"no such key: colour")) #0)"#
        );
        let error = Host::new()
            .worker(&module(&source), Plugin::default())
            .err()
            .unwrap();
        assert!(matches!(error, Error::Rejected { .. }));
        let text = format!("{callback} returned false; its last log line: no such key: colour");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn ticks_follow_the_virtual_clock() {
    let source = r#"
      (global $ticks (mut i32) #0)
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $tick_period #100)) #1)
      (func (export "proxy_on_tick") (param i32)
        (global.set $ticks (i32.add (global.get $ticks) #1))
        (if (i32.eq (global.get $ticks) #3) (then (drop (call $tick_period #0)))))"#;
    let host = Host::new();
    let worker = host
        .recorded_worker(&module(source), Plugin::default())
        .unwrap();
    worker.transcript();
    for (milliseconds, ticks) in [(99, 0), (1, 1), (50, 0), (1000, 2), (1000, 0)] {
        host.advance(Duration::from_millis(milliseconds));
        assert_eq!(
            callbacks(&worker).len(),
            ticks,
            "after {milliseconds} ms more"
        );
    }
}

/// Calls out at the end of the body, waits, and goes on with the answer's body as a header.
const CALLER: &str = r#"
  (data #512 "\03\00\00\00\07\00\00\00\04\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\01\00\00\00:method\00POST\00:path\00/c\00:authority\00a\00")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) #1)
  (func (export "proxy_on_request_body") (param $id i32) (param $n i32) (param $end i32) (result i32)
    (if (local.get $end) (then
      (drop (call $http_call @"nobody" #512 #63 #0 #0 #0 #0 #0 #16))
      (drop (call $http_call @"store" #512 #63 #0 #0 #0 #0 #-1 #16))
      (drop (call $http_call @"store" #0 #0 #0 #0 #0 #0 #0 #16))
      (drop (call $http_call @"empty" #512 #63 #0 #0 #0 #0 #0 #16))
      (drop (call $http_call @"store" #512 #63 @"ping" #0 #0 #500 #16))))
    #1)
  (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
    (drop (call $get_status #32 #36 #40))
    (drop (call $log #2 (i32.load #36) (i32.load #40)))
    (drop (call $get #6 @":status" #16 #20))
    (drop (call $map_size #6 #44))
    (drop (call $effective #2))
    (drop (call $get_buffer #4 #0 #-1 #16 #20))
    (drop (call $set_buffer #4 #0 #0 @"x"))
    (drop (call $add #0 @"x-answer" (i32.load #16) (i32.load #20)))
    (drop (call $continue #0)))"#;

fn caller(host: &Host) -> tollgate_host::Worker {
    let plugin = Plugin {
        clusters: ["store".to_owned()].into(),
        clusters_without_hosts: ["empty".to_owned()].into(),
        ..crate::guest::holding_headers()
    };
    host.recorded_worker(&module(CALLER), plugin).unwrap()
}

#[test]
fn an_http_call_is_answered_by_the_test() {
    let host = Host::new();
    let worker = caller(&host);
    let mut stream = worker.open();
    stream.request(GET, "hello");
    assert_eq!(statuses(&worker, "proxy_http_call"), [2, 2, 2, 10, 0]);
    let call = worker.http_calls().remove(0);
    assert_eq!(
        (call.id, call.cluster.as_str(), call.body.as_slice()),
        (8, "store", &b"ping"[..])
    );
    let headers = [
        (":method", "POST"),
        (":path", "/c"),
        (":authority", "a"),
        ("content-length", "4"),
    ];
    assert_eq!(call.headers, headers.into());
    assert_eq!(call.timeout, Some(Duration::from_millis(500)));

    let answer = HttpAnswer {
        headers: [(":status", "200")].into(),
        body: b"pong".to_vec(),
        trailers: Headers::new(),
    };
    assert!(worker.answer_http_call(8, answer.clone()));
    assert!(!worker.answer_http_call(8, answer));
    assert_eq!(callbacks(&worker), ["http_call_response(8,1,4,0)"]);
    let upstream = stream.upstream();
    assert_eq!(upstream.header("x-answer").as_deref(), Some("pong"));
    assert_eq!(
        (upstream.text().as_str(), upstream.complete),
        ("hello", true)
    );
}

#[test]
fn an_http_call_times_out_or_breaks() {
    let host = Host::new();
    let worker = caller(&host);
    let mut stream = worker.open();
    stream.request(GET, "hello");
    host.advance(Duration::from_millis(499));
    worker.transcript();
    assert_eq!(worker.http_calls().len(), 1);
    host.advance(Duration::from_millis(1));
    assert_eq!(callbacks(&worker), ["http_call_response(8,3,24,0)"]);
    let answer = stream.upstream().header("x-answer");
    assert_eq!(answer.as_deref(), Some("upstream request timeout"));

    let worker = caller(&host);
    let mut stream = worker.open();
    stream.request(GET, "hello");
    worker.transcript();
    assert!(worker.reset_http_call(8));
    assert_eq!(callbacks(&worker), ["http_call_response(8,3,95,0)"]);
    let answer = stream.upstream().header("x-answer").unwrap();
    assert!(answer.ends_with("reset reason: connection termination"));

    let worker = caller(&host);
    worker.open().request(GET, "hello");
    worker.transcript();
    assert!(worker.break_http_answer(8));
    let calls = worker.transcript();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.function, call.result))
        .collect();
    assert!(
        seen.contains(&("proxy_get_buffer_bytes", Some(1))),
        "{seen:?}"
    );
    assert!(
        seen.contains(&("proxy_get_header_map_size", Some(2))),
        "{seen:?}"
    );
    assert_eq!(
        calls[0].to_string(),
        "proxy_on_http_call_response(1, 8, 0, 0, 0)"
    );
    assert_eq!(logged(&worker), ["reset"]);
}

#[test]
fn a_root_context_may_delay_its_end() {
    let source = r#"
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $done)) (drop (call $tick_period #100)) #1)
      (func (export "proxy_on_done") (param i32) (result i32) #0)
      (func (export "proxy_on_tick") (param i32) (drop (call $done)) (drop (call $done)))
      (func (export "proxy_on_delete") (param i32))"#;
    let host = Host::new();
    let worker = host
        .recorded_worker(&module(source), Plugin::default())
        .unwrap();
    assert!(!worker.shut_down());
    host.advance(Duration::from_millis(100));
    let calls = worker.transcript();
    let seen: Vec<_> = calls
        .iter()
        .filter(|call| call.function == "proxy_done")
        .filter_map(|call| call.result)
        .collect();
    assert_eq!(seen, [1, 0, 1]);
    assert_eq!(calls.last().unwrap().to_string(), "proxy_on_delete(1)");
    host.advance(Duration::from_secs(1));
    assert_eq!(worker.transcript(), []);
}

#[test]
fn a_requests_time_is_when_its_headers_come() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $get_property @"request\0time" #16 #20)) (call $log_result) #0)"#
    );
    let host = Host::new();
    let worker = host.worker(&module(&source), Plugin::default()).unwrap();
    let (mut early, mut late) = (worker.open(), worker.open());
    early.request(GET, "");
    host.advance(Duration::from_secs(1));
    late.request(GET, "");
    let logs = logged(&worker);
    assert_ne!(logs[0], logs[1]);
}
