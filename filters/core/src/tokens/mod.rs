//! How many tokens a prompt has, without a tokenizer.

mod encoding;
pub mod exact;
mod features;
mod meter;
mod scripts;
mod unescape;

pub use encoding::Encoding;
pub use features::{COUNT, NAMES};
pub use meter::Meter;
