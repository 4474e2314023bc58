//! What a request really cost, by the way its stream ended and what its answer said.
//!
//! Usage counts where it is given. A whole answer without it, such as a stream whose client
//! did not ask for `include_usage`, costs the estimated prompt and the output that was read.
//! One that broke off, or of a model that thinks unseen, costs at least what was reserved: there
//! may have been more than was read. So does what took too long, because it was worked on. What
//! the upstream refused costs nothing.

use super::Reservation;
use super::limits::Amount;
use crate::config::{RateLimiterConfig, Reserve};
use crate::exchange::{Ending, StreamEnd};
use crate::response::UsageReport;

/// What a request really cost.
pub(super) struct Real {
    pub(super) amount: Amount,
    /// Tokens of its answers, where they are known well enough to learn from.
    pub(super) output: Option<u64>,
}

impl Real {
    pub(super) fn of(
        reservation: &Reservation,
        config: &RateLimiterConfig,
        ending: &Ending,
    ) -> Real {
        let nothing = |counts: bool| Real {
            amount: Amount {
                requests: u64::from(counts),
                tokens: 0,
            },
            output: None,
        };
        let with = |tokens, output| Real {
            amount: Amount {
                requests: reservation.amount.requests,
                tokens,
            },
            output,
        };
        if ending.end == StreamEnd::Answered || (ending.is_cache_hit && !config.charge_cache_hits) {
            return nothing(false);
        }
        // Nobody knows how long a request was worked on that got no answer, or none in time.
        let as_reserved = match config.reserve {
            Reserve::Nothing => reservation.prompt,
            _ => reservation.amount.tokens,
        };
        if matches!(ending.status, 0 | 408 | 504) {
            return with(as_reserved, None);
        }
        if !(200..300).contains(&ending.status) {
            return nothing(config.limits.charge_refused);
        }
        let Some(response) = ending.response else {
            return with(as_reserved, None);
        };
        if let UsageReport::Given(usage) = response.usage {
            // Some upstreams leave the completion out.
            let completion = match usage.completion {
                0 => response.output_tokens,
                completion => completion,
            };
            return with(usage.prompt.saturating_add(completion), Some(completion));
        }
        let counted = reservation.prompt.saturating_add(response.output_tokens);
        match (response.has_error, response.is_complete) {
            // An upstream that has said 200 can only refuse in its stream.
            (true, _) if response.output_tokens == 0 => nothing(config.limits.charge_refused),
            (false, true) if reservation.shows_all => with(counted, Some(response.output_tokens)),
            // What was still to come, or thought and not shown, may have been worked on.
            _ => with(counted.max(as_reserved), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Endings, ResponseSummary, Usage};

    const GIVEN: UsageReport = UsageReport::Given(Usage {
        prompt: 90,
        completion: 7,
        cached: 0,
    });

    #[test]
    fn every_end_has_its_price() {
        use StreamEnd::{Answered, Data, HeadersOnly, Reset, Trailers};
        use UsageReport::{Absent, Unusable};
        let reservation = Reservation {
            counter: 0,
            average: 0,
            amount: Amount {
                requests: 1,
                tokens: 150,
            },
            is_taken: true,
            prompt: 100,
            answers: 1,
            shows_all: true,
            ..Reservation::default()
        };
        let thinking = Reservation {
            shows_all: false,
            ..reservation
        };
        let answer = |usage, is_complete, has_error, output_tokens| {
            Some(ResponseSummary {
                endings: Endings::default(),
                usage,
                is_complete,
                has_error,
                output_tokens,
            })
        };
        let rows = [
            // End, status, answer; requests, tokens, what is learnt.
            (Data, 200, answer(GIVEN, true, false, 5), 1, 97, Some(7)),
            (Trailers, 200, answer(GIVEN, true, false, 5), 1, 97, Some(7)),
            (Reset, 200, answer(GIVEN, false, false, 5), 1, 97, Some(7)),
            (Data, 200, answer(GIVEN, true, true, 5), 1, 97, Some(7)),
            // Whole, without usage: what was read.
            (Data, 200, answer(Absent, true, false, 30), 1, 130, Some(30)),
            (Data, 200, answer(Absent, true, false, 80), 1, 180, Some(80)),
            (
                Data,
                200,
                answer(Unusable, true, false, 30),
                1,
                130,
                Some(30),
            ),
            // Broken off: what was reserved, or more.
            (Reset, 200, answer(Absent, false, false, 30), 1, 150, None),
            (Reset, 200, answer(Absent, false, false, 80), 1, 180, None),
            (Data, 200, answer(Unusable, false, false, 0), 1, 150, None),
            // An error after some output, and one in place of any.
            (Data, 200, answer(Absent, true, true, 30), 1, 150, None),
            (Data, 200, answer(Absent, true, true, 0), 0, 0, None),
            // Not to be read: compressed, or no JSON.
            (Data, 200, None, 1, 150, None),
            (HeadersOnly, 204, None, 1, 150, None),
            // Refused by the upstream, or by Envoy in its place.
            (Data, 400, answer(Absent, true, true, 0), 0, 0, None),
            (Data, 429, answer(GIVEN, true, true, 0), 0, 0, None),
            (HeadersOnly, 503, None, 0, 0, None),
            // Worked on, and too long.
            (Data, 504, None, 1, 150, None),
            (Data, 408, None, 1, 150, None),
            // The client left before there was an answer.
            (Reset, 0, None, 1, 150, None),
            // Never sent.
            (Answered, 0, None, 0, 0, None),
        ];
        let config = RateLimiterConfig::default();
        for (end, status, response, requests, tokens, output) in rows {
            let ending = Ending {
                end,
                status,
                is_cache_hit: false,
                response,
            };
            let real = Real::of(&reservation, &config, &ending);
            let got = (real.amount.requests, real.amount.tokens, real.output);
            assert_eq!(got, (requests, tokens, output), "{ending:?}");
        }

        for (usage, output, tokens, learnt) in [
            (GIVEN, 5, 97, Some(7)),
            (Absent, 30, 150, None),
            (Absent, 80, 180, None),
        ] {
            let ending = Ending {
                end: Data,
                status: 200,
                is_cache_hit: false,
                response: answer(usage, true, false, output),
            };
            let real = Real::of(&thinking, &config, &ending);
            assert_eq!((real.amount.tokens, real.output), (tokens, learnt));
        }

        let hit = Ending {
            end: Data,
            status: 200,
            is_cache_hit: true,
            response: answer(GIVEN, true, false, 5),
        };
        let refused = Ending {
            end: Data,
            status: 400,
            is_cache_hit: false,
            response: None,
        };
        let mut limits = (*config.limits).clone();
        limits.charge_refused = true;
        let charging = RateLimiterConfig {
            charge_cache_hits: true,
            limits: limits.into(),
            ..config.clone()
        };
        let after = RateLimiterConfig {
            reserve: Reserve::Nothing,
            ..config.clone()
        };
        let broken = Ending {
            end: Reset,
            status: 0,
            is_cache_hit: false,
            response: None,
        };
        for (config, ending, requests, tokens) in [
            (&config, &hit, 0, 0),
            (&charging, &hit, 1, 97),
            (&config, &refused, 0, 0),
            (&charging, &refused, 1, 0),
            (&after, &broken, 1, 100),
        ] {
            let real = Real::of(&reservation, config, ending);
            let got = (real.amount.requests, real.amount.tokens);
            assert_eq!(got, (requests, tokens), "{ending:?}");
        }
    }
}
