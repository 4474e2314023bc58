//! Endless guests, greedy ones and malformed modules: each ends with a sentence, never the host.

use std::time::Duration;

use tollgate_host::{Host, Module, Plugin, Worker};

use crate::guest::{HEADERS, assemble, bytes, module};

const GET: [(&str, &str); 1] = [(":path", "/")];

/// The memory and the table a guest has when nothing else is said.
const SMALL: &str = r#"(func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) #1024)"#;

/// A worker whose guest has had one request, in whose headers it did this.
fn after(on_request: &str, functions: &str, plugin: Plugin) -> Worker {
    let source =
        format!(r#"{functions} (func (export "proxy_on_request_headers") {HEADERS} {on_request})"#);
    let worker = Host::new().worker(&module(&source), plugin).unwrap();
    worker.open().request(GET, "");
    worker
}

#[test]
fn host_calls_without_end_are_stopped() {
    // (what is done again and again, where nothing of it costs much fuel)
    let rows = [
        r#"(drop (call $log #2 @"endless"))"#,
        r#"(drop (call $set_shared @"key" #0 #65536 #0))"#,
        r#"(drop (call $define_metric #2 @"latency" #16))"#,
        r#"(drop (call $add #0 @"x" @"y"))"#,
        r#"(drop (call $continue #0))"#,
        r#"(drop (call $random #0 #65536))"#,
        r#"(drop (call $foreign @"compress" #0 #65536 #0 #0))"#,
        r#"(drop (call $get_property #0 #0 #16 #20))"#,
        r#"(i32.store #0 #0) (drop (call $fd_write #1 #0 #-1 #16))"#,
    ];
    for row in rows {
        let body = format!("(loop $again {row} (br $again)) #0");
        let plugin = Plugin {
            host_work_per_callback: 1 << 20,
            ..Plugin::default()
        };
        let worker = after(&body, "", plugin);
        let death = worker.death().unwrap();
        assert_eq!(
            death.reason,
            "its host calls were more than 1048576 units of work (an endless loop, or \
             Plugin::host_work_per_callback is too small)",
            "{row}"
        );
        assert!(!death.out_of_fuel);
    }
}

#[test]
fn host_work_is_counted_for_each_callback_anew() {
    // (calls with seven bytes each, whether they are too many)
    for (calls, dies) in [(10, false), (11, true)] {
        let on_request = format!(
            r#"(local $left i32) (local.set $left #{calls})
            (loop $again (drop (call $log #2 @"endless"))
              (br_if $again (local.tee $left (i32.sub (local.get $left) #1)))) #0"#
        );
        let plugin = Plugin {
            host_work_per_callback: 10 * (256 + 7),
            ..Plugin::default()
        };
        let worker = after(&on_request, "", plugin);
        worker.open().request(GET, "");
        assert_eq!(worker.death().is_some(), dies);
        assert_eq!(worker.logs().len(), if dies { 10 } else { 20 });
    }
}

#[test]
fn bytes_that_would_not_fit_are_never_copied() {
    // 16,384 vectors of the whole memory each: 4 GiB of text.
    let on_request = r#"(local $at i32)
      (loop $more
        (i32.store (local.get $at) #0)
        (i32.store (i32.add (local.get $at) #4) #262144)
        (br_if $more (i32.lt_u (local.tee $at (i32.add (local.get $at) #8)) #131072)))
      (call $fd_write #1 #0 #16384 #16)"#;
    let worker = after(on_request, "", Plugin::default());
    let reason = worker.death().unwrap().reason;
    assert!(reason.contains("more than 268435456 units"), "{reason}");
}

#[test]
fn memories_and_tables_share_their_limits() {
    let plugin = Plugin {
        memory_limit: 8 << 16,
        table_limit: 100,
        ..Plugin::default()
    };
    // (further memories and tables, what grows, what that gives)
    let rows = [
        ("", "(memory.grow #4)", 4),
        ("", "(memory.grow #5)", -1),
        ("(memory $b 3)", "(memory.grow #1)", 4),
        ("(memory $b 3)", "(memory.grow #2)", -1),
        ("(memory $b 3)", "(memory.grow $b #2)", -1),
        // What the guest's own maximum forbids takes nothing.
        (
            "(memory $b 1 2)",
            "(drop (memory.grow $b #2)) (drop (memory.grow $b #2)) (memory.grow #3)",
            4,
        ),
        (
            "(table $t 90 funcref)",
            "(table.grow $t (ref.null func) #10)",
            90,
        ),
        (
            "(table $t 90 funcref)",
            "(table.grow $t (ref.null func) #11)",
            -1,
        ),
        (
            "(table $t 50 funcref) (table $u 50 funcref)",
            "(table.grow $t (ref.null func) #1)",
            -1,
        ),
    ];
    for (further, grows, expected) in rows {
        let source =
            format!(r#"{further} (func (export "proxy_on_request_headers") {HEADERS} {grows})"#);
        let worker = Host::new()
            .recorded_worker(&module(&source), plugin.clone())
            .unwrap();
        worker.transcript();
        worker.open().request(GET, "");
        let result = worker.transcript().last().unwrap().result;
        assert_eq!(result, Some(expected as u32), "{further} {grows}");
    }
    // (what does not even start, the sentence)
    let hint = "(Plugin::memory_limit and Plugin::table_limit say how large it may be)";
    let rows = [
        (
            r#"(memory (export "memory") 9)"#,
            "memory minimum size of 9 pages exceeds memory limits",
        ),
        (
            r#"(memory (export "memory") 4) (memory 5)"#,
            "memory minimum size of 5 pages exceeds memory limits",
        ),
        (
            r#"(memory (export "memory") 1) (table 101 funcref)"#,
            "table minimum size of 101 elements exceeds table limits",
        ),
        (
            r#"(memory (export "memory") 1) (data #65536 "x")"#,
            "out of bounds memory access",
        ),
    ];
    for (source, sentence) in rows {
        let module = Module::from_bytes(&assemble(&format!("{SMALL} {source}"))).unwrap();
        let error = Host::new().worker(&module, plugin.clone()).err().unwrap();
        let sentence = format!("the module cannot be instantiated: {sentence} {hint}");
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn a_malformed_module_is_refused_before_counters_are_put_in() {
    let good = bytes("");
    // A global section that claims 4,294,967,295 globals, in front of all others but types.
    let mut too_many = b"\0asm\x01\0\0\0".to_vec();
    too_many.extend([1, 4, 1, 0x60, 0, 0]);
    too_many.extend([3, 2, 1, 0]);
    too_many.extend([6, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    too_many.extend(b"\x07\x0a\x01\x06malloc\0\0");
    too_many.extend([10, 4, 1, 2, 0, 0x0b]);
    too_many.extend(b"\0\x10\x04name\x01\x09\x01\0\x06malloc");
    let rows: [(&[u8], &str); 5] = [
        (&too_many, "globals count"),
        (&good[..good.len() - 1], "unexpected end"),
        (b"\0asm\x0d\0\x01\0", "it is a component"),
        (b"(module)", "it is WebAssembly text"),
        (b"", "the file is empty"),
    ];
    for (bytes, cause) in rows {
        let error = Module::from_bytes_counting_allocations(bytes).unwrap_err();
        let error = error.to_string();
        let head = "this is not a usable WebAssembly module: ";
        assert!(error.starts_with(head) && error.contains(cause), "{error}");
    }
}

#[test]
fn a_limit_may_be_as_large_as_numbers_go() {
    let on_request = r#"(drop (call $foreign @"compress" @"hello" #16 #20))
      (call $foreign @"uncompress" (i32.load #16) (i32.load #20) #24 #28)"#;
    let plugin = Plugin {
        memory_limit: usize::MAX,
        table_limit: usize::MAX,
        host_work_per_callback: u64::MAX,
        ..Plugin::default()
    };
    let worker = after(on_request, "(table $t 1 funcref)", plugin);
    assert_eq!(worker.death(), None);
}

#[test]
fn what_the_specification_leaves_open_is_the_same_everywhere() {
    // (what is computed, its bits). x86 would give 0xffc00000, and 2.
    let rows = [
        (
            "(i32.reinterpret_f32 (f32.div (local.get $zero) (local.get $zero)))",
            0x7fc0_0000,
        ),
        (
            "(i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle
              (v128.const i8x16 1 2 0 0 0 0 0 0 0 0 0 0 0 0 0 0) (i8x16.splat #17)))",
            0,
        ),
    ];
    for (computed, bits) in rows {
        let source = format!(
            r#"(func (export "proxy_on_request_headers") {HEADERS} (local $zero f32) {computed})"#
        );
        let worker = Host::new()
            .recorded_worker(&module(&source), Plugin::default())
            .unwrap();
        worker.open().request(GET, "");
        let result = worker.transcript().last().unwrap().result;
        assert_eq!(result, Some(bits), "{computed}");
    }
}

#[test]
fn grpc_closes_that_bring_about_closes_end() {
    let retry = r#"(drop (call $grpc_call @"nohost" @"S" @"m" #0 #0 #0 #0 #0 #16))"#;
    let again = format!(r#"(func (export "proxy_on_grpc_close") (param i32 i32 i32) {retry})"#);
    let plugin = Plugin {
        clusters_without_hosts: ["nohost".to_owned()].into(),
        ..Plugin::default()
    };
    let worker = after(&format!("{retry} #0"), &again, plugin);
    assert_eq!(
        worker.death().unwrap().to_string(),
        "proxy_on_grpc_close trapped: 2364 gRPC calls failed at once, each made while the close \
         of another was waiting or running (a retry without end?); Envoy 1.40 runs out of stack \
         there"
    );
    assert_eq!(worker.costs().callbacks, 1 + 2364);
}

#[test]
fn queue_notices_without_end_do_not_hold_the_clock() {
    let start = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $register_queue @"jobs" #16)) (drop (call $enqueue (i32.load #16) @"a")) #1)"#;
    // (what a guest does when told, the calls of it at an instant, whether it dies)
    let rows = [
        ("", 1, false),
        (r#"(drop (call $enqueue (local.get 1) @"a"))"#, 10_000, true),
        (
            r#"(drop (call $enqueue (local.get 1) @"a")) (drop (call $enqueue (local.get 1) @"b"))"#,
            10_000,
            true,
        ),
    ];
    for (told, calls, dies) in rows {
        let source = format!(
            r#"{start} (func (export "proxy_on_queue_ready") (param i32 i32) {told})
            (func (export "proxy_on_request_headers") {HEADERS} #0)"#
        );
        let host = Host::new();
        let worker = host.worker(&module(&source), Plugin::default()).unwrap();
        let before = worker.costs().callbacks;
        host.advance(Duration::from_millis(1));
        assert_eq!(worker.costs().callbacks - before, calls, "{told}");
        let death = worker.death().map(|death| death.to_string());
        let sentence = "proxy_on_queue_ready trapped: there is no end of notices at one instant, \
                        10000 so far: worker 0 is told again and again of queue \"jobs\" \
                        (Host::advance)";
        assert_eq!(death.as_deref(), dies.then_some(sentence));
        // The clock moves, also for the others.
        let since = host.now();
        host.advance(Duration::from_millis(1));
        assert_eq!(host.now() - since, Duration::from_millis(1));
    }
}

#[test]
fn the_clock_stops_in_2262() {
    let host = Host::new();
    for _ in 0..2 {
        host.advance(Duration::from_secs(20_000_000_000));
        assert_eq!(host.now(), Duration::from_nanos(i64::MAX as u64));
    }
}
