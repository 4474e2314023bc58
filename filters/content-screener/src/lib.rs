//! The content-screener stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageMaker};

struct ContentScreener;

impl Module for ContentScreener {
    const STAGES: &'static [StageMaker] = &[StageMaker::CONTENT_SCREENER];
}

proxy_wasm::main! {{ tollgate_kit::start::<ContentScreener>(); }}
