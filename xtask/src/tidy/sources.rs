//! Rules for single files.

use super::Source;

/// Beyond this a file holds more than one thing.
const MOST_LINES: usize = 600;

/// Names of stages, and what the SDK's macro needs.
const MOST_LINES_OF_A_MODULE: usize = 40;

/// Tests talk to loopback only and packages come through their own clients, so no file has
/// a reason to name a registry's host. Split here so that this file keeps the rule.
const REGISTRY_HOSTS: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("deb.debian", ".org"),
    concat!("static.rust-lang", ".org"),
];

/// Adds what is wrong with one file.
pub fn check(file: &Source, breaches: &mut Vec<String>) {
    let path = &file.path;
    if file.is_rust() {
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            breaches.push(format!(
                "{path}: {lines} lines; split it, {MOST_LINES} is the most"
            ));
        }
        // A crate's front page may be its README.
        let explained = ["//!", "#![doc = include_str!("];
        if !explained.iter().any(|start| file.text.starts_with(start)) {
            breaches.push(format!(
                "{path}:1: start with `//!` and say why the file exists"
            ));
        }
        attributes(file, breaches);
        modules(file, breaches);
    }
    // Cargo writes its registry's name into the lock file.
    if path != "Cargo.lock" {
        for (number, line) in (1..).zip(file.text.lines()) {
            for host in REGISTRY_HOSTS {
                if line.contains(host) {
                    breaches.push(format!("{path}:{number}: names the registry host {host}"));
                }
            }
        }
    }
}

/// Lints are switched off with a reason only, and tests are not switched off at all.
fn attributes(file: &Source, breaches: &mut Vec<String>) {
    let path = &file.path;
    let mut offset = 0;
    for (number, line) in (1..).zip(file.text.split_inclusive('\n')) {
        let rest = &file.text[offset..];
        offset += line.len();
        let line = line.trim_start();
        if line.starts_with(concat!("#[", "ignore")) {
            breaches.push(format!(
                "{path}:{number}: a test that is not run proves nothing"
            ));
        }
        let openings = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];
        if openings.iter().any(|opening| line.starts_with(opening)) {
            let attribute = rest.split(")]").next().unwrap_or(rest);
            if !attribute.contains("reason = ") {
                breaches.push(format!(
                    "{path}:{number}: a lint is off without `reason = \"…\"`"
                ));
            }
        }
    }
}

/// A module has room for nothing but its stages' names.
fn modules(file: &Source, breaches: &mut Vec<String>) {
    let path = &file.path;
    let package = path
        .strip_prefix("filters/")
        .and_then(|rest| rest.split_once('/'))
        .map(|(package, _)| package);
    let lines = file.text.lines().count();
    if package.is_some_and(|package| !["core", "kit"].contains(&package))
        && lines > MOST_LINES_OF_A_MODULE
    {
        breaches.push(format!(
            "{path}: {lines} lines in a module, which only names its stages; the rest belongs \
             into kit or core"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_breach_and_nothing_else() {
        let long = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
        let host = format!("//! Why.\n// see {}\n", REGISTRY_HOSTS[0]);
        let ignored = format!("//! Why.\n{}]\nfn f() {{}}\n", concat!("#[", "ignore"));
        let module = format!("//! A module.\n{}", "\n".repeat(MOST_LINES_OF_A_MODULE));
        let rows: &[(&str, &str, &[&str])] = &[
            ("a.rs", "//! Why.\nfn f() {}\n", &[]),
            ("a.rs", "#![doc = include_str!(\"../README.md\")]\n", &[]),
            ("a.rs", "fn f() {}\n", &["a.rs:1: start with"]),
            ("a.md", "# No rule about the first line\n", &[]),
            ("a.rs", &long, &["a.rs: 601 lines"]),
            ("a.md", &long, &[]),
            ("a.rs", &host, &["a.rs:2: names the registry"]),
            ("a.md", &host, &["a.md:2: names the registry"]),
            ("Cargo.lock", &host, &[]),
            ("a.rs", &ignored, &["a.rs:2: a test that is not run"]),
            (
                "a.rs",
                "//! Why.\n\n#[allow(dead_code)]\n",
                &["a.rs:3: a lint is off"],
            ),
            (
                "a.rs",
                "//! Why.\n#![allow(\n    dead_code\n)]\n",
                &["a.rs:2: a lint is off"],
            ),
            (
                "a.rs",
                "//! Why.\n#[allow(\n    dead_code,\n    reason = \"later\"\n)]\n",
                &[],
            ),
            ("a.rs", "//! Why.\nlet s = [allow(1)];\n", &[]),
            ("filters/core/src/a.rs", &module, &[]),
            (
                "filters/x/src/lib.rs",
                &module,
                &["filters/x/src/lib.rs: 41 lines in a module"],
            ),
        ];
        for (path, text, expected) in rows {
            let file = Source {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            };
            let mut found = Vec::new();
            check(&file, &mut found);
            assert_eq!(found.len(), expected.len(), "{path}: {found:?}");
            for (found, expected) in found.iter().zip(*expected) {
                assert!(found.starts_with(expected), "{found:?} is not {expected:?}");
            }
        }
    }
}
