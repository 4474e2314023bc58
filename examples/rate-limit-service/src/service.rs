//! `ShouldRateLimit`: a request's descriptors in, a status for each and the overall one out.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::{
    Code, DescriptorStatus, RateLimit,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitService;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Duration as ProtoDuration, Struct, Value};
use tonic::{Request, Response, Status};

use crate::clock::Clock;
use crate::hits::{Hits, SETTLE};
use crate::ledger::{Booking, Fit, Ledger, Standing};
use crate::limits::{self, Limits};
use crate::refusal::{self, Refusal, seconds};

/// The key of the dynamic metadata that Envoy gets with an admission that was counted: when that
/// was. An entry that settles can have it for its value, and so is left out for requests that were
/// never charged: those refused, and those let through while the service could not be reached.
const CHARGED: &str = "charged";

/// What answers Envoy.
pub struct Decisions {
    limits: Limits,
    ledger: Arc<Mutex<Ledger>>,
    clock: Clock,
    log: bool,
}

impl Decisions {
    /// Decides by `limits` and counts in `ledger`; `log` prints every descriptor.
    pub fn new(limits: Limits, ledger: Arc<Mutex<Ledger>>, log: bool) -> Self {
        Self {
            limits,
            ledger,
            clock: Clock::start(),
            log,
        }
    }

    /// Answers a request that came at `now`.
    ///
    /// # Errors
    /// `InvalidArgument` for a request without domain or descriptors, and for a descriptor with
    /// a key twice.
    pub fn answer(
        &self,
        request: &RateLimitRequest,
        now: Instant,
    ) -> Result<RateLimitResponse, Status> {
        if request.domain.is_empty() {
            return Err(Status::invalid_argument("the domain is empty"));
        }
        if request.descriptors.is_empty() {
            return Err(Status::invalid_argument("there is no descriptor"));
        }
        let mut bookings = Vec::new();
        for descriptor in &request.descriptors {
            let (settle, entries): (Vec<_>, Vec<_>) =
                limits::entries(descriptor).partition(|(key, _)| *key == SETTLE);
            let charged_at = settle.first().and_then(|(_, text)| self.clock.read(text));
            let counters = self.limits.counters(&request.domain, &entries);
            bookings.push(Booking {
                counters: counters.map_err(|error| Status::invalid_argument(error.to_string()))?,
                hits: Hits::of(descriptor, request.hits_addend),
                charged_at,
            });
        }
        let standings = locked(&self.ledger).book(&bookings, now);
        if self.log {
            self.print(request, &bookings, &standings);
        }
        let mut answer = self.response(&standings);
        if answer.overall_code() == Code::Ok && standings.iter().any(Option::is_some) {
            answer.dynamic_metadata = Some(charged(self.clock.write(now)));
        }
        Ok(answer)
    }

    /// A line for each descriptor, such as
    /// `tollgate tenant=a Charge(42): tokens-per-minute has 58 left`. Whoever read them may have
    /// gone away, which is no reason to decide nothing.
    fn print(
        &self,
        request: &RateLimitRequest,
        bookings: &[Booking],
        standings: &[Option<Standing>],
    ) {
        let rows = request.descriptors.iter().zip(bookings).zip(standings);
        for ((descriptor, booking), standing) in rows {
            let entries: Vec<String> = limits::entries(descriptor)
                .map(|(key, value)| format!("{key}={}", value.escape_debug()))
                .collect();
            let outcome = match standing {
                None => "no limit applies".to_owned(),
                Some(standing) => format!(
                    "{} {} {} left",
                    self.limits.of(&standing.counter).name,
                    match standing.fit {
                        Fit::Now => "has",
                        Fit::Later | Fit::Never => "refuses with",
                    },
                    standing.remaining
                ),
            };
            let _ = writeln!(
                std::io::stdout(),
                "{} {} {:?}: {outcome}",
                request.domain.escape_debug(),
                entries.join(" "),
                booking.hits
            );
        }
    }

    fn response(&self, standings: &[Option<Standing>]) -> RateLimitResponse {
        let code = |fit| match fit {
            Fit::Now => Code::Ok,
            Fit::Later | Fit::Never => Code::OverLimit,
        };
        let worst = refusal::worst(standings.iter().flatten());
        let refusal = worst.map(|worst| Refusal::of(worst, self.limits.of(&worst.counter)));
        let (headers, body) = match refusal {
            Some(refusal) => (refusal.headers, refusal.body),
            None => Default::default(),
        };
        RateLimitResponse {
            overall_code: code(worst.map_or(Fit::Now, |worst| worst.fit)).into(),
            statuses: standings
                .iter()
                .map(|standing| match standing {
                    None => DescriptorStatus {
                        code: Code::Ok.into(),
                        ..DescriptorStatus::default()
                    },
                    Some(standing) => DescriptorStatus {
                        code: code(standing.fit).into(),
                        current_limit: Some(self.current_limit(standing)),
                        limit_remaining: u32::try_from(standing.remaining).unwrap_or(u32::MAX),
                        duration_until_reset: Some(ProtoDuration {
                            seconds: i64::try_from(seconds(standing.resets_in)).unwrap_or(i64::MAX),
                            nanos: 0,
                        }),
                        ..DescriptorStatus::default()
                    },
                })
                .collect(),
            response_headers_to_add: headers
                .into_iter()
                .map(|(key, value)| HeaderValue {
                    key: key.to_owned(),
                    value,
                    ..HeaderValue::default()
                })
                .collect(),
            raw_body: body.into_bytes(),
            ..RateLimitResponse::default()
        }
    }

    fn current_limit(&self, standing: &Standing) -> RateLimit {
        let limit = self.limits.of(&standing.counter);
        let unit = match limit.window.as_secs() {
            1 => Unit::Second,
            60 => Unit::Minute,
            3_600 => Unit::Hour,
            86_400 => Unit::Day,
            _ => Unit::Unknown,
        };
        RateLimit {
            name: limit.name.clone(),
            requests_per_unit: u32::try_from(limit.hits).unwrap_or(u32::MAX),
            unit: unit.into(),
        }
    }
}

#[tonic::async_trait]
impl RateLimitService for Decisions {
    async fn should_rate_limit(
        &self,
        request: Request<RateLimitRequest>,
    ) -> Result<Response<RateLimitResponse>, Status> {
        self.answer(request.get_ref(), Instant::now())
            .map(Response::new)
    }
}

/// The ledger; a panic while it was locked leaves numbers, not broken memory.
pub fn locked(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `{"charged": time}`; text, because a descriptor's entry is made of nothing else.
fn charged(time: String) -> Struct {
    let value = Value {
        kind: Some(Kind::StringValue(time)),
    };
    Struct {
        fields: [(CHARGED.to_owned(), value)].into(),
    }
}

#[cfg(test)]
mod tests;
