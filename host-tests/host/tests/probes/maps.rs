//! Header and trailer maps: when they exist, and what reads and edits do.

use tollgate_host::Plugin;

use crate::guest::{BODY, HEADERS, TRAILERS, logged, statuses, worker};

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":path", "/"),
    ("x-a", "one"),
    ("x-a", "two"),
];

/// Reads and edits map `map`: the statuses of value, pairs, size and replace.
fn poke(map: u32) -> String {
    format!(
        r#"(drop (call $get #{map} @"x-a" #16 #20))
        (drop (call $get_pairs #{map} #16 #20))
        (drop (call $map_size #{map} #16))
        (drop (call $replace #{map} @"x-b" @"1"))"#
    )
}

#[test]
fn maps_exist_only_in_their_own_callbacks() {
    const ABSENT: [u32; 4] = [2, 0, 2, 2];
    const THERE: [u32; 4] = [0, 0, 0, 0];
    const WITHOUT_X_A: [u32; 4] = [1, 0, 0, 0];
    const READ_ONLY: [u32; 4] = [0, 0, 2, 2];
    // (callback, its parameters, map, statuses)
    let rows = [
        ("request_headers", HEADERS, 0, THERE),
        ("request_headers", HEADERS, 1, ABSENT),
        ("request_headers", HEADERS, 2, ABSENT),
        ("request_body", BODY, 0, ABSENT),
        ("request_trailers", TRAILERS, 0, ABSENT),
        ("request_trailers", TRAILERS, 1, THERE),
        ("response_headers", HEADERS, 0, ABSENT),
        ("response_headers", HEADERS, 2, THERE),
        ("response_headers", HEADERS, 4, ABSENT),
        ("response_headers", HEADERS, 6, ABSENT),
        ("response_body", BODY, 2, ABSENT),
        ("response_body", BODY, 3, ABSENT),
        ("response_trailers", TRAILERS, 3, WITHOUT_X_A),
        ("log", "(param i32)", 0, READ_ONLY),
        ("log", "(param i32)", 1, [1, 0, 2, 2]),
        ("log", "(param i32)", 6, [1, 0, 2, 2]),
        ("log", "(param i32)", 2, READ_ONLY),
        ("log", "(param i32)", 3, [1, 0, 2, 2]),
        ("log", "(param i32)", 8, [2; 4]),
    ];
    for (callback, parameters, map, expected) in rows {
        let result = if parameters.contains("result") {
            "#0"
        } else {
            ""
        };
        let source = format!(
            r#"(func (export "proxy_on_{callback}") {parameters} {} {result})"#,
            poke(map)
        );
        let worker = worker(&source, Plugin::default());
        let mut stream = worker.open();
        stream
            .request_headers(GET, false)
            .request_body("x", false)
            .request_trailers(GET);
        stream.response_headers([(":status", "200"), ("x-a", "1")], false);
        stream
            .response_body("y", false)
            .response_trailers([("x-c", "1")]);
        let calls = worker.transcript();
        let seen: Vec<_> = calls
            .iter()
            .filter(|c| !c.function.starts_with("proxy_on_"))
            .collect();
        let seen: Vec<_> = seen.iter().filter_map(|call| call.result).collect();
        assert_eq!(seen, expected, "map {map} in {callback}");
    }
}

#[test]
fn values_and_edits() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $get #0 @"X-A" #16 #20)) (call $log_result)
          (drop (call $get #0 @"missing" #16 #20))
          (drop (call $get #0 @"x-empty" #16 #20))
          (drop (call $add #0 @"X-New" @"3"))
          (drop (call $replace #0 @"x-a" @"four"))
          (drop (call $remove #0 @"x-gone"))
          (drop (call $remove #0 @"missing"))
          (drop (call $get #0 #-1 #2 #16 #20))
          (drop (call $get #0 @"x-a" #-1 #20))
          #0)"#
    );
    let worker = worker(&source, Plugin::default());
    let mut stream = worker.open();
    let mut headers = GET.to_vec();
    headers.extend([("x-empty", ""), ("x-gone", "1"), ("x-gone", "2")]);
    stream.request_headers(headers, true);
    let calls = worker.transcript();
    let seen: Vec<_> = calls
        .iter()
        .filter(|call| call.function == "proxy_get_header_map_value")
        .filter_map(|call| call.result)
        .collect();
    assert_eq!(seen, [0, 1, 0, 6, 6]);
    assert_eq!(logged(&worker), ["one"]);
    let upstream = stream.upstream().headers.unwrap();
    let expected = [
        (":method", "GET"),
        (":path", "/"),
        ("x-empty", ""),
        ("x-new", "3"),
        ("x-a", "four"),
    ];
    assert_eq!(upstream, expected.into());
}

#[test]
fn pairs_that_do_not_decode_empty_the_map() {
    // One header `a: b`, whole and without its last byte.
    let whole = r"\\01\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00a\\00b\\00";
    for (len, headers) in [(16, vec![("a", "b")]), (15, vec![])] {
        let source = format!(
            r#"(data #512 "{}")
            (func (export "proxy_on_request_headers") {HEADERS}
              (drop (call $set_pairs #0 #512 #{len})) #0)"#,
            whole.replace(r"\\", r"\"),
        );
        let worker = worker(&source, Plugin::default());
        let mut stream = worker.open();
        stream.request_headers(GET, true);
        assert_eq!(statuses(&worker, "proxy_set_header_map_pairs"), [0]);
        assert_eq!(stream.upstream().headers.unwrap(), headers.into());
    }
}

#[test]
fn continuing_the_request_takes_its_headers_away_at_once() {
    let source = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $continue #0))
          (drop (call $replace #0 @"x" @"1"))
          #1)
        (func (export "proxy_on_response_headers") {HEADERS}
          (drop (call $continue #1))
          (drop (call $replace #2 @"x" @"1"))
          #1)"#
    );
    let worker = worker(&source, Plugin::default());
    let mut stream = worker.open();
    stream
        .request_headers(GET, true)
        .response_headers([(":status", "200")], true);
    assert_eq!(statuses(&worker, "proxy_replace_header_map_value"), [2, 0]);
    assert_eq!(stream.upstream().header("x"), None);
    assert_eq!(stream.client().header("x").as_deref(), Some("1"));
    assert!(stream.client().complete);
}
