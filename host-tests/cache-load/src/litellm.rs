//! LiteLLM's proxy as a process on loopback, with its cache in memory and nothing else that it
//! does not do by default.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;
use tied::Tied;
use tollgate_tests::Client;

/// It loads a good part of PyPI.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// A running proxy.
pub struct LiteLlm {
    process: Tied,
    address: SocketAddr,
    _folder: TempDir,
}

impl LiteLlm {
    /// Starts it in front of `upstream`.
    ///
    /// # Errors
    /// Where it is not installed or does not get ready, with what it said.
    pub fn start(upstream: SocketAddr) -> Result<LiteLlm> {
        let program = std::env::var_os("TOLLGATE_LITELLM").map(PathBuf::from);
        let program = program.context(
            "TOLLGATE_LITELLM does not name the program `litellm`: run `cargo xtask bench \
             response-cache -- --peers`, which installs it",
        )?;
        ensure!(program.is_file(), "{} does not exist", program.display());
        let folder = tempfile::tempdir()?;
        // JSON is YAML.
        let configuration = json!({
            "model_list": [{
                "model_name": "gpt-4o",
                "litellm_params": {
                    "model": "openai/gpt-4o",
                    "api_base": format!("http://{upstream}/openai/v1"),
                    "api_key": "one",
                },
            }],
            "litellm_settings": { "cache": true, "cache_params": { "type": "local" } },
        });
        let file = folder.path().join("litellm.yaml");
        fs::write(&file, configuration.to_string())?;
        // It has no way to say which port it took.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let said = folder.path().join("said");
        let output = File::create(&said)?;
        let mut command = Command::new(&program);
        command
            .arg("--config")
            .arg(&file)
            .args(["--host", "127.0.0.1"])
            .args(["--port", &address.port().to_string()])
            .args(["--telemetry", "False"])
            // Prices are a download otherwise.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_LOG", "ERROR")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut process = Tied::spawn(&mut command)?;
        let client = Client::new(address);
        let started = Instant::now();
        loop {
            let answer = client.get("/health/liveliness").send();
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(LiteLlm {
                    process,
                    address,
                    _folder: folder,
                });
            }
            let ended = process.ended()?;
            if ended.is_some() || started.elapsed() > START_LIMIT {
                let said = fs::read_to_string(&said).unwrap_or_default();
                bail!(
                    "LiteLLM is not ready after {:?}:\n{said}",
                    started.elapsed()
                );
            }
            std::thread::sleep(POLL);
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process's id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}
