//! Files before and after, by a filter that adds a header and keeps the body.

use super::*;

fn module(request_headers: &str) -> Module {
    let text = format!(
        r#"(module
        (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "x-agent" "wasm")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          {request_headers}
          (i32.const 0)))"#
    );
    Module::from_bytes(&wat::parse_str(text).unwrap()).unwrap()
}

fn adding() -> Module {
    module(
        "(drop (call $add (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 4)))",
    )
}

const HEAD: &str = r#"# What this file is about.
about = "An agent is named."  # a remark

[filter]
wasm = "agent.wasm"

# The one step.
[[steps]]
request = { head = """
POST /a
host: h
x-agent: own
""", body = "hello" }
response.head = "200"
response.trailers = [ "x-done: 1" ]
response.body = { hex = "ff 00" }
"#;

#[test]
fn what_differs_is_replaced_where_it_stands() {
    // (expectations before, after; lines changed)
    let rows: [(&str, &str); 10] = [
        // Right as it is: not a byte changes, whatever its style.
        (
            r#"expect . upstream . headers = [ 'x-agent: own',"x-agent: wasm" ] # both
expect.client = { end="complete" , status =200 }
"#,
            "",
        ),
        (
            r#"# Above.
expect.upstream.body = 'other'   # behind
expect.client.status = 0x1f4
expect.client.end = "open"
"#,
            r#"# Above.
expect.upstream.body = "hello"   # behind
expect.client.status = 200
expect.client.end = "complete"
"#,
        ),
        (
            r#"
[steps.expect.upstream]
end = "nothing"
headers = [
  # The client's own:
  "x-agent: mine",
  "x-gone: 1",
  ":authority: h",
]
"#,
            r#"
[steps.expect.upstream]
end = "complete"
headers = [
  # The client's own:
  "x-agent: own", "x-agent: wasm",
  ":authority: h",
]
"#,
        ),
        (
            "expect = { client = { body = \"x\", trailers = [] } }\n",
            "expect = { client = { body = { hex = \"ff00\" }, trailers = [\"x-done: 1\"] } }\n",
        ),
        (
            "expect = {}\n",
            r#"
[steps.expect]
upstream.head = """
POST /a
host: h
x-agent: own
x-forwarded-proto: http
x-agent: wasm
"""
upstream.body = "hello"
upstream.end = "complete"
client.head = """
200
transfer-encoding: chunked
"""
client.body = { hex = "ff00" }
client.trailers = ["x-done: 1"]
client.end = "complete"
"#,
        ),
        (
            "expect.filter_state.\"gone\" = \"1\"\nexpect.details = \"x\"\nexpect.logs = [\"info: a\"]\nexpect.metrics.m = 3\n",
            "expect.details = \"via_upstream\"\nexpect.logs = []\n",
        ),
        // Bytes stay in the encoding they are written in.
        (
            "expect.upstream.body = { base64 = \"AA==\" }\nexpect.client.body = { hex = \"00\" }\n",
            "expect.upstream.body = { base64 = \"aGVsbG8=\" }\nexpect.client.body = { hex = \"ff00\" }\n",
        ),
        // A list keeps what is right in it: style, comments and place.
        (
            r#"expect.logs = []
expect.client.trailers = [
  # Never sent:
  "x-a: 1",
  'x-done: 1', # the upstream's
]
"#,
            r#"expect.logs = []
expect.client.trailers = [
  'x-done: 1', # the upstream's
]
"#,
        ),
        (
            "expect.upstream.body = \"\"\"\none\ntwo\"\"\" # behind\nexpect.properties.gone = '''\n1'''\n",
            "expect.upstream.body = \"hello\" # behind\n",
        ),
        (
            "expect.upstream.head = \"GET /b\"\n",
            "expect.upstream.head = \"\"\"\nPOST /a\nhost: h\nx-agent: own\nx-forwarded-proto: http\nx-agent: wasm\n\"\"\"\n",
        ),
    ];
    for (before, after) in rows {
        let text = format!("{HEAD}{before}");
        let after = if after.is_empty() { before } else { after };
        let blessed = bless(Path::new("agent.toml"), &text, &adding()).unwrap();
        assert_eq!(blessed.text, format!("{HEAD}{after}"), "{before}");
        assert_eq!(blessed.changes.is_empty(), before == after, "{before}");
        assert_eq!(blessed.left, [], "{before}");
        let again = bless(Path::new("agent.toml"), &blessed.text, &adding()).unwrap();
        assert_eq!((again.text, again.changes), (blessed.text, vec![]));
    }
}

