//! The prompt-minimizer stage as a module of its own.

#![allow(
    missing_docs,
    reason = "the SDK's macro defines the entry point without a comment"
)]

use tollgate_kit::{Module, StageMaker};

struct PromptMinimizer;

impl Module for PromptMinimizer {
    const STAGES: &'static [StageMaker] = &[StageMaker::PROMPT_MINIMIZER];
}

proxy_wasm::main! {{ tollgate_kit::start::<PromptMinimizer>(); }}
