//! The response-cache stage: a request that was answered before is answered again from what was
//! kept, and the upstream is not asked.
//!
//! What is kept is what the upstream sent, found again by a hash of all that could make another
//! answer: where the request goes, whose it is, and every field of its body that the model or the
//! provider goes by. An answer goes the way of the upstream's when it is given again: what was
//! masked in the request that asks is put back from that request's own map.

mod cacheable;
pub mod caller;
pub mod canonical;
pub mod directives;
mod directory;
pub mod entry;
mod frame;
pub mod key;
pub mod keyer;
pub mod lifetime;
pub mod prefix;
pub mod purges;
pub mod recording;
pub mod replay;
pub mod store;

pub use caller::Caller;

use cacheable::{Bypass, cacheable};
use directives::Directives;
use entry::{Draft, Entry, Kind, Seal};
use key::Scope;
use keyer::{Digest, KeyHash, Keyer};
use lifetime::Lifetime;
use purges::Purges;
use recording::{Recorded, Recording, Unkept};
use store::{Bounds, Flight, Lookup, Outcome, Put, Store, Ticket};

use crate::config::{self, Config, ResponseCacheConfig, Rule};
use crate::effect::{Effect, Metric};
use crate::exchange::{Ending, Exchange, ResponseHead, StreamEnd};
use crate::host::Host;
use crate::rate_limiter::tenant::Tenant;
use crate::reply::{JSON, Refused, Reply};
use crate::request::{Keying, Request};
use crate::response::{FinishReason, Media, Usage, UsageReport};
use crate::stage::{Stage, Verdict};

#[cfg(test)]
mod stage_tests;

const SECOND: u64 = 1_000_000_000;

/// Of its time an answer may lack so many percent, so that what came together does not go
/// together.
const JITTER: u8 = 10;

/// How long the first of like requests is waited for before another counts as the first.
const PATIENCE: u64 = 30 * SECOND;

/// What the stage made of a request that is sent.
#[derive(Debug)]
pub struct Cached {
    /// What its answer says of that, where headers say what happened.
    told: String,
    miss: Option<Missed>,
}

/// A request whose answer may be kept.
#[derive(Debug)]
struct Missed {
    key: Digest,
    /// When it was asked, in nanoseconds since 1970.
    asked: u64,
    recording: Recording,
    /// It is the first of its like.
    ticket: Option<Ticket>,
}

impl Cached {
    fn ticket(self) -> Option<Ticket> {
        self.miss?.ticket
    }

    /// Takes note of the answer's head.
    pub(crate) fn on_response_head(&mut self, head: &ResponseHead<'_>) {
        if let Some(missed) = &mut self.miss {
            missed.recording.begin(head);
        }
    }

    /// Keeps what came of the answer.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if let Some(missed) = &mut self.miss {
            missed.recording.push(chunk);
        }
    }

    /// There is no room to keep more.
    pub(crate) fn keep_no_more(&mut self) {
        if let Some(missed) = &mut self.miss {
            missed.recording.lose();
        }
    }

    /// Bytes that are kept of the answer so far.
    pub(crate) fn kept(&self) -> usize {
        self.miss
            .as_ref()
            .map_or(0, |missed| missed.recording.kept())
    }

    /// Whether the answer is wanted.
    pub(crate) fn is_keeping(&self) -> bool {
        self.miss
            .as_ref()
            .is_some_and(|missed| missed.recording.is_keeping())
    }
}

/// See the [module](self).
pub struct ResponseCache {
    debug_headers: bool,
    seal: Seal,
    max_bytes: usize,
    purges: Purges,
    /// For each hash that a rule may ask for.
    keyers: [(KeyHash, Keyer); 2],
}

