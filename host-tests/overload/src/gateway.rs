//! The same traffic through a real Envoy, in real time, to a mock that takes its time.
//!
//! Loads and policies run side by side: each pair is a tenant, and a header chooses the rule
//! with its policy. What was consumed is what the mock says in `usage`, from the moment it
//! had a request to the moment its answer was whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tollgate_tests::Stack;

use crate::client::{Answered, Connections};
use crate::consumption::Consumption;
use crate::conversation::{FIRST_TOKEN, body, words};
use crate::outcome::{Outcome, Tenant};
use crate::policy::{AFTER, EXPECTED, Limit, MAXIMUM, Policy, TOKENS_PER_MINUTE};
use crate::report::Row;
use crate::traffic::{Demand, Request, Traffic};

const CONFIGURATION: &str = "host-tests/overload/envoy.yaml";

const LOADS: [(&str, f64); 2] = [("3 × the tokens", 3.0), ("10 × the tokens", 10.0)];
const POLICIES: [Policy; 3] = [EXPECTED, MAXIMUM, AFTER];

/// Tokens in a piece of an answer: models that are read by a content filter send several, and
/// mock, Envoy and client have two cores between them.
const TOKENS_AT_ONCE: u32 = 10;

/// Client connections, spread over the workers by the kernel. Requests choose one at random.
const CONNECTIONS: usize = 64;

/// The request header by which a rule knows its policy.
const POLICY_HEADER: &str = "x-policy";
/// The request header by which the mock's record of a request is found again.
const NUMBER_HEADER: &str = "x-number";

/// A run in a real Envoy.
#[derive(Clone, Copy, Debug)]
pub struct Gateway {
    /// Decides when requests come and what they are.
    pub seed: u64,
    /// How long they come.
    pub duration: Duration,
    /// Envoy's worker threads.
    pub workers: usize,
    /// How fast the mock writes.
    pub tokens_per_second: u32,
}

/// What a run gave besides its rows.
#[derive(Clone, Debug)]
pub struct Report {
    /// By load and policy.
    pub rows: Vec<Row>,
    /// The rate-limiter's counters, of all rows together.
    pub counters: Vec<(String, u64)>,
    /// How long the median and the slowest of 100 refusals took, from the client's side.
    pub refusals: [Duration; 2],
    /// Requests each worker got connections for, in connections.
    pub connections: Vec<u64>,
}

/// What a progress line says.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Since the first request.
    pub elapsed: Duration,
    /// Requests sent.
    pub sent: u64,
    /// Those answered, 429 included.
    pub answered: u64,
}

