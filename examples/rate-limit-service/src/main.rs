//! The command: serves the limits of a file until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rate_limit_service::{Config, Service};

/// A rate-limit service for Envoy's `ratelimit` filter, with limits a whole fleet shares.
///
/// Prints `listening on ADDRESS`, then serves gRPC
/// (envoy.service.ratelimit.v3.RateLimitService) and `GET /totals` there.
/// SIGTERM or ctrl-c stops it. Counters are kept in memory and end with it.
///
/// Hits are what a descriptor's hits_addend says, else the request's, else 1:
///   as they are       charged if there is room, else refused and not charged
///   is_negative_hits  given back
///   entry `settle`    charged whether or not there is room: they are spent already
///
/// A limits file:
///   [[limit]]
///   name = "tokens-per-minute"
///   domain = "tollgate"              # as Envoy's filter says it
///   descriptor = { tenant = "*" }    # the descriptor's entries; "*": a counter for each value
///   hits = 100_000                   # in a window
///   seconds = 60                     # the window's length
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Flags {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8181")]
    listen: SocketAddr,
    /// The limits, a TOML file
    #[arg(long)]
    config: PathBuf,
    /// Print a line for each descriptor
    #[arg(long)]
    log: bool,
}

fn main() -> ExitCode {
    match serve(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &Flags) -> anyhow::Result<()> {
    let config = Config::read(&flags.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let context = runtime.enter();
    // Before the address is printed: who reads it may stop us at once.
    let stop = stop_signal()?;
    drop(context);

    let service = Service::start(config, flags.listen, flags.log)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {}", service.address())?;
    out.flush()?;
    drop(out);
    runtime.block_on(stop);
    Ok(())
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
