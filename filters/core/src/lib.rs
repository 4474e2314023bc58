//! The thinking of Tollgate's filters.
//!
//! Nothing here makes a host call, reads a clock, draws a random number or logs:
//! everything is a function of the bytes and the configuration it is given, so it
//! runs natively, in benches and in fuzzers exactly as it runs inside Envoy.
//!
//! Nothing here can panic either: a panic is a trap, and a trap kills every stream of
//! an Envoy worker. The workspace lints refuse what could.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "a test that overflows fails, which is what a test is for"
    )
)]

pub mod admission;
mod append;
pub mod callout;
pub mod config;
pub mod content_screener;
pub mod edit;
pub mod effect;
pub mod endpoint;
pub mod exchange;
pub mod fingerprint;
pub mod host;
pub mod json;
pub mod models;
pub mod pipeline;
pub mod prompt_minimizer;
pub mod rate_limiter;
pub mod reply;
pub mod request;
pub mod response;
pub mod response_cache;
pub mod rewrite;
pub mod scan;
mod simd;
pub mod span;
mod sse;
pub mod stage;
pub mod table;
pub mod token_estimator;
pub mod tokens;
pub mod words;

pub use span::Span;
