//! Compares the exact counter of the sampled tier with tiktoken.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tollgate_core::tokens::{Encoding, exact};

use crate::documents;
use crate::vocab::tokenizer;

/// Mean relative difference of a document, in per cent, that the tags' false hits explain.
const LIMIT: f64 = 0.05;

/// Prints how many documents agree; an error when the mean difference is above the limit.
pub fn run(root: &Path) -> Result<()> {
    let all = documents::load(root)?;
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        let (mut documents, mut same, mut difference, mut bytes) = (0_u32, 0_u32, 0.0, 0);
        let mut time = Duration::ZERO;
        for document in all.values().flatten() {
            let start = Instant::now();
            let ours = exact::count(encoding, &document.text);
            time += start.elapsed();
            let theirs = tokenizer(encoding).count_ordinary(&document.text) as u32;
            documents += 1;
            bytes += document.text.len();
            same += u32::from(ours == theirs);
            difference += (f64::from(ours) / f64::from(theirs) - 1.0).abs() * 100.0;
        }
        let mean = difference / f64::from(documents);
        println!(
            "{}: {same} of {documents} documents equal, mean difference {mean:.4} %, {:.0} MB/s",
            encoding.name(),
            bytes as f64 / time.as_secs_f64() / 1e6
        );
        ensure!(
            mean < LIMIT,
            "the exact counter differs by {mean:.4} % on average, more than {LIMIT} %"
        );
    }
    Ok(())
}
