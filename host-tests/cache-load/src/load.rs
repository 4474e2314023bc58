//! One run of wrk: the same request over a number of connections, each sending the next when it
//! has the answer.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::question::PATH;

/// What wrk is given.
pub struct Load {
    folder: TempDir,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Answers with a status below 400, whole.
    pub requests: u64,
    /// How long the run took.
    pub duration: Duration,
    /// Half of the answers took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub slow: Duration,
}

impl Run {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.duration.as_secs_f64()
    }
}

impl Load {
    /// Sends this body.
    ///
    /// # Errors
    /// Where it cannot be written to a file.
    pub fn of(body: &[u8]) -> Result<Load> {
        let load = Load {
            folder: tempfile::tempdir()?,
        };
        fs::write(load.body(), body)?;
        fs::write(load.script(), include_str!("hits.lua"))?;
        Ok(load)
    }

    fn body(&self) -> PathBuf {
        self.folder.path().join("body.json")
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("hits.lua")
    }

    /// Sends it to `address` for `duration`, in whole seconds.
    ///
    /// # Errors
    /// Where there is no wrk, or an answer was none.
    pub fn run(&self, address: SocketAddr, connections: usize, duration: Duration) -> Result<Run> {
        let output = Command::new("wrk")
            .args(["--threads", "1"])
            .args(["--connections", &connections.to_string()])
            .args(["--duration", &format!("{}s", duration.as_secs())])
            .args(["--timeout", "10s"])
            .arg("--script")
            .arg(self.script())
            .arg(format!("http://{address}"))
            .env("BODY", self.body())
            .env("REQUEST_PATH", PATH)
            .stdin(Stdio::null())
            .output()
            .context("cannot run wrk: install it (Debian's package is called `wrk`)")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "wrk failed: {said}{complaint}");
        read(&said)
    }
}

/// Reads the line that the script writes.
fn read(said: &str) -> Result<Run> {
    let numbers = said.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers = numbers.and_then(|line| {
        let numbers: Result<Vec<u64>, _> = line.split(' ').map(str::parse).collect();
        numbers.ok()
    });
    let Some([requests, failures, duration, median, slow]) = numbers.as_deref() else {
        bail!("wrk said nothing of its results:\n{said}");
    };
    ensure!(
        *failures == 0 && *requests > 0,
        "{failures} of {requests} requests failed:\n{said}"
    );
    Ok(Run {
        requests: *requests,
        duration: Duration::from_micros(*duration),
        median: Duration::from_micros(*median),
        slow: Duration::from_micros(*slow),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read_and_failures_are_errors() {
        let run = read("Running 1s test\nRESULT 2000 0 1000000 31 90\n").unwrap();
        assert_eq!(run.rate(), 2000.0);
        assert_eq!(run.median, Duration::from_micros(31));
        assert_eq!(run.slow, Duration::from_micros(90));
        for said in [
            "",
            "RESULT 1 2",
            "RESULT 10 1 1000000 31 90",
            "RESULT 0 0 1000000 0 0",
        ] {
            assert!(read(said).is_err(), "{said}");
        }
    }
}
