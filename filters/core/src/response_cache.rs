//! The response-cache stage: calls that were answered before are answered again, without the
//! upstream.
//!
//! See [`key`] for which requests have the same answer, [`canonical`] for what of their bytes
//! counts, [`prefix`] for how far two conversations are the same.

pub mod canonical;
pub mod key;
pub mod keyer;
pub mod prefix;
