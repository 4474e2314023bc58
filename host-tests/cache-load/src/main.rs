//! Shows what a hit of the response-cache takes, and what a million different requests leave.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::{Parser, Subcommand};
use tollgate_cache_load::fill::Fill;
use tollgate_cache_load::hits::Hits;
use tollgate_cache_load::{machine, question, report};

/// Loads the response-cache.
#[derive(Parser)]
#[command(bin_name = "cache-load")]
struct Args {
    #[command(subcommand)]
    load: Load,
}

#[derive(Subcommand)]
enum Load {
    /// Times hits of the response-cache in a real Envoy with one worker, by wrk.
    ///
    /// The same request of 4 KB, whose answer of 4 KB is kept in shared data, over 64 connections
    /// and then over one; the same to a filter that holds the body, copies it and answers a
    /// constant: the floor, below which no filter gets. All take turns, and ratios are those of
    /// one round. Fails where an answer was not a hit. Envoy and wrk need a processor each to
    /// themselves: what else runs makes all of them slower.
    #[command(override_usage = "cargo xtask bench response-cache -- [OPTIONS]")]
    Hits(HitsArgs),
    /// Asks a million different requests, keeps all answers, and shows how much that is at most.
    ///
    /// The module runs in the harness, in VMs that take turns. Fails where shared data or the
    /// memory of a VM grows beyond what is configured.
    #[command(override_usage = "cargo xtask fill-cache -- [OPTIONS]")]
    Fill(FillArgs),
}

#[derive(clap::Args)]
struct HitsArgs {
    /// Seconds of each run, of which there are two in a turn.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Turns of each; what is printed is the median.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections of the first run.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Also LiteLLM's proxy with its cache in memory, which is installed from PyPI.
    #[arg(long)]
    peers: bool,
}

#[derive(clap::Args)]
struct FillArgs {
    /// Different requests.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// VMs that share the data.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// What `limits.max_cached_bytes` is set to; the default is the filter's.
    #[arg(long, default_value_t = 64 << 20)]
    max_cached_bytes: u64,
}

fn main() -> ExitCode {
    tollgate_tests::exit_code(match Args::parse().load {
        Load::Hits(args) => hits(&args),
        Load::Fill(args) => fill(&args),
    })
}

fn hits(args: &HitsArgs) -> Result<()> {
    ensure!(args.seconds > 0, "--seconds must be 1 or more");
    ensure!(args.rounds > 0, "--rounds must be 1 or more");
    ensure!(args.connections > 0, "--connections must be 1 or more");
    println!("{}", machine::describe());
    println!(
        "requests and answers of {} bytes, {} rounds of {} s each",
        question::BYTES,
        args.rounds,
        args.seconds
    );
    let hits = Hits {
        rounds: args.rounds,
        duration: Duration::from_secs(args.seconds),
        connections: args.connections,
        peers: args.peers,
    };
    let rows = hits.run(|name, turn| {
        println!(
            "  {name}: {:.0}/s, {:?} at one connection",
            turn.many.rate(),
            turn.one.median
        );
    })?;
    println!();
    report::table(&rows).print();
    let (rate, added) = report::GOAL;
    println!(
        "\nof the floor's rate, answers/s, CPU each: {} connections; the rest: one connection.\n\
         The goal of the response-cache: {rate:.0} answers/s, {added} µs added. All of its \
         answers were hits.",
        args.connections
    );
    Ok(())
}

fn fill(args: &FillArgs) -> Result<()> {
    ensure!(args.requests >= 100, "--requests must be 100 or more");
    ensure!(args.workers > 0, "--workers must be 1 or more");
    let fill = Fill {
        requests: args.requests,
        workers: args.workers,
        max_cached_bytes: args.max_cached_bytes,
    };
    let (started, terminal) = (Instant::now(), std::io::stderr().is_terminal());
    let filled = fill.run(|number, most| {
        if terminal {
            eprint!("\r{number} requests, at most {} bytes", most.value_bytes);
            let _ = std::io::stderr().flush();
        }
    })?;
    if terminal {
        eprint!("\r\x1b[K");
    }
    let (asked, hits) = filled.again;
    println!(
        "{} different requests in {:.0} s: {} answers kept, of which {} had to go before their \
         time; {hits} of {asked} that were asked again soon were hits",
        fill.requests,
        started.elapsed().as_secs_f64(),
        filled.stored,
        filled.evicted
    );
    println!(
        "shared data had at most {} bytes of the {} configured ({:.1} %), and {} keys of {} bytes",
        filled.most.value_bytes,
        fill.max_cached_bytes,
        100.0 * filled.most.value_bytes as f64 / fill.max_cached_bytes as f64,
        filled.most.keys,
        filled.most.key_bytes
    );
    for (number, [before, after]) in filled.memory.iter().enumerate() {
        println!(
            "memory of worker {number}: {before} bytes after a twentieth of them, {after} after all"
        );
    }
    match filled.breaches(&fill).join("; ") {
        breaches if breaches.is_empty() => Ok(()),
        breaches => bail!(breaches),
    }
}
