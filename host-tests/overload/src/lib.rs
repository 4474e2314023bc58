//! The rate-limiter under several times the traffic it allows.
//!
//! The same traffic meets every policy, which is a configuration of the one module: in
//! virtual time on this repository's harness, and in a real Envoy. What counts is what was
//! really consumed, in every window of a minute.

pub mod case;
pub mod client;
pub mod compare;
pub mod consumption;
pub mod conversation;
pub mod gateway;
pub mod outcome;
pub mod plot;
pub mod policy;
pub mod random;
pub mod report;
pub mod simulation;
pub mod traffic;
