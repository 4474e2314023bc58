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
pub mod conversation;
pub mod directives;
mod directory;
pub mod entry;
pub mod fleet;
mod flights;
mod frame;
mod held;
mod keep;
pub mod key;
pub mod keyer;
pub mod lifetime;
mod look;
mod missed;
pub mod prefix;
pub mod purges;
pub mod recording;
pub mod replay;
pub mod seen;
pub mod store;

pub use caller::Caller;
pub use conversation::Conversation;

use std::rc::Rc;

use cacheable::Bypass;
use entry::Seal;
use fleet::Fleet;
use flights::Flights;
use keyer::{Digest, KeyHash, Keyer};
use look::{Found, Look};
pub use missed::Cached;
use missed::{Missed, Waits};
use purges::Purges;
use seen::Seen;
use store::{Bounds, Store};

use crate::callout::{News, Turn};
use crate::config::{Config, ConfigError, ResponseCacheConfig, Rule};
use crate::effect::{Effect, Metric};
use crate::exchange::{Ending, Exchange, StreamEnd};
use crate::host::Host;
use crate::reply::Refused;
use crate::request::{Keying, Request};
use crate::stage::{Stage, Verdict};

#[cfg(test)]
mod stage_tests;

const SECOND: u64 = 1_000_000_000;

/// How long the first of like requests is waited for before another counts as the first.
const PATIENCE: u64 = 30 * SECOND;

/// See the [module](self).
pub struct ResponseCache {
    debug_headers: bool,
    seal: Seal,
    max_bytes: usize,
    purges: Purges,
    seen: Seen,
    flights: Flights,
    fleet: Option<Fleet>,
    /// For each hash that a rule may ask for.
    keyers: [(KeyHash, Keyer); 2],
}

impl ResponseCache {
    /// The stage, whose entries are sealed under the deployment's `secret`.
    ///
    /// # Errors
    /// Where a fleet is to share entries, and there is no secret to seal them under.
    pub fn new(config: &Config, secret: &[u8]) -> Result<ResponseCache, ConfigError> {
        let seal = Seal::new(secret);
        if config.fleet_store.is_some() && secret.is_empty() {
            return Err(ConfigError {
                path: "fleet_store".to_owned(),
                problem: "needs TOLLGATE_SECRET, the same on every Envoy: without it whoever writes to the store \
                          could make answers up; see vm_config.environment_variables.host_env_keys"
                    .to_owned(),
            });
        }
        let fleet = config.fleet_store.clone();
        Ok(ResponseCache {
            debug_headers: config.debug_headers,
            fleet: fleet.map(|store| Fleet::new(store, seal.clone())),
            seal,
            max_bytes: config.limits.max_cached_bytes as usize,
            purges: Purges::default(),
            seen: Seen::default(),
            flights: Flights::default(),
            keyers: [KeyHash::Sip, KeyHash::Sha256].map(|hash| (hash, Keyer::new(hash, secret))),
        })
    }

    fn store(&self, config: &ResponseCacheConfig) -> Store {
        self.store_with(stale(config))
    }

    fn store_with(&self, stale: u64) -> Store {
        let bounds = Bounds {
            bytes: self.max_bytes,
            stale,
            patience: PATIENCE,
        };
        Store::new(self.seal.clone(), bounds)
    }

    /// The fleet's store, where requests under these settings have to do with it.
    fn fleet(&self, config: &ResponseCacheConfig) -> Option<&Fleet> {
        self.fleet.as_ref().filter(|_| config.fleet)
    }

