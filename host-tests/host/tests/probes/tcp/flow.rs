//! How data are held and go on, and how connections end.

use tollgate_host::{ConnectionEnd, ConnectionOptions, Host, Plugin};

use super::{LAST, play, received, short, source, upstream};
use crate::guest::module;

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
