//! The response-cache under load, in real Envoys on loopback with one worker each.
//!
//! [`hits::Hits`] sends one request again and again and shows what a hit takes beside a filter that
//! does nothing but hold the body and answer a constant, and beside what else there is.

pub mod contestant;
mod floor;
pub mod hits;
mod litellm;
mod load;
pub mod machine;
pub mod question;
pub mod report;
