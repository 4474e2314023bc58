//! The stages in their order, and what runs them over a request and its response.

use std::rc::Rc;

use crate::config::{Config, ConfigError, InvalidBody, RequestHead, Rule, StageKind};
use crate::effect::Effect;
use crate::endpoint::Dialect;
use crate::exchange::{Call, Exchange, StreamEnd};
use crate::host::Host;
use crate::models::Models;
use crate::rate_limiter::RateLimiter;
use crate::rate_limiter::tenant::Tenants;
use crate::reply::{Refused, Reply};
use crate::request::RequestReader;
use crate::scan::Refusal;
use crate::stage::{Stage, Verdict};
use crate::token_estimator::TokenEstimator;

/// A configured module: what its stages do to every request.
pub struct Pipeline {
    config: Config,
    models: Models,
    tenants: Tenants,
    stages: Vec<Box<dyn Stage>>,
    has_secret: bool,
}

/// How often stages that want it get a tick.
pub const TICK_MILLISECONDS: u32 = 100;

/// A request whose body is arriving.
pub struct Incoming {
    call: Call,
    reader: RequestReader,
}

/// What the bytes of a body so far mean for its request.
#[derive(Debug)]
pub enum Read {
    /// Nothing is wrong yet.
    On,
    /// It cannot be read, and its rule says to send it on as it came.
    PassOn,
    /// It cannot be read.
    Refuse(Reply),
}

/// What becomes of a request whose body is whole.
#[derive(Debug)]
pub enum Judged {
    /// It goes on to the upstream.
    Send(Box<Exchange>),
    /// It cannot be read, and its rule says to send it on as it came.
    PassOn,
    /// It cannot be read.
    Refuse(Reply),
    /// A stage answers it.
    Reply(Reply),
}

impl Pipeline {
    /// The pipeline that `config` describes, keyed by the deployment's `secret` (empty where
    /// there is none).
    ///
    /// # Errors
    /// Where the configuration names what the stages do not know.
    pub fn new(config: Config, secret: &[u8]) -> Result<Pipeline, ConfigError> {
        let models = Models::new(&config.models)?;
        let stage = |kind: &StageKind| -> Box<dyn Stage> {
            match kind {
                StageKind::TokenEstimator => {
                    Box::new(TokenEstimator::new(config.debug_headers, secret))
                }
                StageKind::RateLimiter => Box::new(RateLimiter::new(config.debug_headers, secret)),
            }
        };
        let stages = config.stages.iter().map(stage).collect();
        Ok(Pipeline {
            config,
            models,
            tenants: Tenants::new(secret),
            stages,
            has_secret: !secret.is_empty(),
        })
    }

