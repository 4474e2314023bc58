//! The stages in their order, and what runs them over a request and its response.

mod purge;

pub use purge::not_purged;

use std::borrow::Cow;
use std::rc::Rc;

use crate::admission;
use crate::callout::{News, Wait};
use crate::config::{Config, ConfigError, InvalidBody, RequestHead, Rule, StageKind};
use crate::content_screener::ContentScreener;
use crate::edit::Edits;
use crate::effect::Effect;
use crate::endpoint::Dialect;
use crate::exchange::{Call, Exchange, StreamEnd};
use crate::host::Host;
use crate::models::Models;
use crate::prompt_minimizer::PromptMinimizer;
use crate::rate_limiter::RateLimiter;
use crate::rate_limiter::tenant::Tenants;
use crate::reply::{Refused, Reply};
use crate::request::texts::Speakers;
use crate::request::{Request, RequestReader, Unread, Wanted};
use crate::response_cache::conversation;
use crate::response_cache::entry::Seal;
use crate::response_cache::{Caller, ResponseCache};
use crate::scan::Refusal;
use crate::stage::{Stage, Verdict};
use crate::token_estimator::TokenEstimator;

/// A configured module: what its stages do to every request.
pub struct Pipeline {
    config: Config,
    models: Models,
    tenants: Tenants,
    stages: Vec<Box<dyn Stage>>,
    /// What the fleet is told is sealed under.
    seal: Seal,
    has_secret: bool,
}

/// A configured stage, or what is wrong with its configuration.
type Made = Result<Box<dyn Stage>, ConfigError>;

/// A stage that a module holds. A module names those it holds, and the code of others is not in
/// it.
#[derive(Clone, Copy)]
pub struct StageMaker {
    kind: StageKind,
    make: fn(&Config, &[u8]) -> Made,
}

impl StageMaker {
    /// The content-screener.
    pub const CONTENT_SCREENER: StageMaker = StageMaker {
        kind: StageKind::ContentScreener,
        make: |config, _| Ok(Box::new(ContentScreener::new(config)?)),
    };

    /// The prompt-minimizer.
    pub const PROMPT_MINIMIZER: StageMaker = StageMaker {
        kind: StageKind::PromptMinimizer,
        make: |config, _| Ok(Box::new(PromptMinimizer::new(config.debug_headers))),
    };

    /// The response-cache.
    pub const RESPONSE_CACHE: StageMaker = StageMaker {
        kind: StageKind::ResponseCache,
        make: |config, secret| Ok(Box::new(ResponseCache::new(config, secret)?)),
    };

    /// The token-estimator.
    pub const TOKEN_ESTIMATOR: StageMaker = StageMaker {
        kind: StageKind::TokenEstimator,
        make: |config, secret| Ok(Box::new(TokenEstimator::new(config.debug_headers, secret))),
    };

    /// The rate-limiter.
    pub const RATE_LIMITER: StageMaker = StageMaker {
        kind: StageKind::RateLimiter,
        make: |config, secret| Ok(Box::new(RateLimiter::new(config.debug_headers, secret))),
    };

    /// Every stage, in the default order.
    pub const ALL: &[StageMaker] = &[
        StageMaker::CONTENT_SCREENER,
        StageMaker::PROMPT_MINIMIZER,
        StageMaker::RESPONSE_CACHE,
        StageMaker::TOKEN_ESTIMATOR,
        StageMaker::RATE_LIMITER,
    ];

