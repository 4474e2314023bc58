//! What cannot be read as the upstream would read it, through a real Envoy: refused with an
//! error a client understands, or passed on as it came, and never in the next request's way.

use std::io::Write;
use std::net::TcpStream;

use tollgate_tests::{Client, Stack, exchange};

const CONFIGURATION: &str = "envoy/token-estimator/envoy.yaml";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const GOOD: &str = r#"{"messages":[{"role":"user","content":"Hello"}]}"#;

fn stack(module: &str) -> Stack {
    let file = format!("filters/{module}.wasm");
    Stack::of(CONFIGURATION)
        .replace("filters/token-estimator.wasm", &file)
        .start()
        .unwrap()
}

fn post(client: &Client, path: &str, body: &[u8]) -> tollgate_tests::Response {
    client
        .post(path)
        .header("api-key", "any")
        .body(body.to_vec())
        .send()
        .unwrap()
}

/// The next request on the same worker works.
fn assert_works(client: &Client, after: &str) {
    let answer = post(client, CHAT, GOOD.as_bytes());
    assert_eq!(answer.status, 200, "after {after}: {}", answer.text());
    assert!(
        answer.header("x-tollgate-prompt-tokens").is_some(),
        "after {after}"
    );
}

/// Method, path, headers; status and the error's code.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    u16,
    &'static str,
);

