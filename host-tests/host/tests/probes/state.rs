//! What outlives a callback: shared data, queues, metrics, filter state, the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_host::{FilterState, Host, Metric, MetricKind, Plugin};

use crate::guest::{BODY, HEADERS, logged, module, statuses, worker};

const GET: [(&str, &str); 3] = [(":method", "GET"), (":path", "/p?q=1"), (":authority", "h")];

fn on_request(body: &str) -> String {
    format!(r#"(func (export "proxy_on_request_headers") {HEADERS} {body} #0)"#)
}

#[test]
fn shared_data_is_seen_by_every_vm_with_the_same_id() {
    let module = module(&on_request(
        r#"(drop (call $get_shared @"key" #16 #20 #24))
        (call $log_result)
        (drop (call $set_shared @"key" @"value" #-1))
        (drop (call $set_shared @"key" @"newer" (i32.load #24)))"#,
    ));
    let host = Host::new();
    let plugin = |vm_id: &str| Plugin {
        vm_id: vm_id.into(),
        ..Plugin::default()
    };
    let one = host.recorded_worker(&module, plugin("a")).unwrap();
    let two = host.recorded_worker(&module, plugin("a")).unwrap();
    let apart = host.recorded_worker(&module, plugin("b")).unwrap();
    for worker in [&one, &two, &apart] {
        worker.open().request(GET, "");
    }
    // Missing; an impossible compare value creates; 0 overwrites.
    for (worker, set) in [(&one, [0, 0]), (&two, [8, 0]), (&apart, [0, 0])] {
        assert_eq!(statuses(worker, "proxy_set_shared_data"), set);
    }
    assert_eq!(logged(&two), ["newer"]);
    assert_eq!(
        host.shared_data("b"),
        BTreeMap::from([(b"key".to_vec(), b"newer".to_vec())])
    );
}

#[test]
fn queues_tell_their_owner() {
    let owner = module(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $register_queue @"q" #16)) (i32.load #16))
        (func (export "proxy_on_queue_ready") (param $id i32) (param $queue i32)
          (drop (call $dequeue (local.get $queue) #16 #20)) (call $log_result)
          (drop (call $dequeue (local.get $queue) #16 #20)))"#,
    );
    let sender = module(&on_request(
        r#"(drop (call $resolve_queue @"other" @"q" #16))
        (drop (call $resolve_queue @"" @"q" #16))
        (drop (call $enqueue (i32.load #16) @"item"))
        (drop (call $enqueue #7 @"lost"))"#,
    ));
    let host = Host::new();
    let owner = host.recorded_worker(&owner, Plugin::default()).unwrap();
    let sender = host.recorded_worker(&sender, Plugin::default()).unwrap();
    sender.open().request(GET, "");
    assert!(logged(&owner).is_empty());
    host.advance(Duration::ZERO);
    assert_eq!(logged(&owner), ["item"]);
    assert_eq!(statuses(&owner, "proxy_dequeue_shared_queue"), [0, 7]);
    let calls = sender.transcript();
    let seen: Vec<_> = calls.iter().filter_map(|call| call.result).collect();
    assert_eq!(seen, [0, 1, 0, 0, 1]);
}

#[test]
fn metrics_reach_the_host() {
    let source = on_request(
        r#"(drop (call $define_metric #0 @"hits" #16))
        (drop (call $increment (i32.load #16) (i64.const 2)))
        (drop (call $increment (i32.load #16) (i64.const -2)))
        (drop (call $define_metric #1 @"level" #16))
        (drop (call $record (i32.load #16) (i64.const 7)))
        (drop (call $define_metric #2 @"sizes" #16))
        (drop (call $record (i32.load #16) (i64.const 9)))
        (drop (call $define_metric #3 @"x" #16))"#,
    );
    let host = Host::new();
    for _ in 0..2 {
        host.worker(&module(&source), Plugin::default())
            .unwrap()
            .open()
            .request(GET, "");
    }
    let expected = BTreeMap::from([
        ((MetricKind::Counter, "hits".to_owned()), Metric::Counter(4)),
        ((MetricKind::Gauge, "level".to_owned()), Metric::Gauge(7)),
        (
            (MetricKind::Histogram, "sizes".to_owned()),
            Metric::Histogram(vec![9, 9]),
        ),
    ]);
    assert_eq!(host.metrics(), expected);
    assert_eq!(
        (
            host.counter("hits"),
            host.gauge("level"),
            host.counter("none")
        ),
        (4, 7, 0)
    );
}

#[test]
fn filter_state_is_decoded_and_checked() {
    // (serialized path, value and span; status)
    let addend = r"\0a\1benvoy.ratelimit.hits_addend\12\0242\18\01";
    let rows = [
        ("set_envoy_filter_state", addend, 0),
        (
            "set_envoy_filter_state",
            r"\0a\1benvoy.ratelimit.hits_addend\12\02x2",
            2,
        ),
        ("set_envoy_filter_state", r"\0a\03abc\12\0242", 1),
        ("set_envoy_filter_state", r"\0a\7f", 2),
        ("no_such_function", "", 1),
    ];
    for (function, arguments, status) in rows {
        let length = wat_length(arguments);
        let source = format!(
            r#"(data #512 "{arguments}")
            (func (export "proxy_on_request_body") {BODY}
              (drop (call $foreign @"{function}" #512 #{length} #0 #0)) #0)"#
        );
        let worker = worker(&source, Plugin::default());
        let mut stream = worker.open();
        stream.request_headers(GET, false).request_body("x", false);
        assert_eq!(
            statuses(&worker, "proxy_call_foreign_function"),
            [status],
            "{arguments}"
        );
        let set = FilterState {
            value: b"42".to_vec(),
            life_span: 1,
        };
        let expected = BTreeMap::from([("envoy.ratelimit.hits_addend".to_owned(), set)]);
        assert_eq!(
            stream.filter_state(),
            if status == 0 {
                expected
            } else {
                BTreeMap::new()
            }
        );
    }
}

/// Bytes of a WebAssembly text string with two-digit escapes.
fn wat_length(text: &str) -> usize {
    text.len() - 2 * text.matches('\\').count()
}

#[test]
fn a_vm_sees_its_environment_clock_and_seeded_randomness() {
    let source = on_request(
        r#"(drop (call $environ_sizes #16 #20))
        (drop (call $environ #32 #64))
        (drop (call $log #2 #64 (i32.load #20)))
        (drop (call $clock #0 (i64.const 1) #128))
        (drop (call $clock #1 (i64.const 1) #136))
        (drop (call $now #144))
        (drop (call $log #3 #128 #24))
        (drop (call $random #160 #8))
        (drop (call $random #160 #65537))
        (drop (call $clock #2 (i64.const 1) #128))
        (drop (call $log #4 #160 #8))
        (i32.store #16 #32) (i32.store #20 #2)
        (i32.store8 #32 #104) (i32.store8 (i32.const 33) #10)
        (drop (call $fd_write #1 #16 #1 #24))
        (drop (call $fd_write #3 #16 #1 #24))"#,
    );
    let environment = BTreeMap::from([("A".into(), "1".into()), ("B".into(), "two".into())]);
    let run = |seed| {
        let host = Host::starting_at(Duration::from_secs(7), seed);
        let plugin = Plugin {
            environment: environment.clone(),
            ..Plugin::default()
        };
        let worker = host.recorded_worker(&module(&source), plugin).unwrap();
        host.advance(Duration::from_secs(1));
        worker.open().request(GET, "");
        let calls = worker.transcript();
        let wasi: Vec<_> = calls
            .iter()
            .filter(|c| !c.function.starts_with("proxy_"))
            .collect();
        let codes: Vec<_> = wasi.iter().filter_map(|call| call.result).collect();
        assert_eq!(codes, [0, 0, 0, 0, 0, 28, 58, 0, 8]);
        logged(&worker)
    };
    let logs = run(1);
    assert_eq!(logs[0], "A=1\0B=two\0");
    let times = [8_000_000_000_u64, 1_000_000_000, 8_000_000_000];
    let times: Vec<u8> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
    assert_eq!(logs[1], String::from_utf8_lossy(&times));
    assert_eq!(logs[3], "h");
    assert_eq!(run(1), logs);
    assert_ne!(run(2)[2], logs[2]);
}
