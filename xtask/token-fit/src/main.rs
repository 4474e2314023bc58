//! Fits the token estimator's weights from installable text and prints its accuracy.

mod accuracy;
mod documents;
mod extract;
mod fetch;
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
    /// Experiment
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
        Command::Exact => exact(&arguments.corpora),
        Command::Fit => fit::run(&arguments.corpora),
        Command::Accuracy => accuracy::run(&arguments.corpora),
    }
}

fn exact(root: &std::path::Path) -> Result<()> {
    use tollgate_core::tokens::{Encoding, exact};
    let all = documents::load(root)?;
    for enc in [Encoding::O200k, Encoding::Cl100k] {
        let bpe = vocab::tokenizer(enc);
        let (mut n, mut same, mut err, mut bytes) = (0u32, 0u32, 0f64, 0);
        let mut time = std::time::Duration::ZERO;
        for (class, docs) in &all {
            let mut bad = 0;
            for d in docs {
                bytes += d.text.len();
                let t = std::time::Instant::now();
                let a = exact::count(enc, &d.text);
                time += t.elapsed();
                let b = bpe.count_ordinary(&d.text) as u32;
                n += 1;
                if a == b {
                    same += 1
                } else {
                    bad += 1;
                    if bad < 3 && class != &"base64" && class != &"hex" {
                        eprintln!("{class} {a} {b} {}", d.origin)
                    }
                }
                err += (f64::from(a) / f64::from(b) - 1.0).abs();
            }
        }
        println!(
            "{} {same}/{n} same, {:.4} % mean error, {:.1} MB/s",
            enc.name(),
            err / f64::from(n) * 100.0,
            bytes as f64 / time.as_secs_f64() / 1e6
        );
    }
    Ok(())
}