    /// The stage it makes.
    pub fn kind(self) -> StageKind {
        self.kind
    }
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

/// Where the stages came to a stop.
enum Stop {
    /// Behind the last.
    End,
    /// The stage at this position edits the body.
    Edit(usize, Edits),
    /// The stage at this position answers.
    Reply(usize, Reply),
    /// The stage at this position answers with what the upstream answered before.
    Replay(usize, Reply),
    /// The stage at this position lets it wait.
    Wait(usize, Box<Request<'static>>, Wait),
}

impl Stop {
    /// Where `request` comes to a stop by what the stage at `at` says.
    fn by(verdict: Verdict, at: usize, request: Request<'_>) -> Stop {
        match verdict {
            Verdict::Continue => Stop::End,
            Verdict::Edit(edits) => Stop::Edit(at, edits),
            Verdict::Reply(reply) => Stop::Reply(at, reply),
            Verdict::Replay(reply) => Stop::Replay(at, reply),
            Verdict::Wait(wait) => Stop::Wait(at, Box::new(request.without_body()), wait),
        }
    }
}

/// A request that a stage lets wait.
pub struct Waiting {
    exchange: Box<Exchange>,
    request: Box<Request<'static>>,
    /// The body, where it is not the one that came.
    edited: Option<Vec<u8>>,
    /// The position of the stage.
    at: usize,
}

impl Waiting {
    /// Bytes of its body, where it is not the one that came.
    pub fn edited_bytes(&self) -> usize {
        self.edited.as_ref().map_or(0, Vec::capacity)
    }
}

impl core::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Waiting")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The body, where it is not the one that came.
fn edited(body: Cow<'_, [u8]>) -> Option<Vec<u8>> {
    match body {
        Cow::Borrowed(_) => None,
        Cow::Owned(body) => Some(body),
    }
}

/// What becomes of a request whose body is whole.
#[derive(Debug)]
pub enum Judged {
    /// It goes on to the upstream, with this body where a stage has edited it.
    Send(Box<Exchange>, Option<Vec<u8>>),
    /// It cannot be read, and its rule says to send it on as it came.
    PassOn,
    /// It cannot be read, for this reason.
    Refuse(Refused, Reply),
    /// A stage answers it.
    Reply(Reply),
    /// It waits for this, and is looked at again when that has come: [`Pipeline::resume`].
    Wait(Box<Waiting>, Wait),
}

impl Pipeline {
    /// The pipeline that `config` describes, of stages that `makers` make, keyed by the
    /// deployment's `secret` (empty where there is none).
    ///
    /// # Errors
    /// Where the configuration names what the stages do not know.
    pub fn new(
        config: Config,
        secret: &[u8],
        makers: &[StageMaker],
    ) -> Result<Pipeline, ConfigError> {
        let models = Models::new(&config.models)?;
        let maker = |kind: &StageKind| makers.iter().find(|maker| maker.kind == *kind);
        let stages = config.stages.iter().filter_map(maker);
        let stages: Result<Vec<_>, _> = stages.map(|maker| (maker.make)(&config, secret)).collect();
        let stages = stages?;
        Ok(Pipeline {
            config,
            models,
            tenants: Tenants::new(secret),
            stages,
            seal: Seal::new(secret),
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
        let unkept = "TOLLGATE_SECRET is not set: keys of answers that are kept have no secret, and whoever can \
                      write Envoy's shared data could make them up; see \
                      vm_config.environment_variables.host_env_keys";
        let unlimited = "no rule has a limit: the rate-limiter has nothing to do; see \
                         rate_limiter.tokens_per_minute";
        let unset = "prefix_header is true and hold_headers is false: request headers have gone on before the body \
                     is read, and x-tollgate-prefix is not set; see allow_on_headers_stop_iteration";
        let limits = config.stages.contains(&StageKind::RateLimiter);
        let rules = config.rules.iter().chain([&config.defaults]);
        let is_active = rules.clone().any(|rule| rule.rate_limiter.is_active());
        let mut headers = rules.filter_map(|rule| self.request_header(rule));
        let caches = config.stages.contains(&StageKind::ResponseCache);
        [
            (!config.hold_headers).then_some(unheld),
            (limits && is_active && !self.has_secret).then_some(unkeyed),
            (caches && !self.has_secret).then_some(unkept),
            (!config.hold_headers && headers.next().is_some()).then_some(unset),
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
        let has = |stage| self.config.stages.contains(&stage);
        let is_counted = rule.rate_limiter.is_active() && has(StageKind::RateLimiter);
        let is_cached = rule.response_cache.enabled && has(StageKind::ResponseCache);
        let tenant = (is_counted || is_cached).then(|| self.tenants.of(head, &rule.tenant));
        let wanted = self.wanted(0, &rule);
        Incoming {
            call: Call {
                dialect,
                deployment,
                api_version: api_version.map(str::to_owned),
                tenant,
                caller: is_cached.then(|| Caller::of(head, &rule)),
                rule,
            },
            reader: RequestReader::new(dialect, wanted, &self.config.limits),
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
            Err(Unread::NoMemory) => return Judged::Refuse(Refused::Busy, admission::busy()),
            Err(Unread::Refused(refusal)) if call.rule.invalid_body == InvalidBody::Refuse => {
                return Judged::Refuse(Refused::InvalidBody, reply_to(&refusal));
            }
            Err(Unread::Refused(_)) => return Judged::PassOn,
        };
        let mut exchange = Box::new(Exchange::new(call));
        let stop = self.ask(0, request, &mut exchange, host, effects);
        self.follow(stop, exchange, Cow::Borrowed(body), host, effects)
    }

    /// Goes on with a request that waited, for which `news` has come. `body` is the body that came.
    pub fn resume(
        &self,
        waiting: Waiting,
        body: &[u8],
        news: News,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Judged {
        let Waiting {
            mut exchange,
            request,
            edited,
            at,
        } = waiting;
        let body = edited.map_or(Cow::Borrowed(body), Cow::Owned);
        let request = request.with(&body);
        let stage = self.stages.get(at);
        let verdict = stage.map_or(Verdict::Continue, |stage| {
            stage.on_news(&request, news, &mut exchange, host, effects)
        });
        let stop = if let Verdict::Continue = verdict {
            let after = at.saturating_add(1);
            self.ask(after, request, &mut exchange, host, effects)
        } else {
            Stop::by(verdict, at, request)
        };
        self.follow(stop, exchange, body, host, effects)
    }

    /// The client of a request that waits has gone away.
    pub fn abandon(&self, waiting: Waiting, host: &dyn Host, effects: &mut Vec<Effect>) {
        let Waiting { exchange, at, .. } = waiting;
        let asked = at.saturating_add(1);
        self.end_early(asked, exchange, StreamEnd::Reset, host, effects);
    }

    /// What becomes of a request that came to this stop.
    fn follow(
        &self,
        mut stop: Stop,
        mut exchange: Box<Exchange>,
        mut body: Cow<'_, [u8]>,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Judged {
        loop {
            let (at, edits) = match stop {
                Stop::End => return Judged::Send(exchange, edited(body)),
                Stop::Reply(at, reply) => {
                    self.end_early(at, exchange, StreamEnd::Answered, host, effects);
                    return Judged::Reply(reply);
                }
                Stop::Replay(at, mut reply) => {
                    let mut earlier = self.stages.iter().take(at);
                    let is_read = earlier.any(|stage| stage.reads_answers());
                    exchange.replay(&mut reply, is_read);
                    self.end_early(at, exchange, StreamEnd::Answered, host, effects);
                    return Judged::Reply(reply);
                }
                Stop::Wait(at, request, wait) => {
                    let waiting = Waiting {
                        exchange,
                        request,
                        edited: edited(body),
                        at,
                    };
                    return Judged::Wait(Box::new(waiting), wait);
                }
                Stop::Edit(at, edits) => (at, edits),
            };
            // Those that come after see the body as it is now.
            let after = at.saturating_add(1);
            let next = edits.apply(&body).ok().and_then(|new| {
                body = Cow::Owned(new);
                if after >= self.stages.len() {
                    return Some(Stop::End);
                }
                let limits = &self.config.limits;
                let wanted = self.wanted(after, &exchange.rule);
                let reader = RequestReader::new(exchange.dialect, wanted, limits);
                let deployment = exchange.deployment.as_deref();
                let request = reader.finish(&body, deployment, &self.models).ok()?;
                Some(self.ask(after, request, &mut exchange, host, effects))
            });
            let Some(next) = next else {
                self.end_early(after, exchange, StreamEnd::Answered, host, effects);
                return Judged::Refuse(Refused::Busy, admission::busy());
            };
            stop = next;
        }
    }

    /// What the stages from the one at `from` on look at of this rule's requests.
    fn wanted(&self, from: usize, rule: &Rule) -> Wanted {
        let stages = self.config.stages.get(from..).unwrap_or_default();
        let has = |stage| stages.contains(&stage);
        Wanted {
            key: self
                .stages
                .iter()
                .skip(from)
                .find_map(|stage| stage.keying(rule)),
            tokens: has(StageKind::TokenEstimator) || has(StageKind::RateLimiter),
            texts: has(StageKind::ContentScreener)
                && rule.content_screener.looks_at(Speakers::REQUEST)
                || has(StageKind::PromptMinimizer) && rule.prompt_minimizer.reads_texts(),
        }
    }

    /// Asks the stages from the one at `from` on, until one has more to say than that it goes on.
    fn ask(
        &self,
        from: usize,
        request: Request<'_>,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Stop {
        for (at, stage) in self.stages.iter().enumerate().skip(from) {
            match stage.on_request(&request, exchange, host, effects) {
                Verdict::Continue => {}
                verdict => return Stop::by(verdict, at, request),
            }
        }
        Stop::End
    }

    /// The first `stages` stages let a request pass that went no further, and hear it.
    fn end_early(
        &self,
        stages: usize,
        mut exchange: Box<Exchange>,
        end: StreamEnd,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let ending = exchange.ending(end);
        for earlier in self.stages.iter().take(stages) {
            earlier.on_end(&mut exchange, &ending, host, effects);
        }
    }

    /// Whether a stage may edit the bodies of this rule's requests.
    pub fn may_edit(&self, rule: &Rule) -> bool {
        let has = |stage| self.config.stages.contains(&stage);
        has(StageKind::ContentScreener) && rule.content_screener.may_mask()
            || has(StageKind::PromptMinimizer) && rule.prompt_minimizer.may_edit()
            || has(StageKind::ResponseCache) && rule.response_cache.may_edit()
    }

    /// The header that a stage sets in this rule's requests by what their bodies say, if any does.
    /// What a client sends of it has to go before.
    pub fn request_header(&self, rule: &Rule) -> Option<&'static str> {
        let caches = self.config.stages.contains(&StageKind::ResponseCache);
        let sets = caches && rule.response_cache.sets_header();
        sets.then_some(conversation::HEADER)
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

    /// Tells the stages what became of a call that one of them made while ticking.
    pub fn on_answer(&self, news: &News, host: &dyn Host, effects: &mut Vec<Effect>) {
        for stage in &self.stages {
            stage.on_answer(news, host, effects);
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
