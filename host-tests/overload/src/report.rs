//! The table of what every policy made of every case.

use tollgate_tests::table::{Align, Table, Tone};

use crate::outcome::Outcome;
use crate::policy::Policy;

/// The most that a window may hold, as a part of the limit.
pub const MOST_IN_A_WINDOW: f64 = 1.10;
/// The least that is to be used of a limit under overload.
pub const LEAST_USE: f64 = 0.98;

/// What one policy made of one case.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub case: String,
    /// The policy.
    pub policy: Policy,
    /// What came of it.
    pub outcome: Outcome,
}

/// The table, in the order of the rows; a case is named in its first.
pub fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("load", Align::Left),
        ("reserved at admission", Align::Left),
        ("burst", Align::Right),
        ("worst 60 s", Align::Right),
        ("mean use", Align::Right),
        ("admitted", Align::Right),
        ("refused", Align::Right),
        ("host calls a decision", Align::Right),
        ("conflicts", Align::Right),
    ]);
    let mut before = None;
    for Row {
        case,
        policy,
        outcome,
    } in rows
    {
        let name = if before == Some(case) { "" } else { case };
        before = Some(case);
        let (worst, used) = (outcome.worst_window(), outcome.use_of_limit());
        let (calls, conflicts) = (outcome.calls_a_decision(), outcome.counter("conflicts"));
        table.row([
            (name.to_owned(), Tone::Plain),
            (policy.name.to_owned(), Tone::Plain),
            (format!("{} s", policy.burst_seconds), Tone::Faint),
            (percent(worst), tone(worst <= MOST_IN_A_WINDOW)),
            (percent(used), tone(used >= LEAST_USE)),
            (percent(outcome.admitted_share()), Tone::Plain),
            (outcome.refused().to_string(), Tone::Plain),
            (
                calls.map_or("-".to_owned(), |calls| format!("{calls:.1}")),
                Tone::Faint,
            ),
            (
                conflicts.map_or("-".to_owned(), |conflicts| conflicts.to_string()),
                Tone::Faint,
            ),
        ]);
    }
    table
}

/// What the columns mean.
pub const LEGEND: &str = "\
worst 60 s: most of the limit that was really consumed in any minute (of any tenant): prompts
when they are passed on, answers while they are written. mean use: of the limit, after the first
minute (of the tenant that used least). Green: at most 110 %, at least 98 %.";

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn tone(good: bool) -> Tone {
    match good {
        true => Tone::Good,
        false => Tone::Warning,
    }
}
