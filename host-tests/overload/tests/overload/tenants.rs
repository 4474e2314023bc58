//! Many tenants through the one table of limits: each right while it fits, and bounded and
//! counted when it does not.

use serde_json::json;
use tollgate_host::{Host, Module, Plugin, Worker};
use tollgate_tests::places;

/// What the table is said to hold without eviction.
const TENANTS: usize = 64_000;
/// What it is asked to hold.
const TOO_MANY: usize = 100_000;
/// Places in the table: 256 pages of 324 records.
const SLOTS: usize = 256 * 324;
/// Keys and values of all pages together, in bytes.
const MOST_BYTES: usize = 2_000_000;
const PAGES: &[u8] = b"tollgate/1/limits/";

const PATH: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
/// With `reserve` as `maximum` it is charged some 60 tokens of the burst's 100.
const BODY: &str =
    r#"{"model":"gpt-4o","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"usage":{"prompt_tokens":8,"completion_tokens":50,"total_tokens":58}}"#;

struct Gateway {
    host: Host,
    module: Module,
}

impl Gateway {
    fn new() -> Self {
        let module = Module::load(places::filter("rate-limiter").unwrap()).unwrap();
        Self {
            host: Host::new(),
            module,
        }
    }

    /// Every limit lets one request pass and refuses the next.
    fn worker(&self) -> Worker {
        let configuration = json!({
            "hold_headers": true,
            "tenant": [{ "header": "api-key" }],
            "rate_limiter": { "burst_seconds": 3, "reserve": "maximum", "requests_per_minute": 20 },
            "rules": [
                { "name": "tokens",
                  "match": { "header": { "name": "x-limit", "value": "tokens" } },
                  "rate_limiter": { "requests_per_minute": 1_000_000, "tokens_per_minute": 2000 } },
            ],
        });
        let plugin = Plugin {
            configuration: configuration.to_string().into_bytes(),
            allow_on_headers_stop_iteration: true,
            ..Plugin::default()
        };
        self.host.worker(&self.module, plugin).unwrap()
    }

    fn counter(&self, name: &str) -> u64 {
        self.host.counter(&format!("tollgate.rate_limiter.{name}"))
    }

    /// Bytes that the table takes in shared data.
    fn table_bytes(&self) -> usize {
        let data = self.host.shared_data("");
        let pages = data.iter().filter(|(key, _)| key.starts_with(PAGES));
        pages.map(|(key, value)| key.len() + value.len()).sum()
    }
}

/// Whether the tenant's next request is admitted. Every second tenant is limited by tokens,
/// the others by requests.
fn admitted(worker: &Worker, tenant: usize) -> bool {
    let mut stream = worker.open();
    let key = format!("tenant-{tenant}");
    let limit = if tenant.is_multiple_of(2) {
        "requests"
    } else {
        "tokens"
    };
    let head = [
        (":method", "POST"),
        (":path", PATH),
        (":authority", "llm.example"),
        ("content-type", "application/json"),
        ("api-key", key.as_str()),
        ("x-limit", limit),
    ];
    stream.request(head, BODY);
    if let Some(reply) = stream.local_reply() {
        assert_eq!(
            reply.status,
            429,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        return false;
    }
    stream.response(
        [(":status", "200"), ("content-type", "application/json")],
        ANSWER,
    );
    true
}

/// How many of the tenants it admits, worker by worker on threads of their own.
fn admitted_of(workers: &[Worker], tenants: std::ops::Range<usize>) -> usize {
    let of_worker = |at: usize, worker: &Worker| {
        let tenants = tenants
            .clone()
            .filter(|tenant| tenant / 2 % workers.len() == at);
        tenants.filter(|tenant| admitted(worker, *tenant)).count()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter()
            .enumerate()
            .map(|(at, worker)| scope.spawn(move || of_worker(at, worker)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

#[test]
fn each_of_64_000_tenants_has_its_own_limit_and_100_000_are_counted() {
    let gateway = Gateway::new();
    let mut workers = vec![gateway.worker(), gateway.worker()];
    let first = admitted_of(&workers, 0..TENANTS);
    assert_eq!(first, TENANTS, "nobody is refused for what others did");
    assert_eq!(gateway.counter("evicted_live"), 0);

    // New VMs: what the limits have given is not in them.
    workers = vec![gateway.worker(), gateway.worker()];
    let second = admitted_of(&workers, 0..TENANTS);
    // Three workers faster in a row, and a charge would wait for the next tick.
    assert_eq!(gateway.counter("contended"), 0);
    assert_eq!(second, 0, "every limit still holds");
    assert_eq!(gateway.counter("evicted_live"), 0);
    let bytes = gateway.table_bytes();
    println!("{TENANTS} tenants in {bytes} bytes");

    let more = admitted_of(&workers, TENANTS..TOO_MANY);
    assert_eq!(more, TOO_MANY - TENANTS, "a full table refuses nobody");
    let evicted = gateway.counter("evicted_live") as usize;
    // Not all pages are equally full: a few of the slots may still be free.
    let least = TOO_MANY - SLOTS;
    assert!((least..least + least / 50).contains(&evicted), "{evicted}");
    let bytes = gateway.table_bytes();
    assert!(bytes < MOST_BYTES, "{bytes}");
    println!("{TOO_MANY} tenants in {bytes} bytes, {evicted} evicted");
    for worker in &workers {
        assert_eq!(worker.death(), None);
    }
}
