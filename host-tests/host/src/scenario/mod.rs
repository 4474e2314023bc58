//! Scenarios: what a filter must do, as data that this harness and a real Envoy replay.

mod books;
mod compare;
mod error;
pub mod file;
pub mod head;
mod lifecycle;
mod outcome;
mod play;
mod script;
mod value;
pub mod vary;

pub use compare::{Difference, expectation, message, outcomes, sorted};
pub use error::FileError;
pub use outcome::{Outcome, StreamOutcome, level_name};
pub use play::{Failure, Harness, Player, play};
pub use script::{Action, CalloutOutcome, Event, FilterConfig, Scenario};
