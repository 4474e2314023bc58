//! The content-screener stage: what should not be sent is stopped, masked or reported, before
//! anything is paid for it.

mod bytes;
pub mod fold;
pub mod injection;
pub mod personal_data;
pub mod secrets;
#[cfg(test)]
mod vectors;
