//! What must not be sent: the detectors of the content-screener, pure functions of a text.

mod bytes;
pub mod personal_data;
#[cfg(test)]
mod vectors;
