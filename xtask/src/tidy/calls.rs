//! What code inside Envoy may call: core nothing of the system, and kit the host in one file.

use super::Source;

/// The only file that calls the host; there every status is a value.
const ABI: &str = "filters/kit/src/abi.rs";

/// Names under `std` that read the world or write to it, or differ from run to run.
const IMPURE: [&str; 12] = [
    "time",
    "env",
    "fs",
    "io",
    "net",
    "process",
    "thread",
    "HashMap",
    "HashSet",
    "hash_map",
    "hash_set",
    "RandomState",
];

/// Macros that write to the terminal.
const PRINTING: [&str; 3] = ["print!", "println!", "dbg!"];

/// What reaches the host past [`ABI`]: declarations, the SDK's functions, and starts of the
/// names of its traits' methods. They panic on statuses that Envoy does give.
const HOST_CALLS: [&str; 16] = [
    "extern \"C\"",
    "hostcalls",
    "get_http_",
    "set_http_",
    "add_http_",
    "remove_http_",
    "send_http_response",
    "resume_http_",
    "dispatch_http_call",
    "get_property",
    "set_property",
    "get_shared_data",
    "set_shared_data",
    "get_current_time",
    "get_plugin_configuration",
    "get_vm_configuration",
];

/// Adds every call of a file that its crate must not make.
pub fn check(file: &Source, breaches: &mut Vec<String>) {
    if !file.is_rust() {
        return;
    }
    if file.path.starts_with("filters/core/src/") && !is_test(&file.path) {
        pure(file, breaches);
    }
    if file.path.starts_with("filters/") && file.path != ABI {
        for (number, line) in file.code() {
            if HOST_CALLS.iter().any(|call| reaches(line, call)) {
                breaches.push(format!(
                    "{}:{number}: only {ABI} makes host calls",
                    file.path
                ));
            }
        }
    }
}

/// A file of tests only, by its name or its folder's.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Adds what is impure up to the file's tests, which come last.
fn pure(file: &Source, breaches: &mut Vec<String>) {
    let code = file.text.split("#[cfg(test)]\nmod tests {").next();
    let code = Source {
        path: file.path.clone(),
        text: code.unwrap_or_default().to_owned(),
    };
    for (number, line) in code.code() {
        for name in impure_names(line, code.text.lines().skip(number)) {
            breaches.push(format!(
                "{}:{number}: `{name}` of std: core is pure; what it needs is handed to it",
                file.path
            ));
        }
        if let Some(print) = PRINTING.iter().find(|print| line.contains(*print)) {
            breaches.push(format!(
                "{}:{number}: `{print}`: core is pure and prints nothing",
                file.path
            ));
        }
    }
}

/// Names of [`IMPURE`] in the paths of `std` that start in `line`; a path with braces may
/// go on in the lines `after` it.
fn impure_names<'a>(line: &str, after: impl Iterator<Item = &'a str> + Clone) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("std::") {
        if line[..at].ends_with(is_of_name) {
            continue;
        }
        let mut text = line[at..].to_owned();
        for next in after.clone() {
            text.push(' ');
            text.push_str(next);
            if text.contains(';') {
                break;
            }
        }
        let path = &text[..end_of_path(&text)];
        let words: Vec<&str> = path.split(|c| !is_of_name(c)).collect();
        found.extend(IMPURE.iter().filter(|name| words.contains(name)));
    }
    found
}

/// Where the path that `text` starts with ends, with its whole group in braces if it has one.
fn end_of_path(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if depth > 0 || before == ':' => depth += 1,
            '}' if depth == 1 => return at,
            '}' if depth > 1 => depth -= 1,
            _ if depth > 0 || is_of_name(c) || c == ':' => {}
            _ => return at,
        }
        before = c;
    }
    text.len()
}

