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

/// The table, in the order of the rows, a line for each tenant; a case is named in its first.
pub fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("load", Align::Left),
        ("reserved at admission", Align::Left),
        ("burst", Align::Right),
        ("worst 60 s", Align::Right),
        ("mean use", Align::Right),
        ("admitted", Align::Right),
        ("refused", Align::Right),
        ("host calls", Align::Right),
    ]);
    let mut before = None;
    for row in rows {
        let Row {
            case,
            policy,
            outcome,
        } = row;
        let calls = outcome.calls_a_decision();
        for tenant in &outcome.tenants {
            let name = if before == Some(case) { "" } else { case };
            before = Some(case);
            let policy_name = match tenant.name {
                "" => policy.name.to_owned(),
                name => format!("{}, {name}", policy.name),
            };
            let (worst, used) = (outcome.worst_window_of(tenant), outcome.use_by(tenant));
            table.row([
                (name.to_owned(), Tone::Plain),
                (policy_name, Tone::Plain),
                (format!("{} s", policy.burst_seconds), Tone::Faint),
                (percent(worst), tone(worst <= MOST_IN_A_WINDOW)),
                (percent(used), tone(used >= LEAST_USE)),
                (percent(tenant.admitted_share()), Tone::Plain),
                (tenant.refused.to_string(), Tone::Plain),
                (
                    calls.map_or("-".to_owned(), |calls| format!("{calls:.1}")),
                    Tone::Faint,
                ),
            ]);
        }
    }
    table
}

/// What the columns mean.
pub const LEGEND: &str = "\
worst 60 s: the most of a limit that was really consumed in any minute: prompts when they are
passed on, answers while they are written. mean use: of the limit, after the first minute. host
calls: of a request until it is passed on or refused. Answers are streamed unless a case says
otherwise; prompts are made of words of one token, so that the estimate is right. Green: at most 110 %, at least 98 %.";

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn tone(good: bool) -> Tone {
    match good {
        true => Tone::Good,
        false => Tone::Warning,
    }
}
