//! What a stage is: one capability, written once, used by its own module and the gateway.

use crate::effect::Effect;
use crate::exchange::{Ending, Exchange};
use crate::reply::Reply;
use crate::request::Request;

/// What a stage wants to become of a request.
#[derive(Debug)]
pub enum Verdict {
    /// The next stage looks at it, then the upstream.
    Continue,
    /// It is answered here.
    Reply(Reply),
}

/// One capability. Stateless but for its configuration: what it learns about a request it
/// leaves in the request's [`Exchange`], where the stages after it find it too.
pub trait Stage {
    /// Looks at a whole request.
    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        effects: &mut Vec<Effect>,
    ) -> Verdict;

    /// Adds to the head of the response, the upstream's or our own.
    fn on_response_head(&self, exchange: &Exchange, effects: &mut Vec<Effect>);

    /// Settles the books: called exactly once for every exchange, however it ended.
    fn on_end(&self, exchange: &mut Exchange, ending: &Ending, effects: &mut Vec<Effect>);
}
