//! Prints how far the estimates are from exact counts on documents the fit never saw.

use std::path::Path;

use anyhow::{Result, ensure};
use tollgate_core::tokens::{Encoding, SAMPLED_ABOVE};

use crate::documents::{self, CLASSES, MORE_CLASSES};
use crate::fit::measured;
use crate::vocab::tokenizer;

/// Mean absolute error in per cent, averaged over all classes: fast tier, sampled tier.
const TARGETS: [f64; 2] = [6.0, 2.0];

/// The same over chat, code, JSON and HTML.
const TARGETS_OF_FOUR: [f64; 2] = [4.5, 1.5];
const FOUR: &[&str] = &["chat", "rust", "python", "js", "c", "go", "json", "html"];

/// No single class may be further off than this.
const CLASS_LIMIT: f64 = 12.0;

const COLUMNS: usize = 4;

/// Prints the table of both encodings; an error when a target is missed.
pub fn run(root: &Path) -> Result<()> {
    let all = documents::load(root)?;
    let mut missed = Vec::new();
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        println!(
            "{}: mean absolute error of a held-out document, in per cent\n",
            encoding.name()
        );
        println!(
            "| class | documents | fast | bytes/4 | chars/4 | over 4 KB | fast | sampled |\n|---|---:|---:|---:|---:|---:|---:|---:|"
        );
        let mut table = Vec::new();
        for &class in CLASSES.iter().chain(MORE_CLASSES) {
            let Some(documents) = all.get(class) else {
                continue;
            };
            let mut short = Errors::default();
            let mut long = Errors::default();
            for document in documents.iter().filter(|d| !d.is_training()) {
                let wire = document.on_the_wire();
                let meter = measured(&wire);
                let exact = tokenizer(encoding).count_ordinary(&document.text) as f64;
                let fast = f64::from(meter.estimate(encoding));
                let bytes = document.text.len() as f64 / 4.0;
                let chars = document.text.chars().count() as f64 / 4.0;
                let sampled = f64::from(meter.sampled(encoding, wire.as_bytes()));
                let guesses = [fast, bytes, chars, sampled];
                short.add(exact, guesses);
                if wire.len() as u64 > SAMPLED_ABOVE {
                    long.add(exact, guesses);
                }
            }
            let (all, large) = (short.mean(), long.mean());
            println!(
                "| {class} | {} | {:.2} | {:.1} | {:.1} | {} | {:.2} | {:.2} |",
                short.documents, all[0], all[1], all[2], long.documents, large[0], large[3]
            );
            for (tier, error) in [("fast", all[0]), ("sampled", large[3])] {
                if error > CLASS_LIMIT && CLASSES.contains(&class) {
                    missed.push(format!(
                        "{} {tier}: {class} {error:.2} > {CLASS_LIMIT}",
                        encoding.name()
                    ));
                }
            }
            table.push((class, [all[0], all[1], all[2], large[0], large[3]]));
        }
        for (name, of, targets) in [
            ("all classes", CLASSES, TARGETS),
            ("chat, code, JSON, HTML", FOUR, TARGETS_OF_FOUR),
        ] {
            let rows: Vec<&[f64; 5]> = table
                .iter()
                .filter(|(class, _)| of.contains(class))
                .map(|(_, row)| row)
                .collect();
            let mean =
                |column: usize| rows.iter().map(|row| row[column]).sum::<f64>() / rows.len() as f64;
            println!(
                "| **{name}** | | **{:.2}** | {:.1} | {:.1} | | {:.2} | **{:.2}** |",
                mean(0),
                mean(1),
                mean(2),
                mean(3),
                mean(4)
            );
            for (tier, error, target) in [
                ("fast", mean(0), targets[0]),
                ("sampled", mean(4), targets[1]),
            ] {
                if error > target {
                    missed.push(format!(
                        "{} {tier} over {name}: {error:.2} > {target}",
                        encoding.name()
                    ));
                }
            }
        }
        println!();
    }
    ensure!(
        missed.is_empty(),
        "targets missed:\n  {}",
        missed.join("\n  ")
    );
    Ok(())
}

#[derive(Default)]
struct Errors {
    documents: usize,
    sums: [f64; COLUMNS],
}

impl Errors {
    fn add(&mut self, exact: f64, guesses: [f64; COLUMNS]) {
        self.documents += 1;
        for (sum, guess) in self.sums.iter_mut().zip(guesses) {
            *sum += (guess / exact - 1.0).abs() * 100.0;
        }
    }

    fn mean(&self) -> [f64; COLUMNS] {
        self.sums.map(|sum| sum / self.documents.max(1) as f64)
    }
}
