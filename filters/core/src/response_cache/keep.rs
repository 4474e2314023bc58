//! Keeps an answer that came, where it may be given to another.

use super::entry::{Draft, Kind};
use super::lifetime::Lifetime;
use super::missed::{Missed, Question};
use super::recording::{Recorded, Unkept};
use super::store::Outcome;
use super::{ResponseCache, SECOND};
use crate::effect::Effect;
use crate::exchange::{Ending, Exchange};
use crate::host::Host;
use crate::response::{FinishReason, UsageReport};

/// Of its time an answer may lack so many percent, so that what came together does not go
/// together.
const JITTER: u8 = 10;

impl ResponseCache {
    /// Keeps an answer that came.
    pub(super) fn keep(
        &self,
        missed: Missed,
        exchange: &Exchange,
        ending: &Ending,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Unkept> {
        let config = &exchange.rule.response_cache;
        let Missed {
            question: Question { key, asked, .. },
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
        if let Some(fleet) = self.fleet(config) {
            fleet.keep(&entry, now, effects);
        }
        match self.put(&entry, config, host, now, effects).outcome {
            Outcome::Stored => Ok(()),
            Outcome::TooLarge => Err(Unkept::Size),
            Outcome::Lost | Outcome::Unavailable => Err(Unkept::Store),
        }
    }
}
