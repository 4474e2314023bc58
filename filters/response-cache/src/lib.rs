//! The response-cache stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageMaker};

struct ResponseCache;

impl Module for ResponseCache {
    const STAGES: &'static [StageMaker] = &[StageMaker::RESPONSE_CACHE];
}

proxy_wasm::main! {{ tollgate_kit::start::<ResponseCache>(); }}
