//! Both modules on the harness: every cut, every early end, every limit, in milliseconds.

use tollgate_host::{Host, Module, Plugin, Stream, StreamEnd, Worker};
use tollgate_tests::places;

const MODULES: [&str; 2] = ["token-estimator", "gateway"];
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const BODY: &str = r#"{"messages":[{"role":"user","content":"Gr\u00fc\u00dfe \ud83d\ude00, 世界"},{"role":"assistant","content":null}],"max_tokens":16,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}"#;
const ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":3}}"#;
const EVENTS: &str = "data: {\"choices\":[],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";

/// Runs `test` on each module, started with this configuration.
fn on_each(configuration: &str, test: impl Fn(&Host, &Worker)) {
    for name in MODULES {
        let module = Module::load(places::filter(name).unwrap()).unwrap();
        let host = Host::new();
        let worker = host.worker(&module, plugin(configuration)).unwrap();
        test(&host, &worker);
        assert_eq!(worker.death(), None, "{name}");
        assert_answers(&worker);
    }
}

fn plugin(configuration: &str) -> Plugin {
    Plugin {
        configuration: configuration.into(),
        allow_on_headers_stop_iteration: configuration.contains(r#""hold_headers":true"#),
        buffer_limit: 16 << 20,
        ..Plugin::default()
    }
}

const HELD: &str = r#"{"hold_headers":true,"debug_headers":true}"#;

fn head() -> Vec<(&'static str, &'static str)> {
    vec![
        (":method", "POST"),
        (":path", CHAT),
        (":authority", "llm.example"),
        ("content-type", "application/json"),
        ("accept-encoding", "gzip"),
    ]
}

/// A plain request and answer work.
fn assert_answers(worker: &Worker) {
    let mut stream = worker.open();
    stream.request(head(), BODY).response(
        [(":status", "200"), ("content-type", "application/json")],
        ANSWER,
    );
    assert_eq!(stream.upstream().text(), BODY);
    assert_eq!(stream.client().text(), ANSWER);
    assert_eq!(stream.end(), Some(StreamEnd::Complete));
}

fn answer(stream: &mut Stream, content_type: &'static str, chunks: &[&[u8]]) {
    stream.response_headers([(":status", "200"), ("content-type", content_type)], false);
    for chunk in chunks {
        stream.response_body(chunk, false);
    }
    stream.response_body(b"", true);
}

const STAT: &str = "tollgate";

#[test]
fn requests_and_answers_may_be_cut_anywhere() {
    on_each(HELD, |host, worker| {
        let used = || {
            host.counter(&format!(
                "{STAT}.token_estimator.used_prompt_tokens.model_family.gpt-4o"
            ))
        };
        let mut estimates = Vec::new();
        let mut streams = 0;
        for cut in 0..=BODY.len() {
            let (first, rest) = BODY.as_bytes().split_at(cut);
            for (content_type, text) in
                [("application/json", ANSWER), ("text/event-stream", EVENTS)]
            {
                let at = cut.min(text.len());
                let mut stream = worker.open();
                stream.request_headers(head(), false);
                stream
                    .request_body(first, false)
                    .request_body(rest, false)
                    .request_body(b"", true);
                assert_eq!(stream.upstream().text(), BODY, "cut at {cut}");
                assert_eq!(stream.upstream().header("accept-encoding"), None);
                answer(
                    &mut stream,
                    content_type,
                    &[&text.as_bytes()[..at], &text.as_bytes()[at..]],
                );
                assert_eq!(stream.client().text(), text, "cut at {at}");
                estimates.push(stream.client().header("x-tollgate-prompt-tokens"));
                streams += 1;
                assert_eq!(used(), 20 * streams, "settled once, cut at {cut}");
            }
        }
        assert!(estimates[0].is_some());
        estimates.dedup();
        assert_eq!(estimates.len(), 1, "{estimates:?}");
    });
}

#[test]
fn a_stream_may_end_at_any_event_and_is_settled_once() {
    for configuration in [HELD, "{}"] {
        on_each(configuration, |host, worker| {
            let steps: [&dyn Fn(&mut Stream); 9] = [
                &|stream| {
                    stream.request_headers(head(), false);
                },
                &|stream| {
                    stream.request_body(&BODY[..9], false);
                },
                &|stream| {
                    stream.request_body(&BODY[9..], false);
                },
                &|stream| {
                    stream.request_trailers([("x-checksum", "1")]);
                },
                &|stream| {
                    let headers = [(":status", "200"), ("content-type", "text/event-stream")];
                    stream.response_headers(headers, false);
                },
                &|stream| {
                    stream.response_body(&EVENTS[..50], false);
                },
                &|stream| {
                    stream.response_body(&EVENTS[50..], false);
                },
                &|stream| {
                    stream.response_trailers([("x-done", "1")]);
                },
                &|_| {},
            ];
            for steps_taken in 0..=steps.len() {
                for by_client in [true, false] {
                    let before = ends(host);
                    let mut stream = worker.open();
                    steps[..steps_taken]
                        .iter()
                        .for_each(|step| step(&mut stream));
                    if stream.end().is_none() {
                        if by_client {
                            stream.reset_by_client()
                        } else {
                            stream.reset_by_upstream()
                        };
                    }
                    drop(stream);
                    let judged = u64::from(steps_taken >= 4);
                    assert_eq!(ends(host) - before, judged, "after {steps_taken} steps");
                    assert_eq!(worker.death(), None);
                }
            }
        });
    }
}

/// Exchanges settled so far.
fn ends(host: &Host) -> u64 {
    ["data", "headers_only", "trailers", "reset"]
        .iter()
        .map(|end| host.counter(&format!("{STAT}.exchanges.end.{end}")))
        .sum()
}

/// Headers, body, and the counter that moves.
type Row = (
    &'static [(&'static str, &'static str)],
    &'static [u8],
    &'static str,
);

#[test]
fn answers_that_cannot_be_read_pass_and_are_counted() {
    on_each(HELD, |host, worker| {
        let rows: [Row; 6] = [
            (
                &[
                    ("content-type", "application/json"),
                    ("content-encoding", "gzip"),
                ],
                b"\x1f\x8b",
                "unread_responses",
            ),
            (
                &[("content-type", "text/html")],
                b"<html>",
                "unread_responses",
            ),
            (&[], b"", "unread_responses"),
            (
                &[("content-type", "application/json")],
                b"{\"usage\":",
                "responses_without_usage",
            ),
            (
                &[("content-type", "application/json")],
                b"{}",
                "responses_without_usage",
            ),
            (
                &[("content-type", "application/json")],
                br#"{"usage":{"prompt_tokens":-1}}"#,
                "unusable_usage",
            ),
        ];
        for (headers, body, counter) in rows {
            let counter = format!("{STAT}.token_estimator.{counter}");
            let before = host.counter(&counter);
            let mut stream = worker.open();
            let headers = [&[(":status", "200")], headers].concat();
            stream.request(head(), BODY).response(headers, body);
            assert_eq!(stream.client().body, body);
            assert_eq!(host.counter(&counter), before + 1, "{counter}");
        }
    });
}

#[test]
fn what_is_published_says_which_body_it_is_about() {
    on_each(HELD, |_, worker| {
        let mut estimates = Vec::new();
        for body in [BODY.to_owned(), BODY.to_owned(), BODY.replace("16", "17")] {
            let mut stream = worker.open();
            stream.request(head(), &body);
            let property = |name| String::from_utf8(stream.property(name).unwrap()).unwrap();
            let prompt = property("tollgate.prompt_tokens");
            let output = property("tollgate.reserved_output_tokens");
            assert_eq!(property("tollgate.model_family"), "gpt-4o");
            let estimate = property("tollgate.estimate");
            let parts: Vec<&str> = estimate.split(' ').collect();
            let [
                version,
                fingerprint,
                estimated_prompt,
                estimated_output,
                partial,
            ] = parts[..]
            else {
                panic!("{estimate}");
            };
            assert_eq!(
                (version, estimated_prompt, estimated_output, partial),
                ("1", &*prompt, &*output, "0")
            );
            assert_eq!(fingerprint.len(), 32);
            let hits = &stream.filter_state()["envoy.ratelimit.hits_addend"].value;
            let total = prompt.parse::<u64>().unwrap() + output.parse::<u64>().unwrap();
            assert_eq!(String::from_utf8_lossy(hits), total.to_string());
            estimates.push(fingerprint.to_owned());
        }
        assert_eq!(estimates[0], estimates[1]);
        assert_ne!(estimates[0], estimates[2]);
    });
}

#[test]
fn the_secret_of_the_environment_keys_what_is_published() {
    let module = Module::load(places::filter("gateway").unwrap()).unwrap();
    let fingerprint = |secret: Option<&str>| {
        let mut plugin = plugin(HELD);
        let secret = secret.map(|secret| ("TOLLGATE_SECRET".to_owned(), secret.to_owned()));
        plugin.environment.extend(secret);
        let worker = Host::new().worker(&module, plugin).unwrap();
        let mut stream = worker.open();
        stream.request(head(), BODY);
        stream.property("tollgate.estimate").unwrap()
    };
    assert_eq!(fingerprint(Some("one")), fingerprint(Some("one")));
    assert_ne!(fingerprint(Some("one")), fingerprint(Some("two")));
    assert_ne!(fingerprint(Some("one")), fingerprint(None));
}

#[test]
fn what_the_model_reads_elsewhere_makes_the_estimate_partial() {
    let rows = [
        (
            "/openai/v1/responses",
            r#"{"model":"gpt-4o","input":"Hi"}"#,
            false,
        ),
        (
            "/openai/v1/responses",
            r#"{"model":"gpt-4o","input":"Hi","previous_response_id":"resp_1"}"#,
            true,
        ),
        (
            "/openai/v1/responses",
            r#"{"model":"gpt-4o","input":"Hi","conversation":"conv_1"}"#,
            true,
        ),
        (
            "/openai/v1/responses",
            r#"{"model":"gpt-4o","input":"Hi","previous_response_id":null}"#,
            false,
        ),
        (
            CHAT,
            r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]}"#,
            true,
        ),
        (
            CHAT,
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}"#,
            true,
        ),
    ];
    on_each(HELD, |host, worker| {
        let mut partial = 0;
        for (path, body, expected) in rows {
            let mut stream = worker.open();
            let mut head = head();
            head[1] = (":path", path);
            stream
                .request(head, body)
                .response([(":status", "200")], "");
            let told = stream.client().header("x-tollgate-estimate-partial");
            assert_eq!(told.as_deref(), expected.then_some("true"), "{body}");
            partial += u64::from(expected);
        }
        let counted = host.counter(&format!(
            "{STAT}.token_estimator.partial_estimates.model_family.gpt-4o"
        ));
        assert_eq!(counted, partial);
    });
}