impl Gateway {
    /// Runs it. `progress` is told every few seconds.
    ///
    /// # Errors
    /// When Envoy does not start, a connection breaks, or a request is answered with
    /// something else than 200 and 429.
    pub fn run(&self, progress: impl Fn(Progress)) -> Result<Report> {
        let stack = self.start()?;
        let tenants: Vec<(&str, f64, Policy)> = LOADS
            .iter()
            .flat_map(|(name, load)| POLICIES.map(|policy| (*name, *load, policy)))
            .collect();
        let traffic = Traffic {
            seed: self.seed,
            duration: self.duration,
            tenants: tenants
                .iter()
                .map(|(_, load, _)| Demand::of_tokens(TOKENS_PER_MINUTE as f64, *load, 1.0))
                .collect(),
        };
        let requests = traffic.requests();
        let sending = Sending {
            tokens_per_second: self.tokens_per_second,
            requests: &requests,
            headers: tenants
                .iter()
                .map(|(_, load, policy)| (format!("tenant-{load}"), rule_name(policy)))
                .collect(),
        };
        let (began, answers) = sending.send(&stack, progress)?;
        let recorded = stack
            .mock
            .regions()
            .flat_map(|region| region.take_requests());
        let mut received = HashMap::new();
        for request in recorded {
            let number = request.header(NUMBER_HEADER).and_then(|n| n.parse().ok());
            let number: usize = number.context("the mock got a request without its number")?;
            received.insert(number, request.received.duration_since(began));
        }
        let mut measured = vec![Tenant::default(); tenants.len()];
        let mut refusals = Vec::new();
        for (number, (request, answer)) in requests.iter().zip(&answers).enumerate() {
            let tenant = &mut measured[request.tenant];
            tenant.offered += 1;
            match *answer {
                Answered::Refused { took } => {
                    tenant.refused += 1;
                    refusals.push(took);
                    ensure!(
                        !received.contains_key(&number),
                        "a refused request was passed on"
                    );
                }
                Answered::Whole {
                    ended,
                    prompt,
                    output,
                } => {
                    tenant.admitted += 1;
                    let at = *received
                        .get(&number)
                        .context("the mock has no record of it")?;
                    let ended = ended.duration_since(began);
                    consume(&mut tenant.consumption, at, ended, prompt, output);
                }
            }
        }
        let rows = tenants
            .iter()
            .zip(measured)
            .map(|((case, _, policy), tenant)| Row {
                case: (*case).to_owned(),
                policy: *policy,
                outcome: Outcome {
                    limit_a_minute: Limit::Tokens.a_minute(),
                    duration: self.duration,
                    tenants: vec![tenant],
                    counters: None,
                    decision_calls: None,
                },
            });
        refusals.sort_unstable();
        let of_a_hundred = |part: usize| {
            let place = refusals.len() * part / 100;
            refusals
                .get(place.min(refusals.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        Ok(Report {
            rows: rows.collect(),
            counters: stack.envoy.stats("tollgate.rate_limiter.")?,
            refusals: [of_a_hundred(50), of_a_hundred(99)],
            connections: connections_by_worker(&stack)?,
        })
    }

    fn start(&self) -> Result<Stack> {
        let rules: Vec<Value> = POLICIES
            .iter()
            .map(|policy| {
                let mut rate_limiter = policy.rate_limiter();
                rate_limiter["tokens_per_minute"] = TOKENS_PER_MINUTE.into();
                json!({
                    "name": rule_name(policy),
                    "match": { "header": { "name": POLICY_HEADER, "value": rule_name(policy) } },
                    "rate_limiter": rate_limiter,
                })
            })
            .collect();
        let configuration = json!({
            "hold_headers": true,
            "tenant": [{ "header": "api-key" }],
            "rules": rules,
        });
        Stack::of(CONFIGURATION)
            .replace("CONFIGURATION", &configuration.to_string())
            .concurrency(self.workers)
            .mock(|mock| mock.log_limit = usize::MAX)
            .start()
    }
}

struct Sending<'a> {
    tokens_per_second: u32,
    requests: &'a [Request],
    /// Key and policy of each tenant.
    headers: Vec<(String, String)>,
}

impl Sending<'_> {
    /// Sends every request at its time and waits for all answers, which come in the order of
    /// the requests.
    fn send(&self, stack: &Stack, progress: impl Fn(Progress)) -> Result<(Instant, Vec<Answered>)> {
        let fault = format!(
            "latency={}ms;event-delay={}us;events-at-once={TOKENS_AT_ONCE}",
            FIRST_TOKEN.as_millis(),
            1_000_000 / self.tokens_per_second,
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let connections = Connections::open(stack.gateway(), CONNECTIONS).await?;
            let answered = Arc::new(AtomicU64::new(0));
            let failure: Arc<Mutex<Option<anyhow::Error>>> = Arc::default();
            let began = Instant::now();
            let mut told = Duration::ZERO;
            let mut tasks = Vec::with_capacity(self.requests.len());
            for (number, request) in self.requests.iter().enumerate() {
                let wait = request.at.saturating_sub(began.elapsed());
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                if began.elapsed() >= told + PROGRESS_EVERY {
                    told = began.elapsed();
                    progress(Progress {
                        elapsed: told,
                        sent: number as u64,
                        answered: answered.load(Ordering::Relaxed),
                    });
                    if let Some(error) = lock(&failure).take() {
                        return Err(error);
                    }
                }
                let (key, policy) = &self.headers[request.tenant];
                let sent = connections.post(
                    (request.number >> 32) as usize,
                    &[
                        ("api-key", key.as_str()),
                        (POLICY_HEADER, policy.as_str()),
                        (NUMBER_HEADER, number.to_string().as_str()),
                        (azure_mock::FAULT_HEADER, fault.as_str()),
                        (
                            azure_mock::ANSWER_HEADER,
                            words(request.number, request.output_tokens).trim_start(),
                        ),
                    ],
                    body(request),
                )?;
                let (answered, failure) = (answered.clone(), failure.clone());
                tasks.push(tokio::spawn(async move {
                    let answer = sent.await;
                    answered.fetch_add(1, Ordering::Relaxed);
                    answer.map_err(|error| {
                        *lock(&failure) = Some(error);
                    })
                }));
            }
            let mut answers = Vec::with_capacity(tasks.len());
            for task in tasks {
                match task.await? {
                    Ok(answer) => answers.push(answer),
                    Err(()) => {
                        let error = lock(&failure).take();
                        bail!(
                            error.unwrap_or_else(|| anyhow::anyhow!("an earlier request failed"))
                        );
                    }
                }
            }
            Ok((began, answers))
        })
    }
}

/// Between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// The prompt when the mock has it, the answer from its first token to its end.
fn consume(
    consumption: &mut Consumption,
    received: Duration,
    ended: Duration,
    prompt: u64,
    output: u64,
) {
    consumption.at(received, prompt as f64);
    let first = (received + FIRST_TOKEN).min(ended);
    consumption.spread(first, ended, output as f64);
}

fn rule_name(policy: &Policy) -> String {
    format!("{}-{}s", policy.reserve, policy.burst_seconds)
}

fn connections_by_worker(stack: &Stack) -> Result<Vec<u64>> {
    let stats = stack.envoy.stats("downstream_cx_total")?;
    let of_workers = stats
        .into_iter()
        .filter(|(name, _)| name.contains(".worker_") && !name.contains("admin"));
    Ok(of_workers.map(|(_, connections)| connections).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
