//! The official clients, unchanged but for their base URL, through a real Envoy.

/// Left out, and reported as not run, where PyPI's packages could not be had.
mod needs_python {
    use std::process::Command;

    use azure_mock::Script;
    use serde_json::json;
    use tollgate_tests::{Stack, places};

    /// Every answer of the gateway is the upstream's.
    fn unlimited() -> Stack {
        let stack = Stack::of("envoy/token-estimator/envoy.yaml");
        stack.start().unwrap()
    }

    /// Three requests at once and one a second are each tenant's.
    fn limited() -> Stack {
        let stack = Stack::of("envoy/rate-limiter/envoy.yaml");
        let (from, to) = ("_per_minute\": 1800", "_per_minute\": 60");
        stack.replace(from, to).start().unwrap()
    }

    /// Mail addresses are masked, and answers are stopped that name a project.
    fn screened() -> Stack {
        let stack = Stack::of("envoy/content-screener/envoy.yaml");
        let (from, to) = (
            r#""pack": "code_names", "action": "block" }"#,
            r#""pack": "code_names", "action": "block", "roles": ["response"] }"#,
        );
        stack.replace(from, to).start().unwrap()
    }

    /// Answers are kept, those that call functions too, and the model refuses in either form.
    fn cached() -> Stack {
        const REFUSAL: &str = concat!(
            r#"{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"#,
            r#""message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}],"#,
            r#""usage":{"prompt_tokens":8,"completion_tokens":4,"total_tokens":12}}"#,
        );
        const HEAD: &str = r#"data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":"#;
        let deltas = [
            r#"[{"index":0,"delta":{"role":"assistant","content":null,"refusal":""},"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"refusal":"I will"},"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{"refusal":" not."},"finish_reason":null}]}"#,
            r#"[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"[],"usage":{"prompt_tokens":8,"completion_tokens":4,"total_tokens":12}}"#,
        ];
        let mut events: Vec<String> = deltas.map(|rest| format!("{HEAD}{rest}\n\n")).into();
        events.push("data: [DONE]\n\n".to_owned());
        let scripts = [
            json!({"when": "Refuse as a document", "headers": {"content-type": "application/json"}, "chunks": [REFUSAL]}),
            json!({"when": "Refuse as a stream", "headers": {"content-type": "text/event-stream"}, "chunks": events}),
        ];
        let stack = Stack::of("envoy/response-cache/envoy.yaml");
        let (from, to) = (
            r#""ttl_seconds": 300 }"#,
            r#""ttl_seconds": 300, "tool_calls": true }"#,
        );
        let stack = stack.replace(from, to).start().unwrap();
        for region in stack.mock.regions() {
            for script in &scripts {
                region.script(Script::from_json(script.to_string().as_bytes()).unwrap());
            }
        }
        stack
    }

    /// Runs a script of `clients/` with the gateway's address; it prints a line of JSON for
    /// every check and fails on the first that does not hold.
    fn run(script: &str, checks: usize, stack: &Stack) {
        let output = Command::new(places::python().unwrap())
            .arg(places::root().join("host-tests/tests/clients").join(script))
            .arg(format!("http://{}", stack.gateway()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}:\n{said}{complained}");
        // A script that ends early without failing must not pass.
        let made = said
            .lines()
            .filter(|line| line.starts_with("{\"check\""))
            .count();
        assert_eq!(made, checks, "{script}:\n{said}");
    }

    #[test]
    fn openai() {
        run("openai_sdk.py", 10, &unlimited());
    }

    #[test]
    fn azure_openai() {
        run("azure_openai_sdk.py", 10, &unlimited());
    }

    #[test]
    fn azure_ai_inference() {
        run("azure_ai_inference_sdk.py", 9, &unlimited());
    }
    #[test]
    fn openai_retries_by_itself() {
        run("openai_retries.py", 6, &limited());
    }

    #[test]
    fn openai_reads_rewritten_answers() {
        run("openai_screened.py", 16, &screened());
    }

    #[test]
    fn azure_ai_inference_retries_by_itself() {
        run("azure_ai_inference_retries.py", 3, &limited());
    }

    /// Runs a script about the content-screener; what it has masked the upstream never saw.
    fn run_screened(script: &str, checks: usize) {
        let stack = screened();
        run(script, checks, &stack);
        let requests = stack.mock.regions().flat_map(|region| region.requests());
        let bodies = requests.map(|request| String::from_utf8_lossy(&request.body).into_owned());
        let bodies: Vec<String> = bodies.collect();
        let masked = bodies.iter().filter(|body| body.contains("[EMAIL_1]"));
        assert_eq!(masked.count(), bodies.len(), "{script}: {bodies:?}");
        assert!(!bodies.is_empty(), "{script}");
        assert!(!bodies.concat().contains("bob"), "{script}: {bodies:?}");
    }

    #[test]
    fn openai_knows_its_content_filter() {
        run_screened("openai_content_filter.py", 6);
    }

    #[test]
    fn azure_openai_knows_its_content_filter() {
        run_screened("azure_openai_content_filter.py", 6);
    }

    #[test]
    fn azure_ai_inference_knows_its_content_filter() {
        run_screened("azure_ai_inference_content_filter.py", 6);
    }

    /// Runs a script whose checks each have one request sent upstream.
    fn run_cached(script: &str, checks: usize) {
        let stack = cached();
        run(script, checks, &stack);
        let regions = stack.mock.regions();
        let asked: usize = regions.map(|region| region.requests().len()).sum();
        assert_eq!(asked, checks, "{script}");
    }

    #[test]
    fn openai_reads_what_was_kept() {
        run_cached("openai_cached.py", 13);
    }

    #[test]
    fn azure_openai_reads_what_was_kept() {
        run_cached("azure_openai_cached.py", 13);
    }

    #[test]
    fn azure_ai_inference_reads_what_was_kept() {
        run_cached("azure_ai_inference_cached.py", 10);
    }
}
