//! Prompt injection and jailbreaks: phrases people use for them, and a small linear model of
//! the words around.

pub mod model;
pub mod phrases;
mod table;
mod trained;
mod words;

pub use model::{Score, Verdict};
pub use phrases::Phrases;
