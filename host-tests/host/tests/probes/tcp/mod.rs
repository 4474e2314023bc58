//! TCP connections. Every row was seen on Envoy 1.40, between a client and an upstream on
//! raw sockets.

mod calls;
mod flow;

use std::time::Duration;

use tollgate_host::{Connection, Host, Plugin, ReceivedBytes, Worker};

use crate::guest::{callbacks, module};

const DATA: &str = "(param $id i32) (param $count i32) (param $end i32) (result i32)";
const CLOSE: &str = "(param $id i32) (param $peer i32)";
const TICK: Duration = Duration::from_millis(10);

/// All callbacks of a connection and what each does and returns; what is not named continues.
/// Ticks act on the first connection.
fn source(bodies: &[(&str, &str)]) -> String {
    let callbacks = [
        ("new_connection", "(param $id i32) (result i32)", "#0"),
        ("downstream_data", DATA, "#0"),
        ("upstream_data", DATA, "#0"),
        ("downstream_connection_close", CLOSE, ""),
        ("upstream_connection_close", CLOSE, ""),
        ("done", "(param $id i32) (result i32)", "#0"),
        ("log", "(param $id i32)", ""),
        ("delete", "(param $id i32)", ""),
    ];
    let body = |name: &str| {
        bodies
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, body)| *body)
    };
    let mut source: String = callbacks
        .iter()
        .map(|(name, parameters, otherwise)| {
            let body = body(name).unwrap_or(otherwise);
            format!("(func (export \"proxy_on_{name}\") {parameters} {body})\n")
        })
        .collect();
    source.push_str(&format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $tick_period #{})) #1)
        (func (export "proxy_on_tick") (param i32) (drop (call $effective #2)) {})"#,
        TICK.as_millis(),
        body("tick").unwrap_or_default(),
    ));
    source
}

/// Plays `events`: `c` is the client and `u` the upstream; `c:text` sends, `c.` ends its half,
/// `c:text.` does both at once, `c!` resets, `t` lets a tick pass.
fn play(bodies: &[(&str, &str)], events: &str) -> (Worker, Connection) {
    let host = Host::new();
    let worker = host
        .recorded_worker(&module(&source(bodies)), Plugin::default())
        .unwrap();
    worker.transcript();
    let mut connection = worker.connect();
    for event in events.split_whitespace() {
        let (peer, what) = event.split_at(1);
        let text = what.trim_start_matches(':').trim_end_matches('.');
        match (peer, what) {
            ("c", "!") => connection.reset_by_client(),
            ("u", "!") => connection.reset_by_upstream(),
            ("c", _) => connection.downstream_data(text, what.ends_with('.')),
            ("u", _) => connection.upstream_data(text, what.ends_with('.')),
            _ => {
                host.advance(TICK);
                &mut connection
            }
        };
    }
    assert_eq!(connection.ignored(), Vec::<String>::new(), "{events}");
    (worker, connection)
}

/// What a peer has received, its chunks apart: `aa bbb FIN`.
fn received(peer: &ReceivedBytes) -> String {
    let text = peer.text();
    let mut rest = text.as_str();
    let mut words: Vec<&str> = Vec::new();
    for chunk in &peer.chunks {
        let (word, tail) = rest.split_at(*chunk);
        words.push(word);
        rest = tail;
    }
    words.extend(peer.ended.then_some("FIN"));
    words.extend(peer.reset.then_some("RST"));
    words.join(" ")
}

fn upstream(connection: &Connection) -> String {
    connection
        .upstream()
        .map_or_else(|| "none".to_owned(), |peer| received(&peer))
}

/// The callbacks but ticks, shortened: `new down(5,0) up(2,0) up_close(0) close(1) …`.
fn short(worker: &Worker) -> String {
    let calls = callbacks(worker).into_iter();
    let calls = calls.filter(|call| call != "tick()").map(|call| {
        call.replace("downstream_connection_close", "close")
            .replace("upstream_connection_close", "up_close")
            .replace("new_connection()", "new")
            .replace("downstream_data", "down")
            .replace("upstream_data", "up")
            .replace("()", "")
    });
    calls.collect::<Vec<_>>().join(" ")
}

/// The last callbacks of every connection.
const LAST: &str = "done log delete";
