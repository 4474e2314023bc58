//! How many tokens a prompt has, without a tokenizer.

mod features;
mod meter;
mod scripts;
mod unescape;

pub use features::{COUNT, NAMES};
pub use meter::Meter;
