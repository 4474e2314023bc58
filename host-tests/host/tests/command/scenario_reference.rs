//! SCENARIOS.md has every key that a scenario may have, and its examples are scenarios.

mod keys;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tollgate_host::scenario::Scenario;
use tollgate_host::scenario::file::File;

use keys::Keys;
use page::Page;

const REFERENCE: &str = include_str!("../../SCENARIOS.md");

#[test]
fn every_key_has_a_row_and_every_row_a_key() {
    let Keys { tables, words } = keys::of::<File>();
    let page = Page::read(REFERENCE);
    let mut wrong = Vec::new();
    for (table, keys) in &tables {
        let place = match table.as_str() {
            "" => "## The file".to_owned(),
            table => format!("a section whose heading names `{table}`"),
        };
        for key in keys {
            let Some(row) = page.row(table, key) else {
                wrong.push(format!(
                    "`{key}` has no row: add `| `{key}` | type, unit | default | what it is |` \
                     to {place}, and use it in a toml example of that section"
                ));
                continue;
            };
            if row.kind.is_empty() || row.about.is_empty() {
                wrong.push(format!("`{table}.{key}`: fill in its type and what it is"));
            }
            let words = words.get(&keys::joined(table, key));
            for word in words.copied().unwrap_or_default() {
                if !row.kind.contains(&format!("\"{word}\"")) {
                    wrong.push(format!("`{table}.{key}`: its type lacks `\"{word}\"`"));
                }
            }
        }
    }
    for (table, row) in page.rows() {
        if !tables
            .get(table)
            .is_some_and(|keys| keys.contains(&row.key))
        {
            wrong.push(format!("`{table}`: a scenario has no key `{}`", row.key));
        }
    }
    assert!(wrong.is_empty(), "SCENARIOS.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_example_is_a_scenario_and_every_key_is_in_one() {
    let page = Page::read(REFERENCE);
    let mut used = BTreeSet::new();
    for example in &page.examples {
        let text = completed(example);
        if let Err(error) = Scenario::parse(Path::new("example.toml"), &text) {
            panic!("SCENARIOS.md: this example is no scenario: {error}\n{example}");
        }
        let example: toml::Table = toml::from_str(example).unwrap();
        keys_used("", &toml::Value::Table(example), &mut used);
    }
    let mut unused: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for section in &page.sections {
        for row in &section.rows {
            let tables = section.tables.iter();
            let mut paths = tables.map(|table| keys::joined(table, &row.key));
            if !paths.any(|path| used.contains(&path)) {
                unused.entry(&section.heading).or_default().insert(&row.key);
            }
        }
    }
    assert!(
        unused.is_empty(),
        "SCENARIOS.md: these keys are in no toml example: {unused:?}"
    );
}

/// A part of a scenario with what a whole one needs besides.
fn completed(example: &str) -> String {
    let Ok(table) = toml::from_str::<toml::Table>(example) else {
        // What is wrong is found by who reads the whole.
        return example.to_owned();
    };
    let mut text = String::new();
    let mut tail = String::new();
    if !table.contains_key("about") {
        text.push_str("about = \"An example.\"\n");
    }
    if !table.contains_key("filter") {
        tail.push_str("\n[filter]\nwasm = \"filter.wasm\"\n");
    }
    if !table.contains_key("steps") {
        tail.push_str("\n[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n");
    }
    let opened = match table.get("steps").and_then(|steps| steps.get(0)) {
        // Shows only what is expected of a stream that another step opened.
        Some(first) if first.get("request").or(first.get("connect")).is_none() => {
            "\n[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n"
        }
        _ => "",
    };
    match example.find("[[steps]]") {
        Some(at) if !opened.is_empty() => {
            let (before, steps) = example.split_at(at);
            format!("{text}{before}{opened}{steps}{tail}")
        }
        _ => format!("{text}{example}{tail}"),
    }
}

fn keys_used(path: &str, value: &toml::Value, used: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = keys::joined(path, key);
                keys_used(&path, value, used);
                used.insert(path);
            }
        }
        toml::Value::Array(values) => {
            for value in values {
                keys_used(path, value, used);
            }
        }
        _ => {}
    }
}
