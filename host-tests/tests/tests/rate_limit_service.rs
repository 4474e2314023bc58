//! Two Envoys that share one limit at a rate-limit service, and what its books say when all
//! streams are over.

use std::io::{Read, Write};
use std::net::TcpStream;

use rate_limit_service::{Config, Service, Total};
use serde_json::{Value, json};
use tollgate_tests::{Builder, Client, Envoy, Response, Stack};

const CONFIGURATION: &str = "envoy/rate-limit-service/envoy.yaml";
const LIMITS: &str = include_str!("../../../examples/rate-limit-service/limits.toml");
const LIMIT: &str = "tokens-per-minute";
const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// The service with the [`limits`], on a free port.
fn service(tokens: u64) -> Service {
    let config = Config::from_toml(&limits(tokens), "limits.toml").unwrap();
    Service::start(config, ([127, 0, 0, 1], 0).into(), false).unwrap()
}

/// The example's limits with another number of tokens, in a window that outlasts the test.
fn limits(tokens: u64) -> String {
    let limits = LIMITS
        .replace("hits = 100_000 ", &format!("hits = {tokens} "))
        .replace("seconds = 60 ", "seconds = 86400 ");
    assert!(limits.contains(&format!("= {tokens} ")) && limits.contains("= 86400 "));
    limits
}

/// A limit nobody reaches.
const PLENTY: u64 = 1_000_000_000;

