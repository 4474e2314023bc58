//! What is counted of a guest, and that counting changes nothing else.

use tollgate_host::{Allocations, Costs, Host, Module, Plugin, Stream, Worker};

use crate::guest::{HEADERS, assemble};

const GET: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];

/// Imports, and an allocator as C's: its functions call each other.
const C: &str = r#"
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "proxy_abi_version_0_2_1"))
  (func $dlmalloc (param $size i32) (result i32)
    (i32.load #512)
    (i32.store #512 (i32.add (i32.load #512) (local.get $size))))
  (func $malloc (export "malloc") (param i32) (result i32) (call $dlmalloc (local.get 0)))
  (func $calloc (param i32 i32) (result i32) (call $malloc (i32.mul (local.get 0) (local.get 1))))
  (func $free (param i32))
  (func $realloc (param i32 i32) (result i32)
    (call $free (local.get 0)) (call $malloc (local.get 1)))
  (func $posix_memalign (param i32 i32 i32) (result i32)
    (i32.store (local.get 0) (call $malloc (local.get 2))) #0)
  (func $_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc (param i32 i32) (result i32)
    (if (result i32) (i32.gt_u (local.get 1) #8)
      (then (drop (call $posix_memalign #500 (local.get 1) (local.get 0))) (i32.load #500))
      (else (call $malloc (local.get 0)))))
  (table funcref (elem $malloc))
  (type $malloc_type (func (param i32) (result i32)))
"#;

/// A guest that begins its heap, and in request headers does this.
fn guest(allocator: &str, body: &str) -> Vec<u8> {
    assemble(&format!(
        r#"{allocator}
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (i32.store #512 #65536) #1)
        (func (export "proxy_on_request_headers") {HEADERS} {body} #0)"#
    ))
}

fn counted(allocator: &str, body: &str) -> Worker {
    let module = Module::from_bytes_counting_allocations(&guest(allocator, body)).unwrap();
    Host::new().worker(&module, Plugin::default()).unwrap()
}

fn run(worker: &Worker) -> Stream {
    let mut stream = worker.open();
    stream.request(GET, "");
    assert_eq!(worker.death(), None);
    stream
}

#[test]
fn the_guests_own_allocations_are_counted_once() {
    let rows: [(&str, u64, u64, u64); 13] = [
        ("", 0, 0, 0),
        ("(drop (call $malloc #10))", 1, 10, 0),
        ("(drop (call $malloc #0))", 1, 0, 0),
        ("(drop (call $dlmalloc #10))", 1, 10, 0),
        ("(drop (call $calloc #7 #3))", 1, 21, 0),
        ("(drop (call $realloc #70000 #30))", 1, 30, 0),
        ("(drop (call $realloc (call $malloc #10) #30))", 2, 40, 0),
        ("(drop (call $posix_memalign #500 #16 #64))", 1, 64, 0),
        (
            "(drop (call $_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc #5 #64))",
            1,
            5,
            0,
        ),
        ("(drop (call_indirect (type $malloc_type) #9 #0))", 1, 9, 0),
        ("(call $free (call $malloc #8)) (call $free #0)", 1, 8, 1),
        ("(drop (memory.grow #3))", 0, 0, 0),
        // The host's own: for the value of `:path`.
        (
            r#"(drop (call $get #0 @":path" #16 #20)) (call $free (i32.load #16))"#,
            0,
            0,
            1,
        ),
    ];
    for (body, calls, bytes, frees) in rows {
        let plain = Module::from_bytes(&guest(C, body)).unwrap();
        let plain = Host::new().worker(&plain, Plugin::default()).unwrap();
        let worker = counted(C, body);
        assert_eq!(
            Costs {
                allocations: None,
                ..worker.costs()
            },
            plain.costs(),
            "{body}"
        );
        for _ in 0..2 {
            let costs = run(&worker).costs();
            let expected = Allocations {
                calls,
                bytes,
                frees,
            };
            assert_eq!(costs.allocations, Some(expected), "{body}");
            let without = Costs {
                allocations: None,
                ..costs
            };
            assert_eq!(
                without,
                run(&plain).costs(),
                "counting costs nothing: {body}"
            );
        }
    }
}

#[test]
fn every_callback_and_stream_counts_for_itself() {
    let body =
        "(drop (call $malloc (i32.load #520))) (i32.store #520 (i32.add (i32.load #520) #4))";
    let worker = counted(C, body);
    let bytes = |costs: Costs| costs.allocations.map(|counted| counted.bytes);
    assert_eq!(bytes(worker.costs()), Some(0));
    let streams = [run(&worker), run(&worker), run(&worker)];
    assert_eq!(
        streams.map(|stream| bytes(stream.costs())),
        [Some(0), Some(4), Some(8)]
    );
    assert_eq!(worker.costs().allocations.unwrap().calls, 3);
}

#[test]
fn memory_is_what_it_has_grown_to() {
    const PAGE: u64 = 65_536;
    let worker = counted(C, "(drop (memory.grow #3))");
    assert_eq!(worker.costs().memory_bytes, 2 * PAGE);
    let (first, second) = (run(&worker), run(&worker));
    assert_eq!(first.costs().memory_bytes, 5 * PAGE);
    assert_eq!(second.costs().memory_bytes, 8 * PAGE);
    assert_eq!(worker.costs().memory_bytes, 8 * PAGE);
    assert_eq!(worker.memory_bytes() as u64, 8 * PAGE);
}

#[test]
fn a_trap_in_the_allocator_is_a_trap() {
    let allocator = C.replace(
        "(func $free (param i32))",
        "(func $free (param i32) unreachable)",
    );
    let worker = counted(&allocator, "(call $free (call $malloc #8))");
    let mut stream = worker.open();
    stream.request(GET, "");
    assert_eq!(
        worker.death().unwrap().reason,
        "wasm `unreachable` instruction executed"
    );
    let expected = Allocations {
        calls: 1,
        bytes: 8,
        frees: 1,
    };
    assert_eq!(stream.costs().allocations, Some(expected));
}

#[test]
fn what_cannot_be_counted_is_said() {
    let nameless = r#"(memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) #4096)"#;
    let other = r#"(memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
        (func $take (export "proxy_on_memory_allocate") (param i32) (result i32) #4096)
        (func $free (param i32)) (func $calloc (param i32) (result i32) #0)"#;
    let rows = [
        (
            assemble(nameless),
            "the module's allocations cannot be counted: it has no names of functions, by which \
             the allocator is found; build it with its names (in Rust `strip = \"debuginfo\"`, \
             in C and C++ without -s)",
        ),
        (
            assemble(other),
            "the module's allocations cannot be counted: none of its functions has the name of \
             an allocator known here (C's malloc and its like, Rust's __rust_alloc, TinyGo's \
             runtime.alloc); build it with its names (in Rust `strip = \"debuginfo\"`, in C and \
             C++ without -s)",
        ),
        (
            b"\0asm\x01\0\0\0\x01".to_vec(),
            "this is not a usable WebAssembly module: unexpected end",
        ),
        (
            b"not Wasm".to_vec(),
            "this is not a usable WebAssembly module: it does not begin as WebAssembly does",
        ),
    ];
    for (module, expected) in rows {
        let error = Module::from_bytes_counting_allocations(&module).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let plain = Module::from_bytes(&assemble(nameless)).unwrap();
    let worker = Host::new().worker(&plain, Plugin::default()).unwrap();
    assert_eq!(run(&worker).costs().allocations, None);
}

#[test]
fn a_module_with_globals_keeps_them() {
    let allocator = r#"
      (memory (export "memory") 1)
      (global $heap (mut i32) #4096) (global $end (export "__heap_end") i32 #65536)
      (func (export "proxy_abi_version_0_2_1"))
      (func $malloc (export "malloc") (param i32) (result i32)
        (global.get $heap)
        (global.set $heap (i32.add (global.get $heap) (local.get 0))))"#;
    let body = "(drop (call $malloc (i32.sub (call $malloc #100) #4096)))
                (drop (call $malloc (i32.sub (global.get $end) (global.get $heap))))";
    let costs = run(&counted(allocator, body)).costs();
    let expected = Allocations {
        calls: 3,
        bytes: 65_536 - 4096,
        frees: 0,
    };
    assert_eq!(costs.allocations, Some(expected));
}

#[test]
fn costs_over_their_limits_are_named() {
    let allocations = Allocations {
        calls: 2,
        bytes: 30,
        frees: 1,
    };
    let costs = Costs {
        fuel: 100,
        host_calls: 3,
        allocations: Some(allocations),
        memory_bytes: 65_536,
        ..Costs::default()
    };
    let not_counted = Costs {
        allocations: None,
        ..costs
    };
    let no_allocation = Costs {
        allocations: Some(Allocations {
            calls: 0,
            ..Allocations::UNLIMITED
        }),
        ..Costs::UNLIMITED
    };
    let rows: [(Costs, Costs, &[&str]); 6] = [
        (costs, Costs::UNLIMITED, &[]),
        (costs, costs, &[]),
        (
            costs,
            Costs {
                fuel: 99,
                ..Costs::UNLIMITED
            },
            &["fuel is 100, its limit 99"],
        ),
        (
            costs,
            Costs {
                host_calls: 0,
                memory_bytes: 0,
                ..Costs::UNLIMITED
            },
            &[
                "host_calls is 3, its limit 0",
                "memory_bytes is 65536, its limit 0",
            ],
        ),
        (costs, no_allocation, &["allocations is 2, its limit 0"]),
        (
            not_counted,
            no_allocation,
            &[
                "allocations has a limit but was not counted: load the module with \
               Module::load_counting_allocations",
            ],
        ),
    ];
    for (costs, limits, expected) in rows {
        let over: Vec<_> = costs.over(limits).iter().map(ToString::to_string).collect();
        assert_eq!(over, expected);
    }
}
