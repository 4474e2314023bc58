//! A child process that never outlives this one, however this one ends.
//!
//! A destructor does not run when a process is killed or ended by a signal, and an Envoy
//! left behind holds its ports. Linux alone can tie a child to its parent, and only to the
//! thread that started it. A pipe tells on every system: it closes with this process, and
//! the shell that waits at its other end then kills the child.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A terminal's signals go to the whole group, and Envoy ignores some of them: the shell
/// stays until the pipe closes.
const WATCH: &str = r#"trap '' HUP INT TERM; read -r _; kill -9 "$1""#;

/// A running child; dropped, it is killed.
pub struct Tied {
    child: Child,
    watchdog: Child,
}

impl Tied {
    /// Starts `command`.
    ///
    /// # Errors
    /// When it, or a shell to watch over it, cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = run(command)?;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", WATCH, "sh", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match run(&mut shell) {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// How it ended; none while it runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        // First: what it would kill later by this id could be another process.
        end(&mut self.watchdog);
        end(&mut self.child);
    }
}

fn run(command: &mut Command) -> io::Result<Child> {
    command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        io::Error::new(error.kind(), format!("cannot run {program}: {error}"))
    })
}

fn end(child: &mut Child) {
    // Fails only for a process that ended already.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_ends_when_the_pipe_closes() {
        let mut tied = Tied::spawn(Command::new("sleep").arg("600")).unwrap();
        assert!(tied.ended().unwrap().is_none());
        // What the system does when this process ends.
        drop(tied.watchdog.stdin.take());
        let status = tied.child.wait().unwrap();
        assert!(!status.success(), "{status}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = Tied::spawn(&mut Command::new("/no/such/program")).err();
        let text = error.unwrap().to_string();
        assert!(text.starts_with("cannot run /no/such/program: "), "{text}");
    }
}
