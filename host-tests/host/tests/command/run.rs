//! What `tollgate-host run` shows.

use serde_json::Value;

use crate::Folder;
use crate::guest::{BODY, HEADERS};

/// Renames a header, replaces the body, answers paths of its own, counts and logs.
fn filter() -> String {
    format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $get_buffer #7 #0 #-1 #16 #20)) (call $log_result)
          (drop (call $define_metric #0 @"requests" #16)) #1)
        (func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $increment #4 (i64.const 1)))
          (drop (call $get #0 @"x-user" #16 #20))
          (drop (call $get #0 @"x-none" #16 #20))
          (drop (call $add #0 @"x-agent" @"wasm"))
          (drop (call $remove #0 @"x-user"))
          (drop (call $set_property @"a" @"b"))
          (if (result i32) (local.get $end)
            (then (drop (call $reply #403 @"no_body" @"a body, please" #0 #0 #-1)) #1)
            (else #1)))
        (func (export "proxy_on_request_body") {BODY}
          (if (local.get $end) (then
            (drop (call $set_buffer #0 #0 #-1 #4096 #31))
            (drop (call $replace #0 @"content-length" @"31"))))
          (i32.eqz (local.get $end)))
        (func (export "proxy_on_response_headers") {HEADERS}
          (drop (call $add #2 @"x-seen" @"yes")) #0)
        (data (i32.const 4096) "{{\22n\22:22,\22kept\22:[1,2,3,4,5,6,7]}}")"#
    )
}

fn folder() -> Folder {
    Folder::new()
        .with_guest(&filter())
        .with("plugin.txt", "configured")
        .with(
            "post.http",
            "POST /things\nhost: example.com\nx-user: me\ncontent-length: auto\n\n\
             {\"n\":1,\"kept\":[1,2,3,4,5,6,7]}",
        )
        .with("get.http", "GET /\nhost: example.com\n")
        .with(
            "answer.http",
            b"200\ncontent-type: application/octet-stream\n\n\x00\x01\xff",
        )
}

const POST: &str = "run --wasm filter.wasm --config plugin.txt --hold-headers --request post.http";

#[test]
fn before_and_after_at_a_glance() {
    let done = folder().run(&format!("{POST} --upstream answer.http --chunks 5,10"));
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    insta::assert_snapshot!("run", done.out);
}

#[test]
fn a_trace_has_every_host_call_in_words() {
    let done = folder().run(&format!("{POST} --trace"));
    assert_eq!(done.code, 0);
    let timeline = done.out.split("\nRequest").next().unwrap();
    insta::assert_snapshot!("trace", timeline);
}

#[test]
fn a_local_reply_takes_the_upstreams_place() {
    let get = POST.replace("post.http", "get.http");
    let done = folder().run(&get);
    assert_eq!(done.code, 0);
    insta::assert_snapshot!("local_reply", done.out);
}

#[test]
fn json_has_everything() {
    let done = folder().run(&format!("{POST} --upstream answer.http --json"));
    assert_eq!(done.code, 0);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    // (pointer, what is there)
    let rows = [
        ("/version", "1"),
        (
            "/streams/0/request/sent/body",
            r#""{\"n\":1,\"kept\":[1,2,3,4,5,6,7]}""#,
        ),
        (
            "/streams/0/request/received/body",
            r#""{\"n\":22,\"kept\":[1,2,3,4,5,6,7]}""#,
        ),
        ("/streams/0/request/received/end", r#""complete""#),
        ("/streams/0/response/sent/body", r#"{"base64":"AAH/"}"#),
        (
            "/streams/0/response/received/headers/3",
            r#"["x-seen","yes"]"#,
        ),
        ("/streams/0/local_reply", "null"),
        ("/streams/0/properties", r#"{"a":"b"}"#),
        ("/streams/0/timeline/0/from", r#""client""#),
        (
            "/streams/0/timeline/1/callback",
            r#""proxy_on_request_headers""#,
        ),
        (
            "/streams/0/timeline/1/arguments/end_of_stream",
            r#""false""#,
        ),
        ("/streams/0/timeline/1/result", r#""PAUSE""#),
        (
            "/streams/0/timeline/3/host_call",
            r#""proxy_get_header_map_value""#,
        ),
        (
            "/streams/0/timeline/3/arguments",
            r#"{"key":"x-user","map":"HTTP_REQUEST_HEADERS"}"#,
        ),
        ("/streams/0/timeline/3/gives", r#"{"value":"me"}"#),
        ("/streams/0/timeline/4/result", r#""NOT_FOUND""#),
        (
            "/metrics",
            r#"[{"kind":"counter","name":"requests","value":1}]"#,
        ),
        ("/workers/0/death", "null"),
        ("/streams/0/costs/host_calls", "9"),
    ];
    for (pointer, expected) in rows {
        let found = json
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer}"));
        assert_eq!(found.to_string(), expected, "{pointer}");
    }
}

#[test]
fn the_same_input_gives_the_same_output() {
    let folder = folder();
    for words in [
        "--chunks random:7 --workers 2 --repeat 5 --trace",
        "--http2 --json",
    ] {
        let words = format!("{POST} {words}");
        assert_eq!(folder.run(&words).out, folder.run(&words).out, "{words}");
    }
}

#[test]
fn repeated_requests_take_turns_at_the_workers() {
    let done = folder().run(&format!("{POST} --repeat 3 --workers 2"));
    let titles: Vec<&str> = done
        .out
        .lines()
        .filter(|line| line.contains("(worker "))
        .collect();
    let expected = [
        "Timeline 1 (worker 0)",
        "Request 1 (worker 0)  client → upstream, changed",
        "Response 1 (worker 0)  upstream → client, changed",
        "Timeline 2 (worker 1)",
        "Messages 2 (worker 1)  as before",
        "Timeline 3 (worker 0)",
        "Messages 3 (worker 0)  as before",
    ];
    assert_eq!(titles, expected);
    assert!(done.out.contains("requests = 3"), "{}", done.out);
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    // (variable, is there colour)
    let rows = [
        (None, false),
        (Some("NO_COLOR"), false),
        (Some("CLICOLOR_FORCE"), true),
    ];
    for (variable, coloured) in rows {
        let folder = folder();
        let mut command = folder.command(POST);
        if let Some(variable) = variable {
            command.env(variable, "1");
        }
        let output = command.output().unwrap();
        let escapes = output.stdout.contains(&b'\x1b');
        assert_eq!(escapes, coloured, "{variable:?}");
    }
}

#[test]
fn a_run_that_does_not_go_well_is_saved_as_it_went() {
    // (a callback's body, part of the file)
    let rows = [
        ("unreachable", "traps = \"Worker 0 dies: "),
        ("#1", "expect.client.end = \"nothing\""),
        (
            "(drop (call $define_metric #1 @\"held\" #16)) \
             (drop (call $increment (i32.load #16) (i64.const -1))) #1",
            "expect.metrics.\"held\" = -1\n",
        ),
    ];
    for (body, part) in rows {
        let filter = format!(r#"(func (export "proxy_on_request_headers") {HEADERS} {body})"#);
        let folder = Folder::new()
            .with_guest(&filter)
            .with("get.http", "GET /\nhost: h\n");
        let done = folder.run("run --wasm filter.wasm --request get.http --save s.toml");
        assert_eq!(done.code, 1, "{body}: {}", done.err);
        let saved = folder.read("s.toml");
        assert!(saved.contains(part), "{saved}");
        let played = folder.run("test s.toml");
        assert_eq!(played.code, 0, "{}\n{saved}", played.out);
        let varied = folder.run("test s.toml --vary --variation written");
        assert_eq!(varied.code, 0, "{}\n{saved}", varied.out);
    }
}

#[test]
fn what_is_saved_passes() {
    let filter_of_callouts = format!(
        r#"(func (export "proxy_on_request_headers") {HEADERS}
          (drop (call $http_call @"auth"
            (i32.const 2048) (i32.const 64) #0 #0 #0 #0 #1000 #16)) #1)
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
          (drop (call $effective #2))
          (drop (call $add #0 @"x-auth" @"ok"))
          (drop (call $continue #0)))
        (data (i32.const 2048) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\04\00\00\00:method\00GET\00:path\00/\00:authority\00auth\00")"#
    );
    let with_callouts = Folder::new()
        .with_guest(&filter_of_callouts)
        .with("get.http", "GET /\nhost: example.com\n")
        .with("auth.http", "200\n\nyes");
    let callouts = "run --wasm filter.wasm --request get.http --callout auth=auth.http";
    // (folder, the words, whether cuts and protocols make no difference to this guest)
    let rows = [
        (
            folder(),
            format!("{POST} --upstream answer.http --chunks 5,10"),
            true,
        ),
        (
            folder(),
            format!("{POST} --repeat 3 --workers 2 --http2"),
            true,
        ),
        (folder(), POST.replace("post.http", "get.http"), true),
        (
            // What is above the limit depends on how it is cut.
            folder(),
            format!("{POST} --env A=B --vm-id v --root-id r --buffer-limit 10"),
            false,
        ),
        // It knows one stream only.
        (with_callouts, callouts.to_owned(), false),
    ];
    for (at, (folder, words, varied)) in rows.iter().enumerate() {
        let done = folder.run(&format!("{words} --save scenarios/saved.toml"));
        assert_eq!(done.code, 0, "{words}: {}", done.err);
        let said = "saved scenarios/saved.toml; `tollgate-host test scenarios/saved.toml` \
                    plays it again\n";
        assert_eq!(done.err, said);
        let saved = folder.read("scenarios/saved.toml");
        // Trailers would take away the end at which this guest edits a body.
        let vary = match varied {
            true => " --vary --variation HTTP",
            false => "",
        };
        let played = folder.run(&format!("test scenarios{vary}"));
        assert_eq!(played.code, 0, "{words}\n{}\n{saved}", played.out);
        let calls_out = words.contains("--callout");
        assert_eq!(saved.contains("callout.cluster"), calls_out, "{saved}");
        insta::assert_snapshot!(format!("saved_{at}"), saved);
    }
}
