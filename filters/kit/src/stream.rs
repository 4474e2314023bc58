//! One HTTP stream's way through the stages.
//!
//! Request: head → admission → body, held chunk by chunk → stages → upstream. Response: head
//! → chunks, read in passing and sent as they came or as the stages want them → end. Whatever
//! happens on the way, the exchange is settled once, where its phase is left for
//! [`Phase::Over`].

use std::rc::Rc;

use proxy_wasm::types::Action;
use tollgate_core::admission::{self, Admission};
use tollgate_core::callout::{News, Place, Turn, Wait};
use tollgate_core::effect::Effect;
use tollgate_core::exchange::{Exchange, ResponseHead, StreamEnd};
use tollgate_core::pipeline::{Incoming, Judged, Read, Waiting, not_purged};
use tollgate_core::reply::{Refused, Reply};
use tollgate_core::response_cache::fleet;

use crate::abi;
use crate::body::{Body, NotTaken};
use crate::budget::Share;
use crate::callout;
use crate::filter_state;
use crate::head::Head;
use crate::pairs;
use crate::root::Worker;
use crate::world::World;

/// Where a stream is.
enum Phase {
    /// No head yet.
    Fresh,
    /// Nothing of it is looked at.
    PassedThrough,
    /// The fleet is being told of a purge, and this is the answer then.
    Purging(Box<Reply>, usize),
    /// The body is arriving, and held.
    Reading(Box<Reading>),
    /// The body is here, and the request waits: at a place in a queue, or for an answer.
    Waiting(Box<Held>, Box<Waiting>, For),
    /// The request went on; the exchange waits for its response and its end, and holds a share
    /// of the VM's budget for what is held back of the response.
    Sent(Box<Exchange>, Share),
    /// Answered here, before or without the stages.
    Answered,
    /// Settled.
    Over,
}

struct Reading {
    held: Held,
    incoming: Incoming,
}

/// What a request waits for.
#[derive(Clone, Copy)]
enum For {
    /// Its turn, at this place.
    Turn(Place),
    /// An answer of at most so many bytes.
    Answer(usize),
}

/// What is held of a request.
struct Held {
    body: Body,
    /// The client said how long its body is.
    has_length: bool,
}

/// One HTTP stream.
pub(crate) struct Stream {
    worker: Rc<Worker>,
    phase: Phase,
}

impl Stream {
    pub(crate) fn new(worker: Rc<Worker>) -> Stream {
        Stream {
            worker,
            phase: Phase::Fresh,
        }
    }

    /// The place at which it waits, where it does.
    pub(crate) fn place(&self) -> Option<Place> {
        match &self.phase {
            Phase::Waiting(_, _, For::Turn(place)) => Some(*place),
            _ => None,
        }
    }

    /// Goes on with the answer at hand, where it waits for one: one that comes late is none.
    pub(crate) fn on_answer(&mut self, headers: usize, size: usize) {
        let most = match self.phase {
            Phase::Waiting(_, _, For::Answer(most)) | Phase::Purging(_, most) => most,
            _ => return,
        };
        let news = callout::news(headers, size, most);
        match self.enter(Phase::Answered) {
            Phase::Purging(reply, _) if fleet::Purge::is_noted(&news) => {
                self.purged(&reply);
            }
            Phase::Purging(..) => {
                self.not_purged();
            }
            waiting => {
                self.phase = waiting;
                self.resume(news);
            }
        }
    }

    fn not_purged(&mut self) -> Action {
        let (refused, reply) = not_purged();
        self.refuse(refused, &reply)
    }

    fn purged(&mut self, reply: &Reply) -> Action {
        self.worker.count_request("purged");
        self.answer(reply)
    }

    /// Goes on, where it waits, with what has come. The stream at hand is this one.
    pub(crate) fn resume(&mut self, news: News) {
        let (held, waiting) = match self.enter(Phase::Answered) {
            Phase::Waiting(held, waiting, _) => (held, waiting),
            other => {
                self.phase = other;
                return;
            }
        };
        let mut effects = self.worker.effects();
        let body = held.body.bytes();
        let pipeline = &self.worker.pipeline;
        // In another's callback the SDK would give the answer to a call to that other.
        let may_call = !matches!(news, News::Turn(_));
        let judged = pipeline.resume(*waiting, body, news, &World, &mut effects);
        let action = self.follow(judged, held, may_call, &mut effects);
        self.worker.apply(effects);
        if action == Action::Continue {
            // Where a host does not let it go on, it ends by its timeout.
            let _ = abi::continue_request();
        }
    }

    /// Nothing yet of what all streams may hold.
    fn share(&self) -> Share {
        Share::of(self.worker.pipeline.config().limits.max_held_bytes as usize)
    }