#[test]
fn lines_that_stay_keep_their_place() {
    // (before, the new lines, after)
    let rows = [
        ("l = ['a', 'b']", "a b c", "l = ['a', 'b', \"c\"]"),
        ("l = ['a', 'b', 'c']", "a c", "l = ['a', 'c']"),
        (
            "l = ['a', 'b', 'c'] # x",
            "a x c",
            "l = ['a', \"x\", 'c'] # x",
        ),
        (
            "l = [\n  # A\n  'a',\n  'b', # B\n]",
            "a x b",
            "l = [\n  # A\n  'a',\n  \"x\",\n  'b', # B\n]",
        ),
        ("l = ['a', 'a']", "a", "l = ['a']"),
        ("l = ['a']", "", "l = []"),
        ("l = []", "a", "l = [\"a\"]"),
    ];
    for (before, lines, after) in rows {
        let mut document: DocumentMut = before.parse().unwrap();
        let lines: Vec<String> = lines.split_whitespace().map(str::to_owned).collect();
        edit::set_lines(document.as_table_mut(), "l", &lines);
        assert_eq!(document.to_string().trim_end(), after, "{before}");
    }
}

#[test]
fn what_an_author_wants_is_left_to_them() {
    let before =
        "expect.upstream = { without = [\"x-agent\"], contains = [\"bye\"], body = \"x\" }\n";
    let after = before.replace("\"x\"", "\"hello\"");
    let blessed = bless(
        Path::new("agent.toml"),
        &format!("{HEAD}{before}"),
        &adding(),
    );
    let blessed = blessed.unwrap();
    assert_eq!(blessed.text, format!("{HEAD}{after}"));
    let keys: Vec<_> = blessed.left[0]
        .differences
        .iter()
        .map(|difference| difference.key.as_str())
        .collect();
    assert_eq!(keys, ["upstream.without", "upstream.contains"]);
}

#[test]
fn steps_are_told_apart() {
    let more = r#"
[[steps]]
expect.client.status = 200

[[steps]]
request.head = "GET /two\nhost: h"
expect.upstream.headers = [":path: /one"]
expect.client.end = "nothing"
"#;
    let text = format!("{HEAD}expect.client.status = 201\n{more}");
    let blessed = bless(Path::new("agent.toml"), &text, &adding()).unwrap();
    let expected = text.replace("201", "200").replace(": /one", ": /two");
    assert_eq!(blessed.text, expected);
    let changes: Vec<_> = blessed
        .changes
        .iter()
        .map(|change| format!("{}: {change}", change.line))
        .collect();
    assert_eq!(
        changes,
        [
            r#"17: expect.client.status: "201" → "200""#,
            r#"24: expect.upstream.headers: ":path: /one" → ":path: /two""#
        ]
    );
}

#[test]
fn what_cannot_be_played_is_not_blessed() {
    let rows = [
        (HEAD.replace("about", "abuot"), adding(), "unknown key"),
        (
            format!("{HEAD}expect.client.status = 503\n"),
            module("unreachable"),
            "line 8: the worker died: proxy_on_request_headers",
        ),
        (
            format!("clusters = [\"c\"]\n{HEAD}[[steps]]\ncallout.cluster = \"c\"\n"),
            adding(),
            "no open callout to `c`",
        ),
    ];
    for (text, module, part) in rows {
        let error = bless(Path::new("agent.toml"), &text, &module).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
