//! The rate-limiter stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageMaker};

struct RateLimiter;

impl Module for RateLimiter {
    const STAGES: &'static [StageMaker] = &[StageMaker::RATE_LIMITER];
}

proxy_wasm::main! {{ tollgate_kit::start::<RateLimiter>(); }}
