//! The command `tollgate-host`: a filter tried in a terminal, and scenario files played.

mod command;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    command::Args::parse().run()
}
