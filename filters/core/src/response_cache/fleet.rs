//! The store that a fleet of Envoys shares: Redis, through Webdis, its face over HTTP.
//!
//! Who has nothing itself asks it once, waits for no longer than it is told to, and goes on
//! without it. What is kept is written behind, with the next tick. That it is slow, full, gone or
//! answers nonsense makes misses, which are counted, and never an error: what it holds is sealed,
//! and opened like what Envoy's own memory holds.
//!
//! One question brings the entry and the times of purges, so that another Envoy's purge is known
//! with the next miss; while only hits come, it is asked for those alone, every
//! [`PURGES_ARE_ASKED_EVERY`].
//!
//! ```text
//! tollgate:1:KEY            SETEX  a sealed entry, for as long as it is fresh
//! tollgate:1:purged         SETEX  "tollgate purge all NANOSECONDS", sealed
//! tollgate:1:purged:TENANT  SETEX  "tollgate purge TENANT NANOSECONDS", sealed
//! ```
//! KEY is the key's hash and TENANT the tenant's, both in hexadecimal and made under the
//! deployment's secret, which all Envoys of a fleet need to have.

mod health;
mod outbox;
mod resp;

use std::cell::RefCell;
use std::fmt::Write;

use health::Health;
use outbox::Outbox;
use resp::Reply;

use super::entry::{Entry, SEAL, Seal};
use super::keyer::Digest;
use super::lifetime::SKEW;
use super::purges::KEPT;
use crate::callout::{Answer, Callout, MOST_UNAWAITED, News};
use crate::config::FleetStore;
use crate::effect::{Effect, Metric};
use crate::rate_limiter::tenant::Tenant;

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds between two questions of a worker for the purges of one tenant, while it needs
/// nothing else.
pub const PURGES_ARE_ASKED_EVERY: u64 = 5 * SECOND;
/// Tenants whose purges a worker asks for in that time, while it needs nothing else.
const MOST_ASKED: usize = 256;
/// What an entry and a reply have beside the body of the answer, at most.
const BESIDE_BODY: usize = 32 << 10;

const LOOKUPS: Metric = Metric::counter("tollgate.response_cache.fleet_lookups");
const WRITES: Metric = Metric::counter("tollgate.response_cache.fleet_writes");

/// See the [module](self).
#[derive(Debug)]
pub struct Fleet {
    store: FleetStore,
    seal: Seal,
    health: Health,
    outbox: RefCell<Outbox>,
    /// When the purges of these were asked for last.
    asked: RefCell<Vec<(Option<Tenant>, u64)>>,
}

/// What a fleet's store says of a key.
#[derive(Debug)]
pub struct Found {
    /// The entry, where there is one that answers to the key.
    pub entry: Option<Entry>,
    /// Purges that were not known here, perhaps.
    pub purges: Vec<Purge>,
}

/// What was kept before a time, for a tenant or for all, is not to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Whose answers; `None`: everybody's.
    pub tenant: Option<Tenant>,
    /// Nanoseconds since 1970.
    pub at: u64,
}

