//! The README's tutorial, command by command, with what each prints; and the names of its
//! table for programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Folder;

const README: &str = include_str!("../../README.md");

/// A line of the README that stands for any lines.
const ANYTHING: &str = "…";

/// A command and what it prints.
struct Step {
    command: String,
    output: Vec<String>,
}

#[test]
fn every_command_prints_what_the_readme_says() {
    let folder = Folder::new();
    let module = "target/wasm32-wasip1/release/hello_filter.wasm";
    let folder = folder.with(module, fs::read(hello_filter()).unwrap());
    let steps = steps(section("Five minutes"));
    assert!(steps.len() > 5, "the tutorial has commands");
    for Step { command, output } in steps {
        // What cargo makes of the filter is made already, by `cargo xtask build`.
        if command.starts_with("cargo ") {
            continue;
        }
        let said = sh(&folder, &command);
        let said: Vec<String> = said.lines().map(without_time).collect();
        let output: Vec<String> = output.iter().map(|line| without_time(line)).collect();
        assert!(
            matches(&output, &said),
            "README.md: `{command}` prints\n{}",
            said.join("\n")
        );
    }
}

#[test]
fn the_filter_is_the_one_that_is_built() {
    let source = fs::read_to_string(root().join("host-tests/hello-filter/src/lib.rs")).unwrap();
    assert!(
        section("Five minutes").contains(&format!("```rust,ignore\n{source}```\n")),
        "README.md: the tutorial's src/lib.rs is not host-tests/hello-filter/src/lib.rs"
    );
}

#[test]
fn every_name_in_the_json_is_described() {
    let folder = Folder::new()
        .with("filter.wasm", fs::read(hello_filter()).unwrap())
        .with("get.http", "GET /private\nhost: example.com\n")
        .with("wrong.toml", "about = 1\n");
    let described = section("For programs");
    let costs = section("Costs");
    for words in [
        "run --wasm filter.wasm --request get.http --json",
        "test wrong.toml --json",
    ] {
        let json: Value = serde_json::from_str(&folder.run(words).out).unwrap();
        let mut found = BTreeSet::new();
        names(&json, &mut found);
        for name in found {
            let is_there = |text: &str| {
                [
                    format!("`{name}`"),
                    format!("\"{name}\""),
                    format!("`{name}[]`"),
                    format!(".{name}`"),
                ]
                .iter()
                .any(|word| text.contains(word))
            };
            assert!(
                is_there(described) || is_there(costs),
                "README.md, For programs: `{name}` of `{words}` is not described"
            );
        }
    }
}

/// All names but those that the run itself brings along.
fn names(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                if !["arguments", "gives", "filter_state", "properties"].contains(&name.as_str()) {
                    names(value, found);
                }
            }
        }
        _ => {}
    }
}

fn section(title: &str) -> &'static str {
    let (_, behind) = README.split_once(&format!("\n## {title}\n")).unwrap();
    behind.split("\n## ").next().unwrap()
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut in_console = false;
    for line in text.lines() {
        match line {
            "```console" => in_console = true,
            "```" => in_console = false,
            _ if !in_console => {}
            line => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    command: command.to_owned(),
                    output: Vec::new(),
                }),
                None => steps.last_mut().unwrap().output.push(line.to_owned()),
            },
        }
    }
    steps
}

fn sh(folder: &Folder, command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_tollgate-host"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell
        // A terminal shows both alike.
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder.path())
        .env("PATH", path);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// How long it took is another time each time.
fn without_time(line: &str) -> String {
    match line.rsplit_once(", ") {
        Some((before, time)) if time.ends_with(" s") && before.contains(" passed") => {
            before.to_owned()
        }
        _ => line.to_owned(),
    }
}

fn matches(expected: &[String], actual: &[String]) -> bool {
    match expected {
        [] => actual.is_empty(),
        [first, rest @ ..] if first == ANYTHING => {
            (0..=actual.len()).any(|skipped| matches(rest, &actual[skipped..]))
        }
        [first, rest @ ..] => actual.first() == Some(first) && matches(rest, &actual[1..]),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tutorial's filter, built where it is not yet.
fn hello_filter() -> PathBuf {
    let filters = std::env::var_os("TOLLGATE_FILTERS").map(PathBuf::from);
    let file = filters.unwrap_or_else(|| root().join("target/filters"));
    let file = file.join("hello-filter.wasm");
    if !file.is_file() {
        let build = Command::new(env!("CARGO"))
            .args(["xtask", "build"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(build.status.success(), "cargo xtask build: {build:?}");
    }
    file
}