    /// The configuration it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What an operator should know about this configuration, a sentence each.
    pub fn notes(&self) -> impl Iterator<Item = &'static str> {
        let config = &self.config;
        let unheld = "hold_headers is false: filters after this one act on request headers before the body is \
                      read, so envoy.ratelimit.hits_addend is published too late for Envoy's ratelimit filter; \
                      see allow_on_headers_stop_iteration";
        let unkeyed = "TOLLGATE_SECRET is not set: hashes of tenants in logs and shared data have no key, and \
                       whoever sees one can try names; see vm_config.environment_variables.host_env_keys";
        let unlimited = "no rule has a limit: the rate-limiter has nothing to do; see \
                         rate_limiter.tokens_per_minute";
        let limits = config.stages.contains(&StageKind::RateLimiter);
        let mut rules = config.rules.iter().chain([&config.defaults]);
        let is_active = rules.any(|rule| rule.rate_limiter.is_active());
        [
            (!config.hold_headers).then_some(unheld),
            (limits && is_active && !self.has_secret).then_some(unkeyed),
            (config.stages == [StageKind::RateLimiter] && !is_active).then_some(unlimited),
        ]
        .into_iter()
        .flatten()
    }

    /// Begins to read a request that was admitted.
    pub fn begin(
        &self,
        dialect: Dialect,
        deployment: Option<String>,
        rule: Rc<Rule>,
        head: &impl RequestHead,
    ) -> Incoming {
        let api_version = query_value(head.path(), b"api-version");
        // A source may cost a host call.
        let is_counted =
            rule.rate_limiter.is_active() && self.config.stages.contains(&StageKind::RateLimiter);
        Incoming {
            call: Call {
                dialect,
                deployment,
                api_version: api_version.map(str::to_owned),
                tenant: is_counted.then(|| self.tenants.of(head, &rule.tenant)),
                rule,
            },
            reader: RequestReader::new(dialect, &self.config.limits),
        }
    }

    /// Lets the stages judge a request whose whole body is `body`.
    pub fn judge(
        &self,
        incoming: Incoming,
        body: &[u8],
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Judged {
        let Incoming { call, reader } = incoming;
        let request = match reader.finish(body, call.deployment.as_deref(), &self.models) {
            Ok(request) => request,
            Err(refusal) if call.rule.invalid_body == InvalidBody::Refuse => {
                return Judged::Refuse(reply_to(&refusal));
            }
            Err(_) => return Judged::PassOn,
        };
        let mut exchange = Box::new(Exchange::new(call));
        for (at, stage) in self.stages.iter().enumerate() {
            match stage.on_request(&request, &mut exchange, host, effects) {
                Verdict::Continue => {}
                Verdict::Reply(reply) => {
                    // Those that let it pass hear that it went no further.
                    let ending = exchange.ending(StreamEnd::Answered);
                    for earlier in self.stages.iter().take(at) {
                        earlier.on_end(&mut exchange, &ending, host, effects);
                    }
                    return Judged::Reply(reply);
                }
            }
        }
        Judged::Send(exchange)
    }

    /// Lets the stages add to the head of the response.
    pub fn on_response_head(
        &self,
        exchange: &Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        for stage in &self.stages {
            stage.on_response_head(exchange, host, effects);
        }
    }

    /// Reads the next chunk of the response in passing, the last one where `is_end`, and tells
    /// the stages. Gives what to send instead; `None` where that is the chunk.
    pub fn on_response_chunk(
        &self,
        exchange: &mut Exchange,
        chunk: &[u8],
        is_end: bool,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Option<Vec<u8>> {
        let instead = exchange.on_response_chunk(chunk, is_end);
        for stage in &self.stages {
            stage.on_response_progress(exchange, host, effects);
        }
        instead
    }

    /// Lets the stages settle an exchange that ended.
    pub fn settle(
        &self,
        mut exchange: Exchange,
        end: StreamEnd,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let ending = exchange.ending(end);
        for stage in &self.stages {
            stage.on_end(&mut exchange, &ending, host, effects);
        }
    }

    /// Whether a stage has something to do that no request will bring about.
    pub fn wants_tick(&self) -> bool {
        self.stages.iter().any(|stage| stage.wants_tick())
    }

    /// Lets the stages do it.
    pub fn on_tick(&self, host: &dyn Host, effects: &mut Vec<Effect>) {
        for stage in self.stages.iter().filter(|stage| stage.wants_tick()) {
            stage.on_tick(host, effects);
        }
    }
}

/// The value of `name` in the query of `path`, where it is plain text.
fn query_value<'a>(path: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let mut parts = path.splitn(2, |&byte| byte == b'?');
    let query = parts.nth(1)?;
    let value = query.split(|&byte| byte == b'&').find_map(|pair| {
        let value = pair.strip_prefix(name)?;
        value.strip_prefix(b"=")
    })?;
    core::str::from_utf8(value).ok()
}

impl Incoming {
    /// Reads what is new in `body`, which holds every byte received so far.
    pub fn read(&mut self, body: &[u8]) -> Read {
        match self.reader.push(body) {
            Ok(()) => Read::On,
            Err(refusal) if self.call.rule.invalid_body == InvalidBody::Refuse => {
                Read::Refuse(reply_to(&refusal))
            }
            Err(_) => Read::PassOn,
        }
    }
}

fn reply_to(refusal: &Refusal) -> Reply {
    Refused::InvalidBody.reply(refusal, refusal.param().as_deref())
}
