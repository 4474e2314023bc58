//! TCP connections. Every row was seen on Envoy 1.40, between a client and an upstream on
//! raw sockets.

use std::time::Duration;

use tollgate_host::{
    Connection, ConnectionEnd, ConnectionOptions, Host, Plugin, ReceivedBytes, Worker,
};

use crate::guest::{callbacks, logged, module, statuses};

const DATA: &str = "(param $id i32) (param $count i32) (param $end i32) (result i32)";
const CLOSE: &str = "(param $id i32) (param $peer i32)";
const TICK: Duration = Duration::from_millis(10);

/// All callbacks of a connection and what each does and returns; what is not named continues.
/// Ticks act on the first connection.
fn source(bodies: &[(&str, &str)]) -> String {
    let callbacks = [
        ("new_connection", "(param $id i32) (result i32)", "#0"),
        ("downstream_data", DATA, "#0"),
        ("upstream_data", DATA, "#0"),
        ("downstream_connection_close", CLOSE, ""),
        ("upstream_connection_close", CLOSE, ""),
        ("done", "(param $id i32) (result i32)", "#0"),
        ("log", "(param $id i32)", ""),
        ("delete", "(param $id i32)", ""),
    ];
    let body = |name: &str| {
        bodies
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, body)| *body)
    };
    let mut source: String = callbacks
        .iter()
        .map(|(name, parameters, otherwise)| {
            let body = body(name).unwrap_or(otherwise);
            format!("(func (export \"proxy_on_{name}\") {parameters} {body})\n")
        })
        .collect();
    source.push_str(&format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $tick_period #{})) #1)
        (func (export "proxy_on_tick") (param i32) (drop (call $effective #2)) {})"#,
        TICK.as_millis(),
        body("tick").unwrap_or_default(),
    ));
    source
}

/// Plays `events`: `c` is the client and `u` the upstream; `c:text` sends, `c.` ends its half,
/// `c:text.` does both at once, `c!` resets, `t` lets a tick pass.
fn play(bodies: &[(&str, &str)], events: &str) -> (Worker, Connection) {
    let host = Host::new();
    let worker = host
        .recorded_worker(&module(&source(bodies)), Plugin::default())
        .unwrap();
    worker.transcript();
    let mut connection = worker.connect();
    for event in events.split_whitespace() {
        let (peer, what) = event.split_at(1);
        let text = what.trim_start_matches(':').trim_end_matches('.');
        match (peer, what) {
            ("c", "!") => connection.reset_by_client(),
            ("u", "!") => connection.reset_by_upstream(),
            ("c", _) => connection.downstream_data(text, what.ends_with('.')),
            ("u", _) => connection.upstream_data(text, what.ends_with('.')),
            _ => {
                host.advance(TICK);
                &mut connection
            }
        };
    }
    assert_eq!(connection.ignored(), Vec::<String>::new(), "{events}");
    (worker, connection)
}

/// What a peer has received, its chunks apart: `aa bbb FIN`.
fn received(peer: &ReceivedBytes) -> String {
    let text = peer.text();
    let mut rest = text.as_str();
    let mut words: Vec<&str> = Vec::new();
    for chunk in &peer.chunks {
        let (word, tail) = rest.split_at(*chunk);
        words.push(word);
        rest = tail;
    }
    words.extend(peer.ended.then_some("FIN"));
    words.extend(peer.reset.then_some("RST"));
    words.join(" ")
}

fn upstream(connection: &Connection) -> String {
    connection
        .upstream()
        .map_or_else(|| "none".to_owned(), |peer| received(&peer))
}

/// The callbacks but ticks, shortened: `new down(5,0) up(2,0) up_close(0) close(1) …`.
fn short(worker: &Worker) -> String {
    let calls = callbacks(worker).into_iter();
    let calls = calls.filter(|call| call != "tick()").map(|call| {
        call.replace("downstream_connection_close", "close")
            .replace("upstream_connection_close", "up_close")
            .replace("new_connection()", "new")
            .replace("downstream_data", "down")
            .replace("upstream_data", "up")
            .replace("()", "")
    });
    calls.collect::<Vec<_>>().join(" ")
}

const LAST: &str = "done log delete";

#[test]
fn halves_end_one_by_one_and_the_connection_with_both() {
    use ConnectionEnd::{ClientReset, Complete, UpstreamReset};
    const HOLD: &str = "#1";
    // (what the guest does, events, callbacks, client, upstream, end)
    type Row = (
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        Option<ConnectionEnd>,
    );
    let rows: [Row; 16] = [
        (
            &[],
            "c:hello u:hi c. u:more u.",
            "new down(5,0) up(2,0) down(0,1) up(4,0) up(0,1) up_close(0) close(1) LAST",
            "hi more FIN",
            "hello FIN",
            Some(Complete),
        ),
        (
            &[],
            "u:hi u. c:x c.",
            "new up(2,0) up(0,1) up_close(0) down(1,0) down(0,1) close(2) LAST",
            "hi FIN",
            "x FIN",
            Some(Complete),
        ),
        (
            &[],
            "c:hello. u:hello.",
            "new down(5,1) up(5,1) up_close(0) close(1) LAST",
            "hello FIN",
            "hello FIN",
            Some(Complete),
        ),
        (
            &[],
            "c:a u!",
            "new down(1,0) close(1) LAST",
            "RST",
            "a",
            Some(UpstreamReset),
        ),
        (
            &[],
            "c:a u:b c!",
            "new down(1,0) up(1,0) close(2) LAST",
            "b",
            "a RST",
            Some(ClientReset),
        ),
        (
            &[],
            "c:aa c. u!",
            "new down(2,0) down(0,1) close(1) LAST",
            "RST",
            "aa FIN",
            Some(UpstreamReset),
        ),
        (
            &[],
            "u:aa u. c!",
            "new up(2,0) up(0,1) up_close(0) close(2) LAST",
            "aa FIN",
            "RST",
            Some(ClientReset),
        ),
        // What the filter holds is lost, and its end counts all the same.
        (
            &[("downstream_data", HOLD)],
            "c:aa u. c.",
            "new down(2,0) up(0,1) up_close(0) down(2,1) close(2) LAST",
            "FIN",
            "FIN",
            Some(Complete),
        ),
        (
            &[("downstream_data", HOLD)],
            "c:aa c. u:b u.",
            "new down(2,0) down(2,1) up(1,0) up(0,1) up_close(0) close(1) LAST",
            "b FIN",
            "FIN",
            Some(Complete),
        ),
        (
            &[("upstream_data", HOLD)],
            "u:aa u. c.",
            "new up(2,0) up(2,1) up_close(0) down(0,1) close(1) LAST",
            "FIN",
            "FIN",
            Some(Complete),
        ),
        (
            &[("upstream_data", HOLD)],
            "u:aa c. u.",
            "new up(2,0) down(0,1) up(2,1) up_close(0) close(1) LAST",
            "FIN",
            "FIN",
            Some(Complete),
        ),
        (
            &[("upstream_data", HOLD), ("downstream_data", HOLD)],
            "c:aa u:b c. u.",
            "new down(2,0) up(1,0) down(2,1) up(1,1) up_close(0)",
            "",
            "",
            None,
        ),
        (
            &[("downstream_data", HOLD)],
            "c:aa c!",
            "new down(2,0) close(2) LAST",
            "",
            "RST",
            Some(ClientReset),
        ),
        (
            &[("upstream_data", HOLD)],
            "u:aa u!",
            "new up(2,0) close(1) LAST",
            "RST",
            "",
            Some(UpstreamReset),
        ),
        (
            &[("upstream_data", "(i32.eqz (local.get $end))")],
            "u:aa u:bb u. c.",
            "new up(2,0) up(4,0) up(4,1) up_close(0) down(0,1) close(2) LAST",
            "aabb FIN",
            "FIN",
            Some(Complete),
        ),
        // A client that goes away while nobody reads from it is noticed when somebody does.
        (
            &[
                ("new_connection", HOLD),
                ("tick", "(drop (call $continue #2))"),
            ],
            "c! t",
            "new close(2) LAST",
            "",
            "RST",
            Some(ClientReset),
        ),
    ];
    for (bodies, events, expected, client, to_upstream, end) in rows {
        let (worker, connection) = play(bodies, events);
        assert_eq!(
            short(&worker),
            expected.replace("LAST", LAST),
            "{bodies:?} {events}"
        );
        assert_eq!(
            received(&connection.client()),
            client,
            "{bodies:?} {events}"
        );
        assert_eq!(upstream(&connection), to_upstream, "{bodies:?} {events}");
        assert_eq!(connection.end(), end, "{bodies:?} {events}");
    }
}

#[test]
fn pause_accumulates_and_continue_forwards_everything() {
    const UNTIL_FIVE: &str =
        "(i32.and (i32.lt_u (local.get $count) #5) (i32.eqz (local.get $end)))";
    const GO_ON: &str = "(drop (call $continue #2))";
    // (what the guest does, events, callbacks, client, upstream)
    type Row = (
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    );
    let rows: [Row; 11] = [
        (
            &[("downstream_data", UNTIL_FIVE)],
            "c:aa c:bbb c:cccc c:d c.",
            "new down(2,0) down(5,0) down(4,0) down(5,0) down(0,1)",
            "",
            "aabbb ccccd FIN",
        ),
        (
            &[("upstream_data", UNTIL_FIVE)],
            "u:aa u:bbb u:cccc u:d u.",
            "new up(2,0) up(5,0) up(4,0) up(5,0) up(0,1) up_close(0)",
            "aabbb ccccd FIN",
            "",
        ),
        (
            &[("downstream_data", "#2")],
            "c:aa c:bbb",
            "new down(2,0) down(5,0)",
            "",
            "",
        ),
        (
            &[("downstream_data", "#1"), ("tick", GO_ON)],
            "c:aa t c:bbb t c. t",
            "new down(2,0) down(3,0) down(0,1)",
            "",
            "aa bbb FIN",
        ),
        (
            &[("downstream_data", "#1"), ("tick", GO_ON)],
            "c:aa. t",
            "new down(2,1)",
            "",
            "aa FIN",
        ),
        // Nothing resumes what comes from the upstream but its own callback.
        (
            &[
                ("upstream_data", "#1"),
                (
                    "tick",
                    "(drop (call $continue #2)) (drop (call $continue #3))",
                ),
            ],
            "u:aa t u:bbb t",
            "new up(2,0) up(5,0)",
            "",
            "",
        ),
        (
            &[("downstream_data", "(drop (call $continue #2)) #1")],
            "c:aa c:bbb",
            "new down(2,0) down(3,0)",
            "",
            "aa bbb",
        ),
        (
            &[("new_connection", "#1"), ("tick", GO_ON)],
            "c:aa c:bbb. t",
            "new down(2,0) down(3,1)",
            "",
            "aa bbb FIN",
        ),
        (&[("new_connection", "#1")], "c:aa c.", "new", "", "none"),
        (
            &[("new_connection", "(drop (call $continue #2)) #1")],
            "c:aa c:bbb",
            "new down(2,0) down(3,0)",
            "",
            "aa bbb",
        ),
        (
            &[(
                "downstream_data",
                "(drop (call $continue #2)) (drop (call $set_buffer #2 #0 #0 @\"<\")) #1",
            )],
            "c:aa c:bbb",
            "new down(2,0) down(3,0)",
            "",
            "<aa <bbb",
        ),
    ];
    for (bodies, events, expected, client, to_upstream) in rows {
        let (worker, connection) = play(bodies, events);
        assert_eq!(short(&worker), expected, "{bodies:?} {events}");
        assert_eq!(
            received(&connection.client()),
            client,
            "{bodies:?} {events}"
        );
        assert_eq!(upstream(&connection), to_upstream, "{bodies:?} {events}");
        assert_eq!(connection.end(), None, "{bodies:?} {events}");
    }
}

#[test]
fn a_filter_closes_after_its_callback_and_before_its_data_go_on() {
    let rows = [
        ("new_connection", "#0", "c:aa", "new", "FIN", "none"),
        ("new_connection", "#1", "", "new", "FIN", "none"),
        (
            "downstream_data",
            "#0",
            "u:b c:aa",
            "new up(1,0) down(2,0)",
            "b FIN",
            "FIN",
        ),
        (
            "downstream_data",
            "#1",
            "c:aa",
            "new down(2,0)",
            "FIN",
            "FIN",
        ),
        (
            "upstream_data",
            "#0",
            "c:aa u:bb",
            "new down(2,0) up(2,0)",
            "FIN",
            "aa FIN",
        ),
        (
            "tick",
            "",
            "c:aa u:bb t",
            "new down(2,0) up(2,0)",
            "bb FIN",
            "aa FIN",
        ),
    ];
    for (callback, returns, events, before, client, to_upstream) in rows {
        for stream_type in [2, 3] {
            let body = format!("(drop (call $close #{stream_type})) {returns}");
            // What comes after the close is ignored, so only the events before it are played.
            let events = match callback {
                "new_connection" => "",
                _ => events,
            };
            let (worker, connection) = play(&[(callback, &body)], events);
            assert_eq!(
                short(&worker),
                format!("{before} close(1) {LAST}"),
                "{callback}"
            );
            assert_eq!(received(&connection.client()), client, "{callback}");
            assert_eq!(upstream(&connection), to_upstream, "{callback}");
            assert_eq!(connection.end(), Some(ConnectionEnd::ClosedByFilter));
        }
    }
    // What was continued before is sent.
    let body = "(drop (call $continue #2)) (drop (call $close #2)) #0";
    let (_, connection) = play(&[("downstream_data", body)], "c:aa");
    assert_eq!(upstream(&connection), "aa FIN");
    // The upstream's end is told even to a context that is gone.
    let body = "(if (local.get $end) (then (drop (call $close #3)))) #0";
    let (worker, _) = play(&[("upstream_data", body)], "u:bb u.");
    assert_eq!(
        short(&worker),
        format!("new up(2,0) up(0,1) close(1) {LAST} up_close(0)")
    );
}

#[test]
fn stream_types_have_their_own_statuses() {
    // (stream type, continue, close)
    let rows = [(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 12, 0), (4, 2, 2)];
    for (stream_type, resumed, closed) in rows {
        let body = format!(
            "(drop (call $continue #{stream_type})) (drop (call $close #{stream_type})) #0"
        );
        let (worker, _) = play(&[("downstream_data", &body)], "c:aa");
        let calls = worker.transcript();
        let status = |name: &str| calls.iter().find(|call| call.function == name)?.result;
        assert_eq!(
            status("proxy_continue_stream"),
            Some(resumed),
            "{stream_type}"
        );
        assert_eq!(status("proxy_close_stream"), Some(closed), "{stream_type}");
    }
}

#[test]
fn set_buffer_replaces_a_prefix_or_appends() {
    // (start, size, text, status, data)
    let rows = [
        (0, 1, "XYZ", 0, "XYZello"),
        (0, 0, "<", 0, "<hello"),
        (0, 5, "new", 0, "new"),
        (0, 99, "new", 0, "new"),
        (5, 0, ">", 0, "hello>"),
        (99, 3, ">", 0, "hello>"),
        (1, 1, "x", 2, "hello"),
        (0, 5, "", 0, ""),
    ];
    for (start, size, text, status, data) in rows {
        for (buffer, callback, event) in [
            (2, "downstream_data", "c:hello"),
            (3, "upstream_data", "u:hello"),
        ] {
            let body =
                format!(r#"(drop (call $set_buffer #{buffer} #{start} #{size} @"{text}")) #0"#);
            let (worker, connection) = play(&[(callback, &body)], event);
            assert_eq!(statuses(&worker, "proxy_set_buffer_bytes"), [status]);
            let got = match buffer {
                2 => upstream(&connection),
                _ => received(&connection.client()),
            };
            assert_eq!(got, data, "{buffer} {start} {size}");
        }
    }
}

#[test]
fn data_stay_visible_from_a_pause_until_a_continue() {
    // Each callback logs both buffers.
    let look = |returns: &str| {
        let mut body = String::new();
        for buffer in [2, 3] {
            body.push_str(&format!(
                "(drop (call $get_buffer #{buffer} #0 #-1 #16 #20)) (call $log_result)"
            ));
        }
        body + returns
    };
    let rows = [
        ("#0", "|,aa|,|bb,|,|,|"),
        ("#1", "|,aa|,aa|bb,aa|bb,aa|bb,aa|bb"),
    ];
    for (returns, expected) in rows {
        let (go_on, hold) = (look("#0"), look(returns));
        let last = look("");
        let bodies = [
            ("new_connection", go_on.as_str()),
            ("downstream_data", &hold),
            ("upstream_data", &hold),
            ("upstream_connection_close", &last),
        ];
        let (worker, _) = play(&bodies, "c:aa u:bb c. u.");
        let logged = logged(&worker);
        let seen: Vec<_> = logged.chunks(2).map(|both| both.join("|")).collect();
        assert_eq!(seen.join(","), expected, "{returns}");
        assert!(
            statuses(&worker, "proxy_get_buffer_bytes")
                .iter()
                .all(|status| *status == 0)
        );
    }
    // Held data may be edited from outside, as long as there are any.
    let tick = r#"(drop (call $set_buffer #2 #0 #0 @"<")) (drop (call $continue #2))"#;
    let (_, connection) = play(
        &[("downstream_data", "#1"), ("tick", tick)],
        "c:aa t c:bb t",
    );
    assert_eq!(upstream(&connection), "<aa <bb");
}

#[test]
fn http_functions_find_nothing_on_a_connection() {
    let body = r#"(drop (call $get_pairs #0 #16 #20)) (drop (call $get #0 @":path" #16 #20))
        (drop (call $add #0 @"a" @"b")) (drop (call $set_buffer #0 #0 #1 @"b"))
        (drop (call $get_buffer #0 #0 #1 #16 #20)) (drop (call $buffer_status #3 #16 #20))
        (drop (call $set_property @"a" @"b")) (drop (call $get_property @"a" #16 #20))
        (drop (call $get_property @"connection_id" #16 #20))
        (drop (call $get_property @"request\0path" #16 #20))
        (drop (call $reply #500 #0 #0 #0 #0 #0 #0 #-1)) #0"#;
    let (worker, connection) = play(&[("downstream_data", body)], "c:aa");
    let calls = worker.transcript();
    let calls = calls
        .iter()
        .filter(|call| call.function.starts_with("proxy_"));
    let statuses: Vec<_> = calls
        .filter(|call| !call.function.starts_with("proxy_on_"))
        .filter_map(|call| call.result)
        .collect();
    assert_eq!(statuses, [0, 2, 2, 2, 0, 0, 0, 0, 0, 1, 0]);
    // The reply is dropped; the data go on.
    assert_eq!(upstream(&connection), "aa");
    assert_eq!(connection.property("a").as_deref(), Some(&b"b"[..]));
}

#[test]
fn an_upstream_that_refuses_closes_the_client() {
    let host = Host::new();
    let worker = host
        .recorded_worker(&module(&source(&[])), Plugin::default())
        .unwrap();
    worker.transcript();
    let mut connection = worker.connect_with(ConnectionOptions {
        upstream_refuses: true,
        ..ConnectionOptions::default()
    });
    connection.downstream_data("aa", false);
    assert_eq!(short(&worker), format!("new close(1) {LAST}"));
    assert_eq!(
        (received(&connection.client()), upstream(&connection)),
        ("FIN".into(), "none".into())
    );
    assert_eq!(connection.end(), Some(ConnectionEnd::UpstreamRefused));
    assert_eq!(
        connection.ignored(),
        ["downstream data: the connection is over (UpstreamRefused)"]
    );
}

#[test]
fn a_trap_closes_connections_as_they_next_need_the_filter() {
    // (callback that traps, events, client, upstream)
    let rows = [
        ("new_connection", "", "FIN", "none"),
        ("downstream_data", "c:aa", "FIN", "FIN"),
        ("upstream_data", "c:aa u:b", "FIN", "aa FIN"),
        ("tick", "c:aa t c:b", "FIN", "aa FIN"),
    ];
    for (callback, events, client, to_upstream) in rows {
        let (worker, connection) = play(&[(callback, "unreachable")], events);
        assert!(worker.death().is_some(), "{callback}");
        assert!(!short(&worker).contains("close"), "{callback}");
        assert_eq!(received(&connection.client()), client, "{callback}");
        assert_eq!(upstream(&connection), to_upstream, "{callback}");
        assert_eq!(connection.end(), Some(ConnectionEnd::FilterFailed));
        let later = worker.connect();
        assert_eq!(later.end(), Some(ConnectionEnd::FilterFailed));
        assert_eq!(
            (received(&later.client()), upstream(&later)),
            ("FIN".into(), "none".into())
        );
    }
    let (worker, connection) = play(&[("downstream_connection_close", "unreachable")], "c. u.");
    assert_eq!(short(&worker), "new down(0,1) up(0,1) up_close(0) close(1)");
    assert_eq!(connection.end(), Some(ConnectionEnd::Complete));
}
