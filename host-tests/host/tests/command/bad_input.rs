//! Modules, messages, options and scenarios that cannot be used: a sentence each, never a
//! panic.

use crate::Folder;
use crate::guest::{BODY, HEADERS, assemble};

const ABI: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;
const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) #0)"#;
const MEMORY: &str = r#"(memory (export "memory") 1)"#;

#[test]
fn a_module_that_does_not_start_is_one_sentence() {
    let start =
        |body: &str| format!(r#"(func $boom {body}) (start $boom) {ABI} {MEMORY} {MALLOC}"#);
    // (module, the sentence)
    let rows = [
        (
            format!(r#"(import "env" "proxy_teleport" (func)) {ABI} {MEMORY} {MALLOC}"#),
            "the module imports env.proxy_teleport, which Envoy does not offer",
        ),
        (
            format!("{ABI} {MEMORY}"),
            "the module exports neither malloc nor proxy_on_memory_allocate, so the host \
             could hand it no data",
        ),
        (
            format!(r#"(func (export "proxy_abi_version_0_1_0")) {MEMORY} {MALLOC}"#),
            "the module exports proxy_abi_version_0_1_0 but this host speaks \
             proxy_abi_version_0_2_1 and 0_2_0",
        ),
        (
            start("unreachable"),
            "the module does not start: the start function trapped: wasm `unreachable` \
             instruction executed (in boom)",
        ),
        (
            start("(loop $again (br $again))"),
            "the module does not start: the start function trapped: it used more than its \
             100000 units of fuel (an endless loop, or Plugin::fuel_per_callback is too \
             small) (in boom)",
        ),
        (
            start("(i32.store #70000 #1)"),
            "the module does not start: the start function trapped: out of bounds memory \
             access (in boom)",
        ),
        (
            format!(
                r#"(func $no (export "proxy_on_configure") (param i32 i32) (result i32) #0)
                {ABI} {MEMORY} {MALLOC}"#
            ),
            "proxy_on_configure returned false",
        ),
    ];
    for (source, sentence) in rows {
        let folder = Folder::new()
            .with("filter.wasm", assemble(&source))
            .with("get.http", "GET /\n");
        let done = folder.run("run --wasm filter.wasm --request get.http --fuel 100000");
        assert_eq!(done.err, format!("error: filter.wasm: {sentence}\n"));
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{sentence}");
    }
}

#[test]
fn what_is_no_module_says_what_it_is() {
    // (bytes, the beginning of the sentence)
    let rows: [(&[u8], &str); 3] = [
        (
            b"hello",
            "error: filter.wasm: this is not a usable WebAssembly module: ",
        ),
        (
            b"",
            "error: filter.wasm: this is not a usable WebAssembly module: ",
        ),
        (
            b"\n(module)",
            "error: filter.wasm is WebAssembly text: make a binary of it first",
        ),
    ];
    for (bytes, sentence) in rows {
        let folder = Folder::new()
            .with("filter.wasm", bytes)
            .with("get.http", "GET /\n");
        let done = folder.run("run --wasm filter.wasm --request get.http");
        assert!(done.err.starts_with(sentence), "{}", done.err);
        assert_eq!((done.code, done.err.lines().count()), (1, 1));
    }
}

#[test]
fn a_filter_that_traps_is_shown_to_its_end() {
    // (callback, its body, the sentence)
    let rows = [
        (
            "request_headers",
            HEADERS,
            "(i32.store #1000000 #1) #0",
            "proxy_on_request_headers trapped: out of bounds memory access (in boom)",
        ),
        (
            "request_body",
            BODY,
            "(loop $again (br $again)) #0",
            "proxy_on_request_body trapped: it used more than its 100000 units of fuel (an \
             endless loop, or Plugin::fuel_per_callback is too small) (in boom)",
        ),
        (
            "response_headers",
            HEADERS,
            r#"(drop (call $log #5 @"no such route")) unreachable"#,
            "proxy_on_response_headers trapped: wasm `unreachable` instruction executed (in \
             boom); its last log line: no such route",
        ),
    ];
    for (callback, parameters, body, sentence) in rows {
        let source = format!(r#"(func $boom (export "proxy_on_{callback}") {parameters} {body})"#);
        let folder = Folder::new()
            .with_guest(&source)
            .with("post.http", "POST /\n\nhello");
        let done = folder.run("run --wasm filter.wasm --request post.http --fuel 100000");
        assert!(done.out.contains(sentence), "{}", done.out);
        assert!(done.out.contains("→ TRAPPED"), "{}", done.out);
        assert!(done.out.contains(":status: 503"), "{}", done.out);
        assert_eq!((done.code, done.err.as_str()), (1, ""));
    }
}

#[test]
fn files_and_options_that_cannot_be_used_end_with_2() {
    let folder = Folder::new()
        .with_guest("")
        .with("get.http", "GET /\n")
        .with("bad.http", "GET\n")
        .with("long.http", "POST /\ncontent-length: 2\n\nab\n")
        .with("bytes", b"\xff");
    // (the words behind `run`, part of what is said)
    let rows = [
        (
            "--wasm none.wasm --request get.http",
            "cannot read none.wasm: ",
        ),
        (
            "--wasm filter.wasm --request none.http",
            "cannot read none.http: ",
        ),
        (
            "--wasm filter.wasm --request bad.http",
            "bad.http: `GET` is no request line",
        ),
        (
            "--wasm filter.wasm --request get.http --upstream bad.http",
            "bad.http: `GET` is no status line",
        ),
        (
            "--wasm filter.wasm --request long.http",
            "content-length is 2, but its body has 3 bytes",
        ),
        (
            "--wasm filter.wasm --request get.http --config bytes",
            "bytes: it is not UTF-8",
        ),
        (
            "--wasm filter.wasm --request - --config -",
            "only one file can be `-`",
        ),
        (
            "--wasm filter.wasm --request get.http --workers 0",
            "count from 1",
        ),
        (
            "--wasm filter.wasm --request get.http --chunks half",
            "`half` is none of whole, bytes",
        ),
        (
            "--wasm filter.wasm --request get.http --env A",
            "write it as KEY=VALUE",
        ),
        (
            "--wasm filter.wasm --request get.http --save a.toml --fuel 1000000",
            "no word for --fuel",
        ),
        ("--wasm filter.wasm", "--request <FILE>"),
    ];
    for (words, part) in rows {
        let done = folder.run(&format!("run {words}"));
        assert!(done.err.contains(part), "{words}: {}", done.err);
        assert_eq!(done.code, 2, "{words}");
    }
}

#[test]
fn a_wrong_scenario_file_names_file_line_and_key() {
    let scenario = |filter: &str, steps: &str| {
        format!("about = \"x\"\n[filter]\nwasm = \"filter.wasm\"\n{filter}\n{steps}\n")
    };
    let get = "[[steps]]\nrequest.head = \"GET /\"";
    // (the file, exit code, what is said of it)
    let rows = [
        ("about = ".to_owned(), 2, "s.toml:1: "),
        (
            "about = \"x\"\n".to_owned(),
            2,
            "s.toml:1: missing field `filter`",
        ),
        (
            scenario("colour = 1", get),
            2,
            "s.toml:4: filter.colour: unknown field `colour`",
        ),
        (
            scenario("", "[[steps]]\nrequest.head = \"GET\""),
            2,
            "s.toml:6: steps[0].request.head: `GET` is no request line",
        ),
        (
            scenario("", "[[steps]]\n\nadvance = \"5\"\n"),
            2,
            "s.toml:7: steps[0].advance: `5` is no time span",
        ),
        (
            scenario("", get).replace("filter.wasm", "none.wasm"),
            2,
            "s.toml:3: filter.wasm: cannot read ./none.wasm: ",
        ),
        (
            scenario("", get).replace("filter.wasm", "hello.wasm"),
            1,
            "s.toml:3: this is not a usable WebAssembly module: ",
        ),
        (
            scenario("", "[[steps]]\ncallout.cluster = \"x\""),
            2,
            "s.toml:6: steps[0].callout.cluster: `clusters` does not name `x`",
        ),
        (
            scenario("", "[[steps]]\ndownstream.data = \"x\""),
            2,
            "s.toml:6: steps[0].downstream: it is sent on a TCP connection, and no step opens \
             one by `connect`; on an HTTP stream say `request`",
        ),
        (
            scenario("", "[[steps]]\nconnect.refuse = true"),
            2,
            "s.toml:6: steps[0].connect.refuse: unknown field `refuse`, expected `refused`",
        ),
        (
            scenario("", "[[steps]]\nreset = \"client\"\n[[steps]]\nconnect = {}"),
            2,
            "s.toml:5: steps[0].stream: no connection is open yet: a step with `connect` opens \
             one",
        ),
        (
            scenario("", &format!("[[steps]]\nconnect = {{}}\n{get}")),
            2,
            "s.toml:8: steps[1].request: `connect` makes the scenario one of TCP: say \
             `downstream` instead",
        ),
        (
            scenario(
                "",
                "[[steps]]\nconnect = {}\nupstream = { data = \"x\", chunks = [\"y\"] }",
            ),
            2,
            "s.toml:7: steps[0].upstream.chunks: say `data` or `chunks`, not both",
        ),
        (
            scenario("", "[[steps]]\nconnect = {}\nupstream = {}"),
            2,
            "s.toml:7: steps[0].upstream: nothing is sent: say `data`, `chunks` or `end`",
        ),
        (
            scenario("", "[[steps]]\nconnect = {}\nexpect.client.body = \"x\""),
            2,
            "s.toml:7: steps[0].expect.client.body: of a TCP connection there are `data`, \
             `contains` and `end`",
        ),
        (
            scenario("", &format!("{get}\nexpect.client.data = \"x\"")),
            2,
            "s.toml:7: steps[0].expect.client.data: only a TCP connection has it: say `body`",
        ),
        (
            format!(
                "route_name = \"r\"\n{}",
                scenario("", "[[steps]]\nconnect = {}")
            ),
            2,
            "s.toml:1: route_name: this is HTTP's, and a step with `connect` makes the scenario \
             one of TCP",
        ),
        (
            scenario("", &format!("{get}\nrequest.metadata = {{ k = \"v\" }}")),
            2,
            "s.toml:7: steps[0].request.metadata: METADATA are HTTP/2's: say `protocol.client = \
             \"http2\"` too",
        ),
    ];
    for (text, code, part) in rows {
        let folder = Folder::new()
            .with_guest("")
            .with("hello.wasm", "hello")
            .with("s.toml", &text);
        let done = folder.run("test ./s.toml");
        let part = part.replace("cannot read ./", "cannot read ");
        assert!(
            done.out.replace("./", "").contains(&part),
            "{text}\n{}",
            done.out
        );
        assert_eq!((done.code, done.err.as_str()), (code, ""), "{text}");
    }
}

#[test]
fn folders_without_scenarios_end_with_2() {
    let folder = Folder::new()
        .with("empty/readme.md", "")
        .with("a/b.toml", "");
    // (the words behind `test`, what is said)
    let rows = [
        ("none", "error: none: cannot be read: "),
        (
            "empty",
            "error: empty: there is no scenario (a file ending in .toml) in it",
        ),
        ("a --filter x", "error: no scenario's path contains `x`"),
        (
            "",
            "error: the following required arguments were not provided:",
        ),
    ];
    for (words, sentence) in rows {
        let done = folder.run(&format!("test {words}"));
        assert!(done.err.starts_with(sentence), "{words}: {}", done.err);
        assert_eq!(done.code, 2, "{words}");
    }
}
