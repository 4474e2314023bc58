//! Replays conversations through the response-cache stage and prints what came of it.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use tollgate_conversations::replay::{Pace, replay};
use tollgate_conversations::{made_up, report, set};

/// Replays conversations turn by turn through the response-cache stage, as it runs in Envoy, and
/// prints how many requests it answers and how much of the others an upstream had read before.
#[derive(Parser)]
#[command(bin_name = "cargo xtask conversations --", after_help = AFTER)]
struct Args {
    /// A file of conversations: a JSON object a line, with `messages` as a chat request has them,
    /// the assistant's included.
    #[arg(required_unless_present = "made_up", conflicts_with = "made_up")]
    file: Option<PathBuf>,
    /// Conversations that are made up instead: they are nobody's traffic, and say nothing of yours.
    #[arg(long)]
    made_up: bool,
    /// Decides what is made up.
    #[arg(long, default_value_t = 1, requires = "made_up")]
    seed: u64,
    /// How many conversations: so many are made up, or the first of the file.
    #[arg(long)]
    conversations: Option<usize>,
    /// How many go on at a time.
    #[arg(long, default_value_t = 100)]
    at_once: usize,
    /// From one request to the next. A turn follows the one before after so often as many
    /// conversations go on.
    #[arg(long, default_value_t = 300, value_name = "MILLISECONDS")]
    every: u64,
    /// How long answers are kept.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    ttl: u32,
    /// How long a provider has at hand what it has read.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    prefix_ttl: u32,
    /// How many bytes of answers are kept.
    #[arg(long, default_value_t = 67_108_864, value_name = "BYTES")]
    max_cached_bytes: u32,
}

const AFTER: &str = "\
A row `3` is about third requests of conversations. `hits` were answered from the cache; of what was
sent, `seen` is the share that an upstream had answered to before within --prefix-ttl, by this
Envoy's own notes: in bytes of the messages, and in estimated tokens as the bytes are. Time is
virtual.

Examples:
  cargo xtask conversations -- --made-up
  cargo xtask conversations -- conversations.jsonl --conversations 1000 --every 50";

/// Made up where nothing else is said.
const MADE_UP: usize = 2_000;

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.at_once > 0, "--at-once must be 1 or more");
    let (conversations, origin) = match &args.file {
        Some(file) => {
            let mut all = set::read(file)?;
            all.truncate(args.conversations.unwrap_or(usize::MAX));
            (all, file.display().to_string())
        }
        None => {
            let count = args.conversations.unwrap_or(MADE_UP);
            let origin = format!(
                "MADE UP with seed {}: nobody's traffic, and its shares are those it was made with",
                args.seed
            );
            (made_up::conversations(args.seed, count), origin)
        }
    };
    let pace = Pace {
        at_once: args.at_once,
        milliseconds: args.every,
        ttl_seconds: args.ttl,
        prefix_ttl_seconds: args.prefix_ttl,
        max_cached_bytes: args.max_cached_bytes,
    };
    let turns = replay(&conversations, &pace)?;
    println!("{} conversations, {origin}", conversations.len());
    print!("{}", report::table(&turns));
    Ok(())
}
