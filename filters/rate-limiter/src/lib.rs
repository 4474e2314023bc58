//! The rate-limiter stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageKind};

struct RateLimiter;

impl Module for RateLimiter {
    const STAGES: &'static [StageKind] = &[StageKind::RateLimiter];
}

proxy_wasm::main! {{ tollgate_kit::start::<RateLimiter>(); }}
