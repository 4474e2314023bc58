//! Looks for an answer: in what the workers of this Envoy share, in what one like it is about to
//! bring, in what the fleet shares.

use super::cacheable::{Bypass, cacheable};
use super::directives::Directives;
use super::entry::{Entry, Kind};
use super::key::Scope;
use super::lifetime::Freshness;
use super::missed::{Missed, Question, Waits};
use super::store::{Flight, Lookup, Outcome};
use super::{HEADER, ResponseCache, SECOND, replay};
use crate::callout::{News, Turn, Wait};
use crate::config::{self, ResponseCacheConfig};
use crate::effect::Effect;
use crate::exchange::Exchange;
use crate::host::Host;
use crate::rate_limiter::tenant::Tenant;
use crate::reply::{JSON, Reply};
use crate::request::Request;
use crate::response::{Media, Usage};

/// What the stage knows of a request's answer.
pub(super) enum Found {
    /// This one was kept.
    Kept {
        reply: Reply,
        usage: Option<Usage>,
        /// What is said of that.
        told: Told,
    },
    /// There may be one soon.
    Wait(Missed, Wait),
    /// None that can be given.
    Nothing(Missed),
}

/// What is said of an answer that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// As a label of metrics.
    pub(super) label: &'static str,
    /// In the header.
    pub(super) header: &'static str,
}

const HIT: Told = Told {
    label: "hit",
    header: "hit",
};
const STALE: Told = Told {
    label: "stale",
    header: "stale",
};
const FLEET_HIT: Told = Told {
    label: "hit",
    header: "hit; store=fleet",
};

/// One look at what is kept, for one request.
pub(super) struct Look<'a> {
    pub(super) cache: &'a ResponseCache,
    pub(super) request: &'a Request<'a>,
    pub(super) exchange: &'a Exchange,
    pub(super) host: &'a dyn Host,
}

