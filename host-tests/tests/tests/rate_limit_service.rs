//! Two Envoys that share one limit at a rate-limit service, and what its books say when all
//! streams are over.

use rate_limit_service::{Config, Service, Total};
use serde_json::{Value, json};
use tollgate_tests::{Client, Response, Stack};

const CONFIGURATION: &str = "envoy/rate-limit-service/envoy.yaml";
const LIMITS: &str = include_str!("../../../examples/rate-limit-service/limits.toml");
const LIMIT: &str = "tokens-per-minute";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// The service with its example's limits, where a window holds `tokens` and outlasts the test.
fn service(tokens: u64) -> Service {
    let limits = LIMITS
        .replace("hits = 100_000 ", &format!("hits = {tokens} "))
        .replace("seconds = 60 ", "seconds = 86400 ");
    assert!(limits.contains(&format!("= {tokens} ")) && limits.contains("= 86400 "));
    let config = Config::from_toml(&limits, "limits.toml").unwrap();
    Service::start(config, ([127, 0, 0, 1], 0).into(), false).unwrap()
}

/// An Envoy of the fleet, with a region of its own.
fn envoy(service: &Service) -> Stack {
    Stack::of(CONFIGURATION)
        .replace(
            "port_value: 8181",
            &format!("port_value: {}", service.address().port()),
        )
        // On a busy machine a call that is late must not count as one that failed.
        .replace("timeout: 0.25s", "timeout: 10s")
        .start()
        .unwrap()
}

fn total(service: &Service) -> Total {
    service.totals().limits[LIMIT]
}

/// What each Envoy's calls of the service add up to.
fn calls(stacks: &[&Stack]) -> u64 {
    let of = |stack: &&Stack| {
        let stat = "cluster.rate-limit-service.upstream_rq_completed";
        stack.envoy.stat(stat).unwrap()
    };
    stacks.iter().map(of).sum()
}

/// Waits until the Envoys have called the service `count` times.
fn wait_for_calls(stacks: &[&Stack], count: u64) {
    let what = format!("{count} calls of the service");
    let waited = stacks[0]
        .envoy
        .wait_until(&what, |_| calls(stacks) >= count);
    assert_eq!(calls(stacks), count, "{waited:?}");
}

fn ask(client: &Client, tenant: &str, body: &Value) -> Response {
    let request = client.post(CHAT).header("api-key", tenant).json(body);
    request.send().unwrap()
}

#[test]
fn two_envoys_share_one_limit() {
    const TOKENS: u64 = 2_000;
    let service = service(TOKENS);
    let (one, other) = (envoy(&service), envoy(&service));
    let stacks = [&one, &other];
    let body = json!({"messages": [{"role": "user", "content": "Why is the sky blue?"}], "max_tokens": 50});
    let mut admitted = [0_u64; 2];
    let refusal = loop {
        let turn = (admitted[0] + admitted[1]) as usize % 2;
        let answer = ask(stacks[turn].client(), "a", &body);
        if answer.status != 200 {
            break answer;
        }
        admitted[turn] += 1;
        // The next one finds the books settled.
        wait_for_calls(&stacks, 2 * (admitted[0] + admitted[1]));
    };
    assert!(
        admitted[0] >= 10 && admitted[0].abs_diff(admitted[1]) <= 1,
        "{admitted:?}"
    );
    let mut asked = admitted[0] + admitted[1];

    assert_eq!(refusal.status, 429, "{}", refusal.text());
    assert_eq!(refusal.headers["content-type"], "application/json");
    let seconds: u64 = refusal.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
    let message = refusal.json()["error"]["message"].to_string();
    assert!(
        message.contains(&format!("retry after {seconds} seconds")),
        "{message}"
    );

    // Both refuse, and refusing costs nothing and gives nothing back.
    let mut books = total(&service);
    assert!(books.used() <= TOKENS, "{books:?}");
    asked *= 2;
    asked += 1;
    for stack in stacks {
        assert_eq!(ask(stack.client(), "a", &body).status, 429);
        asked += 1;
        wait_for_calls(&stacks, asked);
    }
    books.refused = total(&service).refused;
    assert_eq!(total(&service), books);
    // What one tenant has used up is not the other's.
    assert_eq!(ask(other.client(), "b", &body).status, 200);
}
