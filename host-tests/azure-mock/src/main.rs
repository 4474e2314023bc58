//! The command: plays the regions of a file or of flags until it is told to stop.

use std::io::{IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use azure_mock::{Config, Deployment, Mock, QuotaError, Region};
use clap::Parser;

/// How long running answers may take to end after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// Plays several Azure OpenAI regions on loopback, with quotas and faults on demand.
///
/// Prints each region's address, then `ready`. SIGTERM or ctrl-c stops it.
///
/// Faults (for a region, or for one request in the header x-mock-fault, separated by `;`):
/// latency=200ms, event-delay=5ms, events-at-once=10, status=429, retry-after-ms=1500, reset=headers,
/// reset=after-events:3, error-event:2, gzip, trailers, every=3, times=2, none.
/// The header x-mock-answer says what the model says.
///
/// At run time: GET /_mock/regions, POST /_mock/reset, and under /_mock/regions/NAME:
/// PUT fault (a text as above), PUT quota ({"rpm":60,"tpm":1000}), POST scripts,
/// GET requests; on any region's port.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Flags {
    /// A TOML file; the flags below override it
    #[arg(long)]
    config: Option<PathBuf>,
    /// A region, repeatable: name=swedencentral[,display=TEXT][,port=N][,rpm=N][,tpm=N]
    /// [,deployment=NAME:MODEL]…[,FAULT]… Without any, swedencentral on 8101 and eastus2
    /// on 8102
    #[arg(long, verbatim_doc_comment)]
    region: Vec<Region>,
    /// What is deployed in every region that does not say it, repeatable: NAME:MODEL
    #[arg(long)]
    deployment: Vec<Deployment>,
    /// The address to listen on
    #[arg(long)]
    host: Option<IpAddr>,
    /// Worker threads
    #[arg(long)]
    threads: Option<usize>,
    /// Do not count: every prompt is 100 tokens. For benchmarks
    #[arg(long)]
    fixed_usage: bool,
    /// Answer requests that carry neither api-key nor authorization
    #[arg(long)]
    no_auth: bool,
    /// How many requests each region remembers; 0 for none
    #[arg(long)]
    log_limit: Option<usize>,
    /// The content filter refuses a body that contains this, repeatable
    #[arg(long)]
    filter_word: Vec<String>,
    /// The shape of 429 bodies
    #[arg(long)]
    quota_error: Option<QuotaError>,
}

impl Flags {
    fn config(self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Config::from_toml(&text).with_context(|| format!("in {}", path.display()))?
            }
        };
        if !self.region.is_empty() {
            config.regions = self.region;
        }
        if config.regions.is_empty() {
            for (name, port) in [("swedencentral", 8101), ("eastus2", 8102)] {
                config.regions.push(Region {
                    port,
                    ..Region::new(name)
                });
            }
        }
        if !self.deployment.is_empty() {
            config.deployments = self.deployment;
        }
        config.host = self.host.unwrap_or(config.host);
        config.threads = self.threads.unwrap_or(config.threads);
        config.log_limit = self.log_limit.unwrap_or(config.log_limit);
        config.quota_error = self.quota_error.unwrap_or(config.quota_error);
        config.fixed_usage |= self.fixed_usage;
        config.require_auth &= !self.no_auth;
        config.filter_words.extend(self.filter_word);
        Ok(config)
    }
}

fn main() -> anyhow::Result<()> {
    let config = Flags::parse().config()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let context = runtime.enter();
    // Before `ready` is printed: who reads it may stop us at once.
    let stop = stop_signal()?;
    drop(context);

    let counting = !config.fixed_usage;
    let mock = Mock::start(config)?;
    if counting {
        mock.load_tokenizers();
    }
    print_ready(&mock)?;
    runtime.block_on(stop);
    mock.stop(GRACE);
    Ok(())
}

fn print_ready(mock: &Mock) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for region in mock.regions() {
        writeln!(
            out,
            "{}  {}  {}",
            region.url(),
            region.name(),
            region.display()
        )?;
    }
    if out.is_terminal() {
        writeln!(out, "\x1b[32mready\x1b[0m")?;
    } else {
        writeln!(out, "ready")?;
    }
    out.flush()
}

/// Ends at SIGTERM or ctrl-c, listened for from the moment this returns.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends at ctrl-c.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
