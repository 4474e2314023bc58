//! What each transform of the prompt-minimizer saves, on conversations made up for it.
//!
//! The conversations are in no way a sample of anybody's traffic: they are generated from a seed,
//! each kind in the shape its clients and tools give it, out of words of this crate. What a
//! transform saves on them says where it saves, and about how much; what it saves for an operator
//! is what `report` mode counts there.

mod conversation;
pub mod corpora;
pub mod measure;
mod random;
pub mod report;
pub mod settings;
mod words;

pub use random::Random;
