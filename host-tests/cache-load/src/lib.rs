//! The response-cache under load.
//!
//! [`hits::Hits`] sends one request again and again to real Envoys with one worker each, and shows
//! what a hit takes beside a filter that does nothing but hold the body and answer a constant, and
//! beside what else there is. [`fill::Fill`] asks a million different requests in the harness, and
//! shows what is kept of them.

pub mod contestant;
pub mod fill;
mod floor;
pub mod hits;
mod litellm;
mod load;
pub mod machine;
pub mod question;
pub mod report;
