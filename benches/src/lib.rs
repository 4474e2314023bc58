//! What the benches share: seeded request bodies, the guest module in wasmtime, and one
//! runner that times a subject natively and in Wasm and compares the two answers.

pub mod bodies;
mod guest;
mod run;
pub mod terms;
pub mod texts;

pub use guest::Guest;
pub use run::{Subject, Timed, run, run_in};
pub use tollgate_savings::Random;
