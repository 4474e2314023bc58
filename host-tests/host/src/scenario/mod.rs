//! Scenarios: what a filter must do, as data that this harness and a real Envoy replay.

mod agreement;
mod bless;
mod books;
mod check;
mod compare;
mod connection;
mod error;
mod expected;
pub mod file;
mod filter;
mod grpc;
pub mod head;
mod hold;
mod lifecycle;
mod outcome;
mod play;
pub mod presented;
mod report;
mod script;
mod services;
mod shown;
mod value;
pub mod vary;

pub use agreement::{between, messages};
pub use bless::{BlessError, Blessed, Change, bless};
pub use check::{Checked, Checker, NoFiles, Verdict, check_folder, files};
pub use compare::{Difference, expectation, message};
pub use error::FileError;
pub use filter::FilterConfig;
pub use grpc::{GrpcCallee, GrpcSent, between as grpc_between};
pub use hold::hold;
pub use outcome::{ConnectionOutcome, Outcome, StreamOutcome, level_name};
pub use play::{Failure, Harness, Player, play};
pub use report::{difference, report};
pub use script::{Action, CalloutOutcome, Event, Scenario};
