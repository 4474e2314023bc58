//! The host side of Tollgate's filters: drives stages through the life of an HTTP stream.
//!
//! Everything that decides is in `tollgate-core`; everything that touches Envoy is here.
//! A module implements [`Module`] and hands over:
//!
//! ```text
//! proxy_wasm::main! {{ tollgate_kit::start::<TokenEstimator>(); }}
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        reason = "a test that overflows fails, which is what a test is for"
    )
)]

mod abi;
mod body;
mod budget;
mod callout;
mod filter_state;
mod head;
mod metrics;
mod pairs;
mod queue;
mod root;
mod stream;
mod world;

pub use tollgate_core::pipeline::StageMaker;

/// A filter module: a list of stages.
pub trait Module {
    /// The stages it holds, in their default order.
    const STAGES: &'static [StageMaker];
}

/// Registers the module with the SDK; called once at VM start.
pub fn start<M: Module>() {
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id, M::STAGES)));
}
