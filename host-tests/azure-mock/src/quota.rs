//! Azure's rate limits of one deployment: requests in slices of ten seconds, tokens in a
//! rolling minute.
//!
//! Both windows are as measured on a gpt-35-turbo deployment in 2024: of 120 requests a
//! minute the first call reports 19 left, 12 a minute allow 2 and refill ten seconds
//! later, and each charge of tokens comes back exactly sixty seconds after it was made.
//! What Azure charges for a prompt is its own estimate; here it is the real count, plus
//! the request's whole token limit as on Azure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The length of a slice of the request limit.
const SLICE: Duration = Duration::from_secs(10);
/// Slices a minute.
const SLICES: u32 = 6;
/// How long a token charge counts.
const WINDOW: Duration = Duration::from_secs(60);

/// Limits of one deployment; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Quota {
    /// Requests a minute.
    #[serde(default)]
    pub rpm: Option<u32>,
    /// Tokens a minute.
    #[serde(default)]
    pub tpm: Option<u64>,
}

/// Which limit refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Requests a minute.
    Calls,
    /// Tokens a minute.
    Tokens,
}

/// What is left after a request was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remaining {
    /// Requests of the current slice.
    pub(crate) requests: u32,
    /// Tokens of the rolling minute.
    pub(crate) tokens: u64,
}

/// A refusal: which limit, and when to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The limit that is used up.
    pub(crate) limit: Limit,
    /// Time until the request would be let in.
    pub(crate) wait: Duration,
}

impl Refused {
    /// The wait in whole milliseconds, rounded up and at least one.
    pub(crate) fn milliseconds(self) -> u64 {
        (self.wait.as_nanos().div_ceil(1_000_000) as u64).max(1)
    }
}

/// The consumption of one deployment.
#[derive(Debug, Default)]
pub(crate) struct Consumption {
    slice: Option<(Instant, u32)>,
    charges: VecDeque<(Instant, u64)>,
    charged: u64,
}

/// What a deployment without a limit reports as its limit and as left.
pub(crate) const UNLIMITED_REQUESTS: u32 = 1_000_000;
/// The same for tokens.
pub(crate) const UNLIMITED_TOKENS: u64 = 1_000_000_000;

impl Consumption {
    /// Lets a request of `tokens` in at `now`, or says what stands in its way. A refused
    /// request costs nothing.
    pub(crate) fn admit(
        &mut self,
        quota: Quota,
        tokens: u64,
        now: Instant,
    ) -> Result<Remaining, Refused> {
        let requests = self.requests_left(quota, now)?;
        let left = self.tokens_left(quota, tokens, now)?;
        if let Some((_, used)) = &mut self.slice {
            *used += 1;
        }
        if quota.tpm.is_some() {
            self.charges.push_back((now, tokens));
            self.charged += tokens;
        }
        Ok(Remaining {
            requests,
            tokens: left,
        })
    }

    /// Requests left in this slice after one more.
    fn requests_left(&mut self, quota: Quota, now: Instant) -> Result<u32, Refused> {
        let Some(rpm) = quota.rpm else {
            return Ok(UNLIMITED_REQUESTS);
        };
        let (start, used) = match self.slice {
            Some((start, used)) if now < start + SLICE => (start, used),
            _ => (now, 0),
        };
        self.slice = Some((start, used));
        rpm.div_ceil(SLICES)
            .checked_sub(used + 1)
            .ok_or_else(|| Refused {
                limit: Limit::Calls,
                wait: start + SLICE - now,
            })
    }

    /// Tokens left in the rolling minute after this request.
    fn tokens_left(&mut self, quota: Quota, tokens: u64, now: Instant) -> Result<u64, Refused> {
        let Some(tpm) = quota.tpm else {
            return Ok(UNLIMITED_TOKENS);
        };
        while let Some(&(at, charge)) = self.charges.front() {
            if now < at + WINDOW {
                break;
            }
            self.charges.pop_front();
            self.charged -= charge;
        }
        tpm.checked_sub(self.charged + tokens).ok_or_else(|| {
            let mut charged = self.charged;
            let enough = self.charges.iter().find(|(_, charge)| {
                charged -= charge;
                charged + tokens <= tpm
            });
            Refused {
                limit: Limit::Tokens,
                // A request above the whole limit never fits; Azure still names a time.
                wait: enough.map_or(WINDOW, |(at, _)| *at + WINDOW - now),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests as (second, tokens), and what each got: what is left or how long to wait.
    #[test]
    fn windows() {
        use Limit::{Calls, Tokens};
        type Got = Result<(u32, u64), (Limit, u64)>;
        type Row<'a> = (Option<u32>, Option<u64>, &'a [(u64, u64, Got)]);
        let rows: &[Row] = &[
            (
                None,
                None,
                &[(0, 9, Ok((UNLIMITED_REQUESTS, UNLIMITED_TOKENS)))],
            ),
            (Some(120), None, &[(0, 0, Ok((19, UNLIMITED_TOKENS)))]),
            (
                Some(12),
                None,
                &[
                    (0, 0, Ok((1, UNLIMITED_TOKENS))),
                    (3, 0, Ok((0, UNLIMITED_TOKENS))),
                    (4, 0, Err((Calls, 6))),
                    (9, 0, Err((Calls, 1))),
                    (10, 0, Ok((1, UNLIMITED_TOKENS))),
                ],
            ),
            // Fewer than one a slice is one a slice.
            (
                Some(1),
                None,
                &[(0, 0, Ok((0, UNLIMITED_TOKENS))), (1, 0, Err((Calls, 9)))],
            ),
            (
                None,
                Some(100),
                &[
                    (0, 60, Ok((UNLIMITED_REQUESTS, 40))),
                    (20, 30, Ok((UNLIMITED_REQUESTS, 10))),
                    (30, 20, Err((Tokens, 30))),
                    (30, 80, Err((Tokens, 50))),
                    (30, 10, Ok((UNLIMITED_REQUESTS, 0))),
                    (60, 60, Ok((UNLIMITED_REQUESTS, 0))),
                    (61, 101, Err((Tokens, 60))),
                ],
            ),
            // A request refused for its tokens uses up no request.
            (
                Some(6),
                Some(10),
                &[
                    (0, 11, Err((Tokens, 60))),
                    (0, 10, Ok((0, 0))),
                    (1, 1, Err((Calls, 9))),
                ],
            ),
        ];
        let start = Instant::now();
        for (rpm, tpm, requests) in rows {
            let quota = Quota {
                rpm: *rpm,
                tpm: *tpm,
            };
            let mut consumption = Consumption::default();
            for (second, tokens, expected) in *requests {
                let got = consumption
                    .admit(quota, *tokens, start + Duration::from_secs(*second))
                    .map(|left| (left.requests, left.tokens))
                    .map_err(|refused| (refused.limit, refused.wait.as_secs()));
                assert_eq!(got, *expected, "{quota:?} at {second} s");
            }
        }
    }
}
