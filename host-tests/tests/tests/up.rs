//! `cargo xtask up` as a user and a process manager meet it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tollgate_tests::Client;

/// How long Envoy may take to be gone.
const LIMIT: Duration = Duration::from_secs(10);

/// A running `up`, and what it said before `ready`. Dropped, it is killed.
struct Up {
    process: Child,
    said: Vec<String>,
}

impl Up {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_up"))
            .args(["--gateway-port=0", "--admin-port=0", "--region-port=0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .take_while(|line| line != "ready")
            .collect();
        Self { process, said }
    }

    /// The address behind a name such as `admin`.
    fn address(&self, name: &str) -> SocketAddr {
        let mut words = self.said.iter().map(|line| line.split_whitespace());
        words
            .find_map(|mut words| (words.next() == Some(name)).then(|| words.next())?)
            .and_then(|url| url.strip_prefix("http://")?.parse().ok())
            .unwrap_or_else(|| panic!("no address of {name}: {:?}", self.said))
    }

    /// Sends a signal by its name, without a program that not every machine has.
    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        let told = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(told.success());
    }

    /// The words of the example that it prints, as a shell would pass them on.
    fn example(&self) -> Vec<String> {
        let mut lines = self.said.iter();
        let first = lines.find(|line| line.starts_with("curl ")).unwrap();
        let command: String = std::iter::once(first).chain(lines).cloned().collect();
        let quoted = |index: usize| index % 2 == 1;
        command
            .split('\'')
            .enumerate()
            .flat_map(|(index, part)| match quoted(index) {
                true => vec![part.to_owned()],
                false => part.split([' ', '\\']).map(str::to_owned).collect(),
            })
            .filter(|word| !word.is_empty())
            .collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_ready(admin: SocketAddr) -> bool {
    let answer = Client::new(admin).get("/ready").send();
    answer.is_ok_and(|answer| answer.status == 200)
}

#[test]
fn it_says_where_it_is_and_stops_when_told() {
    for signal in ["TERM", "INT"] {
        let mut up = Up::start();
        let admin = up.address("admin");
        assert!(is_ready(admin));
        for name in ["gateway", "swedencentral", "eastus2", "japaneast"] {
            assert!(up.address(name).ip().is_loopback());
        }
        up.signal(signal);
        let status = up.process.wait().unwrap();
        assert!(status.success(), "{signal}: {status}");
        assert!(!is_ready(admin), "{signal}: Envoy is still there");
    }
}

#[test]
fn envoy_ends_with_it_even_when_it_is_killed() {
    let mut up = Up::start();
    let admin = up.address("admin");
    assert!(is_ready(admin));
    up.signal("KILL");
    up.process.wait().unwrap();
    let killed = Instant::now();
    while is_ready(admin) {
        assert!(killed.elapsed() < LIMIT, "Envoy is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_example_works_as_it_is_printed() {
    let up = Up::start();
    let example = up.example();
    let words: Vec<&str> = example.iter().map(String::as_str).collect();
    let ["curl", "-i", url, "-H", first, "-H", second, "-d", body] = words[..] else {
        panic!("{words:?}");
    };
    let gateway = up.address("gateway");
    let path = url.strip_prefix(&format!("http://{gateway}")).unwrap();
    let client = Client::new(gateway);
    let mut request = client.post(path).body(body.to_owned());
    for header in [first, second] {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let answer = request.send().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
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
