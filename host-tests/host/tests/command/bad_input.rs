//! Modules, messages, options and scenarios that cannot be used: a sentence each, never a
//! panic.

use crate::guest::{BODY, HEADERS, assemble};
use crate::{Done, Folder};

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
            format!("{MEMORY} {MALLOC}"),
            "the module exports no proxy_abi_version_0_2_1 (or 0_2_0): it is not a Proxy-Wasm \
             filter",
        ),
        (
            format!("{ABI} {MALLOC}"),
            "the module exports no memory named \"memory\"",
        ),
        (
            format!(r#"(import "env" "proxy_log" (func (param i64))) {ABI} {MEMORY} {MALLOC}"#),
            "the module imports env.proxy_log, as (func (param i64)), but Envoy offers it as \
             (func (param i32 i32 i32) (result i32))",
        ),
        (
            format!(r#"(func (export "proxy_on_tick") (param i64)) {ABI} {MEMORY} {MALLOC}"#),
            "the module exports proxy_on_tick, with a signature the ABI does not know: \
             (func (param i64))",
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
        (
            format!(
                r#"(func $deep (export "proxy_on_vm_start") (param i32 i32) (result i32)
                  (call $deep #0 #0)) {ABI} {MEMORY} {MALLOC}"#
            ),
            "the module does not start: proxy_on_vm_start trapped: call stack exhausted (in deep)",
        ),
    ];
    for (source, sentence) in rows {
        let folder = Folder::new()
            .with("filter.wasm", assemble(&source))
            .with("get.http", "GET /\nhost: h\n");
        let done = folder.run("run --wasm filter.wasm --request get.http --fuel 100000");
        assert_eq!(done.err, format!("error: filter.wasm: {sentence}\n"));
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{sentence}");
    }
}

#[test]
fn what_is_no_module_says_what_it_is() {
    // (bytes, what they are)
    let rows: [(&[u8], &str); 5] = [
        (b"hello", "it does not begin as WebAssembly does"),
        (b"", "the file is empty"),
        (b"\0asm\x01\0\0\0\x01", "unexpected end"),
        (
            b"\0asm\x0d\0\x01\0",
            "it is a component, and Envoy loads core modules: build it for wasm32-wasip1",
        ),
        (
            b"\n(module)",
            "it is WebAssembly text: make a binary of it first (`wasm-tools parse`, `wat2wasm`)",
        ),
    ];
    for (bytes, what) in rows {
        let sentence =
            format!("error: filter.wasm: this is not a usable WebAssembly module: {what}");
        let folder = Folder::new()
            .with("filter.wasm", bytes)
            .with("get.http", "GET /\nhost: h\n");
        let done = folder.run("run --wasm filter.wasm --request get.http");
        assert!(done.err.starts_with(&sentence), "{}", done.err);
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
            .with("post.http", "POST /\nhost: h\n\nhello");
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
        .with("get.http", "GET /\nhost: h\n")
        .with("bad.http", "GET\n")
        .with("nohost.http", "GET /\n")
        .with("long.http", "POST /\nhost: h\ncontent-length: 2\n\nab\n")
        .with(
            "big.http",
            format!("POST /\nhost: h\n\n{}", "x".repeat(10_001)),
        )
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
            "--wasm filter.wasm --request nohost.http",
            "nohost.http: Envoy answers a request without a host 400 (missing_host_header)",
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
            "--workers is a number from 1 to 1000",
        ),
        (
            "--wasm filter.wasm --request get.http --repeat 1001",
            "--repeat is a number from 1 to 1000",
        ),
        (
            "--wasm filter.wasm --request big.http --chunks bytes",
            "--chunks cuts a body of 10001 bytes into 10001 pieces",
        ),
        ("--wasm . --request get.http", "cannot read .: "),
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
    let get = "[[steps]]\nrequest.head = \"GET /\\nhost: h\"";
    let waiting = format!("{get}\nexpect.client.end = \"nothing\"");
    // (the file, exit code, what is said of it)
    let rows = [
        ("about = ".to_owned(), 2, "s.toml:1: "),
        (
            "about = \"x\"\n".to_owned(),
            2,
            "s.toml:1: missing key `filter`",
        ),
        (
            scenario("colour = 1", get),
            2,
            "s.toml:4: filter.colour: unknown key `colour`",
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
            scenario("", "[[steps]]\nteleport = 1"),
            2,
            "s.toml:6: steps[0].teleport: unknown key `teleport`, expected one of `stream`, ",
        ),
        (
            scenario("", "[[steps]]\nrequest = \"GET /\""),
            2,
            "s.toml:6: steps[0].request: invalid type: string \"GET /\", expected a table",
        ),
        (
            scenario("", "[[steps]]\nexpect.client.status = \"200\""),
            2,
            "s.toml:6: steps[0].expect.client.status: invalid type: string \"200\", expected a \
             whole number up to 65535",
        ),
        (
            scenario("", "[[steps]]\nreset = \"server\""),
            2,
            "s.toml:6: steps[0].reset: unknown value `server`, expected `client` or `upstream`",
        ),
        (
            scenario("", &format!("{get}\n[[steps]]\nexpect.logs = 3")),
            2,
            "s.toml:8: steps[1].expect.logs: invalid type: integer `3`, expected a list",
        ),
        (
            scenario("", "[[steps]]\nresponse.head = \"200\""),
            2,
            "s.toml:5: steps[0].stream: no stream is open yet: a step with `request.head` opens",
        ),
        (
            scenario(
                "",
                &format!("{get}\n[[steps]]\nstream = \"b\"\nreset = \"client\""),
            ),
            2,
            "s.toml:8: steps[1].stream: no earlier step has opened `b`",
        ),
        (
            scenario("", &format!("{get}\n{get}\nstream = \"1\"")),
            2,
            "s.toml:9: steps[1].stream: an earlier step has opened `1`",
        ),
        (
            scenario("workers = 0", get),
            2,
            "s.toml:4: filter.workers: a number from 1 to 1000",
        ),
        (
            scenario("", get).replace("\"filter.wasm\"", "[]"),
            2,
            "s.toml:3: filter.wasm: an empty list",
        ),
        (
            scenario("", get),
            2,
            "s.toml:5: expect: nothing is expected, so nothing could fail: `tollgate-host test",
        ),
        (
            scenario("", &format!("{get}\nexpect = {{}}")),
            2,
            "s.toml:5: expect: it is empty, so nothing could fail: `tollgate-host test",
        ),
        (
            scenario("", &format!("{get}\nexpect.client = {{}}")),
            2,
            "s.toml:5: expect.client: it is empty",
        ),
        (
            scenario("", &waiting).replace("filter.wasm", "none.wasm"),
            2,
            "s.toml:3: filter.wasm: cannot read ./none.wasm: ",
        ),
        (
            scenario("", &waiting).replace("filter.wasm", "hello.wasm"),
            1,
            "s.toml:3: this is not a usable WebAssembly module: ",
        ),
        (
            scenario("", "[[steps]]\ncallout.cluster = \"x\""),
            2,
            "s.toml:6: steps[0].callout.cluster: `clusters` does not name `x`",
        ),
        (
            scenario("", "[[steps]]\ngrpc.cluster = \"x\""),
            2,
            "s.toml:6: steps[0].grpc.cluster: `grpc_clusters` does not name `x`",
        ),
        (
            scenario("", "[[steps]]\ngrpc.end.status = \"OK\""),
            2,
            "s.toml:6: steps[0].grpc.end.status: invalid type: string \"OK\", expected a whole number",
        ),
        (
            scenario("", "[[steps]]\ngrpc.status = 0"),
            2,
            "s.toml:6: steps[0].grpc.status: unknown key `status`",
        ),
        (
            scenario("", "[[steps]]\nexpect.grpc = [\"side\"]"),
            2,
            "s.toml:6: steps[0].expect.grpc: `side` is no open call: write `cluster package",
        ),
        (
            scenario("failure_policy = \"OPEN\"", get),
            2,
            "s.toml:4: filter.failure_policy: unknown value `OPEN`, expected",
        ),
        (
            scenario("reload_backoff = \"1s\"", get),
            2,
            "s.toml:4: filter.reload_backoff: it counts with `failure_policy = \"FAIL_RELOAD\"`",
        ),
        (
            scenario("", get).replace(
                "[filter]",
                "clusters = [\"a\"]\ngrpc_clusters = [\"a\"]\n[filter]",
            ),
            2,
            "s.toml:3: grpc_clusters: `a` is a cluster already: name it once",
        ),
        (
            scenario("", ""),
            2,
            "s.toml: steps: nothing happens: write at least one `[[steps]]`",
        ),
        (
            scenario("refused = \"trapped\"", get),
            2,
            "s.toml:4: filter.refused: nothing happens to a filter that is refused: leave out",
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
            "s.toml:6: steps[0].connect.refuse: unknown key `refuse`, expected `refused`",
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
fn what_is_not_the_envoy_to_compare_with_ends_with_2() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    // (its text, the sentence)
    let rows = [
        (
            None,
            "./envoy cannot be run: No such file or directory (os error 2)",
        ),
        (
            Some("#!/bin/sh\n"),
            "./envoy is no Envoy: `--version` does not say one",
        ),
        (
            Some("#!/bin/sh\necho './envoy  version: 0a1b/1.38.2/Clean/RELEASE/BoringSSL'\n"),
            "./envoy is Envoy 1.38.2, and this harness does what 1.40.x does",
        ),
    ];
    for (text, sentence) in rows {
        let folder = Folder::new().with("scenarios/one.toml", "");
        if let Some(text) = text {
            let file = folder.path().join("envoy");
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        }
        let done = folder.run("test scenarios --envoy ./envoy");
        assert_eq!(done.err, format!("error: --envoy: {sentence}\n"));
        assert_eq!((done.code, done.out.as_str()), (2, ""));
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

#[test]
fn output_that_nobody_takes_is_no_panic() {
    let folder = Folder::new()
        .with_guest("")
        .with("get.http", "GET /\nhost: h\n");
    let mut command = folder.command("run --wasm filter.wasm --request get.http");
    // Its reader is gone before anything is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = Done::of(command.stdout(writer).output().unwrap());
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    #[cfg(target_os = "linux")]
    {
        let full = std::fs::File::create("/dev/full").unwrap();
        let done = Done::of(command.stdout(full).output().unwrap());
        assert!(
            done.err
                .starts_with("error: cannot write to standard output: ")
        );
        assert_eq!(done.code, 2);
    }
}
