//! Writes the frozen vocabulary tables, or checks that they are what they would be.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tiktoken_rs::CoreBPE;
use tollgate_core::tokens::Encoding;
use tollgate_core::tokens::exact::{SLOT_FREE, bucket_pair, slot};

use crate::generate::Random;

const SLOTS: usize = 4;

/// Buckets of each table: about 76 % of the slots are taken, so that building never fails.
fn buckets(encoding: Encoding) -> u64 {
    match encoding {
        Encoding::O200k => 1 << 16,
        Encoding::Cl100k => 1 << 15,
    }
}

/// The exact tokenizer of `encoding`.
pub fn tokenizer(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200k => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100k => tiktoken_rs::cl100k_base_singleton(),
    }
}

/// Writes both tables beside the code, or with `check` compares them.
pub fn run(check: bool) -> Result<()> {
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        let table = table(encoding)?;
        let path = path(encoding);
        if !check {
            std::fs::write(&path, &table).with_context(|| format!("writing {}", path.display()))?;
        } else if std::fs::read(&path)? != table {
            bail!(
                "{} is not what tiktoken-rs gives: run `cargo run -p tollgate-token-fit -- vocab`",
                path.display()
            );
        }
        println!("{} {} bytes", path.display(), table.len());
    }
    Ok(())
}

fn path(encoding: Encoding) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../filters/core/src/tokens/exact");
    folder.join(format!("{}.bin", encoding.name()))
}

/// The table of `encoding` as bytes.
fn table(encoding: Encoding) -> Result<Vec<u8>> {
    let tokenizer = tokenizer(encoding);
    // The ordinary tokens have the ranks from 0 up; after the last come the special ones.
    let tokens: Vec<Vec<u8>> = (0..)
        .map_while(|rank| tokenizer.decode_bytes(&[rank]).ok())
        .collect();
    ensure!(
        tokens.len() > 100_000,
        "{} tokens in {}",
        tokens.len(),
        encoding.name()
    );
    let buckets = buckets(encoding);
    let mut table: Vec<Option<usize>> = vec![None; buckets as usize * SLOTS];
    let mut random = Random(0);
    for rank in 0..tokens.len() {
        let mut homeless = rank;
        for step in 0.. {
            ensure!(step < 1000, "the table of {} is too full", encoding.name());
            let (first, second) = bucket_pair(&tokens[homeless], buckets);
            let slots = |bucket: u64| bucket as usize * SLOTS..(bucket as usize + 1) * SLOTS;
            if let Some(free) = slots(first)
                .chain(slots(second))
                .find(|&s| table[s].is_none())
            {
                table[free] = Some(homeless);
                break;
            }
            let bucket = if random.below(2) == 0 { first } else { second };
            let evicted = slots(bucket).start + random.below(SLOTS);
            homeless = table[evicted].replace(homeless).unwrap_or(homeless);
        }
    }
    let word =
        |entry: &Option<usize>| entry.map_or(SLOT_FREE, |rank| slot(&tokens[rank], rank as u32));
    Ok(table.iter().map(word).flat_map(u32::to_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_tables_are_what_the_tokenizer_gives() {
        super::run(true).unwrap();
    }
}
