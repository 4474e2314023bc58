//! The rate-limiter stage: requests and tokens a minute, and quotas, for each tenant.
//!
//! A request is admitted by what it is expected to cost, which is reserved at once, so that
//! what is in flight counts; the end of its stream settles what it did cost. See
//! [`bucket`] for the limits a minute, [`quota`] for the long ones, [`table`](crate::table) for how all
//! workers share them, [`ledger`] for leases, [`average`] for what answers usually cost.

mod account;
pub mod answer;
pub mod average;
pub mod bucket;
mod growth;
mod guess;
pub mod ledger;
pub mod limits;
pub mod quota;
mod settlement;
#[cfg(test)]
mod stage_tests;
pub mod tenant;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::config::{Mode, Reserve, ReservedHits};
use crate::effect::{Effect, Metric};
use crate::endpoint::Dialect;
use crate::exchange::{Ending, Exchange};
use crate::fingerprint::Fingerprinter;
use crate::host::Host;
use crate::request::{NameRoom, Request};
use crate::stage::{Stage, Verdict};
use crate::token_estimator::{Estimate, HITS_ADDEND};

use account::MOST_QUOTAS;
use answer::Asked;
use average::Expectations;
use bucket::Short;
use growth::Growth;
use guess::Guess;
use ledger::{Counter, Events, Ledger};
use limits::{Amount, Difference, Levels, Limits};
use settlement::Real;
use tenant::Tenants;

/// What was reserved for a request, until it is settled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reservation {
    /// The counters it was taken from: of the limits a minute, and of the quotas.
    counter: u64,
    quotas: u64,
    /// The average that the answer adds to.
    average: u64,
    /// What was taken.
    amount: Amount,
    /// Whether it was: limits that only watch let pass what they would refuse.
    is_taken: bool,
    /// Estimated tokens of the prompt.
    prompt: u64,
    /// Answers it asked for.
    answers: u64,
    /// The most tokens that they may have together.
    most_output: u64,
    /// Whether all output shows in the answer: the model does not think unseen, and the answer
    /// is not one to be fetched later.
    shows_all: bool,
    /// What was left then, and when.
    levels: Levels,
    quota_left: [u64; MOST_QUOTAS],
    at: u64,
    /// Reserved for the answer by now, and the most that may be.
    growth: Growth,
}

/// See the [module](self).
pub struct RateLimiter {
    debug_headers: bool,
    fingerprinter: Fingerprinter,
    tenants: Tenants,
    ledger: Ledger,
    expectations: Expectations,
}

impl RateLimiter {
    /// The stage; `secret` keys the hashes of tenants.
    pub fn new(debug_headers: bool, secret: &[u8]) -> RateLimiter {
        RateLimiter {
            debug_headers,
            fingerprinter: Fingerprinter::new(secret),
            tenants: Tenants::new(secret),
            ledger: Ledger::default(),
            expectations: Expectations::default(),
        }
    }

    /// What an earlier stage or module made of this very body, else an estimate of our own.
    fn estimate(&self, request: &Request<'_>, exchange: &Exchange, host: &dyn Host) -> Estimate {
        if let Some(estimate) = exchange.estimate {
            return estimate;
        }
        let published = host.property(Estimate::PROPERTY);
        let published = published.and_then(|text| {
            Estimate::published(&text, || self.fingerprinter.of(request.body), request)
        });
        published.unwrap_or_else(|| Estimate::of(request, &exchange.rule.token_estimator))
    }
}