impl ResponseCache {
    /// The stage, whose entries are sealed under the deployment's `secret`.
    pub fn new(config: &Config, secret: &[u8]) -> ResponseCache {
        ResponseCache {
            debug_headers: config.debug_headers,
            seal: Seal::new(secret),
            max_bytes: config.limits.max_cached_bytes as usize,
            purges: Purges::default(),
            keyers: [KeyHash::Sip, KeyHash::Sha256].map(|hash| (hash, Keyer::new(hash, secret))),
        }
    }

    fn store(&self, config: &ResponseCacheConfig) -> Store {
        let bounds = Bounds {
            bytes: self.max_bytes,
            stale: u64::from(config.stale_seconds).saturating_mul(SECOND),
            patience: PATIENCE,
        };
        Store::new(self.seal.clone(), bounds)
    }

    /// What is kept for `request`, or what is to be done with it.
    fn look(
        &self,
        request: &Request<'_>,
        exchange: &Exchange,
        host: &dyn Host,
    ) -> Result<Found, Bypass> {
        let config = &exchange.rule.response_cache;
        let Some(caller) = &exchange.caller else {
            return Err(Bypass::Off);
        };
        let Directives {
            no_store,
            no_cache,
            max_age,
            ..
        } = caller.directives;
        if no_store {
            return Err(Bypass::NoStore);
        }
        let tenant = exchange
            .tenant
            .filter(|_| config.scope == config::Scope::Tenant);
        // Where the operator says that nothing names tenants, all requests are of one.
        let is_somebodys =
            tenant.is_none_or(|tenant| tenant.is_named() || exchange.rule.tenant.is_empty());
        if !is_somebodys {
            return Err(Bypass::NoTenant);
        }
        cacheable(request, config)?;
        let now = host.now().ok_or(Bypass::NoClock)?;
        let key = request.key.as_ref().ok_or(Bypass::Off)?;
        let key = key.key(&Scope {
            tenant: &tenant.map_or([0; 9], Tenant::bytes),
            route: &caller.place,
            deployment: exchange.deployment.as_deref(),
            api_version: exchange.api_version.as_deref(),
            versions: &[],
        });
        let missed = |ticket| Missed {
            key,
            asked: now,
            recording: Recording::new(config.max_entry_bytes),
            ticket,
        };
        // Of what has come within this second nobody knows how old it is.
        if no_cache || max_age == Some(0) {
            return Ok(Found::Nothing(missed(None)));
        }
        let purged = self.purges.last(host, tenant, now);
        let (found, flight) = self.store(config).find_or_lead(host, key.as_bytes(), now);
        let found = match found {
            Lookup::Fresh(entry) => Some((entry, "hit")),
            Lookup::Stale(entry) => Some((entry, "stale")),
            Lookup::Miss(_) => None,
        };
        let ticket = match flight {
            Some(Flight::Leader(ticket)) => Some(ticket),
            Some(Flight::Follower { .. } | Flight::Unmarked) | None => None,
        };
        let age = |entry: &Entry| entry.age(now) / SECOND;
        let is_young = |entry: &Entry| max_age.is_none_or(|most| age(entry) <= most);
        // Who fetches a new one does not get the old one.
        let given = found
            .filter(|_| ticket.is_none())
            .filter(|(entry, _)| is_young(entry) && entry.created() > purged)
            .and_then(|(entry, told)| {
                let reply = replay(&entry, request, age(&entry), told)?;
                let usage = entry.usage();
                Some(Found::Kept { reply, usage, told })
            });
        Ok(given.unwrap_or_else(|| Found::Nothing(missed(ticket))))
    }

