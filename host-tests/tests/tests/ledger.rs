//! The rate-limiter on the harness: what it asks of shared data, what a lease takes and gives
//! back, and what outlives a worker. Scenarios see none of it from outside.

use std::time::Duration;

use tollgate_host::{
    CallDirection, Crossing, Headers, Host, Module, Plugin, Stream, StreamOptions, Worker,
};
use tollgate_tests::places;

const MODULES: [&str; 2] = ["rate-limiter", "gateway"];
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const BODY: &str = r#"{"messages":[{"role":"user","content":"Hello"}],"max_tokens":16}"#;
/// What [`BODY`] reserves with `maximum`, and what [`ANSWER`] says it cost.
const RESERVED: u64 = 24;
const ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":16}}"#;
const REFUSED: &str = r#"{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":1}}"#;
/// As long as a lease is, and a tick.
const TICK: Duration = Duration::from_millis(100);

/// A worker on `host` with these settings of the rate-limiter, whose calls are written down.
fn worker(host: &Host, name: &str, settings: &str) -> Worker {
    let module = Module::load(places::filter(name).unwrap()).unwrap();
    let plugin = Plugin {
        configuration: format!(r#"{{"hold_headers":true,"response_cache":{{"enabled":false}},"rate_limiter":{{{settings}}}}}"#).into(),
        allow_on_headers_stop_iteration: true,
        ..Plugin::default()
    };
    host.recorded_worker(&module, plugin).unwrap()
}

fn ask_with(worker: &Worker, key: &[u8], body: &str, options: StreamOptions) -> Stream {
    let mut head = Headers::from([
        (":method", "POST"),
        (":path", CHAT),
        (":authority", "llm.example"),
        ("content-type", "application/json"),
    ]);
    head.add("api-key", key);
    let mut stream = worker.open_with(options);
    stream.request(head, body);
    stream
}

fn ask(worker: &Worker, tenant: &str) -> Stream {
    ask_with(worker, tenant.as_bytes(), BODY, StreamOptions::default())
}

fn answer(stream: &mut Stream, body: &str) {
    let head = [(":status", "200"), ("content-type", "application/json")];
    stream.response(head, body);
}

fn is_refused(stream: &Stream) -> bool {
    stream.local_reply().is_some()
}

fn remaining(stream: &Stream, of: &str) -> u64 {
    let value = stream
        .client()
        .header(&format!("x-ratelimit-remaining-{of}"));
    value.unwrap().parse().unwrap()
}

fn property(stream: &Stream, name: &str) -> String {
    String::from_utf8(stream.property(name).unwrap()).unwrap()
}

/// How often each of the two was called since the last look, about keys that begin so.
fn gets_and_sets(worker: &Worker, prefix: &str) -> (usize, usize) {
    let calls = worker.transcript();
    let of = |function: &str| {
        let is_it = |call: &&Crossing| {
            call.direction == CallDirection::HostCall
                && call.function == function
                && call.passed[0].bytes.starts_with(prefix.as_bytes())
        };
        calls.iter().filter(is_it).count()
    };
    (of("proxy_get_shared_data"), of("proxy_set_shared_data"))
}

const LIMITS: &str = "tollgate/1/limits/";
const QUOTAS: &str = "tollgate/1/quotas/";

#[test]
fn a_decision_costs_one_get_and_one_set_and_a_refusal_one_get() {
    for name in MODULES {
        let settings = r#""tokens_per_minute":60,"burst_seconds":60,"reserve":"maximum""#;
        let worker = worker(&Host::new(), name, settings);
        assert_eq!(gets_and_sets(&worker, ""), (0, 0), "to start");
        for what in ["on a page that nobody has made", "on one that is there"] {
            let mut stream = ask(&worker, "one");
            assert!(!is_refused(&stream));
            assert_eq!(gets_and_sets(&worker, LIMITS), (1, 1), "{what}");
            answer(&mut stream, ANSWER);
            assert_eq!(gets_and_sets(&worker, LIMITS), (0, 0), "as reserved");
        }
        assert!(is_refused(&ask(&worker, "one")));
        assert_eq!(gets_and_sets(&worker, ""), (1, 0), "refused");
        let mut stream = ask(&worker, "two");
        assert_eq!(gets_and_sets(&worker, LIMITS), (1, 1));
        answer(&mut stream, REFUSED);
        assert_eq!(gets_and_sets(&worker, LIMITS), (1, 1), "some given back");
    }
}

#[test]
fn each_quota_costs_as_much_again() {
    for name in MODULES {
        let quotas = r#"[{"period":"day","tokens":40},{"period":"month","requests":9}]"#;
        let settings = format!(
            r#""requests_per_minute":60,"burst_seconds":60,"reserve":"maximum","quotas":{quotas}"#
        );
        let host = Host::new();
        let worker = worker(&host, name, &settings);
        let mut stream = ask(&worker, "one");
        let calls = worker.transcript().into_iter();
        let calls = calls.filter(|call| call.function.ends_with("et_shared_data"));
        assert_eq!(calls.count(), 2 * 3);
        answer(&mut stream, ANSWER);
        assert_eq!(gets_and_sets(&worker, QUOTAS), (0, 0), "as reserved");
        // The day has 16 left: what the minute gave goes back.
        for _ in 0..3 {
            let refused = ask(&worker, "one");
            assert!(is_refused(&refused));
            assert_eq!(remaining(&refused, "requests"), 59);
        }
        assert_eq!(host.counter("tollgate.rate_limiter.refused.limit.day"), 3);
    }
}

#[test]
fn without_limits_no_shared_data_is_touched() {
    for name in MODULES {
        let host = Host::new();
        let worker = worker(&host, name, "");
        for _ in 0..20 {
            answer(&mut ask(&worker, "one"), ANSWER);
        }
        host.advance(TICK);
        assert_eq!(gets_and_sets(&worker, ""), (0, 0));
        assert_eq!(host.shared_data("").len(), 0);
        assert_eq!(host.counter("tollgate.rate_limiter.leases"), 0);
    }
}

#[test]
fn a_hot_tenant_spends_a_lease_and_its_rest_comes_back() {
    for name in MODULES {
        let host = Host::new();
        let settings =
            r#""requests_per_minute":60000,"tokens_per_minute":6000000,"reserve":"maximum""#;
        let (hot, other) = (worker(&host, name, settings), worker(&host, name, settings));
        let burst = 3_000;
        for _ in 0..8 {
            answer(&mut ask(&hot, "one"), ANSWER);
        }
        assert_eq!(host.counter("tollgate.rate_limiter.leases"), 1);
        hot.transcript();
        for _ in 0..20 {
            let mut stream = ask(&hot, "one");
            assert!(!is_refused(&stream));
            answer(&mut stream, ANSWER);
        }
        assert_eq!(gets_and_sets(&hot, LIMITS), (0, 0), "spent from the lease");
        assert_eq!(host.counter("tollgate.rate_limiter.leases"), 1);

        // Another worker sees all of the lease, a tenth of a second's worth, as used.
        let mut stream = ask(&other, "one");
        answer(&mut stream, ANSWER);
        assert_eq!(remaining(&stream, "requests"), burst - 8 - 100 - 1);

        // With the tick what was not spent is back. Of 29 requests the time gave back all.
        host.advance(TICK);
        assert_eq!(gets_and_sets(&hot, LIMITS), (1, 1), "the tick");
        let mut stream = ask(&other, "one");
        answer(&mut stream, ANSWER);
        assert_eq!(remaining(&stream, "requests"), burst - 1);
        assert_eq!(remaining(&stream, "tokens"), 300_000 - RESERVED);

        // An idle worker does not wake up again.
        hot.transcript();
        host.advance(10 * TICK);
        assert_eq!(hot.transcript(), []);
        let books = |name: &str| host.counter(&format!("tollgate.rate_limiter.{name}"));
        assert_eq!(books("settled_tokens"), 30 * RESERVED);
        assert_eq!(books("settled_tokens"), books("reserved_tokens"));
    }
}

#[test]
fn leases_can_be_turned_off() {
    for name in MODULES {
        let host = Host::new();
        let settings = r#""requests_per_minute":60000,"leases":false"#;
        let worker = worker(&host, name, settings);
        for _ in 0..20 {
            answer(&mut ask(&worker, "one"), ANSWER);
        }
        assert_eq!(gets_and_sets(&worker, LIMITS), (20, 20));
        assert_eq!(host.counter("tollgate.rate_limiter.leases"), 0);
    }
}

/// As Envoy reloads a filter: the old VM goes, with whatever it had, and a new one comes.
#[test]
fn counts_survive_the_worker() {
    for name in MODULES {
        let host = Host::new();
        let quotas = r#""quotas":[{"period":"month","requests":2}]"#;
        let settings = format!(r#""requests_per_minute":10,"burst_seconds":6,{quotas}"#);
        let first = worker(&host, name, &settings);
        let mut stream = ask(&first, "one");
        answer(
            &mut stream,
            r#"{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":3}}"#,
        );
        first.shut_down();
        drop(stream);
        drop(first);

        let second = worker(&host, name, &settings);
        assert!(is_refused(&ask(&second, "one")), "the minute's");
        host.advance(Duration::from_secs(6));
        let mut stream = ask(&second, "one");
        assert!(!is_refused(&stream));
        let reserved = property(&stream, "tollgate.reserved_tokens");
        assert_eq!(reserved, "11", "what answers cost before");
        answer(&mut stream, ANSWER);
        host.advance(Duration::from_secs(6));
        assert!(is_refused(&ask(&second, "one")), "the month's");
        assert_eq!(host.counter("tollgate.rate_limiter.refused.limit.month"), 1);
    }
}

/// What a reload interrupts: the reservation of a request under way stays, and ends with time.
#[test]
fn a_worker_that_goes_amid_a_request_leaves_its_reservation() {
    for name in MODULES {
        let host = Host::new();
        let settings = r#""tokens_per_minute":60,"burst_seconds":60,"reserve":"maximum""#;
        let first = worker(&host, name, settings);
        let stream = ask(&first, "one");
        assert!(!is_refused(&stream));
        drop(stream);
        drop(first);
        let second = worker(&host, name, settings);
        let mut stream = ask(&second, "one");
        answer(&mut stream, ANSWER);
        assert_eq!(remaining(&stream, "tokens"), 60 - 2 * RESERVED);
    }
}

#[test]
fn a_key_that_is_no_text_names_a_tenant_like_any_other() {
    for name in MODULES {
        let worker = worker(&Host::new(), name, r#""requests_per_minute":10"#);
        let ask = |key: &[u8]| ask_with(&worker, key, BODY, StreamOptions::default());
        let long = [0xff; 10_240];
        for key in [&b"\xff\xfe"[..], b"\xff", b"\xf0\x9f", &long] {
            let mut stream = ask(key);
            assert!(!is_refused(&stream));
            answer(&mut stream, ANSWER);
            assert!(is_refused(&ask(key)), "it has used its one");
        }
        assert_eq!(worker.death(), None);
    }
}

/// Another module nearer to the client has estimated the body: what it says counts, unless it
/// is about another body or none of its kind.
#[test]
fn an_estimate_that_another_module_published_of_this_body_is_taken() {
    let host = Host::new();
    let estimator = worker(&host, "token-estimator", "");
    let published = property(&ask(&estimator, "one"), "tollgate.estimate");
    assert!(published.ends_with(" 8 16 0"), "{published}");
    let limiter = worker(
        &host,
        "rate-limiter",
        r#""tokens_per_minute":60000,"reserve":"prompt""#,
    );
    let other_body = BODY.replace("16", "17");
    // (what is published, the body, the prompt's tokens)
    let rows = [
        (published.clone(), BODY, "8"),
        (published.replace(" 8 16 0", " 500 16 0"), BODY, "500"),
        (published.replace(" 8 16 0", " 500 16 0"), &other_body, "8"),
        (published.replacen('1', "2", 1), BODY, "8"),
        (published.replace(" 8 16 0", " -500 16 0"), BODY, "8"),
        (published.replace(" 8 16 0", " 500"), BODY, "8"),
        (String::new(), BODY, "8"),
    ];
    for (published, body, prompt) in rows {
        let options = StreamOptions {
            properties: [(
                "tollgate.estimate".to_owned(),
                published.clone().into_bytes(),
            )]
            .into(),
            ..StreamOptions::default()
        };
        let mut stream = ask_with(&limiter, b"one", body, options);
        let reserved = property(&stream, "tollgate.reserved_tokens");
        assert_eq!(reserved, prompt, "{published}");
        answer(&mut stream, ANSWER);
    }
    assert_eq!(limiter.death(), None);
}
