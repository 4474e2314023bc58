//! The command as a user starts it, with a client as Envoy is one.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use envoy_types::pb::envoy::service::ratelimit::v3::RateLimitRequest;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::Code;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;

/// Starts the command; what it printed is read up to the address.
fn start(flags: &[&str]) -> (Child, SocketAddr, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rate-limit-service"))
        .args(["--listen", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening on ").unwrap();
    let address = address.trim().parse().unwrap();
    (child, address, out)
}

fn example() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("limits.toml");
    file.to_str().unwrap().to_owned()
}

/// Asks for so many hits of tenant a.
fn request(hits: u32) -> RateLimitRequest {
    RateLimitRequest {
        domain: "tollgate".to_owned(),
        descriptors: vec![RateLimitDescriptor {
            entries: vec![Entry {
                key: "tenant".to_owned(),
                value: "a".to_owned(),
            }],
            ..RateLimitDescriptor::default()
        }],
        hits_addend: hits,
    }
}

#[test]
fn it_charges_until_the_limit_and_tells_its_totals() {
    let (mut child, address, out) = start(&["--config", &example(), "--log"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let codes = runtime.block_on(async {
        let mut client = RateLimitServiceClient::connect(format!("http://{address}"))
            .await
            .unwrap();
        let mut codes = Vec::new();
        for hits in [60_000, 40_000, 1] {
            let answer = client.should_rate_limit(request(hits)).await.unwrap();
            codes.push(answer.into_inner().overall_code());
        }
        codes
    });
    assert_eq!(codes, [Code::Ok, Code::Ok, Code::OverLimit]);

    let totals = http_get(address, "/totals");
    let totals: serde_json::Value = serde_json::from_str(&totals).unwrap();
    let limit = &totals["limits"]["tokens-per-minute"];
    assert_eq!(limit["charged"], 100_000, "{totals}");
    assert_eq!(limit["refused"], 1, "{totals}");
    assert_eq!(totals["counters"][0]["descriptor"]["tenant"], "a");

    let told = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status()
        .unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success());
    let lines: Vec<String> = out.lines().map(Result::unwrap).collect();
    let expected = [
        "tollgate tenant=a Charge(60000): tokens-per-minute has 40000 left",
        "tollgate tenant=a Charge(40000): tokens-per-minute has 0 left",
        "tollgate tenant=a Charge(1): tokens-per-minute refuses with 0 left",
    ];
    assert_eq!(lines, expected);
}

/// As with `rate-limit-service --log | head -1`.
#[test]
fn it_decides_when_nobody_reads_its_log() {
    let (mut child, address, out) = start(&["--config", &example(), "--log"]);
    drop(out);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = RateLimitServiceClient::connect(format!("http://{address}"))
            .await
            .unwrap();
        for _ in 0..2 {
            let answer = client.should_rate_limit(request(1));
            let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
            let answer = answer.expect("no answer").unwrap();
            assert_eq!(answer.into_inner().overall_code(), Code::Ok);
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The body of an answer, over HTTP/1.1 as curl would ask.
fn http_get(address: SocketAddr, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

#[test]
fn wrong_flags_say_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.toml");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    let example = example();
    let rows: [(&[&str], &str); 5] = [
        (&[], "--config <CONFIG>"),
        (&["--config", "/none.toml"], "error: cannot read /none.toml"),
        (
            &["--config", empty],
            "empty.toml: no `[[limit]]`, so nothing would be limited",
        ),
        (&["--config", &example, "--listen", "nowhere"], "'nowhere'"),
        (
            &["--config", &example, "--listen", &taken],
            "error: cannot listen on 127.0.0.1:",
        ),
    ];
    for (flags, said) in rows {
        let output = Command::new(env!("CARGO_BIN_EXE_rate-limit-service"))
            .args(flags)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
}
