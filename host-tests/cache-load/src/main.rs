//! Shows what a hit of the response-cache takes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use tollgate_cache_load::hits::Hits;
use tollgate_cache_load::{machine, question, report};

/// Times hits of the response-cache in a real Envoy with one worker, by wrk.
///
/// The same request of 4 KB, whose answer of 4 KB is kept in shared data, over 64 connections and
/// then over one; the same to a filter that holds the body, copies it and answers a constant: the
/// floor, below which no filter gets. All take turns, and ratios are those of one round. Fails
/// where an answer was not a hit. Envoy and wrk need a processor each to themselves: what else
/// runs makes all of them slower.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench response-cache --")]
struct Args {
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

fn main() -> ExitCode {
    tollgate_tests::exit_code(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
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