    fn enter(&mut self, phase: Phase) -> Phase {
        core::mem::replace(&mut self.phase, phase)
    }

    /// What becomes of request bytes that nobody reads.
    fn go_on(&self) -> Action {
        match self.phase {
            // The rest of the upload belongs to nobody.
            Phase::Answered | Phase::Purging(..) | Phase::Reading(_) | Phase::Waiting(..) => {
                Action::Pause
            }
            Phase::Fresh | Phase::PassedThrough | Phase::Sent(..) | Phase::Over => Action::Continue,
        }
    }

    /// Takes in the `available` bytes that Envoy holds by now.
    fn on_body(&mut self, available: usize, is_end: bool) -> Action {
        let Phase::Reading(reading) = &mut self.phase else {
            return self.go_on();
        };
        let limits = &self.worker.pipeline.config().limits;
        let Reading { held, incoming } = &mut **reading;
        match held.body.take(abi::Buffer::RequestBody, available) {
            Ok(()) => {}
            Err(NotTaken::TooLarge) => {
                let reply = admission::body_too_large(limits.max_body_bytes);
                return self.refuse(Refused::BodyTooLarge, &reply);
            }
            Err(NotTaken::OverBudget | NotTaken::Missing) => {
                return self.refuse(Refused::Busy, &admission::busy());
            }
        }
        match incoming.read(held.body.bytes()) {
            Read::On if is_end => self.on_request_end(),
            Read::On => Action::Pause,
            Read::PassOn => self.pass_through(),
            Read::Refuse(reply) => self.refuse(Refused::InvalidBody, &reply),
        }
    }

    /// All of the request is here: the stages judge it.
    fn on_request_end(&mut self) -> Action {
        let reading = match self.enter(Phase::Answered) {
            Phase::Reading(reading) => *reading,
            other => {
                self.phase = other;
                return self.go_on();
            }
        };
        let Reading { held, incoming } = reading;
        let mut effects = self.worker.effects();
        let pipeline = &self.worker.pipeline;
        let judged = pipeline.judge(incoming, held.body.bytes(), &World, &mut effects);
        let action = self.follow(judged, Box::new(held), true, &mut effects);
        self.worker.apply(effects);
        action
    }

    /// Does with the request what the stages say.
    fn follow(
        &mut self,
        judged: Judged,
        mut held: Box<Held>,
        may_call: bool,
        effects: &mut Vec<Effect>,
    ) -> Action {
        let mut judged = judged;
        loop {
            return match judged {
                Judged::Send(exchange, None) => self.send(exchange),
                Judged::Send(exchange, Some(body)) => {
                    if self.replace_body(&body, held.has_length) {
                        self.send(exchange)
                    } else {
                        let worker = &self.worker;
                        let end = StreamEnd::Answered;
                        worker.pipeline.settle(*exchange, end, &World, effects);
                        self.refuse(Refused::Busy, &admission::busy())
                    }
                }
                Judged::PassOn => self.pass_through(),
                Judged::Reply(reply) => {
                    self.worker.count_request("answered");
                    self.answer(&reply)
                }
                Judged::Refuse(refused, reply) => self.refuse(refused, &reply),
                Judged::Wait(waiting, wait) => {
                    let waits_for = self.wait_for(wait, &waiting, &mut held, may_call);
                    match waits_for {
                        Ok(waits_for) => {
                            self.phase = Phase::Waiting(held, waiting, waits_for);
                            Action::Pause
                        }
                        Err(news) => {
                            let body = held.body.bytes();
                            let pipeline = &self.worker.pipeline;
                            judged = pipeline.resume(*waiting, body, news, &World, effects);
                            continue;
                        }
                    }
                }
            };
        }
    }

    /// Lets the request wait, or says at once what it would wait for.
    fn wait_for(
        &self,
        wait: Wait,
        waiting: &Waiting,
        held: &mut Held,
        may_call: bool,
    ) -> Result<For, News> {
        match wait {
            Wait::Answer(callout) if may_call && self.worker.make(&callout) => {
                Ok(For::Answer(callout.most))
            }
            Wait::Answer(_) => Err(News::NoAnswer),
            // Many that wait must not leave others without room for their bodies.
            Wait::Turn(_) if !held.body.hold_beside(waiting.edited_bytes()) => {
                Err(News::Turn(Turn::Alone))
            }
            Wait::Turn(place) => Ok(For::Turn(place)),
        }
    }

    fn send(&mut self, exchange: Box<Exchange>) -> Action {
        self.worker.count_request("read");
        self.phase = Phase::Sent(exchange, self.share());
        Action::Continue
    }