impl Look<'_> {
    /// What there is for the request, or why it has nothing to do with the cache.
    pub(super) fn first(&self, effects: &mut Vec<Effect>) -> Result<Found, Bypass> {
        let Look {
            request,
            exchange,
            host,
            ..
        } = *self;
        let config = self.config();
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
        let patience = u64::from(config.flight_wait_milliseconds).saturating_mul(1_000_000);
        let question = Question {
            key: key.key(&Scope {
                tenant: &tenant.map_or([0; 9], Tenant::bytes),
                route: &caller.place,
                deployment: exchange.deployment.as_deref(),
                api_version: exchange.api_version.as_deref(),
                version: &config.version,
            }),
            tenant,
            asked: now,
            until: now.saturating_add(patience),
        };
        // Of what has come within this second nobody knows how old it is.
        if no_cache || max_age == Some(0) {
            let missed = Missed::alone(question, config.max_entry_bytes);
            return Ok(Found::Nothing(missed));
        }
        Ok(self.find(question, now, true, effects))
    }

    /// What there is for the request, which waited, and for which `news` has come.
    pub(super) fn again(&self, missed: Missed, news: News, effects: &mut Vec<Effect>) -> Found {
        let question = missed.question;
        let now = self.host.now().unwrap_or(question.asked);
        match news {
            News::Turn(Turn::Again) => self.find(question, now, false, effects),
            News::Turn(Turn::Alone) => {
                if let Some(Waits::Turn(place)) = missed.waits {
                    self.cache.flights.leave(&question.key, place);
                }
                Found::Nothing(Missed::alone(question, self.config().max_entry_bytes))
            }
            news => self.on_fleet_news(missed, news, now, effects),
        }
    }

    fn find(
        &self,
        question: Question,
        now: u64,
        is_first: bool,
        effects: &mut Vec<Effect>,
    ) -> Found {
        let Look { cache, host, .. } = *self;
        let config = self.config();
        let key = question.key.as_bytes();
        // Who wants nothing but what is kept does not ask the upstream, and so leads nobody.
        let may_lead = !self.directives().is_some_and(|said| said.only_if_cached);
        let may_wait = may_lead && now < question.until;
        let is_under_way = may_lead && cache.flights.is_under_way(&question.key);
        let store = cache.store(config);
        let (found, flight) = if may_lead && !is_under_way {
            store.find_or_lead(host, key, now)
        } else {
            (store.find(host, key, now), None)
        };
        let found = match found {
            Lookup::Fresh(entry) => Some((entry, HIT)),
            Lookup::Stale(entry) => Some((entry, STALE)),
            Lookup::Miss(_) => None,
        };
        // What was purged, or is too old for who asks, is as if it were not there: one asks, and the
        // others wait for that.
        let found = found.filter(|(entry, _)| self.may_have(entry, &question, now));
        let is_missing = found.is_none();
        let mut missed = Missed::alone(question, config.max_entry_bytes);
        if let Some(Flight::Leader(ticket)) = flight {
            missed.ticket = Some(ticket);
        }
        // Who fetches a new one does not get the old one.
        let found = found.filter(|_| missed.ticket.is_none());
        if let Some((entry, told)) = found
            && let Some(kept) = self.give(&entry, told, now)
        {
            if let Some(fleet) = cache.fleet(config) {
                fleet.hit(question.tenant, now);
            }
            return kept;
        }
        if is_missing && may_lead && config.flight_wait_milliseconds > 0 {
            let is_elsewhere = matches!(flight, Some(Flight::Follower { .. }));
            let leads = !(is_under_way || is_elsewhere && may_wait);
            if leads {
                cache.flights.take_off(question.key);
                missed.leads = true;
            } else if may_wait && let Some(place) = cache.flights.wait(question.key, question.until)
            {
                missed.waits = Some(Waits::Turn(place));
                return Found::Wait(missed, Wait::Turn(place));
            }
        }
        // Who is woken by one like it knows that the fleet has nothing: that one has asked.
        let asks = is_first && (is_missing || missed.ticket.is_some());
        if asks
            && let Some(fleet) = cache.fleet(config)
            && let Some(callout) = fleet.ask(
                question.key,
                question.tenant,
                config.max_entry_bytes,
                now,
                effects,
            )
        {
            missed.waits = Some(Waits::Fleet);
            return Found::Wait(missed, Wait::Answer(Box::new(callout)));
        }
        Found::Nothing(missed)
    }

    /// What there is for a request that waited for the fleet's store.
    fn on_fleet_news(
        &self,
        mut missed: Missed,
        news: News,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Found {
        let Look { cache, host, .. } = *self;
        let config = self.config();
        missed.waits = None;
        let Some(fleet) = cache.fleet(config) else {
            return Found::Nothing(missed);
        };
        let question = missed.question;
        let found = fleet.read(news, question.key, question.tenant, now, effects);
        for purge in found.purges {
            cache.purges.purge(host, purge.tenant, purge.at, now);
        }
        let fresh = found
            .entry
            .filter(|entry| entry.freshness(now, 0) == Freshness::Fresh);
        let fresh = fresh.filter(|entry| self.may_have(entry, &question, now));
        let given = fresh.and_then(|entry| {
            let kept = self.give(&entry, FLEET_HIT, now)?;
            Some((entry, kept))
        });
        let Some((entry, kept)) = given else {
            return Found::Nothing(missed);
        };
        let put = cache.put(&entry, config, host, now, effects);
        // Where it was stored, that has ended the flight.
        if put.outcome == Outcome::Stored {
            missed.ticket = None;
        }
        cache.release(missed, Turn::Again, config, host, effects);
        kept
    }

    /// Whether `entry` is young enough for who asks, and was not purged.
    fn may_have(&self, entry: &Entry, question: &Question, now: u64) -> bool {
        let max_age = self.directives().and_then(|said| said.max_age);
        let is_young = max_age.is_none_or(|most| entry.age(now) / SECOND <= most);
        let purges = &self.cache.purges;
        is_young && !purges.has_done_with(self.host, question.tenant, entry.created(), now)
    }

    /// Gives `entry` to who asks, where it can be given in the form that is asked for.
    fn give(&self, entry: &Entry, told: Told, now: u64) -> Option<Found> {
        let reply = replay(entry, self.request, entry.age(now) / SECOND, told.header)?;
        let usage = entry.usage();
        Some(Found::Kept { reply, usage, told })
    }

    fn config(&self) -> &ResponseCacheConfig {
        &self.exchange.rule.response_cache
    }

    fn directives(&self) -> Option<&Directives> {
        Some(&self.exchange.caller.as_ref()?.directives)
    }
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
