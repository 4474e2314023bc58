//! `tollgate-host test`: scenario files played, a line each.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};
use tollgate_host::envoy;
use tollgate_host::scenario::vary::Choice;
use tollgate_host::scenario::{BlessError, Checked, Checker, Verdict, files, findings, report};

use super::{FAILED, Stop, UNUSABLE, VERSION, print};

/// Play scenario files, and say where a filter does something else than they say.
///
/// Prints a line for each scenario; for each that fails its file, line and key, and the
/// expected and the actual value apart.
///
/// Exit code: 0 when all pass, 1 when one fails, 2 when a file cannot be read.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct TestArgs {
    /// Scenario files, and folders in which every .toml is one.
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Play only scenarios whose path contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Play each scenario that passes again in every variation: bodies whole, byte by byte
    /// and cut at random, both protocols, trailers added, two streams at once, a reset by either
    /// peer after each event (after at most 32 of them, and 12 where bodies go byte by byte,
    /// evenly spread). Nothing may trap or hang, and the books must balance. A scenario that
    /// says `traps` has no variations.
    #[arg(long)]
    vary: bool,
    /// With --vary: only bodies cut at random from this number, as a failure names it.
    #[arg(
        long,
        value_name = "N",
        requires = "vary",
        conflicts_with = "variation"
    )]
    seed: Option<u64>,
    /// With --vary: only the variation of this name, as a failure names it; without such a
    /// one those whose names contain it.
    #[arg(long, value_name = "NAME", requires = "vary")]
    variation: Option<String>,
    /// Play each scenario that passes again on this Envoy, the path of its executable, which
    /// must show what the harness shows after every event. Those that say `not_on_envoy` are
    /// played here only, and said to be skipped.
    #[arg(long, value_name = "PATH", conflicts_with = "vary")]
    envoy: Option<PathBuf>,
    /// First write what comes out into the files, where it is not what they expect, and print
    /// each change. Comments and layout stay. A scenario in which the filter traps or does not
    /// start is left alone. Look at the changes before you keep them.
    #[arg(long, conflicts_with_all = ["vary", "envoy", "json"])]
    bless: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl TestArgs {
    fn choice(&self) -> Choice {
        match (self.seed, &self.variation) {
            (Some(seed), _) => Choice::Seed(seed),
            (None, Some(name)) => Choice::Named(name.clone()),
            (None, None) => Choice::All,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  Play every scenario in and below a folder:

    $ tollgate-host test scenarios
    ok      scenarios/agent-header.toml
    FAILED  scenarios/no-agent.toml
    scenarios/no-agent.toml:13: expect.upstream.headers
        - expected  x-agent: curl
        + actual    (no x-agent)
    1 passed, 1 failed

  The ones about one thing, for a program to read:

    $ tollgate-host test scenarios --filter agent --json | jq '.scenarios[].verdict'";

const OK: Style = AnsiColor::Green.on_default();
const SKIPPED: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

pub fn test(args: &TestArgs) -> Result<ExitCode, Stop> {
    let started = Instant::now();
    let mut found = Vec::new();
    for path in &args.paths {
        found.extend(files(path).map_err(Stop::unusable)?);
    }
    if let Some(part) = &args.filter {
        found.retain(|file| file.to_string_lossy().contains(part.as_str()));
        if found.is_empty() {
            let problem = format!("no scenario's path contains `{part}`");
            return Err(Stop::unusable(problem));
        }
    }
    if let Some(envoy) = &args.envoy {
        envoy::is_comparable(envoy)
            .map_err(|problem| Stop::unusable(format!("--envoy: {problem}")))?;
    }
    let mut checker = Checker::default();
    let mut all = Vec::new();
    let mut progress = Progress::new(found.len());
    for file in &found {
        progress.show(&file.display().to_string());
        if args.bless {
            progress.clear();
            bless(&mut checker, file);
        }
        let checked = match &args.envoy {
            Some(envoy) => checker.check_on_envoy(file, envoy),
            None if args.vary => checker.check_varied(file, &args.choice()),
            None => checker.check(file),
        };
        progress.clear();
        if !args.json {
            for one in &checked {
                print(&line(one))?;
            }
        }
        all.extend(checked);
    }
    let count = |is: fn(&Verdict) -> bool| all.iter().filter(|one| is(&one.verdict)).count();
    let tally = Tally {
        passed: count(|verdict| matches!(verdict, Verdict::Passed)),
        failed: count(|verdict| matches!(verdict, Verdict::Failed(_))),
        skipped: count(|verdict| matches!(verdict, Verdict::Skipped(_))),
        unreadable: count(|verdict| matches!(verdict, Verdict::Unreadable(_))),
    };
    if args.json {
        let scenarios: Vec<Value> = all.iter().map(as_json).collect();
        let all = json!({"version": VERSION, "scenarios": scenarios, "passed": tally.passed,
            "failed": tally.failed, "skipped": tally.skipped, "unreadable": tally.unreadable});
        print(&format!("{all:#}\n"))?;
    } else {
        let took = started.elapsed().as_secs_f64();
        print(&format!("{}, {took:.1} s\n", tally.sentence()))?;
    }
    Ok(tally.exit_code())
}

/// Blesses a file; whatever is then not as it says is told with the others.
fn bless(checker: &mut Checker, file: &Path) {
    match checker.bless(file) {
        Ok(blessed) => {
            for change in blessed.changes {
                anstream::println!(
                    "{OK}blessed{OK:#} {}:{}: {change}",
                    file.display(),
                    change.line
                );
            }
        }
        // Said again, with its place, by what follows.
        Err(BlessError::File(_) | BlessError::Start(_)) => {}
        Err(error) => anstream::println!("{BAD}left{BAD:#}    {}: {error}", file.display()),
    }
}

fn line(checked: &Checked) -> String {
    let (style, word) = match checked.verdict {
        Verdict::Passed => (OK, "ok     "),
        Verdict::Failed(_) => (BAD, "FAILED "),
        Verdict::Skipped(_) => (SKIPPED, "skipped"),
        Verdict::Unreadable(_) => (BAD, "ERROR  "),
    };
    let why = match &checked.verdict {
        Verdict::Skipped(reason) => format!(", not on Envoy: {reason}"),
        _ => String::new(),
    };
    let module = checked.module.as_deref();
    let module = module.map_or_else(String::new, |module| format!(" ({module})"));
    let file = checked.file.display();
    format!(
        "{style}{word}{style:#} {file}{module}{why}\n{}",
        report(checked)
    )
}

fn as_json(checked: &Checked) -> Value {
    // Lines are a help: a file that is gone since it was played has none.
    let text = fs::read_to_string(&checked.file).unwrap_or_default();
    let mut reason = None;
    let (verdict, failures) = match &checked.verdict {
        Verdict::Passed => ("passed", Vec::new()),
        Verdict::Skipped(why) => {
            reason = Some(why);
            ("skipped", Vec::new())
        }
        Verdict::Unreadable(error) => {
            let failure = json!({"line": error.line, "key": error.key, "problem": error.problem});
            ("unreadable", vec![failure])
        }
        Verdict::Failed(failures) => {
            let each = failures.iter().flat_map(|failure| {
                let problem = failure.problem.iter();
                let problem = problem.map(|text| json!({"line": failure.line, "problem": text}));
                let findings = findings(&text, failure).into_iter();
                let differences = findings.map(|finding| {
                    json!({"line": finding.line, "key": finding.key,
                        "expected": finding.found.expected, "actual": finding.found.actual})
                });
                problem.chain(differences)
            });
            ("failed", each.collect())
        }
    };
    json!({"file": checked.file, "module": checked.module,
        "about": checked.about, "verdict": verdict, "reason": reason, "failures": failures})
}

struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    unreadable: usize,
}

impl Tally {
    fn sentence(&self) -> String {
        let mut parts = vec![format!("{OK}{} passed{OK:#}", self.passed)];
        if self.failed > 0 {
            parts.push(format!("{BAD}{} failed{BAD:#}", self.failed));
        }
        if self.skipped > 0 {
            parts.push(format!("{SKIPPED}{} skipped{SKIPPED:#}", self.skipped));
        }
        if self.unreadable > 0 {
            parts.push(format!("{BAD}{} unreadable{BAD:#}", self.unreadable));
        }
        parts.join(", ")
    }

    fn exit_code(&self) -> ExitCode {
        match (self.unreadable, self.failed) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(FAILED),
            _ => ExitCode::from(UNUSABLE),
        }
    }
}

/// A line that says what is being played, on a terminal only; gone before anything else is
/// printed.
struct Progress {
    at: usize,
    of: usize,
    shown: bool,
}

impl Progress {
    fn new(of: usize) -> Self {
        let shown = std::io::stderr().is_terminal();
        Self { at: 0, of, shown }
    }

    fn show(&mut self, what: &str) {
        self.at += 1;
        self.print(&format!("\r[{}/{}] {what}", self.at, self.of));
    }

    fn clear(&self) {
        self.print("\r\x1b[K");
    }

    fn print(&self, text: &str) {
        if self.shown {
            let mut stderr = std::io::stderr();
            // Whether progress can be shown decides nothing.
            let _ = stderr
                .write_all(text.as_bytes())
                .and_then(|()| stderr.flush());
        }
    }
}
