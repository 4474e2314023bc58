//! The command line and its two verbs.

mod page;
mod run;
mod test;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The command did its work, and something is wrong with the filter or a scenario.
pub const FAILED: u8 = 1;
/// The command could not do its work: a file or an option that it cannot use.
pub const UNUSABLE: u8 = 2;

/// Of what `--json` prints. Grows when a name goes or means something else; new names leave it
/// as it is.
const VERSION: u32 = 1;

/// Runs Proxy-Wasm filters without an Envoy, and shows everything they do.
///
/// `tollgate-host run` sends one request through a filter and shows what becomes of it.
/// `tollgate-host test` plays scenario files and says where they differ.
///
/// The filter runs as in Envoy 1.40: the same callbacks in the same order with the same
/// odds, on virtual time, so that equal input gives equal output.
#[derive(Parser)]
#[command(name = "tollgate-host", version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Run(Box<run::RunArgs>),
    Test(test::TestArgs),
}

impl Args {
    /// Does what was asked for.
    pub fn run(self) -> ExitCode {
        let done = match self.verb {
            Verb::Run(args) => run::run(&args),
            Verb::Test(args) => test::test(&args),
        };
        match done {
            Ok(code) => code,
            Err(Stop { code, problem }) => {
                anstream::eprintln!("{ERROR}error:{ERROR:#} {problem}");
                ExitCode::from(code)
            }
        }
    }
}

/// Writes to standard output, with colour where that shows it. Who closes it early, such as
/// `head`, has seen enough.
fn print(text: &str) -> Result<(), Stop> {
    let mut stdout = anstream::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Stop::unusable(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

const ERROR: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

/// Why the command stops, in a sentence, and its exit code.
pub struct Stop {
    code: u8,
    problem: String,
}

impl Stop {
    /// A file or an option that cannot be used.
    pub fn unusable(problem: impl ToString) -> Self {
        Self {
            code: UNUSABLE,
            problem: problem.to_string(),
        }
    }

    /// Something wrong with the filter.
    pub fn failed(problem: impl ToString) -> Self {
        Self {
            code: FAILED,
            problem: problem.to_string(),
        }
    }
}
