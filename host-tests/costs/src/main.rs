//! Shows what requests cost in our modules, and compares or blesses the table.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tollgate_costs::{Comparison, Measured, REQUESTS, Table, compare, measure, table_file};
use tollgate_tests::table::{self, Align, Tone};

/// Shows what requests cost in our modules, in units that no machine changes, and fails
/// where one costs more than the table under version control says.
///
/// Fuel is about one unit an executed Wasm instruction. Calls in are callbacks, calls out
/// are host calls; bytes are those copied across the ABI. Hand-overs are the allocations the
/// host asks of the guest, allocations those the guest makes itself. Memory is the VM's,
/// after the request. Each request runs on a worker that has seen one like it.
#[derive(Parser)]
#[command(bin_name = "cargo xtask costs")]
struct Args {
    /// Write what was measured into host-tests/costs/table.toml, for the compiler in use.
    #[arg(long)]
    bless: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    let measured = measure()?;
    show(&measured);
    let file = table_file();
    let mut table = Table::load(&file)?;
    if args.bless {
        table.bless(&measured);
        std::fs::write(&file, table.render())
            .with_context(|| format!("cannot write {}", file.display()))?;
        println!(
            "host-tests/costs/table.toml says so now for {}",
            measured.compiler
        );
        return Ok(ExitCode::SUCCESS);
    }
    let Comparison { failures, notes } = compare(&measured, &table, tollgate_costs::in_ci());
    for note in notes {
        println!("note: {note}");
    }
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    Ok(match failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn show(measured: &Measured) {
    println!("modules of {}", measured.compiler);
    for module in &measured.modules {
        println!("\n{}", module.name);
        let mut columns = vec![("request", Align::Left)];
        columns.extend(HEADINGS.map(|heading| (heading, Align::Right)));
        columns.push(("", Align::Left));
        let mut shown = table::Table::new(&columns);
        for (name, costs) in &module.requests {
            let numbers = costs
                .named()
                .map(|(_, value)| value.map_or("-".into(), grouped));
            let about = REQUESTS.iter().find(|request| request.name == *name);
            let about = about.map_or("", |request| request.about);
            let name = ((*name).to_owned(), Tone::Plain);
            let numbers = numbers.map(|number| (number, Tone::Plain));
            let about = (about.to_owned(), Tone::Faint);
            shown.row(std::iter::once(name).chain(numbers).chain([about]));
        }
        shown.print();
    }
    println!();
}

/// Short, in the order of `Costs::named`.
const HEADINGS: [&str; 11] = [
    "fuel",
    "calls in",
    "calls out",
    "bytes in",
    "bytes out",
    "hand-overs",
    "bytes",
    "allocations",
    "bytes",
    "frees",
    "memory",
];

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
