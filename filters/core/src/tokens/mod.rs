//! How many tokens a prompt has, without a tokenizer.
//!
//! Three steps, each usable by itself:
//!
//! * the **fast tier** ([`Meter::estimate`]) counts byte classes and word lengths in the
//!   texts as they stream by, sixty-four bytes at a time, and weighs the counts;
//! * the **sampled tier** ([`Meter::sampled`]) counts a few windows of a larger body exactly
//!   and corrects the estimate by what it was off there;
//! * a [`Prompt`] adds what the provider puts around the texts: message framing, rendered
//!   tools, images.
//!
//! The weights are fitted and their error is measured by `xtask/token-fit`
//! (`cargo run --release -p tollgate-token-fit -- --help`).

mod encoding;
pub mod exact;
mod features;
mod image;
mod linear;
mod meter;
mod model;
mod prompt;
mod raw_json;
mod reserve;
mod scripts;
mod tools;
mod unescape;
mod weights;
mod windows;

pub use encoding::Encoding;
pub use features::{COUNT, NAMES};
pub use image::{
    Detail, ImageRule, ImageSize, Images, MAX_HEADER_BYTES, UNKNOWN_SIZE, data_url_size,
};
pub use meter::Meter;
pub use model::Model;
pub use prompt::{MAX_RENDERED_BYTES, Prompt, REPLY};
pub use reserve::OutputBound;
pub use windows::{SAMPLED_ABOVE, WINDOW_BYTES, WINDOWS};

#[cfg(test)]
mod naive;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
