//! How fast the test host is: requests a second on one core, the start of a worker, and
//! the time from the start of a process, of a test's or of the command, to its first answer.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use tollgate_host::{Headers, Host, Module, Plugin, StreamEnd, Worker};

/// Makes this program answer one request with the module named there, and end.
const FIRST_ANSWER: &str = "TOLLGATE_BENCH_FIRST_ANSWER";
const BODY_BYTES: usize = 4096;

/// What the command is given to send.
const REQUEST: &str = "POST /openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21
host: llm.example
content-type: application/json

{\"messages\":[]}";

/// Adds one header to each message.
const HEADERS_ONLY: &str = r#"(module
  (import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "x-agent" "wasm")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func $note (param $map i32)
    (drop (call $add (local.get $map)
      (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 4))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $note (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $note (i32.const 2)) (i32.const 0)))"#;

/// Holds each body until its end, reads all of it, and lets it go.
const BODY_HOLDING: &str = r#"(module
  (import "env" "proxy_get_buffer_bytes"
    (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func $body (param $buffer i32) (param $end i32) (result i32)
    (if (local.get $end) (then
      (drop (call $get (local.get $buffer)
        (i32.const 0) (i32.const -1) (i32.const 16) (i32.const 20)))))
    (i32.eqz (local.get $end)))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $body (i32.const 0) (local.get 2)))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $body (i32.const 1) (local.get 2))))"#;

fn request_headers() -> Headers {
    Headers::from([
        (":method", "POST"),
        (
            ":path",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        ),
        (":authority", "llm.example"),
        (":scheme", "https"),
        ("content-type", "application/json"),
        ("user-agent", "bench/1.0"),
        ("accept", "*/*"),
        ("x-request-id", "7b1c9a52-4f0e-4f8e-9d0e-2a3f8c6f5e11"),
    ])
}

fn response_headers() -> Headers {
    Headers::from([
        (":status", "200"),
        ("content-type", "application/json"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("server", "upstream"),
    ])
}

fn worker(host: &Host, source: &str) -> Worker {
    let wasm = wat::parse_str(source).expect("the guest is valid text");
    let module = Module::from_bytes(&wasm).expect("the guest compiles");
    host.worker(&module, Plugin::default())
        .expect("the guest starts")
}

fn requests(criterion: &mut Criterion) {
    let host = Host::new();
    let (request, response) = (request_headers(), response_headers());
    let mut group = criterion.benchmark_group("harness/request");
    group.throughput(Throughput::Elements(1));

    let headers_only = worker(&host, HEADERS_ONLY);
    group.bench_function("headers_only", |bencher| {
        bencher.iter(|| {
            let mut stream = headers_only.open();
            stream
                .request_headers(&request, true)
                .response_headers(&response, true);
            assert_eq!(stream.end(), Some(StreamEnd::Complete));
            stream
        });
    });
    assert_eq!(headers_only.death(), None);

    // A real filter lets pass what is none of its business, after looking at it.
    let module = Module::load(estimator()).expect("the module loads");
    let estimator = host
        .worker(&module, Plugin::default())
        .expect("the module starts");
    let mut get = request.clone();
    get.set(":method", "GET");
    get.set(":path", "/health");
    group.bench_function("token_estimator_get", |bencher| {
        bencher.iter(|| {
            let mut stream = estimator.open();
            stream
                .request_headers(&get, true)
                .response_headers(&response, true);
            assert_eq!(stream.end(), Some(StreamEnd::Complete));
            stream
        });
    });
    assert_eq!(estimator.death(), None);

    let body_holding = worker(&host, BODY_HOLDING);
    let body = vec![b'x'; BODY_BYTES];
    group.bench_function("body_4k_held", |bencher| {
        bencher.iter(|| {
            let mut stream = body_holding.open();
            stream.request(&request, &body).response(&response, &body);
            assert_eq!(stream.end(), Some(StreamEnd::Complete));
            stream
        });
    });
    assert_eq!(body_holding.death(), None);
    group.finish();
}

fn starts(criterion: &mut Criterion) {
    let path = estimator();
    let mut group = criterion.benchmark_group("harness/start");
    group.measurement_time(Duration::from_secs(5));
    let module = Module::load(&path).expect("the module loads");
    group.bench_function("worker", |bencher| {
        bencher.iter(|| Host::new().worker(black_box(&module), Plugin::default()));
    });
    // The load above has put the compiled code into wasmtime's cache.
    let this = std::env::current_exe().expect("this program has a path");
    group.bench_function("process_to_first_answer", |bencher| {
        bencher.iter(|| {
            let status = Command::new(&this).env(FIRST_ANSWER, &path).status();
            assert!(status.is_ok_and(|status| status.success()));
        });
    });
    let command = command();
    let request = std::env::temp_dir().join(format!("bench-{}.http", std::process::id()));
    fs::write(&request, REQUEST).expect("the request is written");
    group.bench_function("command_to_first_answer", |bencher| {
        bencher.iter(|| {
            let output = Command::new(&command)
                .args(["run", "--wasm"])
                .arg(&path)
                .arg("--request")
                .arg(&request)
                .output()
                .expect("the command starts");
            // An upstream's answer came through.
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains(":status: 200"),
                "{text}"
            );
        });
    });
    // A file in the temporary folder harms nobody.
    let _ = fs::remove_file(&request);
    group.finish();
}

/// `tollgate-host`, which lies beside the folder of this program.
fn command() -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let folder = this.parent().and_then(Path::parent);
    let command = folder.expect("two folders above").join("tollgate-host");
    assert!(
        command.is_file(),
        "no command at {}: run `cargo xtask bench harness`, which builds it first",
        command.display()
    );
    command
}

fn first_answer(path: &Path) {
    let module = Module::load(path).expect("the module loads");
    let worker = Host::new()
        .worker(&module, Plugin::default())
        .expect("the module starts");
    let mut stream = worker.open();
    stream
        .request(request_headers(), r#"{"messages":[]}"#)
        .response(response_headers(), "{}");
    assert_eq!(stream.end(), Some(StreamEnd::Complete));
    assert_eq!(worker.death(), None);
}

fn estimator() -> PathBuf {
    let filters = std::env::var_os("TOLLGATE_FILTERS").map(PathBuf::from);
    let filters =
        filters.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/filters"));
    let path = filters.join("token-estimator.wasm");
    assert!(
        path.is_file(),
        "no module at {}: run `cargo xtask bench`, which builds it first",
        path.display()
    );
    path
}

fn main() {
    if let Some(path) = std::env::var_os(FIRST_ANSWER) {
        return first_answer(Path::new(&path));
    }
    let mut criterion = Criterion::default().configure_from_args();
    requests(&mut criterion);
    starts(&mut criterion);
    criterion.final_summary();
}
