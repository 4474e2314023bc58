//! Sends the turns of conversations through the stages, as an Envoy would.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tollgate_core::config::{Config, StageKind};
use tollgate_core::effect::Effect;
use tollgate_core::endpoint::Dialect;
use tollgate_core::exchange::{ResponseHead, StreamEnd};
use tollgate_core::host::Nowhere;
use tollgate_core::pipeline::{Judged, Pipeline, StageMaker};

use crate::set::{Conversation, Turn};
use crate::world::World;

const SECOND: u64 = 1_000_000_000;

/// How conversations come, and what is kept of them.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// As many go on at a time, a turn of each in turn.
    pub at_once: usize,
    /// Milliseconds from one request to the next.
    pub milliseconds: u64,
    /// `response_cache.ttl_seconds`
    pub ttl_seconds: u32,
    /// `response_cache.prefix_ttl_seconds`
    pub prefix_ttl_seconds: u32,
    /// `limits.max_cached_bytes`
    pub max_cached_bytes: u32,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The conversation it is of, by its place in the set.
    pub conversation: usize,
    /// Which turn it is, from 1.
    pub number: usize,
    /// Estimated tokens of its prompt.
    pub tokens: u64,
    /// `None` where it was answered from the cache.
    pub sent: Option<Sent>,
}

/// What the upstream got.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// `tollgate.prefix`
    pub key: String,
    /// Bytes of the conversation that were seen before, and all.
    pub seen: u64,
    /// See `seen`.
    pub all: u64,
}

/// Replays the conversations, in their order.
///
/// # Errors
/// Where one is not what a chat request may be.
pub fn replay(conversations: &[Conversation], pace: &Pace) -> Result<Vec<Replayed>> {
    let envoy = Envoy::new(pace)?;
    let mut coming = conversations.iter().enumerate();
    let mut going: VecDeque<_> = VecDeque::new();
    let mut replayed = Vec::new();
    loop {
        while going.len() < pace.at_once {
            let Some((place, conversation)) = coming.next() else {
                break;
            };
            going.push_back((place, conversation.turns().zip(1..)));
        }
        let Some((place, mut turns)) = going.pop_front() else {
            return Ok(replayed);
        };
        if let Some((turn, number)) = turns.next() {
            let sent = envoy.turn(&turn);
            let (tokens, sent) =
                sent.with_context(|| format!("turn {number} of conversation {}", place + 1))?;
            replayed.push(Replayed {
                conversation: place,
                number,
                tokens,
                sent,
            });
            going.push_back((place, turns));
        }
    }
}

struct Envoy {
    pipeline: Pipeline,
    world: World,
    pause: u64,
}

impl Envoy {
    fn new(pace: &Pace) -> Result<Envoy> {
        // Counted ahead of the cache, so that what it answers counts too.
        let settings = json!({
            "stages": ["token-estimator", "response-cache"],
            "tenant": [],
            "limits": {"max_cached_bytes": pace.max_cached_bytes, "max_body_bytes": 67_108_864},
            "response_cache": {
                "cached": "always", "tool_calls": true, "ttl_seconds": pace.ttl_seconds,
                "prefix_ttl_seconds": pace.prefix_ttl_seconds,
            },
        });
        let stages = [StageKind::TokenEstimator, StageKind::ResponseCache];
        let config = Config::read(settings.to_string().as_bytes(), &stages);
        let pipeline = config.and_then(|config| Pipeline::new(config, b"replay", StageMaker::ALL));
        let world = World::default();
        world.now.set(1_000_000 * SECOND);
        Ok(Envoy {
            pipeline: pipeline.map_err(|error| anyhow::anyhow!("{error}"))?,
            world,
            pause: pace.milliseconds * 1_000_000,
        })
    }

    /// Estimated tokens of the prompt, and what was sent.
    fn turn(&self, turn: &Turn) -> Result<(u64, Option<Sent>)> {
        let (pipeline, world) = (&self.pipeline, &self.world);
        world.now.set(world.now.get() + self.pause);
        let rule = Rc::clone(pipeline.config().rule_for(&Nowhere));
        let incoming = pipeline.begin(Dialect::Chat, None, rule, &Nowhere);
        let mut effects = Vec::new();
        let judged = pipeline.judge(incoming, &turn.body, world, &mut effects);
        let mut exchange = match judged {
            Judged::Send(exchange, _) => Some(exchange),
            Judged::Reply(reply) if reply.details == "tollgate_cache_hit" => None,
            other => bail!("not sent: {other:?}"),
        };
        if let Some(exchange) = &mut exchange {
            exchange.on_response_head(&ResponseHead {
                status: 200,
                content_type: b"application/json",
                content_encoding: b"",
                cache: b"",
            });
            pipeline.on_response_head(exchange, world, &mut effects);
            let answer = answer(turn);
            pipeline.on_response_chunk(exchange, &answer, true, world, &mut effects);
        }
        let was_sent = exchange.is_some();
        if let Some(exchange) = exchange {
            pipeline.settle(*exchange, StreamEnd::Data, world, &mut effects);
        }
        let mut published = HashMap::new();
        for effect in effects {
            if let Effect::Publish { key, value } = effect {
                published.insert(key, value);
            }
        }
        let tokens = published.get("tollgate.prompt_tokens");
        let tokens = tokens.and_then(|tokens| tokens.parse().ok());
        let sent = || {
            let (seen, all) = published.get("tollgate.prefix_seen")?.split_once('/')?;
            Some(Sent {
                key: published.get("tollgate.prefix")?.clone(),
                seen: seen.parse().ok()?,
                all: all.parse().ok()?,
            })
        };
        let sent = match was_sent {
            true => Some(sent().context("nothing is said of its conversation")?),
            false => None,
        };
        Ok((tokens.context("no estimate")?, sent))
    }
}

/// A whole answer, as the upstream sends one.
fn answer(turn: &Turn) -> Vec<u8> {
    let message = match &turn.answer {
        Value::Null => json!({"role": "assistant", "content": "…"}),
        answer => answer.clone(),
    };
    let calls = message["tool_calls"].is_array();
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "message": message,
            "finish_reason": if calls { "tool_calls" } else { "stop" }}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
    .to_string()
    .into_bytes()
}
