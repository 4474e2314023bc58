//! The lexer against serde_json: the same texts accepted, the same tokens found, however
//! the bytes arrive.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that panics fails, which is what a test is for"
)]

mod agreement;
#[path = "../common/mod.rs"]
mod common;
mod errors;
mod progress;
mod properties;
mod suite;
mod texts;
