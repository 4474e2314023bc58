//! The conversation that a request goes on with: what all its turns have in common, and how much
//! of it an upstream has read lately.
//!
//! Providers keep what they have read for some minutes, by exact beginnings, where they read it.
//! Who chooses a region or a machine for a request wants two things to know: what to remember a
//! choice by, which must not change from turn to turn nor from one Envoy to the next, so that it
//! depends on the request alone; and how much is lost by another choice.

use super::key::{Prefix, Scope};
use super::seen::{Beginnings, Notes, Seen};
use crate::Span;
use crate::edit::Edits;
use crate::effect::{Effect, Metric};
use crate::endpoint::Dialect;
use crate::exchange::Exchange;
use crate::host::Host;
use crate::rate_limiter::tenant::Tenant;
use crate::request::Request;
use crate::scan::Field;
use crate::stage::Verdict;

const SECOND: u64 = 1_000_000_000;

/// The header of requests that says what a conversation's turns have in common.
pub const HEADER: &str = "x-tollgate-prefix";

const BYTES: Metric = Metric::counter("tollgate.response_cache.prefix_bytes");
const SEEN_BYTES: Metric = Metric::counter("tollgate.response_cache.prefix_seen_bytes");
const EVICTED: Metric = Metric::counter("tollgate.response_cache.prefix_evicted");

/// See the [module](self).
#[derive(Debug)]
pub struct Conversation {
    /// Equal in all its turns, and in no conversation of another tenant, with another model or
    /// with another beginning: its operator's messages and the first after them.
    pub key: u128,
    /// How much of it was seen, where that was looked for.
    pub known: Option<Known>,
    notes: Notes,
}

/// How much of a conversation was seen, in bytes of the body. Tools and instructions, which a
/// provider reads before it, are in neither number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Bytes of its longest beginning that was seen.
    pub seen: u32,
    /// Bytes of all of it.
    pub all: u32,
}

impl Conversation {
    /// The conversation in `request`, where all of it is there and it is somebody's.
    fn of(
        request: &Request<'_>,
        exchange: &Exchange,
        seen: &Seen,
        host: &dyn Host,
    ) -> Option<Conversation> {
        let (caller, key) = (exchange.caller.as_ref()?, request.key.as_ref()?);
        // What came before is at the provider, and where that is decides.
        if request.fields.names_provider_state {
            return None;
        }
        // Where the operator says that nothing names tenants, all requests are of one.
        let tenant = exchange.tenant?;
        if !(tenant.is_named() || exchange.rule.tenant.is_empty()) {
            return None;
        }
        // Who shares answers does not share these: no tenant learns what another has asked.
        let scope = Scope {
            tenant: &Tenant::bytes(tenant),
            deployment: exchange.deployment.as_deref(),
            api_version: exchange.api_version.as_deref(),
            ..Scope::default()
        };
        let start = conversation_of(request)?.start;
        let prefixes = key.prefixes(&scope);
        let all = prefixes.clone().next_back()?.end.saturating_sub(start);
        let beginnings = Beginnings {
            prefixes,
            landmarks: key.landmarks(),
        };
        let config = &exchange.rule.response_cache;
        let ttl = u64::from(config.prefix_ttl_seconds).saturating_mul(SECOND);
        let is_looked_for = ttl > 0 && !caller.directives.no_store;
        let now = host.now().filter(|_| is_looked_for);
        let looked = now.map(|now| seen.look(host, &beginnings, ttl, now));
        let (found, notes) = looked.unzip();
        let seen =
            |found: Option<Prefix>| found.map_or(0, |prefix| prefix.end.saturating_sub(start));
        Some(Conversation {
            key: key.conversation(&scope)?,
            known: found.map(|found| Known {
                seen: seen(found),
                all,
            }),
            notes: notes.unwrap_or_default(),
        })
    }

    fn text(&self) -> String {
        format!("{:032x}", self.key)
    }
}

/// Where the conversation stands in the body.
fn conversation_of(request: &Request<'_>) -> Option<Span> {
    request.fields.value(match request.dialect {
        Dialect::Chat => Field::Messages,
        Dialect::Responses => Field::Input,
        Dialect::Completions => Field::Prompt,
        Dialect::Embeddings => return None,
    })
}

/// Lets a request go on to the upstream, with what is known of its conversation.
pub(super) fn go_on(
    request: &Request<'_>,
    exchange: &mut Exchange,
    seen: &Seen,
    host: &dyn Host,
    effects: &mut Vec<Effect>,
) -> Verdict {
    exchange.conversation = Conversation::of(request, exchange, seen, host);
    let Some(conversation) = &exchange.conversation else {
        return Verdict::Continue;
    };
    let config = &exchange.rule.response_cache;
    let text = conversation.text();
    effects.push(Effect::Publish {
        key: "tollgate.prefix",
        value: text.clone(),
    });
    if let Some(Known { seen, all }) = conversation.known {
        effects.push(Effect::Publish {
            key: "tollgate.prefix_seen",
            value: format!("{seen}/{all}"),
        });
    }
    if config.prefix_header {
        effects.push(Effect::RequestHeader {
            name: HEADER,
            value: text.clone(),
        });
    }
    if config.prompt_cache_key
        && let Some(edits) = prompt_cache_key(request, &text)
    {
        return Verdict::Edit(edits);
    }
    Verdict::Continue
}

/// Adds `prompt_cache_key` to a request that can have one and has none, not even `null`.
fn prompt_cache_key(request: &Request<'_>, value: &str) -> Option<Edits> {
    let can_have = matches!(request.dialect, Dialect::Chat | Dialect::Responses);
    let has = request.fields.value(Field::PromptCacheKey).is_some();
    let is_grounded = request.key.as_ref()?.is_grounded();
    if !can_have || has || is_grounded {
        return None;
    }
    // Behind the opening brace; there is a conversation, so a member follows.
    let brace = request.body.iter().position(|byte| *byte == b'{')?;
    let at = brace.saturating_add(1);
    let mut edits = Edits::default();
    let member = format!(r#""{}":"{value}","#, Field::PromptCacheKey.name());
    edits.replace(Span::new(at, at), member.as_bytes());
    Some(edits)
}

/// Takes note of what the upstream has read, where it has answered.
pub(super) fn note(exchange: &Exchange, seen: &Seen, host: &dyn Host, effects: &mut Vec<Effect>) {
    let conversation = exchange.conversation.as_ref();
    let known = conversation.and_then(|conversation| Some((conversation, conversation.known?)));
    let Some((Conversation { notes, .. }, Known { seen: bytes, all })) = known else {
        return;
    };
    // What is refused may not have been read, and a cache nearer to the upstream did not ask it.
    if !(200..300).contains(&exchange.status()) || exchange.is_cache_hit() {
        return;
    }
    let evicted = host.now().is_some_and(|now| seen.note(host, notes, now));
    let counts = [
        (BYTES, u64::from(all)),
        (SEEN_BYTES, u64::from(bytes)),
        (EVICTED, u64::from(evicted)),
    ];
    let measured = counts.into_iter().filter(|(_, value)| *value > 0);
    effects.extend(measured.map(|(metric, value)| Effect::Measure { metric, value }));
}

#[cfg(test)]
mod tests;
