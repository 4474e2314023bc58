//! Answers that were given before, given again: what an answer depends on, how it is kept, and
//! how it is sent to a client that wants it in the other form.

pub mod canonical;
mod directory;
pub mod entry;
pub mod key;
pub mod keyer;
pub mod lifetime;
pub mod prefix;
pub mod replay;
pub mod store;
