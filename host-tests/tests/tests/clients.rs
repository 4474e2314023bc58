//! The official clients, unchanged but for their base URL, through a real Envoy.

/// Left out, and reported as not run, where PyPI's packages could not be had.
mod needs_python {
    use std::process::Command;

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
}
