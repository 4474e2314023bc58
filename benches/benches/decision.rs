//! What a decision of the rate-limiter adds to a request: the same small request through the
//! module in wasmtime, without a limit and with one.
//!
//! How often shared data is read and written is counted first, so that a row is what its name
//! says.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_host::{Headers, Host, Module, Plugin, Worker};

/// Pages of limits, and records in each.
const PAGES: u32 = 256;
const RECORDS: usize = 324;

const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;

/// One way to decide.
struct Row {
    name: &'static str,
    rate_limiter: &'static str,
    /// Whether the tenant's record is the last of a page full of others'.
    full_page: bool,
    /// Status of the answer.
    status: u16,
    /// Reads and writes of shared data.
    shared_data: (usize, usize),
}

const ROWS: [Row; 5] = [
    Row {
        name: "no_limit",
        rate_limiter: "{}",
        full_page: false,
        status: 200,
        shared_data: (0, 0),
    },
    Row {
        name: "admitted_new_page",
        rate_limiter: r#"{"requests_per_minute":1000000000000,"leases":false}"#,
        full_page: false,
        status: 200,
        shared_data: (1, 1),
    },
    Row {
        name: "admitted_full_page",
        rate_limiter: r#"{"requests_per_minute":1000000000000,"leases":false}"#,
        full_page: true,
        status: 200,
        shared_data: (1, 1),
    },
    Row {
        name: "admitted_by_lease",
        rate_limiter: r#"{"requests_per_minute":1000000000000}"#,
        full_page: true,
        status: 200,
        shared_data: (0, 0),
    },
    Row {
        name: "refused_full_page",
        rate_limiter: r#"{"requests_per_minute":1}"#,
        full_page: true,
        status: 429,
        shared_data: (1, 0),
    },
];

impl Row {
    fn host(&self) -> Host {
        let host = Host::new();
        if self.full_page {
            let page = page_but_one(&host);
            for number in 0..PAGES {
                host.set_shared_data("", format!("tollgate/1/limits/{number}").as_bytes(), &page);
            }
        }
        host
    }

    fn plugin(&self) -> Plugin {
        let configuration = format!(
            r#"{{"hold_headers":true,"rate_limiter":{}}}"#,
            self.rate_limiter
        );
        Plugin {
            configuration: configuration.into_bytes(),
            allow_on_headers_stop_iteration: true,
            ..Plugin::default()
        }
    }

    /// Reads and writes of shared data by a request of a tenant that is known.
    fn counted(&self, module: &Module) -> (usize, usize) {
        let host = self.host();
        let worker = host.recorded_worker(module, self.plugin());
        let worker = worker.unwrap_or_else(|failed| panic!("{}", failed.error));
        settle_in(&worker);
        worker.transcript();
        request(&worker, &head());
        let calls = worker.transcript();
        let count = |name: &str| calls.iter().filter(|call| call.function == name).count();
        (
            count("proxy_get_shared_data"),
            count("proxy_set_shared_data"),
        )
    }
}

/// A page with room for one more record, all others live for an hour.
fn page_but_one(host: &Host) -> Vec<u8> {
    let now = host.now().as_nanos() as u64;
    let ends = now + 3_600_000_000_000;
    let mut page = now.to_le_bytes().to_vec();
    for key in 1..RECORDS as u64 {
        for word in [key, ends, ends] {
            page.extend(word.to_le_bytes());
        }
    }
    page.extend([0; 24]);
    page
}

fn head() -> Headers {
    Headers::from([
        (":method", "POST"),
        (
            ":path",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        ),
        (":authority", "llm.example"),
        ("content-type", "application/json"),
        ("api-key", "bench"),
    ])
}

/// Decisions until the tenant is known, and hot where it can be.
fn settle_in(worker: &Worker) {
    for _ in 0..20 {
        request(worker, &head());
    }
}

/// A request up to where it is sent on or refused; the client then leaves.
fn request(worker: &Worker, head: &Headers) -> u16 {
    let mut stream = worker.open();
    stream.request(head, BODY);
    match stream.local_reply() {
        Some(reply) => reply.status as u16,
        None => {
            let head = [(":status", "200")];
            stream.response_headers(head, true);
            200
        }
    }
}

fn decisions(criterion: &mut Criterion) {
    let module = Module::load(limiter()).expect("the module loads");
    let mut group = criterion.benchmark_group("decision");
    group.throughput(Throughput::Elements(1));
    for row in &ROWS {
        assert_eq!(row.counted(&module), row.shared_data, "{}", row.name);
        let host = row.host();
        let worker = host
            .worker(&module, row.plugin())
            .expect("the module starts");
        settle_in(&worker);
        let head = head();
        assert_eq!(request(&worker, &head), row.status, "{}", row.name);
        group.bench_function(row.name, |bencher| {
            bencher.iter(|| black_box(request(&worker, &head)));
        });
        assert_eq!(request(&worker, &head), row.status, "{}", row.name);
        assert_eq!(worker.death(), None);
    }
    group.finish();
}

fn limiter() -> PathBuf {
    let filters = std::env::var_os("TOLLGATE_FILTERS").map(PathBuf::from);
    let filters =
        filters.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/filters"));
    let path = filters.join("rate-limiter.wasm");
    assert!(
        path.is_file(),
        "no module at {}: run `cargo xtask bench`, which builds it first",
        path.display()
    );
    path
}

criterion_group!(benches, decisions);
criterion_main!(benches);
