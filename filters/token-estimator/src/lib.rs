//! The token-estimator stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageMaker};

struct TokenEstimator;

impl Module for TokenEstimator {
    const STAGES: &'static [StageMaker] = &[StageMaker::TOKEN_ESTIMATOR];
}

proxy_wasm::main! {{ tollgate_kit::start::<TokenEstimator>(); }}
