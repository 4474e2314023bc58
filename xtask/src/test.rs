//! Everything that must pass, one step after the other, with a summary at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use crate::exec::{Finished, Tool};
use crate::setup::{self, Tools};
use crate::{build, lint, tidy};

/// One step of `cargo xtask test`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Every file is formatted.
    Fmt,
    /// The repository's own rules: arrows between crates, file sizes, claimed configurations.
    Tidy,
    /// Clippy has nothing to say, neither for the host nor, of the filters, for wasm32.
    Lint,
    /// The documentation builds without a broken link.
    Docs,
    /// All modules compile, weigh no more than they may and import what Envoy offers.
    Build,
    /// All tests, on the harness and in a real Envoy.
    Tests,
    /// The demo builds by itself, without the rest of the workspace, and runs to its end.
    Demo,
}

impl Step {
    /// In this order: what fails fastest comes first.
    const ALL: [Self; 7] = [
        Self::Fmt,
        Self::Tidy,
        Self::Lint,
        Self::Docs,
        Self::Build,
        Self::Tests,
        Self::Demo,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Tidy => "tidy",
            Self::Lint => "lint",
            Self::Docs => "docs",
            Self::Build => "build",
            Self::Tests => "tests",
            Self::Demo => "demo",
        }
    }
}

/// How a step ended.
enum Outcome {
    Passed,
    /// With everything it said.
    Failed(String),
    /// Something it needs could not be had.
    NotRun(String),
}

/// Runs the chosen steps, all of them if none is chosen.
pub fn run(only: &[Step]) -> Result<ExitCode> {
    let started = Instant::now();
    let mut steps = Vec::from(Step::ALL);
    if !only.is_empty() {
        // Tests and demo load the modules: they bring the build along.
        let needs_build = only.contains(&Step::Tests) || only.contains(&Step::Demo);
        let with_build = |step: &Step| *step == Step::Build && needs_build;
        steps.retain(|step| only.contains(step) || with_build(step));
    }
    let tools = match steps.contains(&Step::Build) {
        true => Some(setup::all()),
        false => None,
    };
    println!("test");
    let mut failed = Vec::new();
    let mut not_run = Vec::new();
    for step in steps {
        println!("  {:<18} running", step.name());
        let began = Instant::now();
        let outcome = match step {
            Step::Tests | Step::Demo if failed.contains(&Step::Build.name()) => {
                Outcome::NotRun("the modules were not built".to_owned())
            }
            _ => outcome_of(step, tools.as_ref()),
        };
        let took = seconds(began.elapsed());
        match outcome {
            Outcome::Passed => println!("  {:<18} passed   {took}", step.name()),
            Outcome::Failed(said) => {
                println!(
                    "  {:<18} FAILED   {took}\n{}\n",
                    step.name(),
                    said.trim_end()
                );
                failed.push(step.name());
            }
            Outcome::NotRun(why) => {
                println!("  {:<18} not run  {why}", step.name());
                not_run.push(format!("{}: {why}", step.name()));
            }
        }
    }
    for missing in tools.iter().flatten().flat_map(|tools| &tools.missing) {
        not_run.push(format!("tests named {}: {}", missing.tests, missing.why));
    }

    println!("summary            {}", seconds(started.elapsed()));
    for what in &not_run {
        println!("  not run: {what}");
    }
    let everything_ran = not_run.is_empty() || std::env::var("CI").as_deref() != Ok("true");
    if !everything_ran {
        println!("  CI=true: what was not run counts as failed");
    }
    if failed.is_empty() && everything_ran {
        println!("  passed");
        return Ok(ExitCode::SUCCESS);
    }
    if !failed.is_empty() {
        println!(
            "  FAILED: {}; run one alone with `cargo xtask test --only NAME`",
            failed.join(", ")
        );
    }
    Ok(ExitCode::FAILURE)
}

fn outcome_of(step: Step, tools: Option<&Result<Tools>>) -> Outcome {
    let finished = match step {
        Step::Fmt => match setup::component("rustfmt", "rustfmt") {
            Ok(()) => Tool::cargo(["fmt", "--all", "--check"]).finish(),
            Err(why) => return Outcome::NotRun(why),
        },
        Step::Tidy => tidy::breaches().map(|breaches| Finished {
            ok: breaches.is_empty(),
            output: breaches.join("\n"),
        }),
        Step::Lint => match setup::component("clippy", "cargo-clippy") {
            Ok(()) => finish_all(lint::runs()),
            Err(why) => return Outcome::NotRun(why),
        },
        Step::Docs => Tool::cargo(["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .finish(),
        Step::Build | Step::Tests | Step::Demo => match tools {
            Some(Ok(tools)) if step == Step::Build => {
                build::filters(&tools.wasm).map(|()| Finished {
                    ok: true,
                    output: String::new(),
                })
            }
            Some(Ok(tools)) if step == Step::Demo => crate::binary(tools, "demo").finish(),
            Some(Ok(tools)) => tests(tools).finish().inspect(|tests| {
                count(&tests.output);
                notes(&tests.output);
            }),
            Some(Err(error)) => return Outcome::Failed(format!("setup: {error:#}")),
            None => return Outcome::Failed("setup did not run".to_owned()),
        },
    };
    match finished {
        Ok(Finished { ok: true, .. }) => Outcome::Passed,
        Ok(Finished { output, .. }) => Outcome::Failed(output),
        Err(error) => Outcome::Failed(format!("{error:#}")),
    }
}

/// Runs one after the other, up to the first that fails.
fn finish_all(runs: Vec<Tool>) -> Result<Finished> {
    let mut last = Finished {
        ok: true,
        output: String::new(),
    };
    for run in runs {
        if last.ok {
            last = run.finish()?;
        }
    }
    Ok(last)
}

fn tests(tools: &Tools) -> Tool {
    let mut cargo = tools
        .pass_to(Tool::cargo(["test", "--workspace", "--no-fail-fast"]))
        .arg("--");
    for missing in &tools.missing {
        cargo = cargo.args(["--skip", missing.tests]);
    }
    cargo
}

/// Says how many tests ran, by the closing lines of cargo's test binaries.
fn count(output: &str) {
    let of = |what: &str| -> u64 {
        let counts = output
            .lines()
            .filter(|line| line.starts_with("test result:"));
        let counts = counts.filter_map(|line| {
            let before = line.split_once(what)?.0;
            before.rsplit(' ').next()?.parse::<u64>().ok()
        });
        counts.sum()
    };
    println!("{} passed, {} failed", of(" passed;"), of(" failed;"));
}

/// Repeats what the comparison of costs notes though it passed.
fn notes(output: &str) {
    for note in output.lines().filter(|line| line.starts_with("costs: ")) {
        println!("{note}");
    }
}

fn seconds(time: Duration) -> String {
    format!("{:>6.1} s", time.as_secs_f64())
}