    /// Does what becomes of a look.
    fn follow(
        &self,
        found: Found,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        match found {
            Found::Kept { reply, usage, told } => {
                count(REQUESTS.with("outcome", told.label), 1, effects);
                if let Some(usage) = usage {
                    let saved = usage.prompt.saturating_add(usage.completion);
                    count(SAVED, saved, effects);
                }
                publish(told.header, effects);
                Verdict::Replay(reply)
            }
            Found::Wait(missed, wait) => {
                exchange.cached = Some(Cached {
                    told: String::new(),
                    miss: Some(missed),
                });
                Verdict::Wait(wait)
            }
            Found::Nothing(missed) => {
                count(REQUESTS.with("outcome", "miss"), 1, effects);
                self.pass("miss".to_owned(), Some(missed), exchange, host, effects)
            }
        }
    }

    /// Lets a request pass, unless it wants nothing but what is kept.
    fn pass(
        &self,
        told: String,
        miss: Option<Missed>,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        publish(&told, effects);
        let caller = exchange.caller.as_ref();
        if !caller.is_some_and(|caller| caller.directives.only_if_cached) {
            exchange.cached = Some(Cached { told, miss });
            return Verdict::Continue;
        }
        if let Some(missed) = miss {
            let config = &exchange.rule.response_cache;
            self.release(missed, Turn::Again, config, host, effects);
        }
        let message = "the request says only-if-cached, and no answer to it is kept";
        let mut reply = Refused::NotCached.reply(message, None);
        reply.headers.push((HEADER, told));
        Verdict::Reply(reply)
    }

    /// Lets a request that passes go on with what is known of its conversation.
    fn go_on(
        &self,
        verdict: Verdict,
        request: &Request<'_>,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        match verdict {
            Verdict::Continue => conversation::go_on(request, exchange, &self.seen, host, effects),
            verdict => verdict,
        }
    }

    /// Nobody waits any more for what `missed` was to bring, and it does not wait.
    fn release(
        &self,
        missed: Missed,
        turn: Turn,
        config: &ResponseCacheConfig,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let key = &missed.question.key;
        if let Some(Waits::Turn(place)) = missed.waits {
            self.flights.leave(key, place);
        }
        if let Some(ticket) = missed.ticket {
            self.store(config).end(host, ticket);
        }
        if missed.leads {
            self.flights.land(key, turn, effects);
        }
    }
}

/// Nanoseconds that an answer is given after it has ceased to be fresh.
fn stale(config: &ResponseCacheConfig) -> u64 {
    u64::from(config.stale_seconds).saturating_mul(SECOND)
}

/// What those are to do who waited for an answer of this status that is not kept: an upstream that
/// is overloaded is not asked by all of them at once.
fn turn_after(status: u16) -> Turn {
    match status {
        429 | 500.. => Turn::Again,
        _ => Turn::Alone,
    }
}

fn count(metric: Metric, value: u64, effects: &mut Vec<Effect>) {
    effects.push(Effect::Measure { metric, value });
}

fn publish(told: &str, effects: &mut Vec<Effect>) {
    effects.push(Effect::Publish {
        key: "tollgate.cache",
        value: told.to_owned(),
    });
}

/// What says what the cache did.
const HEADER: &str = "x-tollgate-cache";

