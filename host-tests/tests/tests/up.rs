//! `cargo xtask up` as a user and a process manager meet it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tollgate_tests::Client;

/// Ends what a failed test left running.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_says_where_it_is_and_stops_when_told() {
    let mut up = Up(Command::new(env!("CARGO_BIN_EXE_up"))
        .args(["--gateway-port=0", "--admin-port=0", "--region-port=0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap());
    let lines = BufReader::new(up.0.stdout.take().unwrap()).lines();
    let said: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| line != "ready")
        .collect();
    let address = |what: &str| -> SocketAddr {
        let line = said
            .iter()
            .find_map(|line| line.strip_prefix(what))
            .unwrap();
        line.trim()
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap()
    };

    let command = said
        .iter()
        .position(|line| line.starts_with("curl "))
        .unwrap();
    let output = Command::new("sh")
        .arg("-c")
        .arg(said[command..].join("\n"))
        .output();
    // Not every machine has curl; where it is, the example must work as it is printed.
    if let Ok(output) = output
        && output.status.code() != Some(127)
    {
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    let admin = address("admin ");
    assert_eq!(Client::new(admin).get("/ready").send().unwrap().status, 200);
    for region in ["gateway ", "swedencentral ", "eastus2 ", "japaneast "] {
        assert!(address(region).ip().is_loopback());
    }

    let told = Command::new("kill")
        .arg(up.0.id().to_string())
        .status()
        .unwrap();
    assert!(told.success());
    let status = up.0.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(
        Client::new(admin).get("/ready").send().is_err(),
        "Envoy is still there"
    );
}

#[test]
fn a_port_in_use_is_an_error_that_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = Command::new(env!("CARGO_BIN_EXE_up"))
        .args([
            &format!("--gateway-port={port}"),
            "--admin-port=0",
            "--region-port=0",
        ])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        complaint.contains(&format!("127.0.0.1:{port} is in use")),
        "{complaint}"
    );
}
