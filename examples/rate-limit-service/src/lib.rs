//! A rate-limit service for Envoy that takes back what was charged too much.
//!
//! [`Service::start`] serves `envoy.service.ratelimit.v3.RateLimitService` on a thread of its
//! own, in a process or in a test. `README.md` says what it does with a request.

mod clock;
mod config;
mod hits;
mod ledger;
mod limits;
mod refusal;
mod server;
mod service;

pub use config::Config;
pub use ledger::{CounterState, Total};
pub use server::{Service, Totals};