impl Stage for RateLimiter {
    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let rule = Rc::clone(&exchange.rule);
        let config = &rule.rate_limiter;
        let Some(tenant) = exchange.tenant.filter(|_| config.is_active()) else {
            return Verdict::Continue;
        };
        let mut room = NameRoom::default();
        let name = request.model_name(exchange.deployment.as_deref(), &mut room);
        let estimate = self.estimate(request, exchange, host);
        // Not before the estimate, which may take a while: tables are as good as their clock.
        let Some(now) = time(host, effects) else {
            return Verdict::Continue;
        };
        let average = self.tenants.model_key(tenant, name);
        let guess = Guess {
            host,
            expectations: &self.expectations,
            average,
            request,
            prompt: estimate.prompt,
            now,
        };
        let growth = guess.growth(config, rule.token_estimator.default_output_tokens);
        let tokens = match config.reserve {
            Reserve::Nothing => 0,
            _ => estimate.prompt.saturating_add(growth.reserved()),
        };
        let amount = Amount {
            requests: 1,
            tokens,
        };
        let counter = Counter {
            key: self.tenants.counter_key(tenant, &config.counter),
            quotas: self.tenants.counter_key(tenant, &config.quota_counter),
            limits: &config.limits,
        };
        let mut events = Events::default();
        let decision = self.ledger.reserve(host, counter, amount, now, &mut events);
        note(&events, effects);
        effects.push(publish("tollgate.tenant", tenant));
        if !config.limits.quotas.is_empty() {
            let left: Vec<String> = quotas_left(&config.limits, &decision.quota_left).collect();
            effects.push(publish("tollgate.quota_remaining", left.join(", ")));
        }
        if !tenant.is_named() {
            effects.push(count("tollgate.rate_limiter.unnamed", None, 1));
        }
        if let Some(refusal) = decision.refusal {
            let label = match refusal.short {
                Short::Always => "too_large",
                Short::For(_) => refusal.limit.name(),
            };
            if config.mode == Mode::Enforce {
                effects.push(publish("tollgate.rate_limit", label));
                effects.push(count("tollgate.rate_limiter.refused", Some(label), 1));
                let asked = Asked {
                    dialect: exchange.dialect,
                    api_version: exchange.api_version.as_deref().map_or("", cut),
                    deployment: shown(name),
                    model: if request.model.known {
                        request.model.family
                    } else {
                        shown(name)
                    },
                    region: &config.region,
                    tokens,
                };
                let mut reply = answer::refusal(config.shape, refusal, &asked, &config.limits);
                if config.response_headers {
                    let (limits, levels) = (&config.limits, decision.levels);
                    let headers = answer::rate_headers(config.shape, limits, levels, now);
                    reply.headers.extend(headers);
                }
                return Verdict::Reply(reply);
            }
            effects.extend([
                publish("tollgate.rate_limit", format_args!("shadow:{label}")),
                count("tollgate.rate_limiter.shadow_refused", Some(label), 1),
            ]);
        } else {
            effects.extend([
                publish("tollgate.rate_limit", "admitted"),
                publish("tollgate.reserved_tokens", tokens),
                count("tollgate.rate_limiter.admitted", None, 1),
                count("tollgate.rate_limiter.reserved_tokens", None, tokens),
            ]);
        }
        if config.hits_addend == ReservedHits::Reserved {
            effects.push(Effect::PublishToEnvoy {
                key: HITS_ADDEND,
                // Envoy reads 32 bits.
                value: tokens.min(u64::from(u32::MAX)).to_string(),
            });
        }
        exchange.reservation = Some(Reservation {
            counter: counter.key,
            quotas: counter.quotas,
            average,
            amount,
            is_taken: decision.refusal.is_none(),
            prompt: estimate.prompt,
            answers: request.answers(),
            most_output: request.output_tokens(u32::MAX),
            shows_all: !request.model.thinks() && request.dialect != Dialect::Responses,
            levels: decision.levels,
            quota_left: decision.quota_left,
            at: now,
            growth,
        });
        Verdict::Continue
    }

    fn on_response_head(&self, exchange: &Exchange, host: &dyn Host, effects: &mut Vec<Effect>) {
        let config = &exchange.rule.rate_limiter;
        let Some(reservation) = exchange.reservation else {
            return;
        };
        // What an upstream says of its own limits when it refuses is what counts then.
        let shows_limits = config.response_headers
            && config.mode == Mode::Enforce
            && (200..300).contains(&exchange.status());
        if !shows_limits && !self.debug_headers {
            return;
        }
        let Some(now) = time(host, effects) else {
            return;
        };
        let (limits, levels) = (&config.limits, reservation.levels);
        if shows_limits {
            let headers = answer::rate_headers(config.shape, limits, levels, now);
            effects.extend(headers.map(|(name, value)| Effect::ResponseHeader { name, value }));
        }
        if self.debug_headers {
            effects.push(Effect::ResponseHeader {
                name: "x-tollgate-tenant-remaining",
                value: remaining(limits, &reservation, now),
            });
        }
    }

    /// An answer that outgrows what was expected of it is charged while it comes: at its end
    /// it would be too late for what others were admitted to meanwhile.
    fn on_response_progress(
        &self,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let can_grow =
            |reservation: &Reservation| reservation.is_taken && reservation.growth.is_open();
        if !exchange.reservation.as_ref().is_some_and(can_grow) {
            return;
        }
        let so_far = exchange.output_so_far();
        let Some(reservation) = &mut exchange.reservation else {
            return;
        };
        let tokens = reservation.growth.cover(so_far);
        if tokens == 0 {
            return;
        }
        let Some(now) = time(host, effects) else {
            return;
        };
        let more = Amount {
            requests: 0,
            tokens,
        };
        let difference = Difference {
            more,
            ..Difference::default()
        };
        let counter = Counter {
            key: reservation.counter,
            quotas: reservation.quotas,
            limits: &exchange.rule.rate_limiter.limits,
        };
        let taken_at = reservation.at;
        let mut events = Events::default();
        self.ledger
            .settle(host, counter, difference, taken_at, now, &mut events);
        note(&events, effects);
    }

    fn reads_answers(&self) -> bool {
        true
    }

    fn on_end(
        &self,
        exchange: &mut Exchange,
        ending: &Ending,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let Some(reservation) = exchange.reservation.take() else {
            return;
        };
        let config = &exchange.rule.rate_limiter;
        let Some(now) = time(host, effects) else {
            return;
        };
        let Real { amount, output } = Real::of(&reservation, config, ending);
        if let Some(output) = output {
            let each = output.checked_div(reservation.answers).unwrap_or(output);
            // One that was cut off at its maximum says how long it is at least.
            let is_cut = output >= reservation.most_output;
            let average = reservation.average;
            if !is_cut || self.expectations.is_more(host, average, each, now) {
                self.expectations.learn(host, average, each, now);
            }
        }
        let difference = Difference::between(reservation.amount, amount);
        if reservation.is_taken {
            let mut events = Events::default();
            let counter = Counter {
                key: reservation.counter,
                quotas: reservation.quotas,
                limits: &config.limits,
            };
            let charged = Amount {
                tokens: reservation
                    .amount
                    .tokens
                    .saturating_add(reservation.growth.grown()),
                ..reservation.amount
            };
            let unsettled = Difference::between(charged, amount);
            let taken_at = reservation.at;
            self.ledger
                .settle(host, counter, unsettled, taken_at, now, &mut events);
            note(&events, effects);
            effects.extend([
                count("tollgate.rate_limiter.settled_tokens", None, amount.tokens),
                count(
                    "tollgate.rate_limiter.overshoot_tokens",
                    None,
                    difference.more.tokens,
                ),
                count(
                    "tollgate.rate_limiter.refunded_tokens",
                    None,
                    difference.less.tokens,
                ),
            ]);
        }
        effects.push(publish("tollgate.settled_tokens", amount.tokens));
        if config.hits_addend == ReservedHits::Reserved {
            effects.extend([
                publish("tollgate.settle_charge", difference.more.tokens),
                publish("tollgate.settle_refund", difference.less.tokens),
            ]);
        }
    }

    fn wants_tick(&self) -> bool {
        self.ledger.wants_tick()
    }

    fn on_tick(&self, host: &dyn Host, effects: &mut Vec<Effect>) {
        let Some(now) = time(host, effects) else {
            return;
        };
        let mut events = Events::default();
        self.ledger.tick(host, now, &mut events);
        note(&events, effects);
    }
}

