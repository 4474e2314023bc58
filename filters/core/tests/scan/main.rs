//! The request scanner against its oracle, however the bytes arrive.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that panics fails, which is what a test is for"
)]

mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod every_way;
mod exponents;
mod messages;
mod oracle;
mod properties;
mod refusals;
mod tree;