    /// Sends `body` instead of what came. False where the host does not take it: what came must
    /// not be sent then.
    fn replace_body(&self, body: &[u8], has_length: bool) -> bool {
        // Envoy does not mend a length that is wrong: the upstream would take what is left over
        // for the next request. Without held headers it was taken out when they passed.
        let length = body.len().to_string();
        let holds_headers = self.worker.pipeline.config().hold_headers;
        let map = abi::Headers::Request;
        let is_right = !(holds_headers && has_length)
            || abi::replace_header(map, "content-length", length.as_bytes()).is_ok();
        is_right && abi::replace_buffer(abi::Buffer::RequestBody, body).is_ok()
    }

    fn pass_through(&mut self) -> Action {
        self.phase = Phase::PassedThrough;
        self.worker.count_request("passed_through");
        Action::Continue
    }

    fn refuse(&mut self, refused: Refused, reply: &Reply) -> Action {
        self.worker.count_request(refused.code());
        self.answer(reply)
    }

    fn answer(&mut self, reply: &Reply) -> Action {
        self.phase = Phase::Answered;
        let content_type = ("content-type", &*reply.content_type);
        let others = reply.headers.iter().map(|(name, value)| (*name, &**value));
        let headers: Vec<(&str, &str)> = core::iter::once(content_type).chain(others).collect();
        let headers = pairs::encode(&headers);
        // Envoy always takes a local response; where a host does not, the stream stays
        // paused and ends by its timeout, rather than reaching the upstream unjudged.
        let _ = abi::send_local_response(reply.status, reply.details, &reply.body, &headers);
        Action::Pause
    }

    /// Lets a request that waits go no further, which is counted as `outcome`.
    fn abandon(&mut self, outcome: &'static str) {
        if let Phase::Waiting(_, waiting, _) = self.enter(Phase::Answered) {
            self.worker.count_request(outcome);
            let mut effects = self.worker.effects();
            let pipeline = &self.worker.pipeline;
            pipeline.abandon(*waiting, &World, &mut effects);
            self.worker.apply(effects);
        }
    }

    /// Settles the exchange, if there is one that is not settled yet.
    fn settle(&mut self, end: StreamEnd) {
        match self.enter(Phase::Over) {
            Phase::Sent(exchange, _) => {
                self.worker.count_end(end);
                let mut effects = self.worker.effects();
                self.worker
                    .pipeline
                    .settle(*exchange, end, &World, &mut effects);
                self.worker.apply(effects);
            }
            // Nothing was sent: what the phase says of the request's bytes still holds.
            other => self.phase = other,
        }
    }
}

/// What the host tells it.
impl Stream {
    pub(crate) fn on_http_request_headers(&mut self, _count: usize, is_end: bool) -> Action {
        let pipeline = &self.worker.pipeline;
        let head = Head::of_request(pipeline.config().needs_route_name());
        match Admission::decide(pipeline.config(), &head, is_end) {
            Admission::PassThrough => self.pass_through(),
            Admission::Refuse(refused, reply) => self.refuse(refused, &reply),
            Admission::Purge(rule, purge) => match pipeline.purge(&rule, purge, &head, &World) {
                Ok((reply, None)) => self.purged(&reply),
                Ok((reply, Some(callout))) => {
                    if self.worker.make(&callout) {
                        self.phase = Phase::Purging(Box::new(reply), callout.most);
                        Action::Pause
                    } else {
                        self.not_purged()
                    }
                }
                Err((refused, reply)) => self.refuse(refused, &reply),
            },
            Admission::Read {
                dialect,
                deployment,
                rule,
                content_length,
            } => {
                let config = pipeline.config();
                if config.identity_responses {
                    // Where it can't be removed, a compressed answer is passed on unread.
                    let _ = abi::remove_header(abi::Headers::Request, "accept-encoding");
                }
                if !config.hold_headers && pipeline.may_edit(&rule) {
                    let _ = abi::remove_header(abi::Headers::Request, "content-length");
                }
                if let Some(name) = pipeline.request_header(&rule) {
                    // It is ours, whatever becomes of this request.
                    let _ = abi::remove_header(abi::Headers::Request, name);
                }
                let most = config.limits.max_body_bytes;
                self.phase = Phase::Reading(Box::new(Reading {
                    held: Held {
                        body: Body::new(content_length, most, config.limits.max_held_bytes),
                        has_length: content_length.is_some(),
                    },
                    incoming: pipeline.begin(dialect, deployment, rule, &head),
                }));
                // Held, where Envoy allows it, so that what the body says can still decide
                // the route. Otherwise the headers go ahead and the body is held alone.
                if config.hold_headers {
                    Action::Pause
                } else {
                    Action::Continue
                }
            }
        }
    }