/// Whether `line` names `call`, but for a function of the same name in `abi`.
fn reaches(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| {
        let before = &line[..at];
        !before.ends_with("abi::") && !before.ends_with(is_of_name)
    })
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `check` finds in a file of this path and text, as `line: part of the message`.
    fn found(path: &str, text: &str) -> Vec<String> {
        let file = Source {
            path: path.into(),
            text: text.into(),
        };
        let mut breaches = Vec::new();
        check(&file, &mut breaches);
        let prefix = format!("{path}:");
        breaches
            .iter()
            .map(|breach| breach.strip_prefix(&prefix).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn core_is_pure() {
        // A text, and the line and the name that is found in it.
        let rows: [(&str, Option<&str>); 25] = [
            ("use std::time::Instant;", Some("1: `time`")),
            ("fn f() { std::env::var(\"A\"); }", Some("1: `env`")),
            ("\nuse std::fs;", Some("2: `fs`")),
            ("use std::io::Write as _;", Some("1: `io`")),
            ("pub use std::net::IpAddr;", Some("1: `net`")),
            ("    std::process::abort();", Some("1: `process`")),
            ("use ::std::thread;", Some("1: `thread`")),
            ("use std::collections::HashMap;", Some("1: `HashMap`")),
            (
                "use std::collections::hash_map::Entry;",
                Some("1: `hash_map`"),
            ),
            (
                "use std::collections::{BTreeMap, HashSet};",
                Some("1: `HashSet`"),
            ),
            ("use std::{rc::Rc, fs::{self, File}};", Some("1: `fs`")),
            ("use std::{\n    rc::Rc,\n    env,\n};", Some("1: `env`")),
            (
                "let s = std::hash::RandomState::new();",
                Some("1: `RandomState`"),
            ),
            ("println!(\"{x}\");", Some("1: `println!`")),
            ("eprint!(\"x\");", Some("1: `print!`")),
            ("dbg!(x)", Some("1: `dbg!`")),
            ("use std::rc::Rc;\nlet time = env;", None),
            ("if x == std::u8::MAX { time() }", None),
            ("use std::{rc::Rc, mem};\nfn fs() {}", None),
            ("use std::collections::BTreeMap;", None),
            ("use hashbrown::HashMap;", None),
            ("use core::time::Duration;", None),
            ("use my_std::time;", None),
            ("// std::time is the host's; println! too", None),
            (
                "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}",
                None,
            ),
        ];
        for (text, expected) in rows {
            let found = found("filters/core/src/a.rs", text);
            assert_eq!(
                found.len(),
                usize::from(expected.is_some()),
                "{text}: {found:?}"
            );
            if let Some(expected) = expected {
                assert!(found[0].starts_with(expected), "{text}: {found:?}");
            }
        }
        for path in [
            "filters/core/src/a/tests.rs",
            "filters/core/src/tests/a.rs",
            "filters/core/tests/a.rs",
            "filters/kit/src/a.rs",
            "xtask/src/a.rs",
        ] {
            assert!(found(path, "use std::time::Instant;").is_empty(), "{path}");
        }
    }

    #[test]
    fn one_file_makes_host_calls() {
        let calls = [
            "unsafe extern \"C\" {}",
            "use proxy_wasm::hostcalls;",
            "self.get_http_request_header(\"a\")",
            "self.set_http_request_body(0, 1, b\"\")",
            "context.add_http_response_header(\"a\", \"b\")",
            "self.remove_http_request_header(\"a\")",
            "HttpContext::send_http_response(self, 400, vec![], None)",
            "self.resume_http_request()",
            "self.dispatch_http_call(\"a\", vec![], None, vec![], LIMIT)",
            "self.get_property(vec![\"source\"])",
            "self.set_property(vec![\"a\"], None)",
            "self.get_shared_data(\"a\")",
            "self.set_shared_data(\"a\", None, None)",
            "self.get_current_time()",
            "self.get_plugin_configuration()",
            "self.get_vm_configuration()",
        ];
        for call in calls {
            for path in [
                "filters/kit/src/a.rs",
                "filters/core/src/a.rs",
                "filters/x/src/lib.rs",
            ] {
                assert_eq!(
                    found(path, call),
                    [format!("1: only {ABI} makes host calls")]
                );
            }
            for path in [ABI, "benches/guest/src/a.rs", "filters/a.md"] {
                assert!(found(path, call).is_empty(), "{path}: {call}");
            }
            assert!(found("filters/kit/src/a.rs", &format!("    // {call}")).is_empty());
        }
        let own = "abi::set_property(key, value); fn forget_property() {}";
        assert!(found("filters/kit/src/a.rs", own).is_empty());
    }
}
