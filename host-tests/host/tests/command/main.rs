//! The command `tollgate-host` as a user runs it, with small guests in WebAssembly text.

#[allow(dead_code, reason = "made for the probes; here a few of them serve")]
#[path = "../probes/guest.rs"]
mod guest;

mod bad_input;
mod run;
mod scenario_reference;
mod scenarios;
mod tutorial;
mod wrong_scenarios;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder to run the command in.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// With the guest that has these functions, as `filter.wasm`.
    fn with_guest(self, functions: &str) -> Self {
        self.with("filter.wasm", guest::bytes(functions))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// Runs the command with these words.
    fn run(&self, words: &str) -> Done {
        Done::of(self.command(words).output().unwrap())
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-host"));
        command
            .args(words.split_whitespace())
            .current_dir(self.path())
            .stdin(Stdio::null())
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env("COLUMNS", "100");
        command
    }
}

/// How the command ended.
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("not a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
