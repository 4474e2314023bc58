//! Runs the stage over requests and counts what it left.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tollgate_core::config::{Limits, PromptMinimizerConfig};
use tollgate_core::endpoint::Dialect;
use tollgate_core::models::Models;
use tollgate_core::prompt_minimizer::minimize;
use tollgate_core::prompt_minimizer::source::Source;
use tollgate_core::request::{Request, RequestReader, Wanted};
use tollgate_core::tokens::{Encoding, exact};

/// What requests have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Tokens of o200k in all their texts, one by one: what messages, calls and tools say,
    /// without the few that frame them, which no transform touches.
    pub tokens: u64,
}

/// What a setting made of requests.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// As they came.
    pub before: Size,
    /// As they are sent.
    pub after: Size,
    /// Tokens the stage itself said it saved: its estimate.
    pub told: u64,
    /// The fastest of several rounds, for all of them: finding the edits and making them, without
    /// reading the body, which the scanner does as it arrives.
    pub time: Duration,
}

impl Outcome {
    /// Tokens that are not sent; less than 0 where there are more.
    pub fn tokens_saved(&self) -> i64 {
        difference(self.before.tokens, self.after.tokens)
    }

    /// Bytes that are not sent.
    pub fn bytes_saved(&self) -> i64 {
        difference(self.before.bytes, self.after.bytes)
    }

    /// Bytes of bodies a nanosecond.
    pub fn gigabytes_a_second(&self) -> f64 {
        self.before.bytes as f64 / self.time.as_nanos().max(1) as f64
    }
}

fn difference(before: u64, after: u64) -> i64 {
    i64::try_from(before).unwrap_or(i64::MAX) - i64::try_from(after).unwrap_or(i64::MAX)
}

/// `part` in per cent of `all`.
pub fn percent(part: i64, all: u64) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

/// What the bodies have.
///
/// # Errors
/// Where one is no request.
pub fn size(bodies: &[Vec<u8>]) -> Result<Size> {
    let mut size = Size::default();
    for body in bodies {
        size.bytes += body.len() as u64;
        for text in &read(body)?.texts {
            let content = text.content;
            let source = Source::read(content.span.of(body), content.escaped);
            let source = source.context("a text is not UTF-8")?;
            size.tokens += u64::from(exact::count(Encoding::O200k, source.text()));
        }
    }
    Ok(size)
}

/// Minimizes every body `rounds` times, of which there must be one.
///
/// # Errors
/// Where a body is no request, before or after.
pub fn measure(
    bodies: &[Vec<u8>],
    before: Size,
    config: &PromptMinimizerConfig,
    rounds: usize,
) -> Result<Outcome> {
    let mut sent = Vec::with_capacity(bodies.len());
    let mut told = 0;
    let mut time = Duration::ZERO;
    for body in bodies {
        let request = read(body)?;
        let (edits, minimized) = minimize(&request, config);
        told += minimized.tokens();
        let edited = edits.apply(body);
        sent.push(edited.map_err(|_| anyhow!("no memory for an edited body"))?);
        let round = || {
            let started = Instant::now();
            let (edits, _) = minimize(black_box(&request), config);
            if !edits.is_empty() {
                let _ = black_box(edits.apply(body));
            }
            started.elapsed()
        };
        time += (0..rounds.max(1))
            .map(|_| round())
            .min()
            .unwrap_or_default();
    }
    Ok(Outcome {
        before,
        after: size(&sent)?,
        told,
        time,
    })
}

fn read(body: &[u8]) -> Result<Request<'_>> {
    let wanted = Wanted {
        tokens: false,
        texts: true,
        key: None,
    };
    let reader = RequestReader::new(Dialect::Chat, wanted, &Limits::default());
    reader
        .finish(body, None, &Models::default())
        .map_err(|unread| anyhow!("not a chat request: {unread:?}"))
}
