//! Envoy's worker threads: a connection to one of them, and the proof that it is done with
//! everything that came before.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::configuration::PULSE;
use super::process::{POLL, Process};

/// A worker that is silent for so long is stuck.
const LIMIT: Duration = Duration::from_secs(10);
/// Most connections made to find one that the system gives to the worker wanted.
const TRIES: usize = 200;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: pulse\r\n\r\n";

/// The workers of an Envoy.
pub struct Workers {
    /// One connection to each.
    pulses: Vec<TcpStream>,
}

impl Workers {
    /// Finds all of them.
    ///
    /// # Errors
    /// When a connection fails.
    pub fn of(process: &mut Process, count: usize) -> Result<Self, String> {
        let address = process.listener(PULSE)?;
        let pulses = (0..count)
            .map(|worker| {
                let pulse = connect(process, PULSE, address, worker, count)?;
                pulse.set_read_timeout(Some(LIMIT)).map_err(text)?;
                pulse.set_nodelay(true).map_err(text)?;
                Ok(pulse)
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { pulses })
    }

    /// Waits until every worker has handled all that arrived before.
    ///
    /// A worker handles what one poll of its sockets gave before it polls again. What
    /// arrived before the first request is in the same poll at the latest, and the second
    /// request, sent after the first was answered, in a later one.
    ///
    /// # Errors
    /// When a worker does not answer.
    pub fn pulse(&mut self) -> Result<(), String> {
        for pulse in &mut self.pulses {
            for _ in 0..2 {
                pulse.write_all(REQUEST).map_err(stuck)?;
                let mut answer = Vec::new();
                while !answer.ends_with(b"\r\n\r\n") {
                    let mut bytes = [0; 256];
                    match pulse.read(&mut bytes).map_err(stuck)? {
                        0 => return Err("Envoy has ended".to_owned()),
                        count => answer.extend(&bytes[..count]),
                    }
                }
            }
        }
        Ok(())
    }
}

/// A connection to `listener` that the worker `worker` accepts. The system chooses, by the
/// ports of both ends, so it is tried until the choice is right.
///
/// # Errors
/// When a connection fails, or none gets to the worker.
pub fn connect(
    process: &mut Process,
    listener: &str,
    address: SocketAddr,
    worker: usize,
    workers: usize,
) -> Result<TcpStream, String> {
    if workers == 1 {
        return TcpStream::connect(address).map_err(text);
    }
    let accepted = |process: &mut Process| -> Result<Vec<u64>, String> {
        let filter = format!("^listener\\.{listener}\\.worker_");
        let stats = process.admin(&format!("/stats?format=json&filter={filter}"))?;
        let of = |worker| format!("listener.{listener}.worker_{worker}.downstream_cx_total");
        let all = (0..workers).map(|worker| stat(&stats, &of(worker)).unwrap_or_default());
        Ok(all.collect())
    };
    for _ in 0..TRIES {
        let before = accepted(process)?;
        let socket = TcpStream::connect(address).map_err(text)?;
        let started = Instant::now();
        let grown = loop {
            let now = accepted(process)?;
            if let Some(worker) = (0..workers).find(|worker| now[*worker] > before[*worker]) {
                break worker;
            }
            if started.elapsed() > LIMIT {
                return Err(format!("no worker accepts connections to `{listener}`"));
            }
            std::thread::sleep(POLL);
        };
        if grown == worker {
            return Ok(socket);
        }
    }
    Err(format!("no connection of {TRIES} got to worker {worker}"))
}

/// A counter or gauge in what `/stats?format=json` gives.
pub fn stat(stats: &Value, name: &str) -> Option<u64> {
    let mut all = stats["stats"].as_array().into_iter().flatten();
    all.find(|stat| stat["name"] == name)?["value"].as_u64()
}

fn stuck(error: std::io::Error) -> String {
    format!("a worker does not answer: {error}")
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
