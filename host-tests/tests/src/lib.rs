//! Real requests through a real Envoy in front of mock Azure OpenAI regions.
//!
//! [`Stack`] starts it all on loopback from a configuration of this repository, on free
//! ports and any number of times at once. The tests of this package, the demo and
//! `cargo xtask up` stand on it.

mod client;
mod configuration;
mod envoy;
pub mod places;
mod raw;
mod redis;
mod stack;
pub mod table;
pub mod tour;

pub use client::{Client, Request, Response};
pub use envoy::{Envoy, SECRET};
pub use raw::{RawResponse, exchange};
pub use redis::Redis;
pub use stack::{Builder, Ports, Stack};

/// Ends a binary: prints an error with its causes in one line, without a backtrace.
pub fn exit_code(result: anyhow::Result<()>) -> std::process::ExitCode {
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
