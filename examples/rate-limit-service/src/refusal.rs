//! What the client of a refused request is told, in the words of Azure's own refusals as far as
//! a service knows them that never sees the request.

use std::time::Duration;

use serde_json::json;

use crate::ledger::{Fit, Standing};
use crate::limits::Limit;

/// Headers and body.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the response; the body's type is what Envoy's `local_reply_config` says.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// Of the standings that have no room, the one to answer with: one that never will have, else
/// the one that has some last.
pub fn worst<'a>(standings: impl Iterator<Item = &'a Standing>) -> Option<&'a Standing> {
    standings
        .filter(|standing| standing.fit != Fit::Now)
        .min_by_key(|standing| (standing.fit, std::cmp::Reverse(standing.resets_in)))
}

impl Refusal {
    /// The answer to a request that lacks room here.
    pub fn of(standing: &Standing, limit: &Limit) -> Self {
        let (headers, message) = match standing.fit {
            Fit::Never => (
                // OpenAI's SDKs try a 429 again by themselves unless this says that it is of
                // no use.
                vec![("x-should-retry", "false".to_owned())],
                format!(
                    "Request too large: it is charged {}, and the limit {} is {} in {} seconds. \
                     Waiting does not help: shorten the prompt or lower max_tokens.",
                    standing.wanted,
                    limit.name,
                    limit.hits,
                    limit.window.as_secs()
                ),
            ),
            Fit::Now | Fit::Later => {
                let seconds = seconds(standing.resets_in);
                let unit = if seconds == 1 { "second" } else { "seconds" };
                let milliseconds = standing.resets_in.as_nanos().div_ceil(1_000_000);
                (
                    vec![
                        ("retry-after", seconds.to_string()),
                        ("retry-after-ms", milliseconds.to_string()),
                    ],
                    format!(
                        "Your requests have exceeded the rate limit for your current OpenAI S0 \
                         pricing tier. Please retry after {seconds} {unit}. To increase your \
                         default rate limit, visit: https://aka.ms/oai/quotaincrease."
                    ),
                )
            }
        };
        let error = json!({ "code": "RateLimitReached", "message": message });
        Self {
            headers,
            body: json!({ "error": error }).to_string(),
        }
    }
}

/// Up to the next whole second: whoever comes back then is not early.
pub fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
