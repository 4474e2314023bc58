//! How many tokens a prompt has, without a tokenizer.

mod encoding;
pub mod exact;
mod features;
mod linear;
mod meter;
mod scripts;
mod unescape;
mod weights;
mod windows;

pub use encoding::Encoding;
pub use features::{COUNT, NAMES};
pub use meter::Meter;
pub use windows::{SAMPLED_ABOVE, WINDOW_BYTES, WINDOWS};
