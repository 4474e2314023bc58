//! Parts of the Rust toolchain that rustup can add: targets and components.

use crate::exec::Tool;

/// Asks rustup for `target add` or `component add`; its own words when it cannot.
pub fn add(kind: &str, name: &str) -> Result<(), String> {
    match Tool::new("rustup").args([kind, "add", name]).finish() {
        Ok(done) if done.ok => Ok(()),
        Ok(done) => Err(first_error(&done.output)),
        Err(_) => Err("rustup is not installed".to_owned()),
    }
}

/// The line of rustup's output that says what went wrong.
fn first_error(output: &str) -> String {
    let mut lines = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines
        .clone()
        .find(|line| line.starts_with("error"))
        .or_else(|| lines.next_back())
        .unwrap_or("no reason given")
        .to_owned()
}
