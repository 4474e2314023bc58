//! Scenarios on a real Envoy, between a scripted client and a scripted upstream that cut
//! bytes exactly as the scenario says.

mod agreement;
mod configuration;
mod connection;
mod http1;
mod log;
mod process;
mod replay;
mod upstream;
mod workers;

pub use agreement::{EXCEPTIONS, agree};
pub use replay::Replay;
