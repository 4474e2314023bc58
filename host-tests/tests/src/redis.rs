//! Redis behind Webdis, on free ports of loopback; both end when this is dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tied::Tied;

use crate::client::Client;
use crate::places;

const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// How Webdis is run for a fleet.
const CONFIGURATION: &str = "envoy/response-cache/webdis.json";

/// A running Redis with a running Webdis.
pub struct Redis {
    redis: Option<Tied>,
    _webdis: Tied,
    folder: TempDir,
    redis_address: SocketAddr,
    webdis_address: SocketAddr,
}

impl Redis {
    /// Starts both, as the repository's configuration of Webdis says, and waits until they answer.
    ///
    /// # Errors
    /// When one of them is not installed, or does not get ready.
    pub fn start() -> Result<Redis> {
        let folder = tempfile::tempdir()?;
        let [redis_address, webdis_address] = [free_address()?, free_address()?];
        let redis = start_redis(&folder, redis_address)?;
        let file = places::root().join(CONFIGURATION);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let mut configuration: Value = serde_json::from_str(&text)?;
        for (key, value) in [
            ("redis_port", json!(redis_address.port())),
            ("http_port", json!(webdis_address.port())),
            ("logfile", json!(folder.path().join("webdis.log"))),
        ] {
            ensure!(
                !configuration[key].is_null(),
                "{CONFIGURATION} has no {key}"
            );
            configuration[key] = value;
        }
        let file = folder.path().join("webdis.json");
        fs::write(&file, configuration.to_string())?;
        let mut command = Command::new("webdis");
        command
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("webdis.stderr"))?);
        let webdis = Tied::spawn(&mut command).context("cannot start webdis")?;
        let client = Client::new(webdis_address);
        let started = Instant::now();
        while client.get("/MGET/ready").send().is_err() {
            if started.elapsed() > START_LIMIT {
                bail!("webdis was not ready after {START_LIMIT:?}");
            }
            std::thread::sleep(POLL);
        }
        Ok(Redis {
            redis: Some(redis),
            _webdis: webdis,
            folder,
            redis_address,
            webdis_address,
        })
    }

    /// Where Webdis listens.
    pub fn address(&self) -> SocketAddr {
        self.webdis_address
    }

    /// Redis goes, and Webdis stays.
    pub fn stop(&mut self) {
        self.redis = None;
    }

    /// Redis comes back, empty.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn come_back(&mut self) -> Result<()> {
        self.redis = Some(start_redis(&self.folder, self.redis_address)?);
        Ok(())
    }

    /// The lines of Redis's answer to a command without blanks in its words.
    ///
    /// # Errors
    /// When Redis does not answer, or with an error.
    pub fn command(&self, command: &str) -> Result<Vec<String>> {
        let mut stream = TcpStream::connect(self.redis_address)?;
        stream.set_read_timeout(Some(START_LIMIT))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut line = || -> Result<String> {
            let mut line = Vec::new();
            reader.read_until(b'\n', &mut line)?;
            Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
        };
        let first = line()?;
        ensure!(!first.starts_with('-'), "{command}: {first}");
        let Some(count) = first.strip_prefix('*') else {
            return Ok(vec![first]);
        };
        // Of each bulk string its length, then itself.
        let lines = (0..2 * count.parse::<usize>()?).map(|_| line());
        lines.skip(1).step_by(2).collect()
    }
}

fn start_redis(folder: &TempDir, address: SocketAddr) -> Result<Tied> {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(File::create(folder.path().join("redis.log"))?)
        .stderr(Stdio::null());
    let process = Tied::spawn(&mut command).context("cannot start redis-server")?;
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > START_LIMIT {
            bail!("redis-server was not ready after {START_LIMIT:?}");
        }
        std::thread::sleep(POLL);
    }
    Ok(process)
}

/// An address of loopback that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
