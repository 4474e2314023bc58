//! What a stage is: one capability, written once, used by its own module and the gateway.

use crate::callout::{News, Wait};
use crate::config::Rule;
use crate::edit::Edits;
use crate::effect::Effect;
use crate::exchange::{Ending, Exchange};
use crate::host::Host;
use crate::reply::Reply;
use crate::request::{Keying, Request};

/// What a stage wants to become of a request.
#[derive(Debug)]
pub enum Verdict {
    /// The next stage looks at it, then the upstream.
    Continue,
    /// The next stage looks at it as these edits leave its body.
    Edit(Edits),
    /// It is answered here.
    Reply(Reply),
    /// It is answered with what the upstream answered before, which goes the way of its answers.
    Replay(Reply),
    /// It waits, and then the stage is asked again: [`Stage::on_news`].
    Wait(Wait),
}

/// One capability. What it learns about a request it leaves in the request's [`Exchange`],
/// where the stages after it find it too; what outlives a request is shared by all workers
/// through the [`Host`].
pub trait Stage {
    /// How requests of `rule` are to be hashed for it.
    fn keying(&self, _rule: &Rule) -> Option<Keying> {
        None
    }

    /// Looks at a whole request.
    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict;

    /// Looks again at a request that it let wait, when what that waited for has come.
    fn on_news(
        &self,
        _request: &Request<'_>,
        _news: News,
        _exchange: &mut Exchange,
        _host: &dyn Host,
        _effects: &mut Vec<Effect>,
    ) -> Verdict {
        Verdict::Continue
    }

    /// Adds to the head of the upstream's response.
    fn on_response_head(&self, exchange: &Exchange, host: &dyn Host, effects: &mut Vec<Effect>);

    /// Hears that more of the response's body has come.
    fn on_response_progress(
        &self,
        _exchange: &mut Exchange,
        _host: &dyn Host,
        _effects: &mut Vec<Effect>,
    ) {
    }

    /// Whether it goes by what an answer says ([`Ending::response`]) to a request that a later
    /// stage answers with what was kept: where none does, that is not read.
    fn reads_answers(&self) -> bool {
        false
    }

    /// Settles the books: called exactly once for every exchange whose request it let pass or
    /// wait, however that ended.
    fn on_end(
        &self,
        _exchange: &mut Exchange,
        _ending: &Ending,
        _host: &dyn Host,
        _effects: &mut Vec<Effect>,
    ) {
    }

    /// Whether it has something to do that no request will bring about.
    fn wants_tick(&self) -> bool {
        false
    }

    /// Does it; called every [`TICK_MILLISECONDS`](crate::pipeline::TICK_MILLISECONDS) while
    /// it is wanted.
    fn on_tick(&self, _host: &dyn Host, _effects: &mut Vec<Effect>) {}

    /// Hears what became of a call it made while ticking.
    fn on_answer(&self, _news: &News, _host: &dyn Host, _effects: &mut Vec<Effect>) {}
}
