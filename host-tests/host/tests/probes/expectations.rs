//! Expectations that are not so fail, whatever they look like.

use std::path::Path;

use tollgate_host::scenario::{Scenario, hold};

use crate::guest::{HEADERS, module};

const FILTER: &str = "about = \"x\"\n[filter]\nwasm = \"guest.wasm\"\n";

fn failures(file: &str, guest: &str) -> String {
    let scenario = Scenario::parse(Path::new("s.toml"), file).unwrap();
    let failures = hold(&scenario, &module(guest)).unwrap();
    let lines: Vec<_> = failures.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn what_is_not_so_fails() {
    let post = "[[steps]]\nrequest.head = \"POST /\\nhost: h\"\n";
    let binary = format!("{post}request.body = {{ hex = \"ff00fe\" }}\n");
    let replaced = "\u{fffd}\\u0000\u{fffd}";
    // (steps, part of what fails; none: it holds)
    let rows = [
        // Bytes that look alike as text.
        (
            format!("{binary}expect.upstream.body = {{ hex = \"ff00fe\" }}"),
            "",
        ),
        (
            format!("{binary}expect.upstream.body = {{ hex = \"fe00ff\" }}"),
            "upstream.body: expected \"{ hex = \\\"fe00ff\\\" }\", came \"{ hex = \\\"ff00fe\\\" }\"",
        ),
        (
            format!("{binary}expect.upstream.body = \"{replaced}\""),
            "upstream.body: expected ",
        ),
        (
            format!("{binary}expect.upstream.contains = [\"\u{fffd}\"]"),
            "upstream.contains: expected ",
        ),
        (
            "[[steps]]\nconnect = {}\ndownstream.data = { hex = \"ff\" }\n\
             expect.upstream.data = { hex = \"fe\" }"
                .to_owned(),
            "upstream.data: expected ",
        ),
        // Nothing is so of a message that has not begun, but that it has not.
        (format!("{post}expect.client.end = \"nothing\""), ""),
        (
            format!("{post}expect.client.without = [\"x\"]"),
            "client.without: expected \"no x\", came \"(nothing came)\"",
        ),
        (
            format!("{post}expect.client.trailers = []"),
            "client.trailers: ",
        ),
        (format!("{post}expect.client.body = \"\""), "client.body: "),
        (
            format!("{post}expect.client.metadata = []"),
            "client.metadata: ",
        ),
        (
            "[[steps]]\nconnect.refused = true\nexpect.upstream.data = \"\"".to_owned(),
            "upstream.data: expected \"\", came \"(no connection)\"",
        ),
        (
            format!("{post}[books]\nagree = [[\"typo\", \"tpyo\"]]"),
            "books.agree: no counter begins with any of `typo`, `tpyo`",
        ),
    ];
    for (steps, part) in rows {
        let found = failures(&format!("{FILTER}{steps}\n"), "");
        match part {
            "" => assert_eq!(found, "", "{steps}"),
            part => assert!(found.contains(part), "{steps}\n{found}"),
        }
    }
}

#[test]
fn a_death_and_open_books_fail_without_variations() {
    let trap = format!(r#"(func (export "proxy_on_request_headers") {HEADERS} unreachable)"#);
    let file =
        |end: &str| format!("{FILTER}[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n{end}\n");
    // (guest, the file's end, part of what fails)
    let rows = [
        (
            trap.as_str(),
            "",
            "the worker died: proxy_on_request_headers",
        ),
        (
            "",
            "[books]\nonce_per_stream = [\"requests.\"]",
            "`requests.` counted 0 for 1 streams",
        ),
        (
            "",
            "[books]\nzero_at_rest = [\"open\"]",
            "there is no gauge `open`",
        ),
    ];
    for (guest, end, part) in rows {
        let found = failures(&file(end), guest);
        assert!(found.contains(part), "{end}\n{found}");
    }
    let found = failures(&format!("traps = \"It must.\"\n{}", file("")), &trap);
    assert_eq!(found, "");
    let found = failures(&format!("traps = \"It must.\"\n{}", file("")), "");
    assert!(found.contains("`traps` says that a worker dies"), "{found}");
}

#[test]
fn a_filter_that_starts_is_not_refused() {
    let file = format!("{FILTER}refused = \"starts\"\n");
    assert!(failures(&file, "").contains("(the filter starts)"));
    let refuses = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) #0)"#;
    let file = format!("{FILTER}refused = \"proxy_on_configure returned false\"\n");
    assert_eq!(failures(&file, refuses), "");
}

#[test]
fn expectations_that_cannot_fail_are_refused() {
    let callout = "clusters = [\"side\"]\n";
    let sent = |sent: &str| {
        format!(
            "{callout}{FILTER}[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n\
             callout.cluster = \"side\"\ncallout.sent.{sent}\n"
        )
    };
    let books = |entry: &str| {
        format!("{FILTER}[[steps]]\nrequest.head = \"GET /\\nhost: h\"\n[books]\n{entry}\n")
    };
    // (the file, part of what is said of it)
    let rows = [
        (
            sent("headers = [\"nonsense\"]"),
            "s.toml:8: steps[0].callout.sent.headers: ",
        ),
        (
            sent("trailers = [\"nonsense\"]"),
            "steps[0].callout.sent.trailers: ",
        ),
        (sent("head = \"nonsense\""), "steps[0].callout.sent.head: "),
        (
            sent("data = \"x\""),
            "steps[0].callout.sent.data: a callout has it as `body`",
        ),
        (
            sent("status = 200"),
            "steps[0].callout.sent.status: a request has none",
        ),
        (
            books("agree = [[\"one\"]]"),
            "books.agree: one text agrees with itself",
        ),
        (
            books("agree = [[\"one\", \"\"]]"),
            "books.agree: every counter begins so",
        ),
        (
            books("agree = [[\"one\", \"two + \"]]"),
            "books.agree: every counter begins so",
        ),
        (
            books("once_per_stream = [\"\"]"),
            "books.once_per_stream: every counter begins so",
        ),
        (
            format!("{FILTER}refused = \"\"\n"),
            "s.toml:4: filter.refused: any filter",
        ),
    ];
    for (file, part) in rows {
        let error = Scenario::parse(Path::new("s.toml"), &file).unwrap_err();
        assert!(error.to_string().contains(part), "{file}\n{error}");
    }
}
