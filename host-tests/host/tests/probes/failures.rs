//! Modules that do not start, and guests that stop.

use tollgate_host::{CallDirection, Host, Module, Plugin, Status, StreamEnd};

use crate::guest::{BODY, HEADERS, assemble, module};

const ABI: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;
const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) #0)"#;
const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const GET: [(&str, &str); 1] = [(":path", "/")];
const OK: [(&str, &str); 1] = [(":status", "200")];

#[test]
fn a_module_that_cannot_start_says_so_in_one_sentence() {
    // (module, the sentence)
    let rows = [
        (
            format!("{MEMORY} {MALLOC}"),
            "the module exports no proxy_abi_version_0_2_1 (or 0_2_0): it is not a Proxy-Wasm filter",
        ),
        (
            format!(r#"(func (export "proxy_abi_version_0_1_0")) {MEMORY} {MALLOC}"#),
            "the module exports proxy_abi_version_0_1_0 but this host speaks \
             proxy_abi_version_0_2_1 and 0_2_0",
        ),
        (
            format!("{ABI} {MEMORY}"),
            "the module exports neither malloc nor proxy_on_memory_allocate, so the host \
             could hand it no data",
        ),
        (
            format!("{ABI} {MALLOC}"),
            "the module exports no memory named \"memory\"",
        ),
        (
            format!(r#"(import "env" "proxy_teleport" (func)) {ABI} {MEMORY} {MALLOC}"#),
            "the module imports env.proxy_teleport, which Envoy does not offer",
        ),
        (
            format!(r#"(import "env" "proxy_done" (func (param i32))) {ABI} {MEMORY} {MALLOC}"#),
            "the module imports env.proxy_done, as (func (param i32)), but Envoy offers it as \
             (func (result i32))",
        ),
        (
            // ABI 0.2.0 has no such function, and Envoy links none.
            format!(
                r#"(import "env" "proxy_get_log_level" (func (param i32) (result i32)))
                (func (export "proxy_abi_version_0_2_0")) {MEMORY} {MALLOC}"#
            ),
            "the module imports env.proxy_get_log_level, which Envoy does not offer",
        ),
        (
            format!(r#"(func (export "proxy_on_tick")) {ABI} {MEMORY} {MALLOC}"#),
            "the module exports proxy_on_tick, with a signature the ABI does not know: (func)",
        ),
        (
            format!(r#"(func $boom unreachable) (start $boom) {ABI} {MEMORY} {MALLOC}"#),
            "the module does not start: the start function trapped: wasm `unreachable` \
             instruction executed (in boom)",
        ),
        (
            format!(r#"(func $boom (export "_initialize") unreachable) {ABI} {MEMORY} {MALLOC}"#),
            "the module does not start: _initialize trapped: wasm `unreachable` instruction \
             executed (in boom)",
        ),
        (
            format!(
                r#"(func $boom (export "proxy_on_vm_start") (param i32 i32) (result i32)
                  unreachable) {ABI} {MEMORY} {MALLOC}"#
            ),
            "the module does not start: proxy_on_vm_start trapped: wasm `unreachable` \
             instruction executed (in boom)",
        ),
        (
            format!(
                r#"(import "env" "proxy_done" (func $done (result i32)))
                (func $early (export "_initialize") (drop (call $done))) {ABI} {MEMORY} {MALLOC}"#
            ),
            "the module does not start: _initialize trapped: proxy_done must not be called \
             while the module is being initialized (in early)",
        ),
    ];
    for (source, sentence) in rows {
        let started = Module::from_bytes(&assemble(&source))
            .and_then(|module| Host::new().worker(&module, Plugin::default()));
        assert_eq!(
            started.err().map(|error| error.to_string()).as_deref(),
            Some(sentence)
        );
    }
    let error = Module::from_bytes(b"not wasm").unwrap_err().to_string();
    assert!(
        error.starts_with("this is not a usable WebAssembly module: "),
        "{error}"
    );
    let error = Module::load("no/such/file.wasm").unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read no/such/file.wasm: "),
        "{error}"
    );
}

#[test]
fn a_trap_kills_the_worker_and_answers_503_from_then_on() {
    // (callback that traps, what the client of that stream gets)
    let rows = [
        ("context_create", "(param i32 i32)", Some(503)),
        ("request_headers", HEADERS, Some(503)),
        ("request_body", BODY, Some(503)),
        ("response_headers", HEADERS, Some(503)),
        ("response_body", BODY, None),
    ];
    for (callback, parameters, status) in rows {
        // The root context's creation must succeed.
        let source = format!(
            r#"(global $calls (mut i32) #0)
            (func $boom (export "proxy_on_{callback}") {parameters}
              (global.set $calls (i32.add (global.get $calls) #1))
              (if (i32.gt_u (global.get $calls) #{}) (then
                (drop (call $log #5 @"panicked")) unreachable)) {})
            (func (export "proxy_on_log") (param i32) unreachable)"#,
            u32::from(callback == "context_create"),
            if parameters.contains("result") {
                "#0"
            } else {
                ""
            },
        );
        let worker = Host::new()
            .worker(&module(&source), Plugin::default())
            .unwrap();
        let (mut other, mut stream) = (worker.open(), worker.open());
        stream.request(GET, "body").response(OK, "answer");
        let death = worker.death().unwrap();
        assert_eq!(death.callback, format!("proxy_on_{callback}"));
        assert_eq!(
            (death.backtrace.as_slice(), death.out_of_fuel),
            (&["boom".to_owned()][..], false)
        );
        assert_eq!(death.last_log.as_deref(), Some("panicked"));
        match status {
            Some(status) => assert_eq!(stream.client().status(), Some(status), "{callback}"),
            None => assert_eq!(stream.end(), Some(StreamEnd::ResponseCut)),
        }
        assert_eq!(stream.details().as_deref(), Some("wasm_fail_stream"));
        // Every later stream, this one had not begun.
        other.request(GET, "");
        assert_eq!(
            (other.client().status(), other.client().complete),
            (Some(503), true)
        );
    }
}

#[test]
fn an_endless_loop_ends_by_its_fuel() {
    let source = format!(
        r#"(func $spin (export "proxy_on_request_headers") {HEADERS} (loop $again (br $again)) #0)"#
    );
    let plugin = Plugin {
        fuel_per_callback: 100_000,
        ..Plugin::default()
    };
    let worker = Host::new().worker(&module(&source), plugin).unwrap();
    let mut stream = worker.open();
    stream.request(GET, "");
    let death = worker.death().unwrap();
    assert!(death.out_of_fuel);
    assert_eq!(
        death.to_string(),
        "proxy_on_request_headers trapped: it used more than its 100000 units of fuel (an \
         endless loop, or Plugin::fuel_per_callback is too small) (in spin)"
    );
    assert_eq!(stream.client().status(), Some(503));
    assert_eq!(stream.costs().fuel, 100_000);
}

#[test]
fn memory_stops_growing_at_its_limit() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (loop $more (br_if $more (i32.ne (memory.grow #16) #-1))) #0)"#
    );
    let plugin = Plugin {
        memory_limit: 4 << 20,
        ..Plugin::default()
    };
    let worker = Host::new().worker(&module(&source), plugin).unwrap();
    worker.open().request(GET, "");
    assert_eq!(worker.death(), None);
    assert_eq!(worker.memory_bytes(), (4 + 16 * 3) * 65_536);
}

#[test]
fn the_allocator_may_call_next_to_nothing() {
    let malloc = |body: &str| {
        format!(
            r#"(import "env" "proxy_get_header_map_value"
              (func $get (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            {ABI} {MEMORY}
            (func $malloc (export "proxy_on_memory_allocate") (param i32) (result i32) {body})
            (func (export "proxy_on_request_headers") {HEADERS}
              (call $get #0 @":path" #16 #20))"#
        )
    };
    let run = |body: &str| {
        let module = Module::from_bytes(&assemble(&malloc(body))).unwrap();
        let worker = Host::new()
            .recorded_worker(&module, Plugin::default())
            .unwrap();
        worker.open().request(GET, "");
        (
            worker.death().map(|death| death.reason),
            worker.transcript(),
        )
    };
    let (death, calls) = run(r#"(drop (call $log #2 @"more")) #4096"#);
    assert_eq!((death, calls.last().unwrap().result), (None, Some(0)));
    let (death, calls) = run("#0");
    assert_eq!((death, calls.last().unwrap().result), (None, Some(6)));
    let (death, _) = run(r#"(call $get #0 @":path" #16 #20)"#);
    let reason = "proxy_get_header_map_value must not be called inside the allocator";
    assert_eq!(death.as_deref(), Some(reason));
}

#[test]
fn pointers_outside_memory_are_refused() {
    // 4 pages: the last byte is at 262143.
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $log #2 #262143 #1))
          (drop (call $log #2 #262143 #2))
          (drop (call $log #2 #-1 #-1))
          (drop (call $log #6 #0 #0))
          (drop (call $now #262136))
          (drop (call $now #262137))
          #0)"#
    );
    let worker = Host::new()
        .recorded_worker(&module(&source), Plugin::default())
        .unwrap();
    worker.open().request(GET, "");
    let calls = worker.transcript();
    let seen: Vec<_> = calls.iter().filter_map(|call| call.result).collect();
    assert_eq!(seen, [0, 0, 6, 6, 2, 0, 6]);
}

#[test]
fn costs_are_the_same_each_time() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $get #0 @":path" #16 #20)) #0)
        (func (export "proxy_on_log") (param i32))"#
    );
    let worker = Host::new()
        .worker(&module(&source), Plugin::default())
        .unwrap();
    let start = worker.costs();
    let run = || {
        let mut stream = worker.open();
        stream.request(GET, "").response(OK, "x");
        stream.costs()
    };
    let costs = run();
    assert_eq!(run(), costs);
    // The key one way; the value, its pointer and its length the other.
    assert_eq!(
        (costs.bytes_from_guest, costs.bytes_to_guest),
        (5, 1 + 4 + 4)
    );
    assert_eq!((costs.handovers, costs.handover_bytes), (1, 1));
    assert_eq!((costs.host_calls, costs.callbacks), (1, 2));
    assert!((10..100).contains(&costs.fuel), "{costs:?}");
    let mut expected = start;
    expected += costs;
    expected += costs;
    assert_eq!(worker.costs(), expected);
}

#[test]
fn an_import_can_be_made_to_answer_any_status() {
    let source = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $get_buffer #7 #0 #-1 #16 #20)) #1)
        (func (export "proxy_on_request_headers") {HEADERS}
          (i32.store #20 #77)
          (drop (call $get #0 @":path" #16 #20))
          (drop (call $get_buffer #7 #0 #-1 #16 #20))
          (drop (call $random #0 #8))
          (i32.load #20))"#
    );
    let module = module(&source);
    let functions = [
        "proxy_get_header_map_value",
        "proxy_get_buffer_bytes",
        "random_get",
    ];
    for function in functions {
        assert!(module.imports().any(|(_, name)| name == function));
        for status in [0, 5, u32::from(Status::CasMismatch), 12, 77, u32::MAX] {
            let plugin = Plugin::default().answering(function, status);
            let worker = Host::new().recorded_worker(&module, plugin).unwrap();
            let mut stream = worker.open();
            stream.request(GET, "");
            let calls = worker.transcript();
            let seen = calls.iter().filter(|call| call.function == function);
            assert!(seen.clone().count() > 0);
            assert!(
                seen.clone().all(|call| call.result == Some(status)),
                "{function} {status}"
            );
            // What it would have written stays as it was: the guest's mark, where nothing
            // else wrote over it.
            let mark = if function == "proxy_get_header_map_value" {
                77
            } else {
                1
            };
            let mut callbacks = calls.iter().rev();
            let last = callbacks.find(|call| call.direction == CallDirection::Callback);
            assert_eq!(last.unwrap().result, Some(mark), "{function} {status}");
        }
    }
    for unknown in ["proxy_telport", "pthread_equal", "proc_exit"] {
        let plugin = Plugin::default().answering(unknown, Status::BadArgument);
        let error = Host::new().worker(&module, plugin).err().unwrap();
        let sentence = format!(
            "Plugin::answers names {unknown}, which is no host function that gives a status"
        );
        assert_eq!(error.to_string(), sentence);
    }
}
