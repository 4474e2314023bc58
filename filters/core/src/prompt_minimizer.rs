//! The prompt-minimizer: takes out of a request what the model does not need, and leaves every
//! other byte as it came.

pub mod repeats;
pub mod source;
pub mod splice;
pub mod window;
