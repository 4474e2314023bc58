//! Both modules on the harness: what scenarios cannot say, such as a cut at every byte.

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

/// Where what is sent is to be what was received: the gateway minimizes by default.
const HELD: &str =
    r#"{"hold_headers":true,"debug_headers":true,"prompt_minimizer":{"enabled":false}}"#;

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