    /// Keeps an answer that came.
    fn keep(
        &self,
        missed: Missed,
        exchange: &Exchange,
        ending: &Ending,
        host: &dyn Host,
    ) -> Result<Put, Unkept> {
        let config = &exchange.rule.response_cache;
        let Missed {
            key,
            asked,
            recording,
            ..
        } = missed;
        let Recorded {
            status,
            media,
            content_type,
            body,
        } = recording.finish()?;
        let summary = ending.response.as_ref().ok_or(Unkept::Form)?;
        let (kind, seconds) = match status {
            200 => {
                if !summary.is_whole(exchange.dialect) {
                    return Err(Unkept::Incomplete);
                }
                let has = |reason| summary.endings.has(reason);
                let by_chance = [
                    FinishReason::Length,
                    FinishReason::ContentFilter,
                    FinishReason::Other,
                ];
                let calls = has(FinishReason::ToolCalls) && !config.tool_calls;
                if calls || by_chance.into_iter().any(has) {
                    return Err(Unkept::FinishReason);
                }
                (Kind::Answer, config.ttl_seconds)
            }
            // Only what says itself that it is the request's fault is said again.
            400 if config.negative_seconds > 0 && summary.is_complete && summary.has_error => {
                (Kind::Refusal, config.negative_seconds)
            }
            _ => return Err(Unkept::Status),
        };
        let lifetime = Lifetime {
            ttl: u64::from(seconds).saturating_mul(SECOND),
            jitter: JITTER,
        };
        let now = host.now().ok_or(Unkept::Store)?;
        let usage = match summary.usage {
            UsageReport::Given(usage) => Some(usage),
            UsageReport::Absent | UsageReport::Unusable => None,
        };
        let draft = Draft {
            key: key.as_bytes(),
            media,
            kind,
            status,
            // What was asked before a purge is not of after it, whenever its answer came.
            created: asked.min(now),
            expires: lifetime.expires(key.as_bytes(), now),
            usage,
            content_type: &content_type,
            headers: &[],
            body: &body,
        };
        let entry = draft.seal(&self.seal).ok_or(Unkept::Size)?;
        let put = self.store(config).put(host, &entry, now);
        match put.outcome {
            Outcome::Stored => Ok(put),
            Outcome::TooLarge => Err(Unkept::Size),
            Outcome::Lost | Outcome::Unavailable => Err(Unkept::Store),
        }
    }
}

/// What the stage knows of a request's answer.
enum Found {
    /// This one was kept.
    Kept {
        reply: Reply,
        usage: Option<Usage>,
        /// What is said of that.
        told: &'static str,
    },
    /// None that can be given.
    Nothing(Missed),
}

/// The answer to `request` that `entry` is, in the form that is asked for; `None` where it can not
/// be given in that form.
fn replay(entry: &Entry, request: &Request<'_>, age: u64, told: &'static str) -> Option<Reply> {
    let fields = &request.fields;
    let wants_events = fields.stream == Some(true) && entry.kind() == Kind::Answer;
    let wants_usage = fields.include_usage == Some(true);
    let is_events = entry.media() == Media::Events;
    let body = entry.body();
    let body = match (is_events, wants_events) {
        (false, false) => body.to_vec(),
        (true, true) => replay::same_form(body, wants_usage, entry.usage())?.into_owned(),
        (false, true) => replay::as_sse(body, wants_usage)?,
        (true, false) => replay::as_json(body, entry.usage())?,
    };
    let content_type = match wants_events {
        _ if is_events == wants_events => {
            let own = core::str::from_utf8(entry.content_type()).ok()?;
            own.to_owned().into()
        }
        true => "text/event-stream; charset=utf-8".into(),
        false => JSON,
    };
    Some(Reply {
        status: entry.status(),
        details: "tollgate_cache_hit",
        content_type,
        headers: vec![("age", age.to_string()), (HEADER, told.to_owned())],
        body,
    })
}

/// What says what the cache did.
const HEADER: &str = "x-tollgate-cache";

const REQUESTS: Metric = Metric::counter("tollgate.response_cache.requests");
const BYPASSED: Metric = Metric::counter("tollgate.response_cache.bypassed");
const SAVED: Metric = Metric::counter("tollgate.response_cache.saved_tokens");
const STORED: Metric = Metric::counter("tollgate.response_cache.stored");
const STORED_BYTES: Metric = Metric::counter("tollgate.response_cache.stored_bytes");
const UNKEPT: Metric = Metric::counter("tollgate.response_cache.not_stored");
const EVICTED: Metric = Metric::counter("tollgate.response_cache.evicted");

