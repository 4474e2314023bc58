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
            "its sums differ",
            format!(
                r#"{COUNTING}
                (func (export "proxy_on_request_headers") {HEADERS} (call $one_more) #0)"#
            ),
            r#"agree = [["requests. + answers.", "answers. + requests."], ["requests. + requests.", "requests."]]"#,
            &[
                "as written: ",
                "`requests. + requests.` counted 2, `requests.` 1",
            ],
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
            "it empties the bodies of every stream but its first",
            format!(
                r#"(func (export "proxy_on_request_body") {BODY}
                  (if (i32.gt_u (local.get $id) #2)
                    (then (drop (call $set_buffer #0 #0 #100 #0 #0))))
                  #0)"#
            ),
            "",
            &[
                "as written, two at once: ",
                "1 (companion).upstream.body: expected \"questionmark\", came \"\"",
            ],
        ),
        (
            "it drops what it holds when trailers come",
            format!(
                r#"(func (export "proxy_on_request_body") {BODY} (i32.eqz (local.get $end)))
                   (func (export "proxy_on_request_trailers") {TRAILERS}
                     (drop (call $set_buffer #0 #0 #100 #0 #0)) #0)"#
            ),
            "",
            &[
                "trailers after the request: ",
                "1.upstream.body: expected \"questionmark\", came \"\"",
            ],
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
fn an_excuse_covers_what_it_says_and_has_to_be_needed() {
    let counts_pieces = format!(
        r#"{COUNTING}
        (func (export "proxy_on_request_body") {BODY} (call $one_more) #0)"#
    );
    let logs_pieces = format!(
        r#"(func (export "proxy_on_request_body") {BODY} (drop (call $log #2 @"a piece")) #0)"#
    );
    let logs_and_drops_pieces = format!(
        r#"(func (export "proxy_on_request_body") {BODY}
          (drop (call $log #2 @"a piece"))
          (if (i32.eq (local.get $count) #1)
            (then (drop (call $set_buffer #0 #0 #1 #0 #0))))
          #0)"#
    );
    let never_ends_byte_by_byte = format!(
        r#"(func (export "proxy_on_response_body") {BODY}
          (drop (call $log #2 @"a piece")) (i32.eq (local.get $count) #1))"#
    );
    let empties_later_streams = format!(
        r#"(func (export "proxy_on_request_body") {BODY}
          (if (i32.gt_u (local.get $id) #2)
            (then (drop (call $set_buffer #0 #0 #100 #0 #0))))
          #0)"#
    );
    let unneeded = "exchange.toml on guest.wasm, as written: no variation needs ";
    // (its excuses, what the guest does, how some fault goes on; none without)
    let rows = [
        ("cuts_matter", &counts_pieces, None),
        ("cuts_matter", &logs_and_drops_pieces, None),
        (
            "cuts_matter",
            &empties_later_streams,
            Some("as written, two at once: "),
        ),
        ("logs_depend_on_cuts", &logs_pieces, None),
        (
            "logs_depend_on_cuts",
            &counts_pieces,
            Some("bodies whole, HTTP/2: "),
        ),
        (
            "logs_depend_on_cuts",
            &logs_and_drops_pieces,
            Some("byte by byte, HTTP/2: line 9; upstream.body"),
        ),
        (
            "logs_depend_on_cuts",
            &never_ends_byte_by_byte,
            Some("random cuts, seed 2, HTTP/2: line 9; client.body"),
        ),
        ("second_stream_matters", &empties_later_streams, None),
        (
            "second_stream_matters",
            &logs_pieces,
            Some("bodies whole, HTTP/2: "),
        ),
        ("cuts_matter", &String::new(), Some("`cuts_matter`")),
        (
            "logs_depend_on_cuts",
            &String::new(),
            Some("`logs_depend_on_cuts`"),
        ),
        (
            "second_stream_matters",
            &String::new(),
            Some("`second_stream_matters`"),
        ),
        // It would excuse more than differs.
        ("cuts_matter", &logs_pieces, Some("`cuts_matter`")),
    ];
    for (excuses, functions, expected) in rows {
        let text = format!("{excuses} = \"It has a reason.\"\n{SCENARIO}");
        let scenario = Scenario::parse("exchange.toml".as_ref(), &text).unwrap();
        let module = module(functions);
        let faults = vary::check(&scenario, &module, &Choice::All);
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let all = vary::check_all(&[(scenario, module)]);
        assert_eq!(faults, all, "{excuses}");
        let found = expected.is_none_or(|part| {
            let begins = match part.starts_with('`') {
                true => format!("{unneeded}{part}"),
                false => format!("exchange.toml on guest.wasm, {part}"),
            };
            shown.iter().any(|fault| fault.starts_with(&begins))
        });
        let shown = shown.join("\n");
        assert_eq!(
            shown.is_empty(),
            expected.is_none(),
            "{excuses}, {functions}:\n{shown}"
        );
        assert!(found, "{excuses}, {functions}:\n{shown}");
    }
}

/// A call that a filter makes when a stream breaks off is not in the file, and gets an end
/// like any other.
#[test]
fn calls_that_nobody_answers_break_off() {
    let rows = [
        (
            r#"(call $http_call @"side" #512 #63 #0 #0 #0 #0 #60000 #16)"#,
            r#"(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) (call $closed))"#,
        ),
        (
            r#"(call $grpc_call @"rpc" @"test.S" @"ask" #0 #0 @"ping" #60000 #16)"#,
            r#"(func (export "proxy_on_grpc_close") (param i32 i32 i32) (call $closed))"#,
        ),
        (
            r#"(call $resolve_dns @"a.test" #16)"#,
            r#"(func (export "envoy_on_resolve_dns") (param i32 i32 i32) (call $closed))"#,
        ),
    ];
    let text = format!("clusters = [\"side\"]\ngrpc_clusters = [\"rpc\"]\n{SCENARIO}");
    let text = format!("{text}zero_at_rest = [\"open\"]\n");
    let scenario = Scenario::parse("exchange.toml".as_ref(), &text).unwrap();
    for (call, answered) in rows {
        let functions = format!(
            r#"{COUNTING}
            (data #512 "\03\00\00\00\07\00\00\00\04\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\01\00\00\00:method\00POST\00:path\00/c\00:authority\00a\00")
            (global $answered (mut i32) #0)
            (func (export "proxy_on_response_headers") {HEADERS} (global.set $answered #1) #0)
            (func (export "proxy_on_log") (param i32)
              (if (i32.eqz (global.get $answered))
                (then (if (i32.eqz {call}) (then (call $opened))))))
            {answered}"#
        );
        let faults = vary::check(&scenario, &module(&functions), &Choice::All);
        assert_eq!(faults, [], "{call}");
    }
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

/// As many as the command's help says.
#[test]
fn resets_of_a_long_scenario_are_spread_and_traps_are_not_varied() {
    let pieces = ["\"piece\""; 100].join(", ");
    let long = SCENARIO.replace("\"question\", \"mark\"", &pieces);
    let scenario = |text: &str| Scenario::parse("exchange.toml".as_ref(), text).unwrap();
    let count = |scenario: &Scenario, part: &str| {
        let all = vary::Variation::all(scenario);
        all.iter()
            .filter(|one| one.to_string().starts_with(part))
            .count()
    };
    let rows = [
        ("as written, reset by the client", 16..=32),
        ("as written, reset by the upstream", 16..=32),
        ("byte by byte, reset by the client", 6..=12),
        ("byte by byte, reset by the upstream", 6..=12),
    ];
    for (part, most) in rows {
        let count = count(&scenario(&long), part);
        assert!(most.contains(&count), "{part}: {count}");
    }
    let traps = format!("traps = \"It traps.\"\n{SCENARIO}");
    assert_eq!(count(&scenario(&traps), ""), 1);
}
