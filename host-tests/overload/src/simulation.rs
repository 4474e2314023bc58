//! A run in virtual time: the real module on several workers, the upstream played.
//!
//! Everything between two events is skipped, so ten minutes take seconds, and the same
//! traffic gives the same run on every machine.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tollgate_host::{Headers, Host, Metric, MetricKind, Module, Plugin, Stream, Worker};

use crate::consumption::Consumption;
use crate::conversation::{Answer, FIRST_TOKEN, PATH, body, writing};
use crate::outcome::{Outcome, Tenant};
use crate::policy::Limit;
use crate::traffic::{Request, Traffic};

/// Where counters of the rate-limiter begin.
const COUNTERS: &str = "tollgate.rate_limiter.";

/// One run of a module.
pub struct Simulation<'a> {
    /// The module.
    pub module: &'a Module,
    /// Its configuration.
    pub configuration: String,
    /// VMs that share one space of data.
    pub workers: usize,
    /// What is measured.
    pub limit: Limit,
}

impl Simulation<'_> {
    /// Plays the traffic and everything that follows from it.
    ///
    /// # Errors
    /// When the module does not start or dies, or a request is neither admitted nor
    /// answered 429.
    pub fn run(&self, traffic: &Traffic) -> Result<Outcome> {
        let host = Host::new();
        let workers = (0..self.workers).map(|_| self.start(&host));
        let workers: Vec<Worker> = workers.collect::<Result<_>>()?;
        let mut run = Run {
            host,
            limit: self.limit,
            now: Duration::ZERO,
            due: BinaryHeap::new(),
            open: Vec::new(),
            free: Vec::new(),
            tenants: traffic.tenants.iter().map(Tenant::of).collect(),
            decision_calls: 0,
        };
        for request in traffic.requests() {
            run.answer_until(request.at);
            run.pass_until(request.at);
            let worker = &workers[(request.number % workers.len() as u64) as usize];
            run.arrive(worker, request)
                .with_context(|| format!("the request at {:?}", request.at))?;
        }
        run.answer_until(Duration::MAX);
        for worker in &workers {
            if let Some(death) = worker.death() {
                bail!("{death}");
            }
        }
        Ok(run.outcome(traffic.duration))
    }

    fn start(&self, host: &Host) -> Result<Worker> {
        let plugin = Plugin {
            configuration: self.configuration.clone().into_bytes(),
            allow_on_headers_stop_iteration: true,
            ..Plugin::default()
        };
        let worker = host.worker(self.module, plugin);
        worker.with_context(|| {
            let logs = host.logs();
            let last = logs.last().map_or("no log", |line| line.message.as_str());
            format!("the module does not start: {last}")
        })
    }
}

struct Run {
    host: Host,
    limit: Limit,
    /// Since the run began.
    now: Duration,
    /// When which of `open` goes on.
    due: BinaryHeap<Reverse<(Duration, usize)>>,
    open: Vec<Option<Exchange>>,
    /// Places in `open` that are `None`.
    free: Vec<usize>,
    tenants: Vec<Tenant>,
    decision_calls: u64,
}

struct Exchange {
    stream: Stream,
    began: Duration,
    answer: Answer,
}

impl Run {
    fn pass_until(&mut self, moment: Duration) {
        self.host.advance(moment.saturating_sub(self.now));
        self.now = moment;
    }

    fn arrive(&mut self, worker: &Worker, request: Request) -> Result<()> {
        let mut stream = worker.open();
        stream.request(head(&request), body(&request));
        self.decision_calls += stream.costs().host_calls;
        if self.tenants.len() <= request.tenant {
            self.tenants
                .resize_with(request.tenant + 1, Tenant::default);
        }
        let tenant = &mut self.tenants[request.tenant];
        tenant.offered += 1;
        if let Some(reply) = stream.local_reply() {
            ensure!(
                reply.status == 429,
                "it was answered {}: {}",
                reply.status,
                String::from_utf8_lossy(&reply.body)
            );
            tenant.refused += 1;
            return Ok(());
        }
        ensure!(
            stream.upstream().complete,
            "it was neither passed on nor answered"
        );
        tenant.admitted += 1;
        consume(&mut tenant.consumption, self.limit, &request);
        let answer = Answer::to(request);
        let due = request.at + answer.next_after();
        let exchange = Exchange {
            stream,
            began: request.at,
            answer,
        };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.open.push(None);
                self.open.len() - 1
            }
        };
        self.open[place] = Some(exchange);
        self.due.push(Reverse((due, place)));
        Ok(())
    }

    /// The upstream sends what it has until `moment`.
    fn answer_until(&mut self, moment: Duration) {
        while let Some(&Reverse((due, place))) = self.due.peek()
            && due <= moment
        {
            self.due.pop();
            self.pass_until(due);
            let Some(mut exchange) = self.open[place].take() else {
                continue;
            };
            if exchange.stream.client().headers.is_none() {
                let content_type = exchange.answer.content_type();
                let head = [(":status", "200"), ("content-type", content_type)];
                exchange.stream.response_headers(head, false);
            }
            let piece = exchange.answer.next_piece();
            exchange.stream.response_body(piece.bytes, piece.last);
            if piece.last {
                self.free.push(place);
            } else {
                let due = exchange.began + exchange.answer.next_after();
                self.due.push(Reverse((due, place)));
                self.open[place] = Some(exchange);
            }
        }
    }

    fn outcome(self, duration: Duration) -> Outcome {
        let counters = self.host.metrics().into_iter().filter_map(|(key, metric)| {
            let (MetricKind::Counter, name) = key else {
                return None;
            };
            match (name.strip_prefix(COUNTERS), metric) {
                (Some(name), Metric::Counter(value)) => Some((name.to_owned(), value)),
                _ => None,
            }
        });
        Outcome {
            limit_a_minute: self.limit.a_minute(),
            duration,
            counters: Some(counters.collect()),
            tenants: self.tenants,
            decision_calls: Some(self.decision_calls),
        }
    }
}

fn head(request: &Request) -> Headers {
    let tenant = format!("tenant-{}", request.tenant);
    Headers::from([
        (":method", "POST"),
        (":path", PATH),
        (":authority", "llm.example"),
        (":scheme", "https"),
        ("content-type", "application/json"),
        ("api-key", tenant.as_str()),
    ])
}

/// Counts what the upstream spends on a request that it gets: the prompt at once, the answer
/// while it is written.
pub fn consume(consumption: &mut Consumption, limit: Limit, request: &Request) {
    match limit {
        Limit::Requests => consumption.at(request.at, 1.0),
        Limit::Tokens => {
            consumption.at(request.at, request.prompt_tokens.into());
            let first = request.at + FIRST_TOKEN;
            let last = first + writing(request.output_tokens);
            consumption.spread(first, last, request.output_tokens.into());
        }
    }
}
