//! Several VMs that decide about one tenant at the same moment, each on a thread of its own.

use std::time::Duration;

use serde_json::json;
use tollgate_host::{Host, Module, Plugin, Worker};
use tollgate_tests::places;

const WORKERS: usize = 4;
/// What each worker asks for: much more than there is.
const REQUESTS: usize = 500;
/// What a burst of 3 s is worth.
const BURST: u64 = 300;
const REQUESTS_PER_MINUTE: u64 = 6000;
/// What a lease of 100 ms is worth.
const LEASE: u64 = 10;

const PATH: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;

fn worker(host: &Host, module: &Module, leases: bool) -> Worker {
    let configuration = json!({
        "hold_headers": true,
        "rate_limiter": {
            "requests_per_minute": REQUESTS_PER_MINUTE,
            "burst_seconds": 3,
            "leases": leases,
        },
    });
    let plugin = Plugin {
        configuration: configuration.to_string().into_bytes(),
        allow_on_headers_stop_iteration: true,
        ..Plugin::default()
    };
    host.worker(module, plugin).unwrap()
}

/// How many of so many requests are admitted.
fn admitted(worker: &Worker) -> u64 {
    let requests = (0..REQUESTS).filter(|_| {
        let mut stream = worker.open();
        let head = [
            (":method", "POST"),
            (":path", PATH),
            (":authority", "llm.example"),
            ("content-type", "application/json"),
        ];
        stream.request(head, BODY);
        if stream.local_reply().is_some() {
            return false;
        }
        stream.response(
            [(":status", "200"), ("content-type", "application/json")],
            "{}",
        );
        true
    });
    requests.count() as u64
}

fn all_at_once(workers: &[Worker]) -> u64 {
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter()
            .map(|worker| scope.spawn(|| admitted(worker)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

#[test]
fn workers_that_race_admit_what_one_would() {
    let module = Module::load(places::filter("rate-limiter").unwrap()).unwrap();
    for leases in [false, true] {
        let host = Host::new();
        let workers: Vec<Worker> = (0..WORKERS)
            .map(|_| worker(&host, &module, leases))
            .collect();
        let counter = |name: &str| host.counter(&format!("tollgate.rate_limiter.{name}"));
        let given = all_at_once(&workers);
        let contended = counter("contended");
        println!(
            "leases {leases}: {given} admitted, {} conflicts, {contended} contended, {} leases",
            counter("conflicts"),
            counter("leases")
        );
        // What is left in a lease is not given to others before the next tick.
        let kept = if leases { WORKERS as u64 * LEASE } else { 0 };
        assert!(given + kept >= BURST, "leases {leases}: {given} of {BURST}");
        // Decided by an old view, and owed until the next tick.
        assert!(
            given <= BURST + contended,
            "leases {leases}: {given}, {contended} contended"
        );

        // In a minute from the start no more comes through than a burst and the minute's own.
        let mut total = given;
        for _ in 0..6 {
            host.advance(Duration::from_secs(10));
            total += all_at_once(&workers);
        }
        let most = BURST + REQUESTS_PER_MINUTE + (counter("contended") - contended);
        // Of each ten seconds only the burst's three were there to be had.
        assert!(
            total <= most && total + 7 * kept >= 7 * BURST,
            "leases {leases}: {total}"
        );
    }
}
