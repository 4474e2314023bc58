//! Measured costs beside those in the table: what has grown, and what is better now.

use crate::bless_command;
use crate::measure::Measured;
use crate::table::{Modules, Row, Table};

/// How much fuel and memory may grow unasked, in per cent: every change to the code, a
/// dependency's included, moves them a little.
///
/// All other costs may not grow at all. They are counts of what the source says (calls,
/// bytes copied, allocations), the same in every build of it, so one more is a change
/// somebody made; and in a loop that runs once for every chunk it hides below any
/// percentage of a large request.
const MOST_GROWTH: f64 = 2.0;
const BY_SHARE: [&str; 2] = ["fuel", "memory_bytes"];

/// What a comparison found, in sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What must not be: a cost that has grown, a table that does not fit.
    pub failures: Vec<String>,
    /// What is good to know: a cost that has shrunk.
    pub notes: Vec<String>,
}

/// Compares with the table of the compiler in use; `in_ci` makes a missing one a failure.
pub fn compare(measured: &Measured, table: &Table, in_ci: bool) -> Comparison {
    let mut found = Comparison::default();
    let compiler = &measured.compiler;
    let bless = bless_command(compiler);
    let Some(was) = table.compilers.get(compiler) else {
        let known: Vec<_> = table
            .compilers
            .keys()
            .map(|known| format!("`{known}`"))
            .collect();
        let known = match known.is_empty() {
            true => "no compiler".to_owned(),
            false => known.join(" and "),
        };
        let sentence = format!(
            "the modules were built by `{compiler}`, and the table knows {known}; `{bless}` \
             writes down what they cost"
        );
        match in_ci {
            true => found.failures.push(sentence),
            false => found
                .notes
                .push(format!("nothing was compared: {sentence}")),
        }
        return found;
    };
    let mut blessed = Table::default();
    blessed.bless(measured);
    let is = blessed.compilers.remove(compiler).unwrap_or_default();
    rows(was, &is, &mut found);
    if !found.failures.is_empty() {
        found.failures.push(format!(
            "if it has to be so, `{bless}` writes it down: commit host-tests/costs/table.toml and \
             say why"
        ));
    } else if !found.notes.is_empty() {
        found
            .notes
            .push(format!("`{bless}` writes down what is better"));
    }
    found
}

fn rows(was: &Modules, is: &Modules, found: &mut Comparison) {
    for (module, requests) in is {
        for (request, now) in requests {
            match was.get(module).and_then(|requests| requests.get(request)) {
                Some(before) => costs(&format!("{module}, {request}"), before, now, found),
                None => found
                    .failures
                    .push(format!("{module}, {request}: not in the table yet")),
            }
        }
    }
    for (module, requests) in was {
        for request in requests.keys() {
            if is
                .get(module)
                .is_none_or(|requests| !requests.contains_key(request))
            {
                let sentence =
                    format!("{module}, {request}: in the table, but not measured any more");
                found.failures.push(sentence);
            }
        }
    }
}

fn costs(place: &str, before: &Row, now: &Row, found: &mut Comparison) {
    for (cost, &is) in now {
        let Some(&was) = before.get(cost) else {
            found
                .failures
                .push(format!("{place}: {cost} is not in the table yet"));
            continue;
        };
        let growth = (is as f64 - was as f64) / was as f64 * 100.0;
        let matters =
            is != was && (!BY_SHARE.contains(&cost.as_str()) || growth.abs() > MOST_GROWTH);
        if !matters {
            continue;
        }
        let share = match was == 0 || growth.abs() < 0.05 {
            true => String::new(),
            false => format!(" ({growth:+.1} %)"),
        };
        let sentence = |verb| format!("{place}: {cost} {verb} from {was} to {is}{share}");
        match is > was {
            true => found.failures.push(sentence("grew")),
            false => found.notes.push(sentence("shrank")),
        }
    }
    for cost in before.keys().filter(|cost| !now.contains_key(*cost)) {
        found.failures.push(format!(
            "{place}: {cost} is in the table, but not measured any more"
        ));
    }
}
