//! What requests cost is in the table, and what the comparison with it says.

use std::io::Write as _;

use tollgate_costs::{
    Comparison, Measured, Module, REQUESTS, Table, compare, in_ci, measure, table_file,
};
use tollgate_host::{Allocations, Costs};

#[test]
fn requests_cost_what_the_table_says() {
    let table = Table::load(&table_file()).unwrap();
    let Comparison { failures, notes } = compare(&measure().unwrap(), &table, in_ci());
    for note in notes {
        // Past the test runner, which shows only what a failed test printed.
        writeln!(std::io::stderr(), "\ncosts: {note}").unwrap();
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn costs_are_the_same_each_time() {
    assert_eq!(measure().unwrap(), measure().unwrap());
}

const COMPILER: &str = "rustup, rustc 1.95.0";

fn measured(costs: Costs) -> Measured {
    let requests = vec![(REQUESTS[0].name, costs), (REQUESTS[1].name, costs)];
    Measured {
        compiler: COMPILER.to_owned(),
        modules: vec![Module {
            name: "gateway".to_owned(),
            requests,
        }],
    }
}

const COSTS: Costs = Costs {
    fuel: 1000,
    callbacks: 10,
    host_calls: 3000,
    bytes_to_guest: 0,
    bytes_from_guest: 7,
    handovers: 2,
    handover_bytes: 90,
    allocations: Some(Allocations {
        calls: 4,
        bytes: 100,
        frees: 5,
    }),
    memory_bytes: 65_536 * 60,
};

fn table() -> Table {
    let mut table = Table::default();
    table.bless(&measured(COSTS));
    table
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let mut table = table();
    let other = Measured {
        compiler: "Debian, rustc 1.96.0".to_owned(),
        ..measured(COSTS)
    };
    table.bless(&other);
    let text = table.render();
    assert_eq!(Table::parse(&text).unwrap(), table);
    let rows = [
        "[\"Debian, rustc 1.96.0\".gateway]\nchat_1kb   = { fuel = 1000, callbacks = 10, ",
        "[\"rustup, rustc 1.95.0\".gateway]\n",
        "\nchat_100kb = { fuel = 1000, callbacks = 10, ",
    ];
    for row in rows {
        assert!(text.contains(row), "{row} is not in\n{text}");
    }
    for (wrong, expected) in [
        ("x = 1", "x: a table is expected"),
        (
            "[c.gateway]\nchat_1kb = { fuel = -1 }",
            "c: gateway: chat_1kb: fuel: a cost is not a whole number",
        ),
        ("[c", "TOML parse error"),
    ] {
        let error = format!("{:#}", Table::parse(wrong).unwrap_err());
        assert!(error.starts_with(expected), "{error}");
    }
}

/// What is measured where the table says [`COSTS`], and the failures and notes that follow,
/// each once for either request.
#[test]
fn what_grew_is_a_failure_and_what_shrank_a_note() {
    let allocations = |calls| {
        Some(Allocations {
            calls,
            bytes: 100,
            frees: 5,
        })
    };
    let rows: [(Costs, &[&str], &[&str]); 11] = [
        (COSTS, &[], &[]),
        (
            Costs {
                fuel: 1020,
                ..COSTS
            },
            &[],
            &[],
        ),
        (
            Costs {
                fuel: 1021,
                ..COSTS
            },
            &["fuel grew from 1000 to 1021 (+2.1 %)"],
            &[],
        ),
        (Costs { fuel: 980, ..COSTS }, &[], &[]),
        (
            Costs { fuel: 979, ..COSTS },
            &[],
            &["fuel shrank from 1000 to 979 (-2.1 %)"],
        ),
        (
            Costs {
                memory_bytes: 65_536 * 61,
                ..COSTS
            },
            &[],
            &[],
        ),
        (
            Costs {
                memory_bytes: 65_536 * 62,
                ..COSTS
            },
            &["memory_bytes grew from 3932160 to 4063232 (+3.3 %)"],
            &[],
        ),
        // A count: one more is one too many, whatever its share.
        (
            Costs {
                host_calls: 3001,
                ..COSTS
            },
            &["host_calls grew from 3000 to 3001"],
            &[],
        ),
        (
            Costs {
                bytes_to_guest: 1,
                ..COSTS
            },
            &["bytes_to_guest grew from 0 to 1"],
            &[],
        ),
        (
            Costs {
                allocations: allocations(3),
                ..COSTS
            },
            &[],
            &["allocations shrank from 4 to 3 (-25.0 %)"],
        ),
        (
            Costs {
                allocations: None,
                ..COSTS
            },
            &[
                "allocated_bytes is in the table, but not measured any more",
                "allocations is in the table, but not measured any more",
            ],
            &[],
        ),
    ];
    for (costs, failures, notes) in rows {
        let places = ["gateway, chat_100kb: ", "gateway, chat_1kb: "];
        let expected = |sentences: &[&str], last: &str| {
            let mut all: Vec<String> = Vec::new();
            for place in places {
                all.extend(
                    sentences
                        .iter()
                        .map(|sentence| format!("{place}{sentence}")),
                );
            }
            if !all.is_empty() {
                all.push(last.to_owned());
            }
            all
        };
        let found = compare(&measured(costs), &table(), false);
        let failures = expected(
            failures,
            "if it has to be so, `cargo xtask costs --bless` writes it down: commit \
             host-tests/costs/table.toml and say why",
        );
        let notes = expected(
            notes,
            "`cargo xtask costs --bless` writes down what is better",
        );
        assert_eq!((found.failures, found.notes), (failures, notes));
    }
}

#[test]
fn a_table_that_does_not_fit_is_a_failure() {
    let mut fewer = measured(COSTS);
    fewer.modules[0].requests.pop();
    let mut without = Table::default();
    without.bless(&fewer);
    let found = compare(&measured(COSTS), &without, false);
    assert_eq!(
        found.failures[0],
        "gateway, chat_100kb: not in the table yet"
    );
    let found = compare(&fewer, &table(), false);
    assert_eq!(
        found.failures[0],
        "gateway, chat_100kb: in the table, but not measured any more"
    );
}

#[test]
fn a_compiler_without_a_table_gates_in_ci_alone() {
    let debian = Measured {
        compiler: "Debian, rustc 1.96.0".to_owned(),
        ..measured(COSTS)
    };
    let sentence = "the modules were built by `Debian, rustc 1.96.0`, and the table knows \
                    `rustup, rustc 1.95.0`; `TOLLGATE_WASM_TOOLCHAIN=debian cargo xtask costs \
                    --bless` writes down what they cost";
    let found = compare(&debian, &table(), true);
    assert_eq!(
        (found.failures, found.notes.len()),
        (vec![sentence.to_owned()], 0)
    );
    let found = compare(&debian, &table(), false);
    let note = format!("nothing was compared: {sentence}");
    assert_eq!((found.failures.len(), found.notes), (0, vec![note]));
    let found = compare(&debian, &Table::default(), true);
    assert!(
        found.failures[0].contains("the table knows no compiler;"),
        "{:?}",
        found.failures
    );
}
