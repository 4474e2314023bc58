//! Prints what each transform of the prompt-minimizer saves.

use std::io::{IsTerminal, Write};

use anyhow::{Result, anyhow, ensure};
use clap::Parser;
use tollgate_savings::corpora::Corpus;
use tollgate_savings::measure::{measure, size};
use tollgate_savings::report::{self, Section};
use tollgate_savings::settings::{self, Setting};

/// Prints what each transform of the prompt-minimizer saves on each kind of conversation, alone,
/// as it is by default, and with everything on.
///
/// Each row is a configuration as an operator would write it (`--json` shows it) and the stage as
/// it runs in Envoy, natively. A transform looks at the texts of the roles it has by default.
#[derive(Parser)]
#[command(bin_name = "cargo xtask savings --", after_help = AFTER)]
struct Args {
    /// Only these kinds of conversations; repeatable.
    #[arg(long, value_name = "NAME")]
    corpus: Vec<String>,
    /// Only these rows; repeatable.
    #[arg(long, value_name = "NAME")]
    row: Vec<String>,
    /// Conversations of each kind.
    #[arg(long, default_value_t = 12)]
    requests: usize,
    /// How often each is minimized; the fastest counts.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the table of per cents alone, in Markdown.
    #[arg(long, conflicts_with = "json")]
    overview: bool,
    /// Print the body of one request, the first of the first kind, and nothing else.
    #[arg(long)]
    show: bool,
}

const AFTER: &str = "\
A row `structure` says: with nothing on but `structure`, so many tokens of the requests are not
sent. `defaults` is what an operator gets who configures nothing, `everything` has every transform
on; `but logs, cap` is the same without the two that lose what nothing brings back.

Examples:
  cargo xtask savings
  cargo xtask savings -- --corpus agent-json --corpus html
  cargo xtask savings -- --corpus logs --show | jq .
  cargo xtask savings -- --json --row structure --seed 7";

fn main() -> Result<()> {
    let args = Args::parse();
    let corpora = chosen(&args.corpus, &Corpus::ALL, |corpus| corpus.name)?;
    let settings = chosen(&args.row, &settings::all(), |setting| &setting.name)?;
    ensure!(args.requests > 0, "--requests must be 1 or more");
    let mut output = std::io::stdout().lock();
    if args.show {
        let first = corpora.first().map(|corpus| corpus.bodies(args.seed, 1));
        output.write_all(&first.unwrap_or_default().concat())?;
        return Ok(());
    }
    let mut sections = Vec::new();
    for corpus in corpora {
        let section = section(corpus, &settings, &args)?;
        if !args.json && !args.overview {
            writeln!(output, "{}", report::table(&section))?;
        }
        sections.push(section);
    }
    if args.json {
        writeln!(output, "{:#}", report::json(&sections, args.seed))?;
    } else {
        writeln!(output, "{}", report::overview(&sections))?;
        writeln!(output, "Seed {}. {}", args.seed, report::CAVEATS)?;
    }
    Ok(())
}

/// Those of `all` that are named, or all.
fn chosen<T: Clone>(names: &[String], all: &[T], name: impl Fn(&T) -> &str) -> Result<Vec<T>> {
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let find = |wanted: &String| {
        let found = all.iter().find(|one| name(one) == wanted);
        found.cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(&name).collect();
            anyhow!(
                "nothing is called {wanted:?}; there are {}",
                known.join("; ")
            )
        })
    };
    names.iter().map(find).collect()
}

fn section(corpus: Corpus, settings: &[Setting], args: &Args) -> Result<Section> {
    let is_watched = std::io::stderr().is_terminal();
    let progress = |what: &str| {
        if is_watched {
            eprint!("\r\x1b[K{what}");
        }
    };
    let bodies = corpus.bodies(args.seed, args.requests);
    let size = size(&bodies)?;
    let mut rows = Vec::new();
    for setting in settings {
        progress(&format!("{}, {}", corpus.name, setting.name));
        let outcome = measure(&bodies, size, &setting.config()?, args.rounds)?;
        rows.push((setting.clone(), outcome));
    }
    progress("");
    Ok(Section {
        corpus,
        requests: bodies.len(),
        size,
        rows,
    })
}
