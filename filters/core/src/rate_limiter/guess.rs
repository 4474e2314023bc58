//! How much is reserved for an answer that nobody has seen yet.

use super::average::Expectations;
use super::growth::Growth;
use crate::config::{RateLimiterConfig, Reserve};
use crate::host::Host;
use crate::request::Request;

/// What an answer is guessed by.
pub(super) struct Guess<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) expectations: &'a Expectations,
    /// The key of the tenant's average for the model.
    pub(super) average: u64,
    pub(super) request: &'a Request<'a>,
    /// Estimated tokens of the prompt.
    pub(super) prompt: u64,
    pub(super) now: u64,
}

impl Guess<'_> {
    /// Tokens to reserve, and the most they can become; `default` for each answer of which
    /// nothing is known.
    ///
    /// What is only a guess is never more than the limits could give: no request is too large
    /// for what its answer might become.
    pub(super) fn growth(&self, config: &RateLimiterConfig, default: u32) -> Growth {
        let request = self.request;
        let room = config.limits.most_tokens().saturating_sub(self.prompt);
        let most = request.output_tokens(u32::MAX);
        let guess = |each: u64| each.saturating_mul(request.answers()).min(room);
        match config.reserve {
            Reserve::Prompt | Reserve::Nothing => Growth::fixed(0),
            Reserve::Maximum if request.bounds_output() => Growth::fixed(most),
            Reserve::Maximum => Growth::fixed(guess(u64::from(default)).min(most)),
            Reserve::Expected => {
                let expected = self
                    .expectations
                    .expected(self.host, self.average, self.now);
                Growth::new(guess(expected.unwrap_or(u64::from(default))), most)
            }
        }
    }
}
