//! Variations find the faults that filters have: each guest here has one of them.

use tollgate_host::scenario::Scenario;
use tollgate_host::scenario::vary::{self, Choice};

use crate::guest::{BODY, HEADERS, TRAILERS, module};

/// Two pieces each way over HTTP/2, so that nothing is said of other cuts, of an empty last
/// piece, of trailers or resets.
const SCENARIO: &str = r#"
about = "An exchange."
[filter]
wasm = "guest.wasm"
[protocol]
client = "http2"
upstream = "http2"
[[steps]]
request = { head = "POST /\nhost: h", chunks = ["question", "mark"] }
response = { head = "200", chunks = ["answer", "mark"] }
expect = { upstream = { body = "questionmark", end = "complete" }, client = { body = "answermark", end = "complete" } }
[books]
"#;

/// Counts a request at its head, and has a gauge that is 1 as long as a stream is open.
const COUNTING: &str = r#"
    (global $requests (mut i32) (i32.const 0))
    (global $open (mut i32) (i32.const 0))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $define_metric #0 @"requests.all" #0))  (global.set $requests (i32.load #0))
      (drop (call $define_metric #1 @"open" #0))          (global.set $open (i32.load #0))
      #1)
    (func $one_more (drop (call $increment (global.get $requests) (i64.const 1))))
    (func $opened (drop (call $increment (global.get $open) (i64.const 1))))
    (func $closed (drop (call $increment (global.get $open) (i64.const -1))))
"#;

/// What is wrong with the guest, its callbacks, its books; what some fault says, all of it,
/// with what comes between left out.
type Row = (&'static str, String, &'static str, &'static [&'static str]);

fn rows() -> Vec<Row> {
    let requests = r#"once_per_stream = ["requests."]"#;
    vec![
        ("nothing", String::new(), "", &[]),
        (
            "nothing in its books",
            format!(
                r#"{COUNTING}
                (func (export "proxy_on_request_headers") {HEADERS} (call $one_more) (call $opened) #0)
                (func (export "proxy_on_log") (param i32) (call $closed))"#
            ),
            r#"
            once_per_stream = ["requests."]
            zero_at_rest = ["open"]"#,
            &[],
        ),
        (
            "it cannot take an empty piece",
            format!(
                r#"(func (export "proxy_on_response_body") {BODY}
                  (if (i32.eqz (local.get $count)) (then unreachable)) #0)"#
            ),
            "",
            &[
                "as written, HTTP/1: ",
                "died: proxy_on_response_body trapped",
            ],
        ),
        (
            "it waits for a body's end that trailers took away",
            format!(
                r#"(func (export "proxy_on_request_body") {BODY} (i32.eqz (local.get $end)))
                   (func (export "proxy_on_request_trailers") {TRAILERS} #1)"#
            ),
            "",
            &["trailers after the request: ", "stream `1` hangs"],
        ),
        (
            "it holds the response until the request's end",
            format!(
                r#"(global $whole (mut i32) #0)
                (func (export "proxy_on_request_body") {BODY} (global.set $whole (local.get $end)) #0)
                (func (export "proxy_on_response_headers") {HEADERS} (i32.eqz (global.get $whole)))"#
            ),
            "",
            &["response after event 1: ", "stream `1` hangs"],
        ),
        (
            "it counts again where a stream breaks off",
            format!(
                r#"{COUNTING}
                (global $answered (mut i32) #0)
                (func (export "proxy_on_request_headers") {HEADERS} (call $one_more) #0)
                (func (export "proxy_on_response_headers") {HEADERS} (global.set $answered #1) #0)
                (func (export "proxy_on_log") (param i32)
                  (if (i32.eqz (global.get $answered)) (then (call $one_more))))"#
            ),
            requests,
            &[
                "reset by the client after event 2: ",
                "`requests.` counted 2 for 1 streams",
            ],
        ),
        (
            "it counts at the response's end only",
            format!(
                r#"{COUNTING}
                (func (export "proxy_on_response_body") {BODY}
                  (if (local.get $end) (then (call $one_more))) #0)"#
            ),
            requests,
            &[
                "trailers after the response: ",
                "`requests.` counted 0 for 1 streams",
            ],
        ),
        (
            "its gauge stays up where the upstream breaks off",
            format!(
                r#"{COUNTING}
                (func (export "proxy_on_request_headers") {HEADERS} (call $opened) #0)
                (func (export "proxy_on_response_body") {BODY}
                  (if (local.get $end) (then (call $closed))) #0)"#
            ),
            r#"zero_at_rest = ["open"]"#,
            &[
                "reset by the upstream after event 4: ",
                "`open` is 1 with no stream open",
            ],
        ),
        (
            "it has no such gauge",
            String::new(),
            r#"zero_at_rest = ["open"]"#,
            &["as written: ", "there is no gauge `open`"],
        ),
        (
            "its two counts differ",
            format!(
                r#"{COUNTING}
                (func (export "proxy_on_request_headers") {HEADERS} (call $one_more) #0)"#
            ),
            r#"agree = [["requests.", "answers."]]"#,
            &["as written: ", "`requests.` counted 1, `answers.` 0"],
        ),
        (
            "it drops what comes byte by byte",
            format!(
                r#"(func (export "proxy_on_request_body") {BODY}
                  (if (i32.eq (local.get $count) #1)
                    (then (drop (call $set_buffer #0 #0 #1 #0 #0))))
                  #0)"#
            ),
            "",
            &["byte by byte, HTTP/2: line 8; upstream.body: expected \"questionmark\", came \"\""],
        ),
        (
            "it counts pieces, which nothing in the file looks at",
            format!(
                r#"{COUNTING}
                (func (export "proxy_on_request_body") {BODY} (call $one_more) #0)"#
            ),
            "",
            &[
                "bodies whole, HTTP/2: ",
                "metrics: expected ",
                "requests.all: 2\", came ",
                "requests.all: 1\"",
            ],
        ),
        (
            "it remembers one stream for all",
            format!(
                r#"(global $current (mut i32) #0)
                (func (export "proxy_on_request_headers") {HEADERS}
                  (global.set $current (local.get $id)) #0)
                (func (export "proxy_on_response_headers") {HEADERS}
                  (if (i32.ne (global.get $current) (local.get $id)) (then unreachable)) #0)"#
            ),
            "",
            &["as written, two at once: ", "died"],
        ),
        (
            "it cannot be shut down",
            r#"(func (export "proxy_on_done") (param $id i32) (result i32)
                 (if (i32.eq (local.get $id) #1) (then unreachable)) #1)"#
                .to_owned(),
            "",
            &["as written: ", "died: proxy_on_done"],
        ),
        (
            "it does not start",
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) #0)"#.to_owned(),
            "",
            &["as written: ", "proxy_on_configure"],
        ),
    ]
}

#[test]
fn each_kind_of_fault_is_found() {
    for (fault, functions, books, expected) in rows() {
        let text = format!("{SCENARIO}{books}");
        let scenario = Scenario::parse("exchange.toml".as_ref(), &text).unwrap();
        let faults = vary::check(&scenario, &module(&functions), &Choice::All);
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let found = shown.iter().any(|fault| {
            let mut rest = fault.strip_prefix("exchange.toml on guest.wasm, ");
            for part in expected {
                rest = rest.and_then(|rest| Some(rest.split_once(part)?.1));
            }
            rest.is_some()
        });
        let shown = shown.join("\n");
        assert_eq!(shown.is_empty(), expected.is_empty(), "{fault}:\n{shown}");
        assert!(found || shown.is_empty(), "{fault}:\n{shown}");
    }
}

#[test]
fn where_cuts_matter_they_need_only_do_no_harm() {
    let counts_pieces = format!(
        r#"{COUNTING}
        (func (export "proxy_on_request_body") {BODY} (call $one_more) #0)"#
    );
    let text = format!("cuts_matter = \"It counts pieces.\"\n{SCENARIO}");
    let scenario = Scenario::parse("exchange.toml".as_ref(), &text).unwrap();
    assert_eq!(
        vary::check(&scenario, &module(&counts_pieces), &Choice::All),
        []
    );
}

#[test]
fn a_variation_is_reproducible_by_its_name() {
    let scenario = Scenario::parse("exchange.toml".as_ref(), SCENARIO).unwrap();
    let names = |scenario| {
        let all = vary::Variation::all(scenario);
        all.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let first = names(&scenario);
    assert_eq!(first, names(&scenario));
    let unique: std::collections::BTreeSet<_> = first.iter().collect();
    assert_eq!(unique.len(), first.len());
    for name in [
        "as written",
        "random cuts, seed 7, HTTP/1",
        "byte by byte, HTTP/2",
    ] {
        assert!(
            first.iter().any(|known| known == name),
            "{name} is not in {first:?}"
        );
    }
}
