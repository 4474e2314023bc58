//! What only the library says of a TCP connection: how it ended, and what changed nothing any
//! more. The rest is in `host-tests/scenarios/probes/tcp-*.toml`.

use tollgate_host::ConnectionEnd::{
    self, ClientReset, ClosedByFilter, Complete, FilterFailed, UpstreamRefused, UpstreamReset,
};
use tollgate_host::scenario::{Scenario, vary};
use tollgate_host::{ConnectionOptions, Plugin};

use crate::guest;

const DATA: &str = "(param i32 i32 i32) (result i32)";

#[test]
fn how_a_connection_ended_and_what_came_too_late() {
    const OVER: &str = "it does not follow from what came before";
    // (what the guest does with the client's data, whether the upstream refuses, events, end,
    // what was ignored); `c:` and `u:` send, `c.` and `u.` end, `c!` and `u!` reset
    type Row = (
        &'static str,
        bool,
        &'static str,
        Option<ConnectionEnd>,
        &'static [&'static str],
    );
    let rows: [Row; 8] = [
        ("#0", false, "c: u: c.", None, &[]),
        ("#0", false, "c. u.", Some(Complete), &[]),
        ("#0", false, "u: c!", Some(ClientReset), &[]),
        (
            "#0",
            false,
            "c: u! u!",
            Some(UpstreamReset),
            &["upstream reset: the connection is over (UpstreamReset)"],
        ),
        (
            "#0",
            true,
            "c: u:",
            Some(UpstreamRefused),
            &[
                "downstream data: the connection is over (UpstreamRefused)",
                "upstream data: the connection is over (UpstreamRefused)",
            ],
        ),
        (
            "(drop (call $close #2)) #0",
            false,
            "c:",
            Some(ClosedByFilter),
            &[],
        ),
        ("unreachable", false, "c:", Some(FilterFailed), &[]),
        (
            "#0",
            false,
            "c. c: c!",
            None,
            &["downstream data", "client reset"],
        ),
    ];
    for (body, upstream_refuses, events, end, ignored) in rows {
        let source = format!(r#"(func (export "proxy_on_downstream_data") {DATA} {body})"#);
        let worker = guest::worker(&source, Plugin::default());
        let mut connection = worker.connect_with(ConnectionOptions {
            upstream_refuses,
            ..ConnectionOptions::default()
        });
        for event in events.split(' ') {
            match event {
                "c:" => connection.downstream_data("x", false),
                "c." => connection.downstream_data("", true),
                "c!" => connection.reset_by_client(),
                "u:" => connection.upstream_data("x", false),
                "u." => connection.upstream_data("", true),
                _ => connection.reset_by_upstream(),
            };
        }
        assert_eq!(connection.end(), end, "{body} {events}");
        let expected = ignored.iter().map(|text| match text.contains(':') {
            true => (*text).to_owned(),
            false => format!("{text}: {OVER}"),
        });
        assert_eq!(
            connection.ignored(),
            expected.collect::<Vec<_>>(),
            "{body} {events}"
        );
    }
}

#[test]
fn a_connection_shows_the_sizes_in_which_data_went_on() {
    let source = format!(
        r#"(func (export "proxy_on_downstream_data") (param $id i32) (param $size i32)
             (param $end i32) (result i32)
             (i32.and (i32.lt_u (local.get $size) #5) (i32.eqz (local.get $end))))
           (func (export "proxy_on_upstream_data") {DATA} #0)"#
    );
    let worker = guest::worker(&source, Plugin::default());
    let mut connection = worker.connect();
    for text in ["aa", "bbb", "cccc", "d"] {
        connection
            .downstream_data(text, false)
            .upstream_data(text, false);
    }
    assert_eq!(connection.upstream().unwrap().chunks, [5, 5]);
    assert_eq!(connection.client().chunks, [2, 3, 4, 1]);
}

#[test]
fn variations_cut_data_and_break_connections_off() {
    const SCENARIO: &str = r#"
about = "A conversation."
[filter]
wasm = "guest.wasm"
[[steps]]
connect = {}
downstream.chunks = ["question", "mark"]
upstream.chunks = ["answer", "mark"]
[[steps]]
downstream.end = true
upstream.end = true
expect.upstream = { data = "questionmark", end = "complete" }
expect.client = { data = "answermark", end = "complete" }
"#;
    // (what is wrong with the guest, its callbacks, a variation that finds it, what that says)
    let data = "(param $id i32) (param $size i32) (param $end i32) (result i32)";
    let rows = [
        ("nothing", String::new(), "", ""),
        (
            "it cannot take a single byte",
            format!(
                r#"(func (export "proxy_on_downstream_data") {data}
                  (if (i32.eq (local.get $size) #1) (then unreachable)) #0)"#
            ),
            "byte by byte",
            "trapped",
        ),
        (
            "it marks each piece",
            format!(
                r#"(func (export "proxy_on_upstream_data") {data}
                  (if (i32.eq (local.get $size) #1)
                    (then (drop (call $set_buffer #3 #0 #0 @"<")))) #0)"#
            ),
            "byte by byte",
            "client.data: expected \"answermark\", came \"<a<n<s<w<e<r<m<a<r<k",
        ),
        (
            "it does not know that clients break off",
            r#"(func (export "proxy_on_downstream_connection_close") (param $id i32) (param $peer i32)
                 (if (i32.eq (local.get $peer) #2) (then unreachable)))"#
                .to_owned(),
            "reset by the client after event 2",
            "trapped",
        ),
    ];
    for (fault, functions, variation, problem) in rows {
        let scenario = Scenario::parse("conversation.toml".as_ref(), SCENARIO).unwrap();
        let faults = vary::check_all(&[(scenario, guest::module(&functions))]);
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let found = shown
            .iter()
            .any(|text| text.contains(variation) && text.contains(problem));
        let shown = shown.join("\n");
        assert_eq!(found, !problem.is_empty(), "{fault}:\n{shown}");
        assert_eq!(shown.is_empty(), problem.is_empty(), "{fault}:\n{shown}");
    }
}
