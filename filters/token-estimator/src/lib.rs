//! The token-estimator stage as a module of its own.

use tollgate_kit::{Module, StageKind};

struct TokenEstimator;

impl Module for TokenEstimator {
    const STAGES: &'static [StageKind] = &[StageKind::TokenEstimator];
}

proxy_wasm::main! {{ tollgate_kit::start::<TokenEstimator>(); }}