impl Stage for ResponseCache {
    fn keying(&self, rule: &Rule) -> Option<Keying> {
        let config = Some(&rule.response_cache).filter(|config| config.enabled)?;
        let mut keyers = self.keyers.iter();
        let (_, keyer) = keyers.find(|(hash, _)| *hash == config.key_hash)?;
        Some(Keying::by(*keyer))
    }

    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let mut count =
            |metric: Metric, value: u64| effects.push(Effect::Measure { metric, value });
        let only_if_cached = exchange
            .caller
            .as_ref()
            .is_some_and(|caller| caller.directives.only_if_cached);
        let (told, verdict) = match self.look(request, exchange, host) {
            Ok(Found::Kept { reply, usage, told }) => {
                count(REQUESTS.with("outcome", told), 1);
                if let Some(usage) = usage {
                    count(SAVED, usage.prompt.saturating_add(usage.completion));
                }
                (told.to_owned(), Verdict::Replay(reply))
            }
            Ok(Found::Nothing(missed)) => {
                count(REQUESTS.with("outcome", "miss"), 1);
                let told = "miss".to_owned();
                exchange.cached = Some(Cached {
                    told: told.clone(),
                    miss: Some(missed),
                });
                (told, Verdict::Continue)
            }
            Err(Bypass::Off) => return Verdict::Continue,
            Err(why) => {
                count(REQUESTS.with("outcome", "bypass"), 1);
                count(BYPASSED.with("reason", why.name()), 1);
                let told = format!("bypass; reason={}", why.name());
                exchange.cached = Some(Cached {
                    told: told.clone(),
                    miss: None,
                });
                (told, Verdict::Continue)
            }
        };
        effects.push(Effect::Publish {
            key: "tollgate.cache",
            value: told.clone(),
        });
        match verdict {
            Verdict::Continue if only_if_cached => {
                if let Some(ticket) = exchange.cached.take().and_then(Cached::ticket) {
                    self.store(&exchange.rule.response_cache).end(host, ticket);
                }
                let message = "the request says only-if-cached, and no answer to it is kept";
                let mut reply = Refused::NotCached.reply(message, None);
                reply.headers.push((HEADER, told));
                Verdict::Reply(reply)
            }
            verdict => verdict,
        }
    }

    fn on_response_head(&self, exchange: &Exchange, _host: &dyn Host, effects: &mut Vec<Effect>) {
        let cached = exchange.cached.as_ref().filter(|_| self.debug_headers);
        effects.extend(cached.map(|cached| Effect::ResponseHeader {
            name: HEADER,
            value: cached.told.clone(),
        }));
    }

    fn on_end(
        &self,
        exchange: &mut Exchange,
        ending: &Ending,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let Some(missed) = exchange.cached.take().and_then(|cached| cached.miss) else {
            return;
        };
        let ticket = missed.ticket;
        let mut count =
            |metric: Metric, value: u64| effects.push(Effect::Measure { metric, value });
        let is_answered = ending.end == StreamEnd::Answered;
        let bytes = missed.recording.kept() as u64;
        // What a later stage answers is no answer to keep.
        let kept = match is_answered {
            true => None,
            false => Some(self.keep(missed, exchange, ending, host)),
        };
        match &kept {
            Some(Ok(put)) => {
                count(STORED, 1);
                count(STORED_BYTES, bytes);
                count(EVICTED, put.evicted as u64);
            }
            Some(Err(why)) => count(UNKEPT.with("reason", why.name()), 1),
            None => {}
        }
        // The entry has ended the flight, where there is one.
        let is_in_flight = !matches!(kept, Some(Ok(_)));
        if let Some(ticket) = ticket.filter(|_| is_in_flight) {
            self.store(&exchange.rule.response_cache).end(host, ticket);
        }
    }
}
