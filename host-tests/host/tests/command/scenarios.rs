//! What `tollgate-host test` prints.

use serde_json::Value;

use crate::Folder;
use crate::guest::HEADERS;

fn folder() -> Folder {
    let filter = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $add #0 @"x-agent" @"wasm")) #0)"#
    );
    let scenario = |expect: &str| {
        format!(
            r#"about = "An agent is named."

[filter]
wasm = "../filter.wasm"

[[steps]]
request.head = """
POST /
host: h
x-a: 1
"""
request.body = "one\ntwo\nthree\n"

[[steps]]
{expect}
"#
        )
    };
    let fails = r#"expect.details = "x"
expect.upstream.body = "one\n2\nthree\n"
expect.upstream.without = ["x-a"]
expect.client.end = "nothing""#;
    Folder::new()
        .with_guest(&filter)
        .with(
            "scenarios/agent.toml",
            scenario(r#"expect.upstream.headers = ["x-agent: wasm"]"#),
        )
        .with("scenarios/body.toml", scenario(fails))
        .with("scenarios/wrong.toml", "about = 1\n")
}

#[test]
fn a_line_each_and_what_differs() {
    let done = folder().run("test scenarios");
    assert_eq!((done.code, done.err.as_str()), (2, ""));
    insta::assert_snapshot!("test", without_time(&done.out));
}

#[test]
fn the_exit_code_says_what_was_wrong() {
    let folder = folder();
    // (words, exit code)
    let rows = [
        ("scenarios/agent.toml", 0),
        ("scenarios --filter agent", 0),
        ("scenarios --filter agent --vary", 0),
        ("scenarios/body.toml", 1),
        ("scenarios/agent.toml scenarios/body.toml", 1),
        ("scenarios/wrong.toml", 2),
    ];
    for (words, code) in rows {
        assert_eq!(folder.run(&format!("test {words}")).code, code, "{words}");
    }
}

#[test]
fn json_has_every_failure() {
    let done = folder().run("test scenarios --json");
    assert_eq!(done.code, 2);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["passed"], 1);
    insta::assert_snapshot!("test_json", done.out);
}

/// The summary ends with the time it took.
fn without_time(out: &str) -> String {
    let (before, _) = out.trim_end().rsplit_once(", ").unwrap();
    before.to_owned()
}
