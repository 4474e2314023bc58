//! The stages in their order, and what runs them over a request and its response.

use std::rc::Rc;

use crate::config::{Config, ConfigError, InvalidBody, Rule, StageKind};
use crate::effect::Effect;
use crate::endpoint::Dialect;
use crate::exchange::{Exchange, StreamEnd};
use crate::models::Models;
use crate::reply::{Refused, Reply};
use crate::request::RequestReader;
use crate::scan::Refusal;
use crate::stage::{Stage, Verdict};
use crate::token_estimator::TokenEstimator;

/// A configured module: what its stages do to every request.
pub struct Pipeline {
    config: Config,
    models: Models,
    stages: Vec<Box<dyn Stage>>,
}

/// A request whose body is arriving.
pub struct Incoming {
    dialect: Dialect,
    deployment: Option<String>,
    rule: Rc<Rule>,
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
            }
        };
        let stages = config.stages.iter().map(stage).collect();
        Ok(Pipeline {
            config,
            models,
            stages,
        })
    }

    /// The configuration it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What an operator should know about this configuration, a sentence each.
    pub fn notes(&self) -> impl Iterator<Item = &'static str> {
        let unheld = "hold_headers is false: filters after this one act on request headers before the body is \
                      read, so envoy.ratelimit.hits_addend is published too late for Envoy's ratelimit filter; \
                      see allow_on_headers_stop_iteration";
        (!self.config.hold_headers).then_some(unheld).into_iter()
    }

    /// Begins to read a request that was admitted.
    pub fn begin(&self, dialect: Dialect, deployment: Option<String>, rule: Rc<Rule>) -> Incoming {
        Incoming {
            dialect,
            deployment,
            rule,
            reader: RequestReader::new(dialect, &self.config.limits),
        }
    }

    /// Lets the stages judge a request whose whole body is `body`.
    pub fn judge(&self, incoming: Incoming, body: &[u8], effects: &mut Vec<Effect>) -> Judged {
        let Incoming {
            dialect,
            deployment,
            rule,
            reader,
        } = incoming;
        let request = match reader.finish(body, deployment.as_deref(), &self.models) {
            Ok(request) => request,
            Err(refusal) if rule.invalid_body == InvalidBody::Refuse => {
                return Judged::Refuse(reply_to(&refusal));
            }
            Err(_) => return Judged::PassOn,
        };
        let mut exchange = Box::new(Exchange::new(dialect, rule));
        for stage in &self.stages {
            match stage.on_request(&request, &mut exchange, effects) {
                Verdict::Continue => {}
                Verdict::Reply(reply) => return Judged::Reply(reply),
            }
        }
        Judged::Send(exchange)
    }

    /// Lets the stages add to the head of the response.
    pub fn on_response_head(&self, exchange: &Exchange, effects: &mut Vec<Effect>) {
        for stage in &self.stages {
            stage.on_response_head(exchange, effects);
        }
    }

    /// Lets the stages settle an exchange that ended.
    pub fn settle(&self, mut exchange: Exchange, end: StreamEnd, effects: &mut Vec<Effect>) {
        let ending = exchange.ending(end);
        for stage in &self.stages {
            stage.on_end(&mut exchange, &ending, effects);
        }
    }
}

impl Incoming {
    /// Reads what is new in `body`, which holds every byte received so far.
    pub fn read(&mut self, body: &[u8]) -> Read {
        match self.reader.push(body) {
            Ok(()) => Read::On,
            Err(refusal) if self.rule.invalid_body == InvalidBody::Refuse => {
                Read::Refuse(reply_to(&refusal))
            }
            Err(_) => Read::PassOn,
        }
    }
}

fn reply_to(refusal: &Refusal) -> Reply {
    Refused::InvalidBody.reply(refusal, refusal.param().as_deref())
}
