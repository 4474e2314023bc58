//! Scenarios on a real Envoy, between a scripted client and a scripted upstream that cut
//! bytes exactly as the scenario says.

mod agreement;
mod callouts;
mod configuration;
mod connection;
mod exceptions;
mod http1;
mod http2;
mod log;
mod process;
mod records;
mod refusal;
mod replay;
mod services;
mod tcp;
mod upstream;
mod version;
mod waiting;
mod wire;
mod workers;

pub use agreement::{Agreement, agree};
pub use exceptions::{EXCEPTIONS, Exception, NOT_COMPARED};
pub use replay::Replay;
pub use version::is_comparable;
