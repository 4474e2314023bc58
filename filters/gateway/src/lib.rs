//! Every stage in one module, over one copy and one scan of the body.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageMaker};

struct Gateway;

impl Module for Gateway {
    const STAGES: &'static [StageMaker] = StageMaker::ALL;
}

proxy_wasm::main! {{ tollgate_kit::start::<Gateway>(); }}