/// Name, body, and the `param` of the refusal.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let messages = |value: &str| format!(r#"{{"messages":{value}}}"#).into_bytes();
    let content = |bytes: &[u8]| {
        [
            &br#"{"messages":[{"role":"user","content":""#[..],
            bytes,
            br#""}]}"#,
        ]
        .concat()
    };
    vec![
        ("not JSON", b"Hello".to_vec(), None),
        ("cut short", GOOD.as_bytes()[..20].to_vec(), None),
        ("two texts", format!("{GOOD}{GOOD}").into_bytes(), None),
        ("a list", b"[]".to_vec(), None),
        (
            "a byte order mark",
            format!("\u{feff}{GOOD}").into_bytes(),
            None,
        ),
        ("a depth bomb", "[".repeat(100_000).into_bytes(), None),
        (
            "deep, closed",
            format!(r#"{{"x":{}{}}}"#, "[".repeat(500), "]".repeat(500)).into_bytes(),
            None,
        ),
        ("invalid UTF-8", content(b"\xff\xfe"), None),
        ("a lone surrogate", content(br"\ud800"), None),
        ("a control character", content(b"\n"), None),
        (
            "messages twice",
            br#"{"messages":[],"messages":[]}"#.to_vec(),
            Some("messages"),
        ),
        (
            "an escaped key",
            br#"{"mess\u0061ges":[]}"#.to_vec(),
            Some("messages"),
        ),
        (
            "a key in another case",
            br#"{"messages":[],"Messages":[]}"#.to_vec(),
            Some("messages"),
        ),
        (
            "content twice",
            messages(r#"[{"role":"user","content":"a","content":"b"}]"#),
            Some("messages[0].content"),
        ),
        ("messages as text", messages(r#""Hello""#), Some("messages")),
        (
            "a message as text",
            messages(r#"["Hello"]"#),
            Some("messages[0]"),
        ),
        (
            "a role as number",
            messages(r#"[{"role":1,"content":"a"}]"#),
            Some("messages[0].role"),
        ),
        (
            "content as number",
            messages(r#"[{"role":"user","content":7}]"#),
            Some("messages[0].content"),
        ),
        (
            "stream as text",
            br#"{"messages":[],"stream":"yes"}"#.to_vec(),
            Some("stream"),
        ),
        (
            "a huge fraction",
            br#"{"messages":[],"max_tokens":1e999}"#.to_vec(),
            Some("max_tokens"),
        ),
        (
            "a fraction of a token",
            br#"{"messages":[],"max_tokens":1.5}"#.to_vec(),
            Some("max_tokens"),
        ),
        (
            "fewer than no tokens",
            br#"{"messages":[],"max_completion_tokens":-1}"#.to_vec(),
            Some("max_completion_tokens"),
        ),
    ]
}

#[test]
fn bad_bodies_are_refused_in_openai_shape_and_the_next_request_works() {
    for module in ["token-estimator", "gateway"] {
        let stack = stack(module);
        for (name, body, param) in bad_bodies() {
            let answer = post(stack.client(), CHAT, &body);
            assert_eq!(answer.status, 400, "{name}: {}", answer.text());
            let error = &answer.json()["error"];
            assert_eq!(error["code"], "invalid_body", "{name}: {}", answer.text());
            assert_eq!(error["type"], "invalid_request_error", "{name}");
            assert_eq!(error["param"].as_str(), param, "{name}: {}", answer.text());
            assert!(
                error["message"]
                    .as_str()
                    .is_some_and(|text| text.len() > 15),
                "{name}: {}",
                answer.text()
            );
            assert_works(stack.client(), name);
        }
        let refused = stack
            .envoy
            .stat("wasmcustom.tollgate.requests.outcome.invalid_body")
            .unwrap();
        assert_eq!(refused, u64::try_from(bad_bodies().len()).unwrap());
        for region in stack.mock.regions() {
            for request in region.requests() {
                assert_eq!(
                    request.body,
                    GOOD.as_bytes(),
                    "only good bodies reach the upstream"
                );
            }
        }
    }
}

#[test]
fn where_a_rule_says_so_they_are_passed_on_as_they_came() {
    let stack = Stack::of(CONFIGURATION)
        .replace(
            r#""debug_headers": true,"#,
            r#""debug_headers": true, "invalid_body": "pass","#,
        )
        .start()
        .unwrap();
    for (name, body, _) in bad_bodies() {
        let answer = post(stack.client(), CHAT, &body);
        assert_eq!(answer.header("x-tollgate-prompt-tokens"), None, "{name}");
        let received = stack
            .mock
            .regions()
            .flat_map(|region| region.take_requests())
            .next();
        assert_eq!(
            received.map(|request| request.body),
            Some(body.into()),
            "{name}"
        );
        assert_works(stack.client(), name);
        stack.mock.regions().for_each(|region| region.reset());
    }
}

#[test]
fn what_no_rule_lists_is_refused_by_its_head() {
    let stack = stack("token-estimator");
    const JSON: (&str, &str) = ("content-type", "application/json");
    let rows: [Row; 14] = [
        (
            "POST",
            CHAT,
            &[JSON, ("content-encoding", "gzip")],
            415,
            "unsupported_content_encoding",
        ),
        (
            "POST",
            CHAT,
            &[JSON, ("content-encoding", "br")],
            415,
            "unsupported_content_encoding",
        ),
        (
            "POST",
            CHAT,
            &[("content-type", "text/plain")],
            415,
            "unsupported_content_type",
        ),
        (
            "POST",
            CHAT,
            &[("content-type", "multipart/form-data; boundary=x")],
            415,
            "unsupported_content_type",
        ),
        (
            "POST",
            "/OpenAI/deployments/gpt-4o/chat/completions",
            &[JSON],
            400,
            "ambiguous_path",
        ),
        (
            "POST",
            "/openai/v1/Chat/completions",
            &[JSON],
            400,
            "ambiguous_path",
        ),
        ("POST", "/openai/v1/chat%2fcompletions", &[JSON], 400, ""),
        (
            "POST",
            "/openai/v1/chat;x/completions",
            &[JSON],
            400,
            "ambiguous_path",
        ),
        (
            "POST",
            "/openai/v1/chat/completions/",
            &[JSON],
            400,
            "ambiguous_path",
        ),
        (
            "POST",
            "/openai/v1/unheard-of",
            &[JSON],
            404,
            "unknown_path",
        ),
        (
            "PUT",
            "/openai/v1/chat/completions",
            &[JSON],
            404,
            "unknown_path",
        ),
        // Envoy folds these before anything looks at them.
        ("POST", "//openai/v1//chat/completions", &[JSON], 200, ""),
        ("POST", "/openai/v1/%63hat/completions", &[JSON], 200, ""),
        (
            "POST",
            "/openai/v1/files/../chat/completions",
            &[JSON],
            200,
            "",
        ),
    ];
    let body = GOOD.replace('{', r#"{"model":"gpt-4o","#).replacen(
        r#""model":"gpt-4o","role""#,
        r#""role""#,
        1,
    );
    for (method, path, headers, status, code) in rows {
        let request = stack
            .client()
            .request(method, path)
            .header("api-key", "any");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        let answer = request.body(body.clone()).send().unwrap();
        assert_eq!(
            answer.status,
            status,
            "{method} {path} {headers:?}: {}",
            answer.text()
        );
        if !code.is_empty() {
            assert_eq!(answer.json()["error"]["code"], code, "{method} {path}");
        }
        assert_works(stack.client(), path);
    }
    let empty = stack
        .client()
        .post(CHAT)
        .header("api-key", "any")
        .header("content-type", "application/json");
    let answer = empty.send().unwrap();
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (400, &"invalid_body".into())
    );
}

#[test]
fn large_bodies_get_413_whether_announced_or_not() {
    let stack = stack("token-estimator");
    let text = "all work and no play ".repeat(500_000);
    let body = GOOD.replace("Hello", &text);
    assert!(body.len() > 10_000_000);
    let answer = post(stack.client(), CHAT, body.as_bytes());
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "body_too_large");
    assert_works(stack.client(), "an announced large body");

    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\napi-key: any\r\nconnection: close\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut sent = head.into_bytes();
    for part in body.as_bytes().chunks(1 << 20) {
        sent.extend(format!("{:x}\r\n", part.len()).bytes());
        sent.extend(part);
        sent.extend(b"\r\n");
    }
    let answer = exchange(stack.gateway(), [&sent[..]]).unwrap();
    assert_eq!(answer.status, 413, "{}", answer.head);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains("body_too_large"), "{} {text}", answer.head);
    assert_works(stack.client(), "a large body in chunks");

    // The largest that is allowed is read: the limit is the configuration's, to the byte.
    let largest = 8 << 20;
    let room = largest - (GOOD.len() - "Hello".len());
    for (length, status) in [(room, 200), (room + 1, 413)] {
        let body = GOOD.replace("Hello", &"x ".repeat(length)[..length]);
        assert_eq!(
            post(stack.client(), CHAT, body.as_bytes()).status,
            status,
            "{}",
            body.len()
        );
    }
}

#[test]
fn a_body_may_be_cut_anywhere() {
    let stack = stack("token-estimator");
    let body = r#"{"messages":[{"role":"user","content":"Gr\u00fc\u00dfe \ud83d\ude00 an die Welt, 世界"}],"max_tokens":16}"#;
    let tokens = |answer: &str| {
        let line = answer
            .lines()
            .find(|line| line.starts_with("x-tollgate-prompt-tokens"));
        line.map(str::to_owned)
    };
    let request = |framing: &str| {
        format!(
            "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\napi-key: any\r\nconnection: close\r\n\
             content-type: application/json\r\n{framing}\r\n\r\n"
        )
    };
    let plain = request(&format!("content-length: {}", body.len()));
    let whole = exchange(stack.gateway(), [plain.as_bytes(), body.as_bytes()]).unwrap();
    assert_eq!(whole.status, 200, "{}", whole.head);
    let expected = tokens(&whole.head);
    assert!(expected.is_some(), "{}", whole.head);

    let mut pieces = vec![plain.as_bytes()];
    pieces.extend(body.as_bytes().chunks(1));
    let answer = exchange(stack.gateway(), pieces).unwrap();
    assert_eq!(
        (answer.status, tokens(&answer.head)),
        (200, expected.clone()),
        "byte by byte"
    );

    // In chunks, and with trailers after the last: no body callback says that it is the last.
    let chunked = request("transfer-encoding: chunked");
    for trailers in ["", "x-checksum: 1\r\n"] {
        let (head, tail) = body.split_at(body.len() / 2);
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let [head, tail] = [chunk(head), chunk(tail)];
        let end = format!("0\r\n{trailers}\r\n");
        let pieces = [
            chunked.as_bytes(),
            head.as_bytes(),
            tail.as_bytes(),
            end.as_bytes(),
        ];
        let answer = exchange(stack.gateway(), pieces).unwrap();
        assert_eq!(
            (answer.status, tokens(&answer.head)),
            (200, expected.clone()),
            "trailers {trailers:?}"
        );
    }
    let bodies: Vec<_> = stack
        .mock
        .regions()
        .flat_map(|region| region.take_requests())
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies, vec![body.as_bytes(); 4]);
}

#[test]
fn slow_uploads_past_the_budget_get_503_and_give_back_what_they_held() {
    let stack = Stack::of(CONFIGURATION)
        .replace(
            r#""max_body_bytes": 8388608"#,
            r#""max_body_bytes": 262144, "max_held_bytes": 1048576"#,
        )
        .start()
        .unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\napi-key: any\r\n\
         content-type: application/json\r\ncontent-length: 262144\r\n\r\n"
    );
    let upload = |sent: usize| {
        let mut upload = TcpStream::connect(stack.gateway()).unwrap();
        let body = format!(
            "{}{}",
            r#"{"messages":[{"role":"user","content":""#,
            "x".repeat(sent)
        );
        upload
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
        upload
    };
    // A promise alone holds little: if each held what it announced, four would fill the budget.
    let idle: Vec<TcpStream> = (0..12).map(|_| upload(0)).collect();
    stack
        .envoy
        .wait_until("the uploads", |envoy| {
            envoy
                .stat("http.llm.downstream_rq_active")
                .is_ok_and(|n| n == 12)
        })
        .unwrap();
    assert_works(stack.client(), "uploads that only began");
    drop(idle);
    let abandoned = "wasmcustom.tollgate.requests.outcome.abandoned";
    stack
        .envoy
        .wait_until("the clients' leaving", |envoy| {
            envoy.stat(abandoned).is_ok_and(|n| n == 12)
        })
        .unwrap();

    let slow: Vec<TcpStream> = (0..8).map(|_| upload(40_000)).collect();
    // Four of them fill the budget of 1 MiB; the others are turned away.
    let busy = "wasmcustom.tollgate.requests.outcome.gateway_busy";
    stack
        .envoy
        .wait_until("four refusals", |envoy| {
            envoy.stat(busy).is_ok_and(|count| count == 4)
        })
        .unwrap();
    let answer = post(stack.client(), CHAT, GOOD.as_bytes());
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["error"]["code"], "gateway_busy");

    drop(slow);
    stack
        .envoy
        .wait_until("bytes given back", |_| {
            post(stack.client(), CHAT, GOOD.as_bytes()).status == 200
        })
        .unwrap();
}
