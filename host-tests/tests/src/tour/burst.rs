//! A burst of one tenant's requests: how many its limit admits, and when it admits again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::CHAT;
use crate::client::{Client, Response};

/// The host whose route has the smallest limits of [`super::CONFIGURATION`].
pub const HOST: &str = "trial.llm.internal";
/// What it says of them.
pub const LIMIT: &str = "60 requests a minute, 3 of them at once";
/// Requests at once: more than the limit has.
pub const REQUESTS: usize = 10;

/// Requests that were sent at once, and what came of them.
pub struct Burst {
    /// Those with an answer of the model.
    pub admitted: usize,
    /// Those that the limit refused, by their answers.
    pub refused: Vec<Response>,
    /// When the last answer was there.
    ended: Instant,
}

impl Burst {
    /// The longest time that a refused one was told to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        let told = self.refused.iter().filter_map(|refused| {
            let milliseconds = refused.header("retry-after-ms")?;
            milliseconds.parse().ok().map(Duration::from_millis)
        });
        told.max()
    }

    /// Waits as long as the refused ones were told.
    pub fn wait(&self) {
        let wait = self.retry_after().unwrap_or_default();
        std::thread::sleep(wait.saturating_sub(self.ended.elapsed()));
    }
}

/// Sends so many requests of `tenant` to [`HOST`] at once.
///
/// # Errors
/// When no complete response comes back, or one that is neither admitted nor refused.
pub fn burst(client: &Client, tenant: &str, requests: usize) -> Result<Burst> {
    // Small enough that requests run out before tokens do.
    let body = json!({
        "messages": [{"role": "user", "content": "Are you there?"}],
        "max_tokens": 100,
    });
    let send = || {
        let request = client.post(CHAT).header("host", HOST);
        request.header("api-key", tenant).json(&body).send()
    };
    let answers: Vec<Result<Response>> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..requests).map(|_| scope.spawn(send)).collect();
        let joined = sent.into_iter().map(|thread| thread.join());
        joined
            .map(|answer| answer.expect("sending does not panic"))
            .collect()
    });
    let mut burst = Burst {
        admitted: 0,
        refused: Vec::new(),
        ended: Instant::now(),
    };
    for answer in answers {
        let answer = answer.context("a burst")?;
        match answer.status {
            200 => burst.admitted += 1,
            429 => burst.refused.push(answer),
            status => anyhow::bail!("a burst: {status} {}", answer.text()),
        }
    }
    Ok(burst)
}
