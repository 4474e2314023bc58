//! A real Envoy process on loopback, which ends when it is dropped and with this process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tied::Tied;

use crate::client::Client;
use crate::places;

/// Wasm is compiled at start, on a machine that may be busy with other tests.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at something that happens soon.
const POLL: Duration = Duration::from_millis(10);

/// The filters' secret in every test: nothing may ever show it.
pub const SECRET: &str = "canary-secret-of-the-tests";

/// A running Envoy.
pub struct Envoy {
    process: Tied,
    folder: TempDir,
    admin: SocketAddr,
    client: Client,
}

impl Envoy {
    /// Starts Envoy with a configuration's text and waits until it is ready.
    ///
    /// Listeners may say port 0: [`Envoy::listener`] tells what they got.
    ///
    /// # Errors
    /// With Envoy's own log when it refuses the configuration or does not get ready.
    pub fn start(configuration: &str, concurrency: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("envoy.yaml");
        fs::write(&file, configuration)?;
        let admin_file = folder.path().join("admin-address");
        let mut command = Command::new(places::envoy()?);
        command
            .arg("--config-path")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--concurrency", &concurrency.to_string()])
            // Hot restart's shared memory would tie Envoys that run at the same time.
            .arg("--disable-hot-restart")
            // Access logs are read by tests: soon, not after the default second.
            .args(["--file-flush-interval-msec", "20"])
            // Envoy lists its extensions at info; what a filter says there matters.
            .args([
                "--log-level",
                "warning",
                "--component-log-level",
                "wasm:info",
            ])
            .current_dir(places::root())
            .env("TOLLGATE_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("stdout"))?)
            .stderr(File::create(folder.path().join("stderr"))?);
        let mut process = Tied::spawn(&mut command)?;

        let started = Instant::now();
        let ready = loop {
            if let Some(status) = process.ended()? {
                break Err(format!("Envoy ended at once ({status})"));
            }
            // Written a moment after it is created.
            if let Some(admin) = fs::read_to_string(&admin_file)
                .ok()
                .and_then(|text| text.parse().ok())
                && let client = Client::new(admin)
                && client
                    .get("/ready")
                    .send()
                    .is_ok_and(|answer| answer.status == 200)
            {
                break Ok((admin, client));
            }
            if started.elapsed() > START_LIMIT {
                break Err(format!("Envoy was not ready after {START_LIMIT:?}"));
            }
            std::thread::sleep(POLL);
        };
        match ready {
            Ok((admin, client)) => Ok(Self {
                process,
                folder,
                admin,
                client,
            }),
            Err(why) => {
                let log = fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
                bail!("{why}:\n{log}")
            }
        }
    }

    /// Where the admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// What the admin interface answers to a GET.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub fn admin_get(&self, path: &str) -> Result<String> {
        let answer = self.client.get(path).send()?;
        ensure!(
            answer.status == 200,
            "admin {path}: {} {}",
            answer.status,
            answer.text()
        );
        Ok(answer.text().into_owned())
    }

    /// The whole `/config_dump`.
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn config_dump(&self) -> Result<Value> {
        Ok(serde_json::from_str(
            &self.admin_get("/config_dump?include_eds")?,
        )?)
    }

    /// A counter or gauge, 0 while it does not exist.
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn stat(&self, name: &str) -> Result<u64> {
        let stats = self.stats("")?;
        Ok(stats
            .into_iter()
            .find(|(stat, _)| stat == name)
            .map_or(0, |(_, value)| value))
    }

    /// All counters and gauges whose names hold `part`, by name.
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn stats(&self, part: &str) -> Result<Vec<(String, u64)>> {
        let stats: Value = serde_json::from_str(&self.admin_get("/stats?format=json")?)?;
        let entries = stats["stats"].as_array().into_iter().flatten();
        Ok(entries
            .filter_map(|stat| Some((stat["name"].as_str()?.to_owned(), stat["value"].as_u64()?)))
            .filter(|(name, _)| name.contains(part))
            .collect())
    }

    /// Everything the configuration's access logs wrote to stdout so far.
    pub fn access_log(&self) -> String {
        fs::read_to_string(self.access_log_path()).unwrap_or_default()
    }

    /// The file that Envoy's stdout goes to.
    pub fn access_log_path(&self) -> PathBuf {
        self.folder.path().join("stdout")
    }

    /// Envoy's own log, filters' messages included.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// The address of a listener by its name in the configuration.
    ///
    /// # Errors
    /// With the names there are when there is none of this name.
    pub fn listener(&self, name: &str) -> Result<SocketAddr> {
        let listeners: Value = serde_json::from_str(&self.admin_get("/listeners?format=json")?)?;
        let listeners = listeners["listener_statuses"]
            .as_array()
            .into_iter()
            .flatten();
        let mut names = Vec::new();
        for listener in listeners {
            let address = &listener["local_address"]["socket_address"];
            let (host, port) = (address["address"].as_str(), address["port_value"].as_u64());
            if listener["name"] == name
                && let (Some(host), Some(port)) = (host, port)
            {
                return Ok(format!("{host}:{port}").parse()?);
            }
            names.extend(listener["name"].as_str().map(str::to_owned));
        }
        bail!(
            "the configuration has no listener `{name}`, only: {}",
            names.join(", ")
        )
    }

    /// The process's id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Whether the process is still there.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.process.ended()?.is_none())
    }

    /// Waits until `seen` holds, such as a counter that is written after the response.
    ///
    /// # Errors
    /// When it does not hold within ten seconds, naming `what`.
    pub fn wait_until(&self, what: &str, mut seen: impl FnMut(&Self) -> bool) -> Result<()> {
        let started = Instant::now();
        while !seen(self) {
            ensure!(
                started.elapsed() < Duration::from_secs(10),
                "waited in vain for {what}"
            );
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A failed test shows what Envoy had to say about it.
            eprintln!("--- Envoy's log\n{}", self.log());
            eprintln!("--- access log\n{}", self.access_log());
        }
    }
}
