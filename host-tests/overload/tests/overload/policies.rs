//! Under three and ten times the load, in virtual time: reserving the expected output keeps
//! every minute within 110 % of the limit and uses at least 98 % of it. With the same burst the
//! other ways to charge fail at one of them; what a longer burst does for reserving
//! `max_tokens`, and what that costs, the command's table shows.

use std::time::Duration;

use tollgate_host::Module;
use tollgate_overload::case::{Case, overload, requests};
use tollgate_overload::compare::{Runs, compare};
use tollgate_overload::policy::{AFTER, EXPECTED, MAXIMUM, PROMPT, Policy};
use tollgate_overload::report::{LEAST_USE, MOST_IN_A_WINDOW, Row, table};
use tollgate_overload::traffic::Demand;
use tollgate_tests::places;

/// Plays every case with each of its policies, four workers each.
fn rows(cases: &[Case], duration: Duration) -> Vec<Row> {
    let runs = Runs {
        seed: 1,
        duration,
        workers: 4,
    };
    let module = Module::load(places::filter("rate-limiter").unwrap()).unwrap();
    let rows = compare(&module, cases, runs, |_, _| {}).unwrap();
    // Shown with what fails.
    println!("{}", table(&rows).render(false));
    rows
}

fn of<'a>(rows: &'a [Row], case: &Case, policy: Policy) -> &'a Row {
    let mut rows = rows.iter();
    let row = rows.find(|row| row.case == case.name && row.policy == policy);
    row.expect("every policy was played in every case")
}

#[test]
fn the_expected_output_holds_the_limit_and_uses_it_and_the_others_do_not() {
    let cases = [
        Case {
            policies: vec![EXPECTED, PROMPT, MAXIMUM, AFTER],
            ..overload("3 ×", 3.0)
        },
        Case {
            policies: vec![EXPECTED, PROMPT, MAXIMUM, AFTER],
            ..overload("10 ×", 10.0)
        },
    ];
    // Shorter than the command's, and long enough to tell the policies apart.
    let rows = rows(&cases, Duration::from_secs(180));
    for case in &cases {
        let [expected, prompt, maximum, after] =
            [EXPECTED, PROMPT, MAXIMUM, AFTER].map(|policy| &of(&rows, case, policy).outcome);
        assert!(expected.worst_window() <= MOST_IN_A_WINDOW, "{}", case.name);
        assert!(expected.least_use() >= LEAST_USE, "{}", case.name);
        assert!(expected.refused() > 0, "{}", case.name);
        assert!(maximum.least_use() < LEAST_USE, "{}", case.name);
        assert!(prompt.worst_window() > MOST_IN_A_WINDOW, "{}", case.name);
        assert!(
            after.worst_window() > prompt.worst_window(),
            "{}",
            case.name
        );
    }
}

/// What only shows at the end of an answer cannot be charged while it comes.
#[test]
fn answers_that_come_whole_hold_the_limit_too() {
    let mut case = overload("10 ×", 10.0);
    case.tenants = case.tenants.into_iter().map(Demand::whole).collect();
    case.policies = vec![EXPECTED];
    let rows = rows(&[case.clone()], Duration::from_secs(180));
    let outcome = &of(&rows, &case, EXPECTED).outcome;
    assert!(outcome.worst_window() <= MOST_IN_A_WINDOW);
    assert!(outcome.least_use() >= LEAST_USE);
}

#[test]
fn requests_a_minute_are_held_and_used() {
    let cases = [requests("3 ×", 3.0), requests("10 ×", 10.0)];
    let rows = rows(&cases, Duration::from_secs(120));
    for case in &cases {
        let outcome = &of(&rows, case, EXPECTED).outcome;
        assert!(outcome.worst_window() <= MOST_IN_A_WINDOW, "{}", case.name);
        assert!(outcome.least_use() >= LEAST_USE, "{}", case.name);
    }
}
