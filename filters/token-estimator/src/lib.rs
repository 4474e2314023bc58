//! The token-estimator stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageKind};

struct TokenEstimator;

impl Module for TokenEstimator {
    const STAGES: &'static [StageKind] = &[StageKind::TokenEstimator];
}

proxy_wasm::main! {{ tollgate_kit::start::<TokenEstimator>(); }}