const REQUESTS: Metric = Metric::counter("tollgate.response_cache.requests");
const BYPASSED: Metric = Metric::counter("tollgate.response_cache.bypassed");
const WAITED: Metric = Metric::counter("tollgate.response_cache.waited");
const SAVED: Metric = Metric::counter("tollgate.response_cache.saved_tokens");
const STORED: Metric = Metric::counter("tollgate.response_cache.stored");
const STORED_BYTES: Metric = Metric::counter("tollgate.response_cache.stored_bytes");
const UNKEPT: Metric = Metric::counter("tollgate.response_cache.not_stored");

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
        let look = Look {
            cache: self,
            request,
            exchange,
            host,
        };
        let verdict = match look.first(effects) {
            Ok(found) => self.follow(found, exchange, host, effects),
            Err(Bypass::Off) => Verdict::Continue,
            Err(why) => {
                count(REQUESTS.with("outcome", "bypass"), 1, effects);
                count(BYPASSED.with("reason", why.name()), 1, effects);
                let told = format!("bypass; reason={}", why.name());
                self.pass(told, None, exchange, host, effects)
            }
        };
        self.go_on(verdict, request, exchange, host, effects)
    }

    fn on_news(
        &self,
        request: &Request<'_>,
        news: News,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let Some(missed) = exchange.cached.take().and_then(|cached| cached.miss) else {
            return Verdict::Continue;
        };
        let waited_for_turn = matches!(missed.waits, Some(Waits::Turn(_)));
        let look = Look {
            cache: self,
            request,
            exchange,
            host,
        };
        let found = look.again(missed, news, effects);
        if waited_for_turn {
            let outcome = match &found {
                Found::Kept { .. } => "answered",
                Found::Wait(..) => "again",
                Found::Nothing(_) => "alone",
            };
            count(WAITED.with("outcome", outcome), 1, effects);
        }
        let verdict = self.follow(found, exchange, host, effects);
        self.go_on(verdict, request, exchange, host, effects)
    }

    fn on_response_head(&self, exchange: &Exchange, host: &dyn Host, effects: &mut Vec<Effect>) {
        conversation::note(exchange, &self.seen, host, effects);
        let cached = exchange.cached.as_ref().filter(|_| self.debug_headers);
        effects.extend(cached.map(|cached| Effect::ResponseHeader {
            name: HEADER,
            value: cached.told.clone(),
        }));
    }

    /// As soon as it turns out that what comes is not kept, nobody waits for it any more.
    fn on_response_progress(
        &self,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let missed = exchange
            .cached
            .as_mut()
            .and_then(|cached| cached.miss.as_mut());
        let Some(missed) = missed.filter(|missed| missed.is_awaited_in_vain()) else {
            return;
        };
        let awaited = missed.take_awaited();
        let turn = turn_after(exchange.status());
        self.release(awaited, turn, &exchange.rule.response_cache, host, effects);
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
        let config = &Rc::clone(&exchange.rule).response_cache;
        if missed.waits.is_some() {
            self.release(missed, Turn::Again, config, host, effects);
            return;
        }
        let mut missed = missed;
        let mut left = missed.take_awaited();
        let bytes = missed.recording.kept() as u64;
        let turn = match ending.end {
            // What a later stage answers is no answer to keep.
            StreamEnd::Answered => Turn::Again,
            end => match self.keep(missed, exchange, ending, host, effects) {
                Ok(()) => {
                    count(STORED, 1, effects);
                    count(STORED_BYTES, bytes, effects);
                    // The entry has ended the flight of all workers.
                    left.ticket = None;
                    Turn::Again
                }
                Err(why) => {
                    count(UNKEPT.with("reason", why.name()), 1, effects);
                    match end {
                        // Another may have better luck.
                        StreamEnd::Reset => Turn::Again,
                        _ => turn_after(exchange.status()),
                    }
                }
            },
        };
        self.release(left, turn, config, host, effects);
    }

    fn wants_tick(&self) -> bool {
        let sends = self.fleet.as_ref().is_some_and(Fleet::wants_tick);
        sends || self.flights.has_waiting()
    }

    fn on_tick(&self, host: &dyn Host, effects: &mut Vec<Effect>) {
        if let Some(fleet) = &self.fleet {
            fleet.on_tick(effects);
        }
        let Some(now) = host.now() else {
            return;
        };
        // How long answers may be stale says nothing of who asks for them.
        let store = self.store_with(0);
        let is_under_way = |key: &Digest| store.is_under_way(host, key.as_bytes(), now);
        self.flights.on_tick(now, is_under_way, effects);
    }

    fn on_answer(&self, news: &News, host: &dyn Host, effects: &mut Vec<Effect>) {
        if let (Some(fleet), Some(now)) = (&self.fleet, host.now()) {
            for purge in fleet.on_answer(news, now, effects) {
                self.purges.purge(host, purge.tenant, purge.at, now);
            }
        }
    }
}
