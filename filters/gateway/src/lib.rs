//! Every stage in one module, over one copy and one scan of the body.

use tollgate_kit::{Module, StageKind};

struct Gateway;

impl Module for Gateway {
    const STAGES: &'static [StageKind] = &[StageKind::TokenEstimator];
}

proxy_wasm::main! {{ tollgate_kit::start::<Gateway>(); }}