    pub(crate) fn on_http_request_body(&mut self, available: usize, is_end: bool) -> Action {
        self.on_body(available, is_end)
    }

    /// With trailers no body callback ever says that it is the last.
    pub(crate) fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.on_request_end()
    }

    pub(crate) fn on_http_response_headers(&mut self, _count: usize, is_end: bool) -> Action {
        if let Phase::Reading(reading) = &self.phase {
            let holds_headers = self.worker.pipeline.config().hold_headers;
            if holds_headers && reading.held.body.bytes().is_empty() {
                self.worker.hint_at_held_headers();
            }
            // Without held headers an upstream may answer before it has the body. What comes
            // of the body now is neither read nor sent.
            self.phase = Phase::Answered;
            self.worker.count_request("answered_early");
        }
        if let Phase::Waiting(..) = self.phase {
            self.abandon("answered_early");
        }
        if let Phase::Sent(exchange, _) = &mut self.phase {
            let head = Head::of_response();
            exchange.on_response_head(&ResponseHead {
                status: head.status(),
                content_type: head.pairs.first("content-type"),
                content_encoding: head.pairs.first("content-encoding"),
                cache: head.pairs.first("x-tollgate-cache"),
            });
            if exchange.rewrites_response() && !is_end {
                // Envoy does not correct it, and what stays behind or is missing would be read
                // as part of the next answer.
                let _ = abi::remove_header(abi::Headers::Response, "content-length");
            }
            let mut effects = self.worker.effects();
            self.worker
                .pipeline
                .on_response_head(exchange, &World, &mut effects);
            self.worker.apply(effects);
            if is_end {
                self.settle(StreamEnd::HeadersOnly);
            }
        }
        Action::Continue
    }

    pub(crate) fn on_http_response_body(&mut self, available: usize, is_end: bool) -> Action {
        if let Phase::Sent(exchange, share) = &mut self.phase {
            let is_rewritten = exchange.rewrites_response();
            let is_read = exchange.reads_response() || is_rewritten;
            if (available > 0 && is_read) || (is_end && is_rewritten) {
                let chunk = abi::buffer(abi::Buffer::ResponseBody, 0, available);
                if (is_rewritten || exchange.keeps_response())
                    && !share.grow_to(exchange.held_response().saturating_add(available))
                {
                    exchange.hold_no_more();
                }
                let mut effects = self.worker.effects();
                let instead = self.worker.pipeline.on_response_chunk(
                    exchange,
                    &chunk.unwrap_or_default(),
                    is_end,
                    &World,
                    &mut effects,
                );
                if let Some(instead) = instead {
                    // Where a host does not take it, the client gets what the upstream sent.
                    let _ = abi::replace_buffer(abi::Buffer::ResponseBody, &instead);
                }
                // Shrinking always fits.
                let _ = share.grow_to(exchange.held_response());
                self.worker.apply(effects);
            }
            if is_end {
                self.settle(StreamEnd::Data);
            }
        }
        Action::Continue
    }

    pub(crate) fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.settle(StreamEnd::Trailers);
        Action::Continue
    }

    /// The last callback of every stream, and the only one after a reset by either side.
    pub(crate) fn on_log(&mut self) {
        if let Phase::Reading(_) | Phase::Purging(..) = self.phase {
            self.worker.count_request("abandoned");
        }
        if let Phase::Waiting(..) = self.phase {
            self.abandon("abandoned");
        }
        self.settle(StreamEnd::Reset);
        self.phase = Phase::Over;
    }
}

/// Carries effects out at the host.
pub(crate) fn carry_out(worker: &Worker, effect: &Effect) {
    // Nothing here may fail a request: a value that cannot be published is missing from a
    // log or a header, and the request goes on.
    let _ = match effect {
        Effect::Measure { metric, value } => {
            worker.metrics.measure(*metric, *value);
            Ok(())
        }
        Effect::Publish { key, value } => abi::set_property(key, value.as_bytes()),
        Effect::PublishToEnvoy { key, value } => filter_state::publish(key, value),
        Effect::RequestHeader { name, value } => match worker.pipeline.config().hold_headers {
            true => abi::replace_header(abi::Headers::Request, name, value.as_bytes()),
            false => Ok(()),
        },
        Effect::ResponseHeader { name, value } => {
            abi::replace_header(abi::Headers::Response, name, value.as_bytes())
        }
        Effect::Wake { place, turn } => {
            worker.queue.call(*place, *turn);
            Ok(())
        }
        Effect::Call(callout) => {
            worker.call(callout);
            Ok(())
        }
    };
}