/// What is left of every limit: `requests=2, tokens=905, month-tokens=1999`.
fn remaining(limits: &Limits, reservation: &Reservation, now: u64) -> String {
    let levels = reservation.levels;
    let requests = limits
        .requests
        .map(|bucket| format!("requests={}", bucket.remaining_ones(levels.requests, now)));
    let tokens = limits
        .tokens
        .map(|bucket| format!("tokens={}", bucket.remaining(levels.tokens, now)));
    let quotas = quotas_left(limits, &reservation.quota_left);
    let parts: Vec<String> = requests.into_iter().chain(tokens).chain(quotas).collect();
    parts.join(", ")
}

/// What is left of every quota: `month-tokens=1999`.
fn quotas_left(limits: &Limits, left: &[u64]) -> impl Iterator<Item = String> {
    let quotas = limits.quotas.iter().zip(left);
    quotas.map(|(quota, left)| format!("{}-{}={left}", quota.period.name(), quota.unit.name()))
}

/// A name as an answer shows it.
fn shown(name: &str) -> &str {
    match cut(name) {
        "" => "this model",
        name => name,
    }
}

/// What a client sends may be long, and is not sent back at length.
fn cut(text: &str) -> &str {
    const MOST: usize = 64;
    let after = text.char_indices().nth(MOST);
    let end = after.map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

/// The time; counted where there is none, because nothing can be decided then.
fn time(host: &dyn Host, effects: &mut Vec<Effect>) -> Option<u64> {
    let now = host.now();
    if now.is_none() {
        effects.push(count("tollgate.rate_limiter.store_errors", None, 1));
    }
    now
}

fn publish(key: &'static str, value: impl ToString) -> Effect {
    Effect::Publish {
        key,
        value: value.to_string(),
    }
}

fn count(name: &'static str, limit: Option<&'static str>, value: u64) -> Effect {
    let metric = Metric::counter(name);
    Effect::Measure {
        metric: limit.map_or(metric, |limit| metric.with("limit", limit)),
        value,
    }
}

fn note(events: &Events, effects: &mut Vec<Effect>) {
    let counts = [
        ("tollgate.rate_limiter.conflicts", events.conflicts),
        ("tollgate.rate_limiter.contended", events.contended),
        ("tollgate.rate_limiter.lost", events.lost),
        ("tollgate.rate_limiter.evicted_live", events.evicted),
        ("tollgate.rate_limiter.leases", events.leases),
        ("tollgate.rate_limiter.store_errors", events.unavailable),
    ];
    let happened = counts.into_iter().filter(|(_, times)| *times > 0);
    effects.extend(happened.map(|(name, times)| count(name, None, times)));
}
