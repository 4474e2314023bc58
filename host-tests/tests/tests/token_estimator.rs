//! The token-estimator in a real Envoy: what it publishes, where, and what nobody can forge.

use serde_json::{Value, json};
use tollgate_tests::{SECRET, Stack};

const CONFIGURATION: &str = "envoy/token-estimator/envoy.yaml";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const MODULES: [&str; 2] = ["token-estimator", "gateway"];

fn stack(module: &str) -> Stack {
    let file = format!("filters/{module}.wasm");
    Stack::of(CONFIGURATION)
        .replace("filters/token-estimator.wasm", &file)
        .start()
        .unwrap()
}

fn question(stream: bool) -> Value {
    let mut body = json!({
        "messages": [
            {"role": "system", "content": "You answer in one sentence."},
            {"role": "user", "content": "Why is the sky blue in the day and red in the evening?"}
        ],
        "max_tokens": 40
    });
    if stream {
        body["stream"] = true.into();
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

/// The last line of the access log, once there are `count` of them.
fn access_log_line(stack: &Stack, count: usize) -> Value {
    let lines = |log: String| log.lines().map(str::to_owned).collect::<Vec<_>>();
    stack
        .envoy
        .wait_until("a line of the access log", |envoy| {
            lines(envoy.access_log()).len() >= count
        })
        .unwrap();
    let lines = lines(stack.envoy.access_log());
    assert_eq!(lines.len(), count);
    serde_json::from_str(&lines[count - 1]).unwrap()
}

#[test]
fn estimate_and_usage_reach_header_log_and_metrics() {
    for module in MODULES {
        let stack = stack(module);
        for (index, stream) in [false, true].into_iter().enumerate() {
            let answer = stack
                .client()
                .post(CHAT)
                .header("api-key", "any")
                .json(&question(stream))
                .send()
                .unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let usage = match stream {
                false => answer.json()["usage"].clone(),
                true => answer.events().last().unwrap()["usage"].clone(),
            };
            let estimate: u64 = answer
                .header("x-tollgate-prompt-tokens")
                .unwrap()
                .parse()
                .unwrap();
            let real = usage["prompt_tokens"].as_u64().unwrap();
            assert!(
                estimate.abs_diff(real) <= 3,
                "estimated {estimate}, counted {real}"
            );

            let line = access_log_line(&stack, index + 1);
            assert_eq!(line["prompt_tokens"], estimate.to_string(), "{line}");
            assert_eq!(line["reserved_output_tokens"], "40", "{line}");
            assert_eq!(line["model_family"], "gpt-4o", "{line}");
            assert_eq!(line["hits_addend"], (estimate + 40).to_string(), "{line}");
            assert_eq!(line["used_prompt_tokens"], real.to_string(), "{line}");
            assert_eq!(
                line["used_completion_tokens"],
                usage["completion_tokens"].to_string(),
                "{line}"
            );

            let stat = |name: &str| {
                let name =
                    format!("wasmcustom.tollgate.token_estimator.{name}.model_family.gpt-4o");
                stack.envoy.stat(&name).unwrap()
            };
            let times = u64::try_from(index + 1).unwrap();
            assert_eq!(stat("prompt_tokens"), estimate * times);
            assert_eq!(stat("reserved_output_tokens"), 40 * times);
            assert_eq!(stat("used_prompt_tokens"), real * times);
            assert_eq!(stat("abs_error_tokens"), estimate.abs_diff(real) * times);
        }
        let prometheus = stack.envoy.admin_get("/stats/prometheus").unwrap();
        for (name, value) in [
            (r#"tollgate_requests{tollgate_outcome="read"}"#, Some("2")),
            (r#"tollgate_exchanges{tollgate_end="data"}"#, Some("2")),
            (
                r#"tollgate_token_estimator_prompt_tokens{tollgate_model_family="gpt-4o"}"#,
                None,
            ),
            (
                r#"tollgate_token_estimator_error_permille_count{tollgate_model_family="gpt-4o"}"#,
                None,
            ),
        ] {
            let found = prometheus.lines().find_map(|line| line.strip_prefix(name));
            let found = found.unwrap_or_else(|| panic!("{name} is not in\n{prometheus}"));
            assert!(
                value.is_none_or(|value| found.trim() == value),
                "{name}{found}"
            );
        }
    }
}

/// As in a plain Istio WasmPlugin, which has no flag for it: what needs no header works.
#[test]
fn without_held_headers_log_and_refusals_still_work() {
    let stack = Stack::of(CONFIGURATION)
        .replace(
            "allow_on_headers_stop_iteration: true",
            "allow_on_headers_stop_iteration: false",
        )
        .replace(r#""hold_headers": true,"#, r#""hold_headers": false,"#)
        .start()
        .unwrap();
    let post = || stack.client().post(CHAT).header("api-key", "any");
    let answer = post().json(&question(false)).send().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let line = access_log_line(&stack, 1);
    assert_eq!(
        line["prompt_tokens"].as_str(),
        answer.header("x-tollgate-prompt-tokens")
    );
    let refused = post().body("not JSON").send().unwrap();
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (400, &"invalid_body".into())
    );
    let log = stack.envoy.log();
    assert!(log.contains("hold_headers is false"), "{log}");
}

/// The other way round no request gets an answer, and Envoy does not say why.
#[test]
fn headers_that_envoy_does_not_hold_are_hinted_at() {
    let stack = Stack::of(CONFIGURATION)
        .replace(
            "allow_on_headers_stop_iteration: true",
            "allow_on_headers_stop_iteration: false",
        )
        .replace("request_timeout: 60s", "request_timeout: 1s")
        .start()
        .unwrap();
    let request = stack.client().post(CHAT).header("api-key", "any");
    assert_eq!(request.json(&question(false)).send().unwrap().status, 504);
    let log = stack.envoy.log();
    let hint = "allow_on_headers_stop_iteration is not in Envoy's configuration";
    assert!(log.contains(hint), "{log}");
}

#[test]
fn what_a_client_forges_changes_nothing() {
    let stack = stack("token-estimator");
    let ask = |forged: &[&str]| {
        let request = stack.client().post(CHAT).header("api-key", "any");
        let request = forged
            .iter()
            .fold(request, |request, name| request.header(name, "999999"));
        let answer = request.json(&question(false)).send().unwrap();
        let received = stack
            .mock
            .regions()
            .flat_map(|region| region.take_requests())
            .next()
            .unwrap();
        let ours: Vec<String> = received
            .headers
            .keys()
            .filter(|name| name.as_str().contains("tollgate"))
            .map(ToString::to_string)
            .collect();
        assert_eq!(ours, Vec::<String>::new(), "of {forged:?}");
        (
            answer.status,
            answer.header("x-tollgate-prompt-tokens").map(str::to_owned),
            answer.json()["usage"].clone(),
        )
    };
    let honest = ask(&[]);
    assert_eq!(honest.0, 200);
    let headers = [
        "x-tollgate-prompt-tokens",
        "x-tollgate-estimate-partial",
        "x-tollgate-tokens-saved",
        "x-tollgate-cache",
        "x-tollgate-region",
        "x-tollgate-screen",
        "x-tollgate-tenant-remaining",
        "X-Tollgate-Anything",
    ];
    for header in headers {
        assert_eq!(ask(&[header]), honest, "{header}");
    }
    assert_eq!(ask(&headers), honest);
}

#[test]
fn bytes_pass_unchanged_both_ways() {
    let stack = stack("token-estimator");
    // Spaces, key order, escapes, number spellings and unknown fields: all as sent.
    let body = "{ \"zeta\" : 1e2 ,\n\"messages\":[ {\"content\":\"a\\u0062c\\/\",\"role\":\"user\"}], \"temperature\": 0.10 }\n";
    let answer = stack
        .client()
        .post(CHAT)
        .header("api-key", "any")
        .body(body)
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let filtered = stack
        .mock
        .regions()
        .flat_map(|region| region.take_requests())
        .next()
        .unwrap();
    assert_eq!(filtered.body, body.as_bytes());
    assert_eq!(
        filtered.header("content-length"),
        Some(body.len().to_string().as_str())
    );

    let direct = stack
        .client()
        .post(&format!("/unfiltered{CHAT}"))
        .header("api-key", "any")
        .body(body)
        .send()
        .unwrap();
    assert_eq!(direct.header("x-tollgate-prompt-tokens"), None);
    // The same request without the filter gives the same answer, but for what names a moment.
    let lasting = |answer: &tollgate_tests::Response| {
        let mut json = answer.json();
        for key in ["id", "created"] {
            json.as_object_mut().unwrap().remove(key);
        }
        json
    };
    assert_eq!(lasting(&direct), lasting(&answer));
}

#[test]
fn every_way_a_stream_ends_settles_once() {
    let stack = stack("token-estimator");
    let rows = [
        // Fault, stream, how the exchange ends.
        ("none", false, "data"),
        ("none", true, "data"),
        ("gzip", false, "data"),
        ("reset=after-events:2", true, "reset"),
        ("error-event:2", true, "data"),
        ("status=500", false, "data"),
    ];
    let ends = || stack.envoy.stats("tollgate.exchanges.end.").unwrap();
    for (index, (fault, stream, end)) in rows.iter().copied().enumerate() {
        let before = stack
            .envoy
            .stat(&format!("wasmcustom.tollgate.exchanges.end.{end}"))
            .unwrap();
        // A reset in the middle is an error for the client, which is what it should be.
        let _ = stack
            .client()
            .post(CHAT)
            .header("api-key", "any")
            .header("x-mock-fault", fault)
            .json(&question(stream))
            .send();
        stack
            .envoy
            .wait_until(&format!("the end after `{fault}`"), |envoy| {
                envoy
                    .stat(&format!("wasmcustom.tollgate.exchanges.end.{end}"))
                    .is_ok_and(|now| now == before + 1)
            })
            .unwrap();
        let total: u64 = ends().iter().map(|(_, count)| count).sum();
        assert_eq!(
            total,
            u64::try_from(index + 1).unwrap(),
            "after `{fault}`: {:?}",
            ends()
        );
    }
    // Nothing is settled again when the streams are gone.
    stack
        .envoy
        .wait_until("no request", |envoy| {
            envoy
                .stat("http.llm.downstream_rq_active")
                .is_ok_and(|active| active == 0)
        })
        .unwrap();
    let total: u64 = ends().iter().map(|(_, count)| count).sum();
    assert_eq!(total, u64::try_from(rows.len()).unwrap(), "{:?}", ends());
    let unread = stack
        .envoy
        .stat("wasmcustom.tollgate.token_estimator.unread_responses")
        .unwrap();
    assert_eq!(unread, 1, "the compressed one");
}

#[test]
fn no_secret_and_no_prompt_is_shown_anywhere() {
    let few = (
        r#""requests_per_minute": 1800"#,
        r#""requests_per_minute": 2"#,
    );
    let limited = Stack::of("envoy/rate-limiter/envoy.yaml").replace(few.0, few.1);
    for stack in [stack("gateway"), limited.start().unwrap()] {
        shows_no_secret(&stack);
    }
}

/// Requests that are answered, refused by the upstream, by their body, and by a limit.
fn shows_no_secret(stack: &Stack) {
    let canaries = ["sk-canary-key-0001", "canary prompt text", "canary-user-42"];
    let [key, prompt, user] = canaries;
    let path = format!("{CHAT}&api-key={key}");
    let body = json!({"messages": [{"role": "user", "content": prompt}], "user": user});
    let rows = [
        (&body, "none"),
        (&body, "status=400"),
        (&json!({"messages": prompt, "user": user}), "none"),
        (&body, "none"),
    ];
    for (body, fault) in rows {
        let request = stack
            .client()
            .post(&path)
            .header("api-key", key)
            .header("authorization", &format!("Bearer {key}"));
        request
            .header("x-mock-fault", fault)
            .json(body)
            .send()
            .unwrap();
    }
    access_log_line(stack, rows.len());
    let admin = |path| stack.envoy.admin_get(path).unwrap();
    let shown = [
        ("access log", stack.envoy.access_log()),
        ("log", stack.envoy.log()),
        ("config dump", admin("/config_dump")),
        ("metrics", admin("/stats")),
        ("Prometheus' metrics", admin("/stats/prometheus")),
    ];
    for (place, text) in &shown {
        for canary in canaries.into_iter().chain([SECRET]) {
            assert!(!text.contains(canary), "{canary} is in the {place}");
        }
    }
}

/// What has no prompt keeps working for clients, and what only looks like it does not pass.
#[test]
fn calls_without_a_prompt_pass_by_name() {
    let stack = stack("token-estimator");
    let rows = [
        ("GET", "/openai/v1/models", true),
        ("GET", "/openai/models?api-version=2024-10-21", true),
        ("POST", "/openai/v1/files", true),
        ("POST", "/openai/files?api-version=2024-10-21", true),
        ("POST", "/v1/files", true),
        ("DELETE", "/openai/v1/files/file-1", true),
        ("POST", "/openai/v1/batches", true),
        (
            "POST",
            "/openai/deployments/whisper/audio/transcriptions?api-version=2024-10-21",
            true,
        ),
        ("POST", "/openai/v1/audio/speech", true),
        ("POST", "/openai/v1/responses/resp_1/cancel", true),
        ("DELETE", "/openai/v1/responses/resp_1", true),
        ("POST", "/openai/v1/filesystem", false),
        ("POST", "/openai/v1/responses/resp_1", false),
        ("PUT", "/openai/deployments/gpt-4o/chat/completions", false),
    ];
    for (method, path, passes) in rows {
        let request = stack
            .client()
            .request(method, path)
            .header("api-key", "any");
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        request.body("--x--").send().unwrap();
        let received = stack
            .mock
            .regions()
            .flat_map(|region| region.take_requests())
            .next();
        let target = received.as_ref().map(|request| request.target.as_str());
        assert_eq!(target, passes.then_some(path), "{method}");
    }
}
