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

#[test]
fn a_gauge_below_zero_is_blessed_as_it_is() {
    let filter = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $define_metric #1 @"open" #16))
          (drop (call $increment (i32.load #16) (i64.const -1))) #0)"#
    );
    let text = "about = \"A gauge.\"\n[filter]\nwasm = \"filter.wasm\"\n[[steps]]\n\
                request.head = \"GET /\\nhost: h\"\nexpect.metrics.open = 3\n";
    let folder = Folder::new().with_guest(&filter).with("s.toml", text);
    let done = folder.run("test s.toml --bless");
    assert_eq!(done.code, 0, "{}", done.out);
    assert_eq!(folder.read("s.toml"), text.replace("= 3", "= -1"));
    // As Envoy's own statistics show it.
    let wrapped = text.replace("= 3", "= \"18446744073709551615\"");
    let folder = folder.with("s.toml", wrapped);
    assert_eq!(folder.run("test s.toml").code, 0);
}

#[test]
fn what_envoy_cannot_replay_is_skipped_and_not_begun() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    let head = "[filter]\nwasm = \"filter.wasm\"\n[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n";
    let slow = "about = \"Slow.\"\n".to_owned()
        + head
        + "advance = \"1d\"\nexpect.client.end = \"nothing\"\n";
    let not = "not_on_envoy = \"It is slow.\"\n".to_owned() + &slow;
    let folder = Folder::new()
        .with_guest("")
        .with("not.toml", not)
        .with("slow.toml", slow)
        .with(
            "envoy",
            "#!/bin/sh\necho './envoy  version: 0a1b/1.40.0/Clean/RELEASE/BoringSSL'\n",
        );
    std::fs::set_permissions(folder.path().join("envoy"), Permissions::from_mode(0o755)).unwrap();
    let done = folder.run("test not.toml --envoy ./envoy");
    let said = "skipped not.toml, not on Envoy: It is slow.\n0 passed, 1 skipped";
    assert_eq!((done.code, without_time(&done.out)), (0, said.to_owned()));
    let done = folder.run("test not.toml --envoy ./envoy --json");
    let json: Value = serde_json::from_str(&done.out).unwrap();
    // (pointer, what is there)
    let rows = [
        ("/scenarios/0/verdict", "\"skipped\""),
        ("/scenarios/0/reason", "\"It is slow.\""),
        ("/skipped", "1"),
        ("/passed", "0"),
    ];
    for (pointer, expected) in rows {
        assert_eq!(
            json.pointer(pointer).unwrap().to_string(),
            expected,
            "{pointer}"
        );
    }
    let done = folder.run("test slow.toml --envoy ./envoy");
    assert_eq!(done.code, 1);
    let said = "until line 4 time passes for 86400s, which a real Envoy takes too: let it be up \
                to 60s in all, or say `not_on_envoy`";
    assert!(done.out.contains(said), "{}", done.out);
}

/// The summary ends with the time it took.
fn without_time(out: &str) -> String {
    let (before, _) = out.trim_end().rsplit_once(", ").unwrap();
    before.to_owned()
}
