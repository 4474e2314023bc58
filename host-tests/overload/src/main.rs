//! Shows what the rate-limiter makes of several times the traffic it allows.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use tollgate_host::Module;
use tollgate_overload::case::{Case, cases};
use tollgate_overload::compare::{Runs, compare};
use tollgate_overload::conversation::TOKENS_PER_SECOND;
use tollgate_overload::gateway::Gateway;
use tollgate_overload::plot;
use tollgate_overload::report::{self, Row};
use tollgate_tests::places;

/// Shows what the rate-limiter makes of several times the traffic it allows.
#[derive(Parser)]
#[command(bin_name = "overload")]
struct Args {
    #[command(subcommand)]
    ground: Ground,
}

const TRAFFIC: &str = "\
Requests come at random (Poisson), with prompts of 80 tokens and answers of 281 in the mean
(log-normal, as long as ShareGPT's), max_tokens 2048, a first token after half a second and then
50 a second. Nobody retries. The limit is 100,000 tokens a minute, or 600 requests.";

#[derive(Subcommand)]
enum Ground {
    /// Overloads the rate-limiter in virtual time, beside the other ways to charge: reserving
    /// max_tokens, the prompt alone, and charging after the response.
    ///
    /// The module runs in the harness, whose clock is moved from event to event. The same
    /// traffic meets every policy.
    #[command(override_usage = "cargo xtask overload -- [OPTIONS]", after_help = TRAFFIC)]
    Simulate(Simulate),
    /// Overloads the rate-limiter in a real Envoy, in front of a mock that takes its time, beside
    /// reserving max_tokens and charging after the response.
    ///
    /// Loads and policies run side by side, each pair a tenant of its own. On two cores it needs
    /// them to itself: what else runs makes answers late, and policies that wait for answers
    /// look worse.
    #[command(override_usage = "cargo xtask bench rate-limiter -- [OPTIONS]", after_help = TRAFFIC)]
    Envoy(Envoy),
}

#[derive(clap::Args)]
struct Simulate {
    /// Virtual minutes that requests come, at least 2.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// VMs that share one space of data.
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the cases whose names contain this.
    #[arg(long)]
    case: Option<String>,
    /// Where the drawing goes.
    #[arg(long, default_value = "target/overload.svg")]
    svg: PathBuf,
    /// Also print every counter of the rate-limiter.
    #[arg(long)]
    counters: bool,
}

#[derive(clap::Args)]
struct Envoy {
    /// How long requests come, in seconds, at least 90. Answers end up to 41 s later.
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// Envoy's worker threads.
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Decides when requests come and what they are.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the drawing goes.
    #[arg(long, default_value = "target/overload-envoy.svg")]
    svg: PathBuf,
}

fn main() -> ExitCode {
    tollgate_tests::exit_code(match Args::parse().ground {
        Ground::Simulate(args) => simulate(&args),
        Ground::Envoy(args) => envoy(&args),
    })
}

fn simulate(args: &Simulate) -> Result<()> {
    ensure!(
        args.minutes >= 2,
        "--minutes must be 2 or more: use is measured after the first"
    );
    ensure!(args.workers >= 1, "--workers must be 1 or more");
    let module = Module::load(places::filter("rate-limiter")?)?;
    let wanted = |case: &Case| {
        args.case
            .as_ref()
            .is_none_or(|part| case.name.contains(part))
    };
    let cases: Vec<Case> = cases().into_iter().filter(wanted).collect();
    ensure!(!cases.is_empty(), "no case has this in its name");
    let runs = Runs {
        seed: args.seed,
        duration: Duration::from_secs(60 * args.minutes),
        workers: args.workers,
    };
    println!(
        "{} virtual minutes, {} workers, seed {}",
        args.minutes, args.workers, args.seed
    );
    let (started, terminal) = (Instant::now(), std::io::stderr().is_terminal());
    let rows = compare(&module, &cases, runs, |done, all| {
        if terminal {
            eprint!("\r{done} of {all} runs");
            let _ = std::io::stderr().flush();
        }
    })?;
    if terminal {
        eprint!("\r\x1b[K");
    }
    show(&rows, args.counters);
    println!(
        "\n{} runs in {:.1} s",
        rows.len(),
        started.elapsed().as_secs_f64()
    );
    draw(
        &args.svg,
        "Tokens or requests of the last 60 s, of the limit",
        &rows,
    )
}

fn envoy(args: &Envoy) -> Result<()> {
    ensure!(
        args.seconds >= 90,
        "--seconds must be 90 or more: use is measured after the first 60"
    );
    ensure!(args.workers >= 1, "--workers must be 1 or more");
    println!(
        "Envoy with {} workers, {} s, seed {}",
        args.workers, args.seconds, args.seed
    );
    let gateway = Gateway {
        seed: args.seed,
        duration: Duration::from_secs(args.seconds),
        workers: args.workers,
        tokens_per_second: TOKENS_PER_SECOND,
    };
    let report = gateway.run(|progress| {
        println!(
            "  {:>3} s  {:>6} sent, {:>4} open",
            progress.elapsed.as_secs(),
            progress.sent,
            progress.sent - progress.answered
        );
    })?;
    show(&report.rows, false);
    let [median, slowest] = report.refusals;
    println!("\nrefusals took {median:.1?} in the median, {slowest:.1?} at the 99th of 100");
    println!("connections by worker: {:?}", report.connections);
    println!("counters of all rows together:");
    for (name, value) in &report.counters {
        println!("  {name} {value}");
    }
    draw(
        &args.svg,
        "Tokens of the last 60 s, of the limit, in a real Envoy",
        &report.rows,
    )
}

fn show(rows: &[Row], counters: bool) {
    println!();
    report::table(rows).print();
    println!("\n{}", report::LEGEND);
    if counters {
        for row in rows {
            println!(
                "\n{}, {}, {} s",
                row.case, row.policy.name, row.policy.burst_seconds
            );
            for (name, value) in row.outcome.counters.iter().flatten() {
                println!("  {name} {value}");
            }
        }
    }
}

/// Paths are relative to the repository, wherever the command was called.
fn draw(svg: &Path, title: &str, rows: &[Row]) -> Result<()> {
    let file = places::root().join(svg);
    std::fs::write(&file, plot::svg(title, rows))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("drawn: {}", svg.display());
    Ok(())
}
