//! gRPC calls and streams, held to what was seen on Envoy 1.40.

use std::time::Duration;

use tollgate_host::{Crossing, GrpcEvent, GrpcKind, Headers, Host, Plugin, Worker};

use crate::guest::{HEADERS, logged, module, statuses};

const GET: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];

/// Logs what each gRPC callback can read.
const LISTENER: &str = r#"
  (func $clear (i32.store #16 #0) (i32.store #20 #0))
  (func (export "proxy_on_grpc_receive_initial_metadata") (param i32 i32 i32)
    (call $clear) (drop (call $get #4 @"x-init" #16 #20)) (call $log_result))
  (func (export "proxy_on_grpc_receive") (param i32 i32 i32)
    (call $clear) (drop (call $get_buffer #5 #0 #-1 #16 #20)) (call $log_result))
  (func (export "proxy_on_grpc_receive_trailing_metadata") (param i32 i32 i32)
    (call $clear) (drop (call $get #5 @"grpc-message" #16 #20)) (call $log_result))
"#;
/// Its last callback.
const CLOSE: &str = r#"
  (func (export "proxy_on_grpc_close") (param i32 i32 i32)
    (drop (call $get_status #32 #16 #20)) (call $log_result))
"#;
const CALL: &str = r#"(drop (call $grpc_call @"grpc" @"test.S" @"ask" #0 #0 @"ping" #100 #16))"#;
const STREAM: &str = r#"(drop (call $grpc_stream @"grpc" @"test.S" @"talk" #0 #0 #16))"#;

/// A worker whose guest does this on its first request's headers, which have come.
fn after(host: &Host, functions: &str, on_request: &str) -> Worker {
    let source = format!(
        r#"{functions} (func (export "proxy_on_request_headers") {HEADERS} {on_request} #0)"#
    );
    let plugin = Plugin {
        clusters: ["grpc".to_owned()].into(),
        clusters_without_hosts: ["nohost".to_owned()].into(),
        ..Plugin::default()
    };
    let worker = host.recorded_worker(&module(&source), plugin).unwrap();
    worker.open().request(GET, "");
    worker
}

/// The gRPC callbacks since the last look.
fn grpc_callbacks(worker: &Worker) -> Vec<String> {
    grpc_in(&worker.transcript())
}

fn grpc_in(calls: &[Crossing]) -> Vec<String> {
    let calls = calls.iter().map(ToString::to_string);
    calls
        .filter_map(|call| {
            let rest = call.strip_prefix("proxy_on_grpc_")?;
            let (name, arguments) = rest.split_once("(1, ")?;
            Some(format!("grpc_{name}({}", arguments.replace(", ", ",")))
        })
        .collect()
}

fn headers() -> GrpcEvent {
    let headers = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("x-init", "i"),
    ];
    GrpcEvent::InitialMetadata(headers.into())
}

fn message(text: &str) -> GrpcEvent {
    GrpcEvent::Message(text.into())
}

#[test]
fn a_call_answers_its_guest_once() {
    // (what the service does, the callback, what it reads)
    let rows = [
        (
            vec![headers(), message("pong"), GrpcEvent::end(0, "")],
            "grpc_receive(5,4)",
            "pong",
        ),
        (
            vec![message("one"), message("two"), GrpcEvent::end(0, "")],
            "grpc_receive(5,3)",
            "two",
        ),
        (
            vec![message(""), GrpcEvent::end(0, "")],
            "grpc_receive(5,0)",
            "",
        ),
        (
            vec![headers(), GrpcEvent::end(0, "")],
            "grpc_close(5,13)",
            "",
        ),
        (
            vec![GrpcEvent::end(7, "no way")],
            "grpc_close(5,7)",
            "no way{via_upstream}",
        ),
        (
            vec![message("x"), GrpcEvent::end(5, "")],
            "grpc_close(5,5)",
            "via_upstream",
        ),
        (
            vec![message("x"), GrpcEvent::Reset],
            "grpc_close(5,13)",
            "upstream_reset_after_response_started{remote_reset}",
        ),
        (
            vec![GrpcEvent::Reset],
            "grpc_close(5,14)",
            "upstream connect error or disconnect/reset before headers. reset reason: remote \
             reset{upstream_reset_before_response_started{remote_reset}}",
        ),
    ];
    for (events, callback, text) in rows {
        let worker = after(&Host::new(), &format!("{LISTENER}{CLOSE}"), CALL);
        for event in events.clone() {
            assert_eq!(logged(&worker), [""; 0], "{events:?}");
            assert!(worker.answer_grpc_call(5, event), "{events:?}");
        }
        assert_eq!(grpc_callbacks(&worker), [callback], "{events:?}");
        assert_eq!(logged(&worker), [text], "{events:?}");
        assert!(!worker.answer_grpc_call(5, headers()), "{events:?}");
        assert_eq!(worker.grpc_calls(), []);
    }
}

#[test]
fn a_stream_tells_its_guest_everything() {
    let further = GrpcEvent::End {
        status: 3,
        message: "bad".into(),
        trailing_metadata: [("x-trail", "t")].into(),
    };
    // (what the service does, the callbacks, what they read)
    let rows = [
        (
            vec![
                headers(),
                message("a"),
                message("bc"),
                GrpcEvent::end(0, ""),
            ],
            vec![
                "grpc_receive_initial_metadata(6,3)",
                "grpc_receive(6,1)",
                "grpc_receive(6,2)",
                "grpc_receive_trailing_metadata(6,1)",
                "grpc_close(6,0)",
            ],
            vec!["i", "a", "bc", "", "via_upstream"],
        ),
        (
            vec![message("a"), further],
            vec![
                "grpc_receive_initial_metadata(6,2)",
                "grpc_receive(6,1)",
                "grpc_receive_trailing_metadata(6,3)",
                "grpc_close(6,3)",
            ],
            vec!["", "a", "bad", "bad{via_upstream}"],
        ),
        (
            // Trailers alone.
            vec![GrpcEvent::end(7, "no")],
            vec![
                "grpc_receive_initial_metadata(6,0)",
                "grpc_receive_trailing_metadata(6,4)",
                "grpc_close(6,7)",
            ],
            vec!["", "no", "no{via_upstream}"],
        ),
        (
            vec![headers(), GrpcEvent::Reset],
            vec![
                "grpc_receive_initial_metadata(6,3)",
                "grpc_receive_trailing_metadata(6,0)",
                "grpc_close(6,13)",
            ],
            vec![
                "i",
                "",
                "upstream_reset_after_response_started{remote_reset}",
            ],
        ),
    ];
    for (events, expected, texts) in rows {
        let worker = after(&Host::new(), &format!("{LISTENER}{CLOSE}"), STREAM);
        for event in events {
            assert!(worker.answer_grpc_call(6, event));
        }
        assert_eq!(grpc_callbacks(&worker), expected);
        assert_eq!(logged(&worker), texts);
        assert!(!worker.answer_grpc_call(6, GrpcEvent::Reset));
    }
}

#[test]
fn what_the_guest_sent_is_shown() {
    let on_request = format!(
        r#"{CALL} {STREAM}
        (drop (call $grpc_send #6 @"one" #0)) (drop (call $grpc_send #6 @"two" #1))
        (drop (call $grpc_send #6 @"lost" #0))"#
    );
    let worker = after(&Host::new(), LISTENER, &on_request);
    assert_eq!(statuses(&worker, "proxy_grpc_send"), [0, 0, 0]);
    let calls = worker.grpc_calls();
    let [call, stream] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    assert_eq!((call.id, call.kind), (5, GrpcKind::Call));
    assert_eq!(call.messages, [b"ping"]);
    let names = [&call.service, &call.service_name, &call.method_name];
    assert_eq!(names, ["grpc", "test.S", "ask"]);
    assert_eq!(call.timeout, Some(Duration::from_millis(100)));
    assert_eq!((stream.id, stream.kind), (6, GrpcKind::Stream));
    assert_eq!(stream.messages, [b"one", b"two"]);
    assert_eq!((stream.half_closed, stream.timeout), (true, None));
    assert_eq!(stream.initial_metadata, Headers::new());
}

#[test]
fn a_call_times_out() {
    let host = Host::new();
    for (event, callback, text) in [
        (
            None,
            "grpc_close(5,14)",
            "upstream request timeout{response_timeout}",
        ),
        (Some(headers()), "grpc_close(5,13)", "response_timeout"),
    ] {
        let worker = after(&host, &format!("{LISTENER}{CLOSE}"), CALL);
        if let Some(event) = event {
            assert!(worker.answer_grpc_call(5, event));
        }
        host.advance(Duration::from_millis(99));
        assert_eq!(grpc_callbacks(&worker), [""; 0]);
        host.advance(Duration::from_millis(1));
        assert_eq!(grpc_callbacks(&worker), [callback]);
        assert_eq!(logged(&worker), [text]);
    }
}

#[test]
fn services_are_messages_or_clusters() {
    // (service's bytes, status, callbacks after the request's, their text)
    let unknown = "Cluster not available";
    let rows = [
        ("grpc", 0, vec![], vec![]),
        ("nobody", 4, vec![], vec![]),
        ("\\0a\\06\\0a\\04grpc", 0, vec![], vec![]),
        (
            "\\0a\\03\\0a\\01x",
            10,
            vec!["grpc_close(5,14)"],
            vec![unknown],
        ),
        ("\\0a\\00", 10, vec!["grpc_close(5,14)"], vec![unknown]),
        ("\\12\\03\\0a\\01x", 0, vec![], vec![]),
        (
            "nohost",
            10,
            vec!["grpc_close(5,14)"],
            vec!["no healthy upstream{no_healthy_upstream}"],
        ),
    ];
    for (service, status, expected, texts) in rows {
        let length = service.len() - 2 * service.matches('\\').count();
        let functions = format!(r#"(data #512 "{service}") {LISTENER}{CLOSE}"#);
        let on_request = format!(
            r#"(i32.store #16 #77)
            (drop (call $grpc_call #512 #{length} @"a" @"b" #0 #0 @"c" #0 #16))
            (drop (call $log #2 #16 #1))"#
        );
        let worker = after(&Host::new(), &functions, &on_request);
        let calls = worker.transcript();
        let made = calls
            .iter()
            .find(|call| call.function == "proxy_grpc_call")
            .unwrap();
        assert_eq!(made.result, Some(status), "{service}");
        assert_eq!(grpc_in(&calls), expected, "{service}");
        // The number is written when the call is made, and only then.
        let logs = logged(&worker);
        assert_eq!(
            logs[0],
            if status == 0 { "\u{5}" } else { "M" },
            "{service}"
        );
        assert_eq!(logs[1..], texts, "{service}");
    }
}

#[test]
fn a_name_that_is_a_message_without_a_target_ends_envoy() {
    for name in ["xy", "empty", ""] {
        let on_request = format!(r#"(drop (call $grpc_stream @"{name}" @"a" @"b" #0 #0 #16))"#);
        let worker = after(&Host::new(), LISTENER, &on_request);
        let reason = worker.death().unwrap().reason;
        assert!(
            reason.starts_with("Envoy 1.40 would abort here"),
            "{reason}"
        );
    }
}

#[test]
fn a_stream_without_hosts_calls_back_at_once() {
    let stream = r#"(drop (call $grpc_stream @"nohost" @"a" @"b" #0 #0 #16))"#;
    let worker = after(&Host::new(), &format!("{LISTENER}{CLOSE}"), stream);
    let calls = worker.transcript();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.function, call.result))
        .collect();
    let order = [
        ("proxy_on_request_headers", Some(0)),
        ("proxy_grpc_stream", Some(10)),
        ("proxy_on_grpc_receive_initial_metadata", None),
        ("proxy_on_grpc_receive_trailing_metadata", None),
        ("proxy_on_grpc_close", None),
    ];
    let seen: Vec<_> = seen
        .into_iter()
        .filter(|call| order.contains(call))
        .collect();
    assert_eq!(seen, order);
    assert_eq!(
        logged(&worker),
        [
            "",
            "no healthy upstream",
            "no healthy upstream{no_healthy_upstream}"
        ]
    );
    // A second one while the close of the first waits hangs Envoy's worker.
    let worker = after(
        &Host::new(),
        &format!("{LISTENER}{CLOSE}"),
        &format!("{stream}{stream}"),
    );
    let reason = worker.death().unwrap().reason;
    assert!(reason.starts_with("Envoy 1.40 would hang here"), "{reason}");
}

#[test]
fn numbers_and_what_may_be_done_with_them() {
    // (what the guest does, statuses of send, cancel and close in order)
    let on_close = |operations: &str| {
        format!(
            r#"{LISTENER} (func (export "proxy_on_grpc_close") (param i32 i32 i32) {operations})"#
        )
    };
    let operations = r#"
        (drop (call $grpc_send #4 @"x" #0)) (drop (call $grpc_send #5 @"x" #0))
        (drop (call $grpc_send #6 @"x" #0)) (drop (call $grpc_cancel #4))
        (drop (call $grpc_cancel #7)) (drop (call $grpc_cancel #5))
        (drop (call $grpc_close #4)) (drop (call $grpc_close #6))"#;
    let worker = after(&Host::new(), LISTENER, operations);
    assert_eq!(operated(&worker), [2, 2, 1, 2, 2, 1, 2, 1]);

    // A call, ended by its own guest.
    for operation in ["$grpc_cancel", "$grpc_close"] {
        let twice = format!("(drop (call {operation} #5)) (drop (call {operation} #5))");
        let worker = after(&Host::new(), LISTENER, &format!("{CALL}{twice}"));
        assert_eq!(operated(&worker), [0, 1]);
        assert!(!worker.answer_grpc_call(5, GrpcEvent::end(0, "")));
    }
    // Inside its last callback a call can be cancelled, once.
    let twice = "(drop (call $grpc_cancel #5)) (drop (call $grpc_cancel #5))";
    let worker = after(&Host::new(), &on_close(twice), CALL);
    worker.answer_grpc_call(5, GrpcEvent::end(7, ""));
    assert_eq!(operated(&worker), [0, 1]);

    // A stream that the service ended stays until the guest closes it.
    let operations = r#"(drop (call $grpc_send #6 @"x" #1)) (drop (call $grpc_close #6))
        (drop (call $grpc_send #6 @"x" #1)) (drop (call $grpc_close #6))"#;
    let worker = after(&Host::new(), &on_close(operations), STREAM);
    worker.answer_grpc_call(6, GrpcEvent::end(0, ""));
    assert_eq!(operated(&worker), [0, 0, 1, 1]);

    // A stream that the guest closed first still hears the service, and is gone with it.
    let close = format!("{STREAM} (drop (call $grpc_close #6))");
    let worker = after(&Host::new(), &on_close(""), &close);
    assert!(worker.grpc_calls()[0].half_closed);
    assert!(worker.answer_grpc_call(6, message("late")));
    assert!(worker.answer_grpc_call(6, GrpcEvent::end(0, "")));
    assert_eq!(logged(&worker), ["", "late", ""]);

    // Calls and streams are counted apart, and listed in the order they began.
    let worker = after(
        &Host::new(),
        LISTENER,
        &format!("{CALL}{STREAM}{STREAM}{CALL}"),
    );
    let ids: Vec<_> = worker.grpc_calls().iter().map(|call| call.id).collect();
    assert_eq!(ids, [5, 6, 10, 9]);
}

/// Statuses of everything done with a number, in order.
fn operated(worker: &Worker) -> Vec<u32> {
    let names = ["proxy_grpc_send", "proxy_grpc_cancel", "proxy_grpc_close"];
    let calls = worker.transcript();
    let calls = calls.iter().filter(|call| names.contains(&call.function));
    calls.filter_map(|call| call.result).collect()
}
