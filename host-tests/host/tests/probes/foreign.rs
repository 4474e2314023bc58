//! Foreign functions, and what Envoy adds to the ABI.

use std::time::Duration;

use tollgate_host::{DnsAddress, DnsLookup, Plugin};

use crate::guest::{HEADERS, callbacks, logged, statuses, worker};

const GET: [(&str, &str); 1] = [(":path", "/")];

#[test]
fn what_is_compressed_comes_back() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $foreign @"compress" @"hello hello hello hello" #16 #20))
          (drop (call $foreign @"uncompress" (i32.load #16) (i32.load #20) #24 #28))
          (drop (call $log #2 (i32.load #24) (i32.load #28)))
          (drop (call $foreign @"uncompress" (i32.load #16) #8 #24 #28))
          (drop (call $foreign @"uncompress" #0 #0 #24 #28))
          (drop (call $foreign @"compress" #0 #0 #16 #20))
          (i32.load #20))"#
    );
    let worker = worker(&source, Plugin::default());
    worker.open().request(GET, "");
    assert_eq!(logged(&worker), ["hello hello hello hello"]);
    let calls = worker.transcript();
    // zlib's empty stream is 8 bytes.
    let request = calls
        .iter()
        .find(|call| call.function == "proxy_on_request_headers");
    assert_eq!(request.unwrap().result, Some(8));
    let calls = calls
        .iter()
        .filter(|call| call.function == "proxy_call_foreign_function");
    let seen: Vec<_> = calls.filter_map(|call| call.result).collect();
    assert_eq!(seen, [0, 0, 3, 3, 0]);
}

#[test]
fn functions_by_name() {
    // (name, status of the call on a stream, and on the root context)
    let rows = [
        ("clear_route_cache", 0, 0),
        ("set_envoy_filter_state", 1, 1),
        ("declare_property", 0, 0),
        ("expr_create", 12, 12),
        ("expr_evaluate", 12, 12),
        ("expr_delete", 12, 12),
        ("sign", 12, 12),
        ("verify_signature", 12, 12),
        ("envoy_resolve_dns", 1, 1),
        ("", 1, 1),
    ];
    for (name, on_stream, on_root) in rows {
        let call = format!(r#"(drop (call $foreign @"{name}" #0 #0 #16 #20))"#);
        let source = format!(
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) {call} #1)
            (func (export "proxy_on_request_headers") {HEADERS} {call} #0)"#
        );
        let worker = worker(&source, Plugin::default());
        worker.open().request(GET, "");
        let seen = statuses(&worker, "proxy_call_foreign_function");
        assert_eq!(seen, [on_root, on_stream], "{name}");
    }
}

#[test]
fn a_property_declared_read_only_is_set_once() {
    // Name `a`, read-only: in the root context it counts, in a stream's it does not.
    let declare = r#"(drop (call $foreign @"declare_property" #512 #5 #0 #0))"#;
    for (in_root, in_stream, sets) in [
        (declare, "", [0, 2]),
        ("", declare, [0, 0]),
        ("", "", [0, 0]),
    ] {
        let source = format!(
            r#"(data #512 "\0a\01a\10\01")
            (func (export "proxy_on_configure") (param i32 i32) (result i32) {in_root}{in_root} #1)
            (func (export "proxy_on_request_headers") {HEADERS} {in_stream}
              (drop (call $set_property @"a" @"1")) (drop (call $set_property @"a" @"2")) #0)"#
        );
        let worker = worker(&source, Plugin::default());
        let mut stream = worker.open();
        stream.request(GET, "");
        let calls = worker.transcript();
        let of = |name: &str| -> Vec<u32> {
            let calls = calls.iter().filter(|call| call.function == name);
            calls.filter_map(|call| call.result).collect()
        };
        assert_eq!(of("proxy_set_property"), sets);
        let value: &[u8] = if sets == [0, 2] { b"1" } else { b"2" };
        assert_eq!(stream.property("a").as_deref(), Some(value));
        if !in_root.is_empty() {
            assert_eq!(of("proxy_call_foreign_function"), [0, 2]);
        }
    }
}

#[test]
fn names_are_looked_up_by_the_test() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $resolve_dns @"one.test" #16)) (drop (call $resolve_dns @"two.test" #16)) #0)
        (func (export "envoy_on_resolve_dns") (param i32 i32 i32)
          (drop (call $get_buffer #8 #0 #-1 #16 #20)) (call $log_result))"#
    );
    let worker = worker(&source, Plugin::default());
    worker.open().request(GET, "");
    let names: Vec<_> = worker.dns_lookups();
    let lookup = |id, name: &str| DnsLookup {
        id,
        name: name.into(),
    };
    assert_eq!(names, [lookup(2, "one.test"), lookup(3, "two.test")]);
    worker.transcript();
    let address = DnsAddress {
        address: "127.0.0.1:0".into(),
        ttl: Duration::from_secs(60),
    };
    assert!(worker.answer_dns_lookup(3, &[address]));
    assert!(worker.answer_dns_lookup(2, &[]));
    assert!(!worker.answer_dns_lookup(2, &[]));
    assert_eq!(
        callbacks(&worker),
        ["envoy_on_resolve_dns(3,20)", "envoy_on_resolve_dns(2,4)"]
    );
    assert_eq!(
        logged(&worker),
        ["\u{1}\0\0\0<\0\0\x00127.0.0.1:0\0", "\0\0\0\0"]
    );
}

#[test]
fn a_foreign_function_reaches_the_guest() {
    let source = r#"(func (export "proxy_on_foreign_function") (param i32 i32 i32)
        (drop (call $get_buffer #8 #0 #-1 #16 #20)) (call $log_result))"#;
    let worker = worker(source, Plugin::default());
    worker.foreign_function(7, b"data");
    assert_eq!(callbacks(&worker), ["foreign_function(7,4)"]);
    assert_eq!(logged(&worker), ["data"]);
}