/// An Envoy of the fleet, with a region of its own; `tokens` is what the service's limit is.
fn envoy(service: &Service, tokens: u64) -> Builder {
    let port = format!("port_value: {}", service.address().port());
    Stack::of(CONFIGURATION)
        .replace("port_value: 8181", &port)
        .replace(
            r#""tokens_per_minute": 100000"#,
            &format!(r#""tokens_per_minute": {tokens}"#),
        )
        // On a busy machine a call that is late must not count as one that failed.
        .replace("timeout: 0.25s", "timeout: 10s")
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
    let (one, other) = (envoy(&service, TOKENS), envoy(&service, TOKENS));
    let (one, other) = (one.start().unwrap(), other.start().unwrap());
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
    let header = |name: &str| refusal.headers[name].to_str().unwrap();
    let seconds: u64 = header("retry-after").parse().unwrap();
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
    let milliseconds: u64 = header("retry-after-ms").parse().unwrap();
    assert_eq!(milliseconds.div_ceil(1_000), seconds);
    for other in ["x-should-retry", "x-envoy-ratelimited"] {
        assert!(!refusal.headers.contains_key(other), "{other}");
    }
    let error = &refusal.json()["error"];
    assert_eq!(error["code"], "RateLimitReached");
    let message = error["message"].as_str().unwrap();
    let again = format!("Please retry after {seconds} seconds.");
    assert!(message.contains(&again), "{message}");

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
    // What one tenant has used up is not the other's, and what rules let pass is not counted.
    assert_eq!(ask(other.client(), "b", &body).status, 200);
    let models = other.client().get("/openai/v1/models");
    assert_eq!(models.header("api-key", "a").send().unwrap().status, 200);
    wait_for_calls(&stacks, asked + 2);
}

/// A first answer is guessed at 1,000 tokens: more than a small limit has, so that without a cap
/// no request of the tenant would ever show what they are really like.
#[test]
fn a_guess_is_capped_at_what_the_service_could_admit() {
    const TOKENS: u64 = 800;
    let service = service(TOKENS);
    let capped = envoy(&service, TOKENS).start().unwrap();
    let uncapped = envoy(&service, PLENTY).start().unwrap();
    let body = json!({"messages": [{"role": "user", "content": "Why is the sky blue?"}]});
    let is_too_large = |answer: Response| {
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert_eq!(answer.headers["x-should-retry"], "false");
        assert!(!answer.headers.contains_key("retry-after"));
        assert!(!answer.headers.contains_key("retry-after-ms"));
        assert_eq!(answer.headers["content-type"], "application/json");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "RateLimitReached");
        let message = error["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("Request too large"), "{message}");
        message
    };
    let message = is_too_large(ask(uncapped.client(), "a", &body));
    assert!(message.contains("tokens-per-minute is 800 in 86400 seconds"));
    assert_eq!(total(&service).charged, 0);

    assert_eq!(ask(capped.client(), "a", &body).status, 200);
    assert_eq!(access_log(&capped, 1)[0]["hits_addend"], "800");
    wait_for_calls(&[&uncapped, &capped], 3);
    let books = total(&service);
    assert!((1..TOKENS).contains(&books.used()), "{books:?}");

    // What is no guess needs no call to be refused.
    let mut long = body.clone();
    long["messages"][0]["content"] = "Why is the sky blue? ".repeat(400).into();
    is_too_large(ask(capped.client(), "a", &long));
    wait_for_calls(&[&uncapped, &capped], 3);
}

/// An exchange of the run: how it is asked, what the region does to it, and what of its usage
/// it really has by then.
struct Kind {
    path: &'static str,
    stream: bool,
    include_usage: bool,
    fault: &'static str,
    /// Of a prompt of so many tokens and an answer of so many.
    used: fn(u64, u64) -> u64,
}

const V1: &str = "/openai/v1/chat/completions";
const EMBEDDINGS: &str = "/openai/v1/embeddings";
const RESPONSES: &str = "/openai/v1/responses";

const fn kind(path: &'static str, stream: bool, include_usage: bool) -> Kind {
    Kind {
        path,
        stream,
        include_usage,
        fault: "none",
        used: |prompt, answer| prompt + answer,
    }
}

/// What a fleet sees in a day: mostly whole answers, some without usage, errors, and streams
/// that break off. Of those the events before the text are the prompt's filter results and
/// the role; then each has a token.
const KINDS: [Kind; 20] = [
    kind(CHAT, false, false),
    kind(CHAT, true, true),
    kind(V1, false, false),
    kind(V1, true, true),
    kind(RESPONSES, false, false),
    kind(RESPONSES, true, false),
    kind(EMBEDDINGS, false, false),
    kind(CHAT, false, false),
    kind(CHAT, true, true),
    kind(V1, true, false),
    kind(CHAT, true, false),
    kind(CHAT, true, true),
    Kind {
        fault: "trailers",
        ..kind(CHAT, true, true)
    },
    Kind {
        fault: "status=400",
        used: |_, _| 0,
        ..kind(CHAT, false, false)
    },
    Kind {
        fault: "status=429",
        used: |_, _| 0,
        ..kind(CHAT, true, true)
    },
    Kind {
        fault: "status=500",
        used: |_, _| 0,
        ..kind(RESPONSES, true, false)
    },
    Kind {
        fault: "reset=headers",
        used: |_, _| 0,
        ..kind(CHAT, false, false)
    },
    Kind {
        fault: "reset=after-events:10",
        used: |prompt, answer| prompt + answer.min(8),
        ..kind(CHAT, true, true)
    },
    Kind {
        fault: "error-event:12",
        used: |prompt, answer| prompt + answer.min(10),
        ..kind(CHAT, true, true)
    },
    kind(CHAT, true, true),
];

impl Kind {
    /// The `index`th body, each of other length and words than the ones before.
    fn body(&self, index: usize) -> Value {
        const WORDS: [&str; 12] = [
            "Please summarize the following report for the board, in plain words.",
            "The customer writes that the delivery came two days late and one box was open.",
            "Revenue grew by 14 % in the second quarter, mostly in the northern region.",
            "fn main() { let total: u64 = (1..=10).sum(); println!(\"{total}\"); }",
            "Which of the three proposals would you choose, and why?",
            "{\"order\": 48213, \"items\": [{\"sku\": \"A-17\", \"count\": 2}]}",
            "Explain it to somebody who has never written a program.",
            "The committee will meet again on Thursday at half past nine.",
            "Translate the last paragraph into French and keep the names.",
            "Nobody had expected the river to rise so quickly that night.",
            "List the risks first, then the chances, each in one sentence.",
            "Thank you for your patience while we look into this.",
        ];
        let sentences = 3 + index * 7 % 23;
        let text: Vec<String> = (0..sentences)
            .map(|n| {
                format!(
                    "{} ({})",
                    WORDS[(index + n * 5) % WORDS.len()],
                    index * 31 + n
                )
            })
            .collect();
        let text = text.join(" ");
        let limit = 40 + index * 13 % 160;
        match self.path {
            EMBEDDINGS => json!({"model": "text-embedding-3-small", "input": text}),
            RESPONSES => json!({
                "model": "gpt-4o", "input": text, "max_output_tokens": limit, "stream": self.stream
            }),
            _ => {
                let mut body = json!({
                    "model": "gpt-4o", "max_tokens": limit, "stream": self.stream,
                    "messages": [{"role": "user", "content": text}]
                });
                if self.include_usage {
                    body["stream_options"] = json!({"include_usage": true});
                }
                body
            }
        }
    }

    /// What the region says a body costs, asked past the gateway, and what this kind has of it.
    fn used(&self, region: &Client, body: &Value) -> u64 {
        let mut whole = body.clone();
        whole["stream"] = false.into();
        whole.as_object_mut().unwrap().remove("stream_options");
        let answer = region.post(self.path).header("api-key", "any").json(&whole);
        let answer = answer.send().unwrap();
        let usage = &answer.json()["usage"];
        let of = |names: [&str; 2]| names.iter().find_map(|name| usage[name].as_u64());
        let prompt = of(["prompt_tokens", "input_tokens"]);
        let prompt = prompt.unwrap_or_else(|| panic!("{}", answer.text()));
        let output = of(["completion_tokens", "output_tokens"]).unwrap_or(0);
        (self.used)(prompt, output)
    }

    /// Sends a body through an Envoy; a stream that breaks off is an error to the client too.
    fn send(&self, client: &Client, tenant: &str, body: &Value) {
        let request = client
            .post(self.path)
            .header("api-key", tenant)
            .header("x-mock-fault", self.fault)
            .json(body);
        if let Err(error) = request.send() {
            assert!(self.fault.starts_with("reset=after"), "{error:#}");
        }
    }
}

/// Sends so many requests of all kinds through each of two Envoys at a time, for three tenants,
/// waits until all of it is settled, and gives what they really used.
fn run(stacks: [&Stack; 2], exchanges: usize) -> u64 {
    let used = std::thread::scope(|scope| {
        let runs = [0, 1].map(|which| {
            scope.spawn(move || {
                let stack = stacks[which];
                let region = Client::new(stack.mock.region("swedencentral").address());
                let mut used = 0;
                for index in 0..exchanges {
                    let kind = &KINDS[index % KINDS.len()];
                    let body = kind.body(2 * index + which);
                    used += kind.used(&region, &body);
                    kind.send(stack.client(), ["a", "b", "c"][index % 3], &body);
                }
                used
            })
        });
        runs.map(|run| run.join().unwrap()).iter().sum()
    });
    // An admission and a settlement each.
    wait_for_calls(&stacks, 2 * 2 * exchanges as u64);
    used
}

/// The lines of an Envoy's access log, once there are so many.
fn access_log(stack: &Stack, count: usize) -> Vec<Value> {
    let lines = |envoy: &Envoy| envoy.access_log().lines().count() >= count;
    stack.envoy.wait_until("the access log", lines).unwrap();
    let log = stack.envoy.access_log();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a line says was charged and settled; nothing where the service did not count it.
fn booked(line: &Value) -> i64 {
    if !line["charged"].is_string() {
        return 0;
    }
    let number = |key: &str| -> i64 {
        let text = line[key].as_str().unwrap_or_default();
        text.parse().unwrap_or_else(|_| panic!("{key}: {line}"))
    };
    number("hits_addend") + number("settle_charge") - number("settle_refund")
}

/// What an Envoy's first lines say was charged and settled.
fn logged(stack: &Stack, lines: usize) -> i64 {
    access_log(stack, lines).iter().map(booked).sum()
}

#[test]
fn the_total_is_what_was_really_used() {
    /// Of each Envoy.
    const EXCHANGES: usize = 120;
    let service = service(PLENTY);
    // Whatever module a gateway runs: tenants and settlements are the same.
    let gateway = envoy(&service, PLENTY).replace("rate-limiter.wasm", "gateway.wasm");
    let gateway = gateway.concurrency(2);
    let [one, other] = [envoy(&service, PLENTY), gateway].map(|envoy| envoy.start().unwrap());
    let used = run([&one, &other], EXCHANGES);
    let books = total(&service);
    assert_eq!((books.refused, books.refunded_too_late), (0, 0));
    assert_eq!(service.totals().counters.len(), 3, "one for each tenant");
    // To the token what the Envoys say.
    let logged = logged(&one, EXCHANGES) + logged(&other, EXCHANGES);
    assert_eq!(i64::try_from(books.used()).unwrap(), logged);
    let error = books.used() as f64 / used as f64 - 1.0;
    println!(
        "used {used} tokens, booked {} ({:+.2} %): {books:?}",
        books.used(),
        100.0 * error
    );
    assert!(error.abs() <= 0.01, "used {used} tokens: {books:?}");
}

/// For a service that would take a refund for a charge: what is reserved is the least that a
/// request can cost, and only what it cost more is settled.
#[test]
fn without_refunds_what_is_missing_is_charged() {
    const EXCHANGES: usize = 60;
    const REFUND: &str = "                                - apply_on_stream_done: true
                                  actions: [*tenant, *if_charged]
                                  hits_addend:
                                    format: \"%FILTER_STATE(wasm.tollgate.settle_refund:PLAIN)%\"
                                    is_negative_hits: true
";
    const RESERVED: &str = r#""hits_addend": "reserved""#;
    let service = service(PLENTY);
    let envoys = [envoy(&service, PLENTY), envoy(&service, PLENTY)];
    let stacks = envoys.map(|envoy| {
        let prompt = format!(r#"{RESERVED}, "reserve": "prompt""#);
        let envoy = envoy.replace(REFUND, "").replace(RESERVED, &prompt);
        envoy.start().unwrap()
    });
    let used = run([&stacks[0], &stacks[1]], EXCHANGES);
    let books = total(&service);
    assert_eq!((books.refused, books.refunded), (0, 0));
    // Prompts of what the upstream refuses stay charged: all else has to be right.
    let (mut answered, mut refused) = (0, 0);
    for line in stacks.iter().flat_map(|stack| access_log(stack, EXCHANGES)) {
        let mut line = line;
        line["settle_refund"] = "0".into();
        match line["status"] == 200 {
            true => answered += booked(&line),
            false => refused += booked(&line),
        }
    }
    assert_eq!(i64::try_from(books.used()).unwrap(), answered + refused);
    let error = answered as f64 / used as f64 - 1.0;
    println!(
        "used {used} tokens, booked {answered} ({:+.2} %) and {refused} refused",
        100.0 * error
    );
    assert!(error.abs() <= 0.02, "used {used} tokens: {books:?}");
}

/// Why the configuration has its `rate_limits` where it has them: a route's own ones take the
/// request's hits for each descriptor, and a refund for a charge.
#[test]
fn a_routes_own_rate_limits_know_no_hits() {
    const PER_ROUTE: &str = "                            envoy.filters.http.ratelimit:
                              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute
                              rate_limits:";
    let service = service(PLENTY);
    let stack = envoy(&service, PLENTY)
        .replace("                          typed_per_filter_config:\n", "")
        .replace(PER_ROUTE, "                            rate_limits:")
        .start()
        .unwrap();
    KINDS[13].send(stack.client(), "a", &KINDS[13].body(9));
    wait_for_calls(&[&stack], 2);
    let line = &access_log(&stack, 1)[0];
    assert_eq!(
        (&line["status"], &line["settle_refund"]),
        (&400.into(), &line["hits_addend"])
    );
    let hits: u64 = line["hits_addend"].as_str().unwrap().parse().unwrap();
    let books = total(&service);
    assert_eq!((books.charged, books.refunded), (3 * hits, 0));
}

/// The admission comes before the answer, so it is settled even if nobody is left to read it.
#[test]
fn a_client_that_leaves_is_settled() {
    let service = service(PLENTY);
    let stack = envoy(&service, PLENTY).start().unwrap();
    let body = KINDS[1].body(9).to_string();
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\napi-key: a\r\nx-mock-fault: event-delay=50ms\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(stack.gateway()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 2_000];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "{first:?}");
    drop(stream);
    wait_for_calls(&[&stack], 2);
    let books = total(&service);
    assert!(books.used() > 0, "{books:?}");
    assert_eq!(i64::try_from(books.used()).unwrap(), logged(&stack, 1));
}

#[test]
fn while_the_service_is_away_nothing_is_charged_or_given_back() {
    const PASSED: &str = "cluster.azure.ratelimit.failure_mode_allowed";
    let first = service(PLENTY);
    let address = first.address();
    let open = envoy(&first, PLENTY).start().unwrap();
    let closed = envoy(&first, PLENTY)
        .replace("failure_mode_deny: false", "failure_mode_deny: true")
        .start()
        .unwrap();
    drop(first);
    let body = json!({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5});
    assert_eq!(ask(open.client(), "a", &body).status, 200);
    assert_eq!(ask(closed.client(), "a", &body).status, 500);
    assert_eq!(open.envoy.stat(PASSED).unwrap(), 1);
    assert_eq!(access_log(&open, 1)[0]["charged"], Value::Null);

    // It comes back with empty books, and both Envoys find it.
    let config = Config::from_toml(&limits(PLENTY), "limits.toml").unwrap();
    let second = Service::start(config, address, false).unwrap();
    for (line, stack) in [(2, &open), (2, &closed)] {
        let admitted = || ask(stack.client(), "a", &body).status == 200;
        assert!(admitted());
        assert!(access_log(stack, line)[line - 1]["charged"].is_string());
    }
    let settled = || total(&second).used() as i64 == logged(&open, 2) + logged(&closed, 2);
    open.envoy
        .wait_until("the settlements", |_| settled())
        .unwrap();
}