impl Fleet {
    /// The store that `store` says, whose entries are sealed like this.
    pub fn new(store: FleetStore, seal: Seal) -> Fleet {
        Fleet {
            store,
            seal,
            health: Health::default(),
            outbox: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    /// The question for what there is under `key`, whose answer may have `most` bytes of body, and
    /// for the purges of `tenant`. None while the store does not work.
    pub fn ask(
        &self,
        key: Digest,
        tenant: Option<Tenant>,
        most: u32,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Option<Callout> {
        if !self.health.may_ask(now) {
            count(LOOKUPS, "skipped", effects);
            return None;
        }
        self.note_asked(tenant, now);
        let mut path = format!("/MGET/{PREFIX}{key}");
        name_purges(&mut path, tenant);
        let most = BESIDE_BODY.saturating_add(most as usize);
        Some(call(&self.store, "GET", path, Vec::new(), most))
    }

    /// What the answer to that question says.
    pub fn read(
        &self,
        news: News,
        key: Digest,
        tenant: Option<Tenant>,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Found {
        let mut found = Found {
            entry: None,
            purges: Vec::new(),
        };
        if news == News::TooLarge {
            self.health.note(true, now);
            count(LOOKUPS, "too_large", effects);
            return found;
        }
        let values = match &news {
            News::Answer(Answer { status: 200, body }) => match resp::read(body) {
                Some(Reply::Values(values)) => Some(values),
                _ => None,
            },
            _ => None,
        };
        self.health.note(values.is_some(), now);
        let Some(values) = values else {
            count(LOOKUPS, "unavailable", effects);
            return found;
        };
        found.purges = self.purges(&values, now);
        // What is of nobody who was asked for was put there by somebody else.
        found
            .purges
            .retain(|purge| purge.tenant.is_none() || purge.tenant == tenant);
        let mut entries = values.iter().filter(|value| !says_purge(value)).peekable();
        let is_there = entries.peek().is_some();
        found.entry = entries.find_map(|value| {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(value.len()).ok()?;
            bytes.extend_from_slice(value);
            Entry::open(bytes, &self.seal, key.as_bytes())
        });
        let outcome = match &found.entry {
            Some(_) => "hit",
            None if is_there => "unreadable",
            None => "miss",
        };
        count(LOOKUPS, outcome, effects);
        found
    }

    /// The purges among `values`; of more than a question is about the rest is nonsense.
    fn purges(&self, values: &[&[u8]], now: u64) -> Vec<Purge> {
        let told = values.iter().filter(|value| says_purge(value)).take(2);
        told.filter_map(|value| Purge::read(value, &self.seal, now))
            .collect()
    }

    /// Keeps an entry for as long as it is fresh.
    pub fn keep(&self, entry: &Entry, now: u64, effects: &mut Vec<Effect>) {
        if !self.health.works(now) || !self.has_room_for(entry.bytes().len()) {
            count(WRITES, "dropped", effects);
            return;
        }
        let seconds = entry.expires().saturating_sub(now).div_ceil(SECOND).max(1);
        let mut path = format!("/SETEX/{PREFIX}");
        for byte in entry.key() {
            let _ = write!(path, "{byte:02x}");
        }
        let _ = write!(path, "/{seconds}.raw");
        let body = entry.bytes().to_vec();
        self.queue(call(&self.store, "PUT", path, body, MOST_UNAWAITED));
    }

    /// An answer of `tenant` was found here: from time to time somebody has to ask whether another
    /// Envoy purged it.
    pub fn hit(&self, tenant: Option<Tenant>, now: u64) {
        if !self.health.works(now) || !self.note_asked(tenant, now) {
            return;
        }
        let mut path = "/MGET".to_owned();
        name_purges(&mut path, tenant);
        self.queue(call(&self.store, "GET", path, Vec::new(), MOST_UNAWAITED));
    }

    /// Whether something is to be sent.
    pub fn wants_tick(&self) -> bool {
        self.outbox
            .try_borrow()
            .is_ok_and(|outbox| !outbox.is_empty())
    }

    /// Sends what is queued.
    pub fn on_tick(&self, effects: &mut Vec<Effect>) {
        if let Ok(mut outbox) = self.outbox.try_borrow_mut() {
            effects.extend(outbox.take().map(|callout| Effect::Call(Box::new(callout))));
        }
    }

    /// Hears what became of something that was queued: purges that it tells of.
    pub fn on_answer(&self, news: &News, now: u64, effects: &mut Vec<Effect>) -> Vec<Purge> {
        let reply = match news {
            News::Answer(Answer { status: 200, body }) => resp::read(body),
            _ => None,
        };
        // A store that is full refuses what is to be kept, and still says what it has.
        self.health.note(reply.is_some(), now);
        match reply {
            Some(Reply::Values(values)) => self.purges(&values, now),
            Some(Reply::Done) => {
                count(WRITES, "stored", effects);
                Vec::new()
            }
            Some(Reply::Failed) | None => {
                count(WRITES, "failed", effects);
                Vec::new()
            }
        }
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        let outbox = self.outbox.try_borrow();
        outbox.is_ok_and(|outbox| outbox.has_room_for(bytes))
    }

    /// Queues a call, where there is room for it.
    fn queue(&self, callout: Callout) {
        if let Ok(mut outbox) = self.outbox.try_borrow_mut() {
            outbox.push(callout);
        }
    }

    /// Takes note that the purges of `tenant` are asked for; false where they were a moment ago, or
    /// where so many were that there is no room to note it.
    fn note_asked(&self, tenant: Option<Tenant>, now: u64) -> bool {
        let Ok(mut asked) = self.asked.try_borrow_mut() else {
            return false;
        };
        // One that lies ahead was noted before a clock was set back.
        let is_recent = |at: u64| at <= now && now.saturating_sub(at) < PURGES_ARE_ASKED_EVERY;
        if let Some((_, at)) = asked.iter_mut().find(|(other, _)| *other == tenant) {
            let is_due = !is_recent(*at);
            if is_due {
                *at = now;
            }
            return is_due;
        }
        if asked.len() >= MOST_ASKED {
            asked.retain(|(_, at)| is_recent(*at));
        }
        let has_room = asked.len() < MOST_ASKED;
        if has_room {
            asked.push((tenant, now));
        }
        has_room
    }
}

const PREFIX: &str = "tollgate:1:";
const PURGED: &str = "tollgate:1:purged";
/// What a purge begins with, and an entry does not.
const SAYS_PURGE: &str = "tollgate purge ";
const ALL: &str = "all";

fn name_purges(path: &mut String, tenant: Option<Tenant>) {
    let _ = write!(path, "/{PURGED}");
    if let Some(tenant) = tenant {
        let _ = write!(path, "/{PURGED}:{tenant}");
    }
    path.push_str(".raw");
}

fn call(
    store: &FleetStore,
    method: &'static str,
    path: String,
    body: Vec<u8>,
    most: usize,
) -> Callout {
    Callout {
        cluster: store.cluster.clone(),
        headers: vec![
            (":method", method.to_owned()),
            (":path", path),
            (":authority", store.cluster.clone()),
        ],
        body,
        timeout_milliseconds: store.timeout_milliseconds,
        most,
    }
}

impl Purge {
    /// The call that tells the fleet, sealed like this.
    ///
    /// Clocks of a fleet differ a little: an Envoy whose clock is ahead may have kept just before it
    /// what seems to be of just after it, so for the others it is of [`SKEW`] later.
    pub fn call(self, store: &FleetStore, seal: &Seal) -> Callout {
        let mut path = format!("/SETEX/{PURGED}");
        if let Some(tenant) = self.tenant {
            let _ = write!(path, ":{tenant}");
        }
        let _ = write!(path, "/{}.raw", KEPT / SECOND);
        let at = self.at.saturating_add(SKEW);
        let mut body = Purge { at, ..self }.text().into_bytes();
        let sealed = seal.of(&body);
        body.extend_from_slice(&sealed);
        call(store, "PUT", path, body, MOST_UNAWAITED)
    }

    /// Whether the answer to that call says that it was done.
    pub fn is_noted(news: &News) -> bool {
        match news {
            News::Answer(Answer { status: 200, body }) => resp::read(body) == Some(Reply::Done),
            _ => false,
        }
    }

    fn text(self) -> String {
        match self.tenant {
            Some(tenant) => format!("{SAYS_PURGE}{tenant} {}", self.at),
            None => format!("{SAYS_PURGE}{ALL} {}", self.at),
        }
    }

    /// The purge that `value` is. One of a time yet to come is none: nobody could keep anything
    /// until then.
    fn read(value: &[u8], seal: &Seal, now: u64) -> Option<Purge> {
        let (text, sealed) = value.split_last_chunk::<SEAL>()?;
        if *sealed != seal.of(text) {
            return None;
        }
        let text = core::str::from_utf8(text).ok()?.strip_prefix(SAYS_PURGE)?;
        let (tenant, at) = text.split_once(' ')?;
        let tenant = match tenant {
            ALL => None,
            tenant => Some(Tenant::read(tenant)?),
        };
        let at = at.parse().ok()?;
        (at <= now.saturating_add(SKEW.saturating_mul(2))).then_some(Purge { tenant, at })
    }
}

fn says_purge(value: &[u8]) -> bool {
    value.starts_with(SAYS_PURGE.as_bytes())
}

fn count(metric: Metric, outcome: &'static str, effects: &mut Vec<Effect>) {
    effects.push(Effect::Measure {
        metric: metric.with("outcome", outcome),
        value: 1,
    });
}

#[cfg(test)]
mod tests;