#[test]
fn a_wrong_configuration_is_refused_with_the_path_of_the_key() {
    for name in MODULES {
        let module = Module::load(places::filter(name).unwrap()).unwrap();
        for (configuration, path) in [
            (r#"{"limits":{"max_depth":1}}"#, "limits.max_depth"),
            (r#"{"models":{"prod":"our-own"}}"#, "models.prod"),
            (
                r#"{"rules":[{"name":"a","match":{"methods":"GET"}}]}"#,
                "rules[0].match.methods",
            ),
            (
                r#"{"token_estimator":{"password":"x"}}"#,
                "token_estimator.password",
            ),
            ("\n\u{3}", "StringValue"),
        ] {
            let host = Host::new();
            assert!(
                host.worker(&module, plugin(configuration)).is_err(),
                "{configuration}"
            );
            let logs = host.logs();
            let named = |line: &tollgate_host::LogLine| line.message.contains(path);
            assert!(logs.iter().any(named), "{path} is not in {logs:?}");
        }
    }
}

#[test]
fn rules_decide_what_a_request_gets() {
    let configuration = r#"{"hold_headers":true,"debug_headers":true,"models":{"prod":"gpt-4"},
        "rules":[
            {"name":"off","match":{"header":{"name":"x-team","value":"off"}},"token_estimator":{"enabled":false}},
            {"name":"fast","match":{"header":{"name":"x-team","value":"fast"}},
             "token_estimator":{"accuracy":"fast","hits_addend":"prompt","default_output_tokens":7}},
            {"name":"route","match":{"route_name":"chat-route"},"token_estimator":{"hits_addend":"off"}}
        ]}"#;
    on_each(configuration, |_, worker| {
        let body = BODY.replace(r#","max_tokens":16"#, "");
        let run = |team: &'static str, route: Option<&str>| {
            let mut options = tollgate_host::StreamOptions::default();
            if let Some(route) = route {
                options
                    .properties
                    .insert("xds.route_name".into(), route.into());
            }
            let mut stream = worker.open_with(options);
            let mut head = head();
            head.push(("x-team", team));
            stream
                .request(head, &body)
                .response([(":status", "200")], "");
            let hits = stream
                .filter_state()
                .get("envoy.ratelimit.hits_addend")
                .map(|state| {
                    String::from_utf8_lossy(&state.value)
                        .parse::<u64>()
                        .unwrap()
                });
            let prompt = stream.client().header("x-tollgate-prompt-tokens");
            (prompt.map(|prompt| prompt.parse::<u64>().unwrap()), hits)
        };
        assert_eq!(run("off", None), (None, None));
        let (prompt, hits) = run("fast", None);
        assert_eq!((prompt, hits.is_some()), (hits, true));
        let (prompt, hits) = run("other", None);
        assert_eq!(hits, prompt.map(|prompt| prompt + 1000));
        let (prompt, hits) = run("other", Some("chat-route"));
        assert_eq!((prompt.is_some(), hits), (true, None));
    });
}

/// Nothing the host answers may be a surprise: the SDK's own calls panic on some of these
/// statuses, which is why the kit does not use them.
#[test]
fn no_status_of_any_host_call_is_a_trap() {
    for name in MODULES {
        let module = Module::load(places::filter(name).unwrap()).unwrap();
        let calls: Vec<String> = module
            .imports()
            .filter(|(from, _)| *from == "env")
            .map(|(_, function)| function.to_owned())
            .collect();
        assert!(calls.len() > 10, "{calls:?}");
        for call in calls {
            for status in [1u32, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 77] {
                let plugin = plugin(HELD).answering(&call, status);
                let host = Host::new();
                // Without its configuration a module may refuse to start, but not trap.
                let Ok(worker) = host.worker(&module, plugin) else {
                    assert_eq!(call, "proxy_get_buffer_bytes", "{name}: {status}");
                    continue;
                };
                for end in 0..4 {
                    let mut stream = worker.open();
                    stream.request_headers(head(), false);
                    match end {
                        0 => stream.request_body("not JSON", true),
                        1 => stream.reset_by_client(),
                        _ => stream.request_body(BODY, true),
                    };
                    if end == 3 {
                        answer(&mut stream, "text/event-stream", &[EVENTS.as_bytes()]);
                    }
                    assert_eq!(worker.death(), None, "{name}: {call} answers {status}");
                }
            }
        }
    }
}
