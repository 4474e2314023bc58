//! What a start costs and logs, the ones that fail, and the end of a root context.

use std::time::Duration;

use tollgate_host::{Error, FailurePolicy, Host, Module, Plugin};

use crate::guest::{HEADERS, bytes, callbacks, logged, module};

const GET: [(&str, &str); 1] = [(":path", "/")];
const REFUSES: &str = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
  (drop (call $register_queue @"jobs" #16)) (drop (call $log #4 @"bad config")) #0)"#;

#[test]
fn a_start_function_costs_what_it_does() {
    let begin = |function: &str| {
        let source = format!(
            r#"(func $begin {function} (drop (call $malloc #5)) (drop (call $log #2 @"hi")))"#
        );
        let module = Module::from_bytes_counting_allocations(&bytes(&source)).unwrap();
        let worker = Host::new().worker(&module, Plugin::default()).unwrap();
        worker.costs()
    };
    let initialized = begin(r#"(export "_initialize")"#);
    let source = r#"(func $begin (drop (call $malloc #5)) (drop (call $log #2 @"hi")))
      (start $begin)"#;
    let module = Module::from_bytes_counting_allocations(&bytes(source)).unwrap();
    let worker = Host::new().worker(&module, Plugin::default()).unwrap();
    let mut started = worker.costs();
    // It is no callback, and wasmtime takes two units for calling it by itself.
    started.callbacks += 1;
    started.fuel -= 2;
    assert_eq!(started, initialized);
    assert_eq!(started.allocations.unwrap().bytes, 5);
}

#[test]
fn a_worker_that_does_not_start_leaves_its_number_behind() {
    let host = Host::new();
    let good = r#"(func (export "proxy_on_queue_ready") (param i32 i32))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $resolve_queue @"" @"jobs" #16)) (call $enqueue (i32.load #16) @"a"))"#;
    let first = host.worker(&module(good), Plugin::default()).unwrap();
    let failed = host.recorded_worker(&module(REFUSES), Plugin::default());
    let failed = failed.err().unwrap();
    let next = host
        .recorded_worker(&module(good), Plugin::default())
        .unwrap();
    assert_eq!((logged(&first), logged(&next)), (vec![], vec![]));
    assert_eq!(host.logs()[0].worker, 1);
    // Its queue is nobody's: no one else is told of items.
    next.open().request(GET, "");
    host.advance(Duration::from_millis(1));
    assert_eq!(callbacks(&next), ["request_headers(1,1)"]);
    // What it did is told.
    let calls: Vec<_> = failed.transcript.iter().map(|call| call.function).collect();
    let expected = [
        "proxy_on_configure",
        "proxy_register_shared_queue",
        "proxy_log",
    ];
    assert_eq!(calls, expected);
    assert_eq!(failed.costs.host_calls, 2);
    let text = "proxy_on_configure returned false; its last log line: bad config";
    assert_eq!(failed.to_string(), text);
}

#[test]
fn a_log_line_is_its_own_workers() {
    // While it is configured and when it traps, another worker logs: from the same thread, as
    // the test's only.
    let host = Host::new();
    let loud = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (drop (call $log #2 @"another")) #0)"#;
    let dying = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS} unreachable)
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $log #2 @"long ago")) #1)"#
    );
    let dying = host.worker(&module(&dying), Plugin::default()).unwrap();
    let loud = host.worker(&module(loud), Plugin::default()).unwrap();
    let quiet = module(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) #0)"#);
    // Threads in turn cannot be had without waiting; many of them meet often enough.
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..2_000 {
                loud.open().request(GET, "");
            }
        });
        for _ in 0..200 {
            let error = host.worker(&quiet, Plugin::default()).err().unwrap();
            assert!(
                matches!(&error, Error::Rejected { logs, .. } if logs.is_empty()),
                "{error}"
            );
        }
    });
    dying.open().request(GET, "");
    assert_eq!(dying.death().unwrap().last_log, None);
}

#[test]
fn a_reload_that_fails_is_told() {
    // Starts once; what it leaves in shared data forbids it the next time.
    let source = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (if (i32.eqz (call $get_shared @"once" #16 #20 #24)) (then
            (drop (call $log #4 @"only once")) (return #0)))
          (drop (call $set_shared @"once" @"x" #0)) #1)
        (func (export "proxy_on_request_headers") {HEADERS} unreachable)"#
    );
    let plugin = Plugin {
        failure_policy: FailurePolicy::FailReload,
        ..Plugin::default()
    };
    let host = Host::new();
    let worker = host.recorded_worker(&module(&source), plugin).unwrap();
    worker.open().request(GET, "");
    assert!(worker.death().is_some() && worker.failed_reload().is_none());
    let (costs, _) = (worker.costs(), worker.transcript());
    host.advance(Duration::from_secs(1));
    let mut stream = worker.open();
    stream.request(GET, "");
    assert_eq!(stream.client().status(), Some(503));
    assert_eq!(
        worker.failed_reload().unwrap().to_string(),
        "proxy_on_configure returned false; its last log line: only once"
    );
    assert_eq!(worker.costs().host_calls - costs.host_calls, 2);
    assert_eq!(callbacks(&worker), ["configure(0)"]);
}

#[test]
fn a_root_context_ends_once() {
    let source = |done: u32| {
        format!(
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
              (drop (call $tick_period #100))
              (drop (call $resolve_dns @"example.com" #16))
              (drop (call $register_queue @"jobs" #16))
              (drop (call $enqueue (i32.load #16) @"a")) #1)
            (func (export "proxy_on_tick") (param i32) (drop (call $done)))
            (func (export "proxy_on_queue_ready") (param i32 i32))
            (func (export "proxy_on_done") (param i32) (result i32) #{done})
            (func (export "proxy_on_delete") (param i32))"#
        )
    };
    // (what `proxy_on_done` says, callbacks of two calls to shut down, of the time after)
    let rows: [(u32, &[&str], &[&str]); 2] = [
        (1, &["done()", "delete()"], &[]),
        (0, &["done()"], &["queue_ready(1)", "tick()", "delete()"]),
    ];
    for (done, at_once, later) in rows {
        let host = Host::new();
        let worker = host
            .recorded_worker(&module(&source(done)), Plugin::default())
            .unwrap();
        assert!(!worker.is_shut_down());
        worker.transcript();
        let gone = done == 1;
        assert_eq!((worker.shut_down(), worker.shut_down()), (gone, gone));
        assert_eq!(callbacks(&worker), at_once);
        assert_eq!(worker.is_shut_down(), gone);
        host.advance(Duration::from_secs(1));
        assert_eq!(callbacks(&worker), later);
        assert!(worker.is_shut_down() && worker.shut_down());
        assert_eq!(worker.dns_lookups(), []);
        assert_eq!(callbacks(&worker), [""; 0]);
    }
}
