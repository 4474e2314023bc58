//! The tour: real requests through a real Envoy, and what the filters did with each.

use std::process::ExitCode;

use clap::Parser;
use tollgate_tests::table::{Align, Table, Tone};
use tollgate_tests::tour::{self, Visit};

/// Sends a tour of requests through Envoy and shows what the token-estimator did with each.
#[derive(Parser)]
#[command(bin_name = "cargo xtask demo --")]
struct Args {
    /// Envoy's worker threads.
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
}

/// An estimate this near is as good as promised for short prompts, in percent.
const NEAR: f64 = 6.0;

fn main() -> ExitCode {
    tollgate_tests::exit_code(demo(&Args::parse()))
}

fn demo(args: &Args) -> anyhow::Result<()> {
    let stack = tour::stack().concurrency(args.concurrency).start()?;
    let regions: Vec<String> = stack
        .mock
        .regions()
        .map(|region| region.name().to_owned())
        .collect();
    println!(
        "client → Envoy on {} with {} → mock Azure OpenAI in {}\n",
        stack.gateway(),
        tour::CONFIGURATION,
        regions.join(", ")
    );

    let mut table = Table::new(&[
        ("request", Align::Left),
        ("status", Align::Right),
        ("estimate", Align::Right),
        ("real count", Align::Right),
        ("error", Align::Right),
        ("", Align::Left),
    ]);
    for stop in tour::stops() {
        let visit = tour::visit(stack.client(), &stop)?;
        table.row(row(&visit));
    }
    table.print();

    println!(
        "\nestimate: x-tollgate-prompt-tokens, counted before the request was sent on\n\
         real count: prompt tokens in the answer's usage, from a real tokenizer\n"
    );
    stack
        .envoy
        .wait_until("the access log", |envoy| envoy.access_log().contains('\n'))?;
    println!("the access log of the first request:");
    println!(
        "  {}\n",
        stack.envoy.access_log().lines().next().unwrap_or_default()
    );
    println!("the filter's metrics, as on /stats:");
    for (name, value) in stack
        .envoy
        .stats("tollgate")?
        .into_iter()
        .filter(|(_, value)| *value > 0)
    {
        println!("  {name} {value}");
    }
    println!("\nThe same stack, left running for your own requests: cargo xtask up");
    Ok(())
}

fn row(visit: &Visit) -> [(String, Tone); 6] {
    let number = |count: Option<u64>| count.map_or("–".to_owned(), |count| count.to_string());
    let (error, tone) = match visit.error() {
        Some(error) if error.abs() <= NEAR => (format!("{error:+.1} %"), Tone::Good),
        Some(error) => (format!("{error:+.1} %"), Tone::Warning),
        None => ("–".to_owned(), Tone::Faint),
    };
    [
        (visit.name.to_owned(), Tone::Plain),
        (
            visit.status.to_string(),
            if visit.status == 200 {
                Tone::Good
            } else {
                Tone::Warning
            },
        ),
        (number(visit.estimate), Tone::Plain),
        (number(visit.real), Tone::Plain),
        (error, tone),
        (visit.refusal.clone().unwrap_or_default(), Tone::Faint),
    ]
}
