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

#[test]
fn each_of_64_000_tenants_has_its_own_limit_and_100_000_are_counted() {
    let gateway = Gateway::new();
    let workers = [gateway.worker(), gateway.worker()];
    let worker = |tenant: usize| &workers[tenant / 2 % workers.len()];
    let first = (0..TENANTS).filter(|tenant| !admitted(worker(*tenant), *tenant));
    assert_eq!(first.count(), 0, "nobody is refused for what others did");
    assert_eq!(gateway.counter("evicted_live"), 0);
    drop(workers);

    // New VMs: what the limits have given is not in them.
    let workers = [gateway.worker(), gateway.worker()];
    let worker = |tenant: usize| &workers[(tenant / 2 + 1) % workers.len()];
    let second = (0..TENANTS).filter(|tenant| admitted(worker(*tenant), *tenant));
    assert_eq!(second.count(), 0, "every limit still holds");
    assert_eq!(gateway.counter("evicted_live"), 0);
    assert!(
        gateway.table_bytes() < MOST_BYTES,
        "{}",
        gateway.table_bytes()
    );

    let more = (TENANTS..TOO_MANY).filter(|tenant| !admitted(worker(*tenant), *tenant));
    assert_eq!(more.count(), 0, "a full table refuses nobody");
    let evicted = gateway.counter("evicted_live") as usize;
    // Not all pages are equally full: a few of the slots may still be free.
    let least = TOO_MANY - SLOTS;
    assert!((least..least + least / 50).contains(&evicted), "{evicted}");
    assert!(
        gateway.table_bytes() < MOST_BYTES,
        "{}",
        gateway.table_bytes()
    );
    for worker in &workers {
        assert_eq!(worker.death(), None);
    }
}
