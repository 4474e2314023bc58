//! What host functions do on a connection.

use super::{play, received, upstream};
use crate::guest::{logged, statuses};

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
fn filter_state_may_name_the_cluster() {
    let set = |path: &str, value: &str| {
        // Protobuf: field 1 is the path, 2 the value, each with its length.
        let [path_len, value_len] = [path, value].map(|text| char::from(text.len() as u8));
        let message = format!("\n{path_len}{path}\x12{value_len}{value}");
        format!("(drop (call $foreign @\"set_envoy_filter_state\" @\"{message}\" #0 #0))")
    };
    let known = set("envoy.tcp_proxy.cluster", "c1");
    let unknown = set("nope", "v");
    let clear = r#"(drop (call $foreign @"clear_route_cache" #0 #0 #0 #0))"#;
    let body = format!("{known} {unknown} {clear} #0");
    let (worker, connection) = play(&[("new_connection", &body)], "");
    assert_eq!(statuses(&worker, "proxy_call_foreign_function"), [0, 1, 0]);
    let state = connection.filter_state();
    assert_eq!(state["envoy.tcp_proxy.cluster"].value, b"c1");
    assert_eq!(state.len(), 1);
}
