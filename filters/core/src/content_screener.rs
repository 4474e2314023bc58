//! The content-screener stage: what should not be sent is stopped, masked or reported, before
//! anything is paid for it.

pub mod fold;
