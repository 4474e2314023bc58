//! Runs other programs from the repository's root, with errors that name the command.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::paths;

/// A program to run, with its arguments and environment.
pub struct Tool {
    command: Command,
}

/// What a program left behind: whether it succeeded, and what it printed.
pub struct Finished {
    /// Exit status 0.
    pub ok: bool,
    /// Everything it wrote to either of its outputs.
    pub output: String,
}

impl Tool {
    /// `program`, run from the repository's root.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(paths::root()).stdin(Stdio::null());
        Self { command }
    }

    /// The cargo that runs this chore, with a subcommand and its arguments.
    pub fn cargo<const N: usize>(args: [&str; N]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::new(cargo).args(args).without_xtask()
    }

    /// Without what `cargo run` told this process about xtask, which must not reach other
    /// crates: a build script that watches one of these would run again every time.
    pub fn without_xtask(mut self) -> Self {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                self.command.env_remove(name);
            }
        }
        self
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it with its output on the terminal; an error when it fails.
    pub fn run(mut self) -> Result<()> {
        let line = self.line();
        let status = self
            .command
            .status()
            .with_context(|| format!("cannot run `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it and keeps its output; an error only when it cannot be started.
    pub fn finish(mut self) -> Result<Finished> {
        let line = self.line();
        // One pipe for both streams, so that messages stay in the order they were written.
        let (mut reader, writer) = std::io::pipe()?;
        self.command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("cannot run `{line}`"))?;
        // It holds the pipe's other end, which must close for the reading to end.
        drop(self);
        let mut output = Vec::new();
        reader.read_to_end(&mut output)?;
        Ok(Finished {
            ok: child.wait()?.success(),
            output: String::from_utf8_lossy(&output).into_owned(),
        })
    }

    /// Runs it and returns its standard output; an error with everything it said if it fails.
    pub fn read(mut self) -> Result<String> {
        let line = self.line();
        let output = self
            .command
            .output()
            .with_context(|| format!("cannot run `{line}`"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`{line}` failed ({}):\n{}", output.status, said.trim_end());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Its standard output when it exists and succeeds.
    pub fn try_read(mut self) -> Option<String> {
        match self.command.output() {
            Ok(output) if output.status.success() => {
                Some(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            _ => None,
        }
    }

    /// Replaces this process by it; returns only on failure.
    #[cfg(unix)]
    pub fn become_it(mut self) -> Result<()> {
        use std::os::unix::process::CommandExt;
        let line = self.line();
        let error = self.command.stdin(Stdio::inherit()).exec();
        Err(error).with_context(|| format!("cannot run `{line}`"))
    }

    /// Runs it in place of this process, as near as the platform allows.
    #[cfg(not(unix))]
    pub fn become_it(self) -> Result<()> {
        self.run()
    }

    /// The command as one would type it.
    pub fn line(&self) -> String {
        let mut line = self.command.get_program().to_string_lossy().into_owned();
        for arg in self.command.get_args() {
            line.push(' ');
            line.push_str(&arg.to_string_lossy());
        }
        line
    }
}

/// Whether there is a program of this name. It is not started: some take every word for a file and
/// begin to serve.
pub fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let named = |folder: std::path::PathBuf| folder.join(program);
    std::env::split_paths(&folders).any(|folder| {
        let file = named(folder);
        file.is_file() || file.with_extension("exe").is_file()
    })
}
