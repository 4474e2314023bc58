//! Fits the token estimator's weights from installable text and prints its accuracy.

mod documents;
mod extract;
mod fetch;
mod generate;
mod regress;
mod sources;
mod vocab;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tollgate_core::tokens::{COUNT, Meter, NAMES};

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
    /// Experiment
    Try,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Corpora => documents::collect(&arguments.corpora),
        Command::Vocab { check } => vocab::run(check),
        Command::Exact => exact(&arguments.corpora),
        Command::Try => experiment(&arguments.corpora),
    }
}

fn experiment(root: &std::path::Path) -> Result<()> {
    let all = documents::load(root)?;
    let big4 = ["chat", "json", "html", "rust", "python", "js", "c", "go"];
    for (enc, bpe) in [("o200k", tiktoken_rs::o200k_base_singleton()), ("cl100k", tiktoken_rs::cl100k_base_singleton())] {
        let mut train = Vec::new();
        let mut eval = Vec::new();
        for (class, docs) in &all {
            let n = docs.iter().filter(|d| d.is_training()).count() as f64;
            for d in docs {
                let mut m = Meter::new();
                m.text(d.on_the_wire().as_bytes());
                m.end_text();
                let counts: Vec<f64> = m.row().iter().map(|&c| f64::from(c)).chain([1.0]).collect();
                let row = regress::Row { counts, tokens: bpe.count_ordinary(&d.text) as f64, weight: 1.0 / n };
                if d.is_training() { train.push(row) } else { eval.push((*class, row, d.text.len())) }
            }
        }
        for ridge in [1e-5] {
        let w = regress::fit(&train, ridge);
        let mut sum = 0.0; let mut s4 = 0.0; let mut n4 = 0.0; let mut n = 0.0;
        let mut names = NAMES.iter().flat_map(|(n, k)| (0..*k).map(move |i| format!("{n}{i}"))).collect::<Vec<_>>();
        names.push("text".into());
        print!("{enc} ridge {ridge}: ");
        for class in documents::CLASSES {
            let errs: Vec<f64> = eval.iter().filter(|e| e.0 == *class).map(|e| {
                let g: f64 = e.1.counts.iter().zip(&w).map(|(a, b)| a * b).sum();
                (g / e.1.tokens - 1.0).abs() * 100.0
            }).collect();
            let m = errs.iter().sum::<f64>() / errs.len() as f64;
            print!("{class} {m:.2}  ");
            sum += m; n += 1.0;
            if big4.contains(class) { s4 += m; n4 += 1.0; }
        }
        println!("\n mean {:.3} four {:.3} ({COUNT} counts)", sum / n, s4 / n4);
        if std::env::var("ABLATE").is_ok() {
            let base = sum / n;
            let mut at = 0;
            let mut res = Vec::new();
            for (name, k) in NAMES {
                let strip = |r: &regress::Row| regress::Row { counts: r.counts.iter().enumerate().map(|(i, &c)| if i >= at && i < at + k { 0.0 } else { c }).collect(), tokens: r.tokens, weight: r.weight };
                let t: Vec<_> = train.iter().map(strip).collect();
                let w = regress::fit(&t, ridge);
                let mut s = 0.0;
                for class in documents::CLASSES {
                    let errs: Vec<f64> = eval.iter().filter(|e| e.0 == *class).map(|e| {
                        let g: f64 = strip(&e.1).counts.iter().zip(&w).map(|(a, b)| a * b).sum();
                        (g / e.1.tokens - 1.0).abs() * 100.0
                    }).collect();
                    s += errs.iter().sum::<f64>() / errs.len() as f64;
                }
                res.push((s / n - base, *name));
                at += k;
            }
            res.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (d, name) in res { println!("{d:+.4} {name}"); }
        }
        }
    }
    Ok(())
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
                if a == b { same += 1 } else { bad += 1; if bad < 3 && class != &"base64" && class != &"hex" { eprintln!("{class} {a} {b} {}", d.origin) } }
                err += (f64::from(a) / f64::from(b) - 1.0).abs();
            }
        }
        println!("{} {same}/{n} same, {:.4} % mean error, {:.1} MB/s", enc.name(), err / f64::from(n) * 100.0, bytes as f64 / time.as_secs_f64() / 1e6);
    }
    Ok(())
}
