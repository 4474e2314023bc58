//! The Envoy process of one replay, its admin interface and its files.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tied::Tied;

use super::http1::{Decoder, Kind};

/// Wasm is compiled at start, on a machine that may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);
/// An admin interface that is silent for so long is not there.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at something that happens soon.
pub const POLL: Duration = Duration::from_millis(2);

/// A running Envoy.
pub struct Process {
    process: Tied,
    folder: TempDir,
    admin: SocketAddr,
}

impl Process {
    /// Starts `envoy` with the configuration that `bootstrap` makes for the access log's
    /// file, and waits until it serves.
    ///
    /// # Errors
    /// With Envoy's own words when it refuses the configuration.
    pub fn start(
        envoy: &Path,
        workers: usize,
        bootstrap: impl FnOnce(&str) -> Value,
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let at = |name: &str| folder.path().join(name);
        let configuration = bootstrap(&at("access").to_string_lossy());
        fs::write(at("envoy.json"), configuration.to_string()).map_err(text)?;
        let mut command = Command::new(envoy);
        command
            .arg("--config-path")
            .arg(at("envoy.json"))
            .arg("--admin-address-path")
            .arg(at("admin"))
            .args(["--concurrency", &workers.to_string()])
            // Hot restart's shared memory would tie Envoys that run at the same time.
            .arg("--disable-hot-restart")
            .args(["--file-flush-interval-msec", "10"])
            // At trace the filter's every line is there, and every call across the ABI.
            .args(["--log-level", "error"])
            .args(["--component-log-level", "wasm:trace"])
            .args(["--log-format", super::log::FORMAT])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(at("stderr")).map_err(text)?);
        let mut process = Tied::spawn(&mut command).map_err(text)?;
        let started = Instant::now();
        loop {
            if let Some(status) = process.ended().map_err(text)? {
                let log = fs::read_to_string(at("stderr")).unwrap_or_default();
                return Err(format!(
                    "Envoy ended at once ({status}):\n{}",
                    refusal(&log)
                ));
            }
            // Written a moment after it is created.
            let admin = fs::read_to_string(at("admin")).ok();
            if let Some(admin) = admin.and_then(|text| text.parse().ok())
                && get(admin, "/ready").is_ok()
            {
                return Ok(Self {
                    process,
                    folder,
                    admin,
                });
            }
            if started.elapsed() > START_LIMIT {
                let log = fs::read_to_string(at("stderr")).unwrap_or_default();
                let log = refusal(&log);
                return Err(format!(
                    "Envoy does not serve after {START_LIMIT:?}:\n{log}"
                ));
            }
            std::thread::sleep(POLL);
        }
    }

    /// What the admin interface answers to a GET.
    ///
    /// # Errors
    /// When it does not, with what Envoy said last if it is gone.
    pub fn admin(&mut self, path: &str) -> Result<Value, String> {
        get(self.admin, path)
            .and_then(|body| serde_json::from_slice(&body).map_err(text))
            .map_err(|problem| match self.process.ended() {
                Ok(Some(status)) => {
                    format!("Envoy ended ({status}):\n{}", refusal(&self.log()))
                }
                _ => format!("admin {path}: {problem}"),
            })
    }

    /// Envoy's own log, filters' lines included.
    pub fn log(&self) -> String {
        self.file("stderr")
    }

    /// The access log.
    pub fn access_log(&self) -> String {
        self.file("access")
    }

    fn file(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The address of a listener.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn listener(&mut self, name: &str) -> Result<SocketAddr, String> {
        let all = self.admin("/listeners?format=json")?;
        let all = all["listener_statuses"].as_array().into_iter().flatten();
        let mut found = all.filter(|listener| listener["name"] == name);
        let address = found.next().and_then(|listener| {
            let port = listener["local_address"]["socket_address"]["port_value"].as_u64()?;
            Some(SocketAddr::from((
                [127, 0, 0, 1],
                u16::try_from(port).ok()?,
            )))
        });
        address.ok_or_else(|| format!("Envoy has no listener `{name}`"))
    }
}

/// The lines of a log that say why Envoy is not content.
fn refusal(log: &str) -> String {
    let said = |line: &&str| !line.starts_with("T|") && !line.starts_with("D|");
    log.lines().filter(said).collect::<Vec<_>>().join("\n")
}

fn get(address: SocketAddr, path: &str) -> Result<Vec<u8>, String> {
    let mut socket = TcpStream::connect(address).map_err(text)?;
    socket.set_read_timeout(Some(ANSWER_LIMIT)).map_err(text)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).map_err(text)?;
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).map_err(text)?;
    let mut messages = Vec::new();
    Decoder::new(Kind::Responses { to_head: false }).read(&bytes, &mut messages)?;
    let answer = messages.pop().ok_or("no answer")?;
    match answer.status() {
        Some(200) => Ok(answer.body),
        status => Err(format!("{status:?} {}", answer.text())),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
