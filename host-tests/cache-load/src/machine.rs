//! What the numbers were measured on.

use std::fs;

/// Processors, their kind, and how busy they were before.
pub fn describe() -> String {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let kind = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let kind = kind
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(
            || std::env::consts::ARCH.to_owned(),
            |(_, name)| name.to_owned(),
        );
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().filter(|load| !load.is_empty());
    let busy = load.map_or(String::new(), |load| {
        format!(", load {load} in the minute before")
    });
    format!("{count} processors ({kind}){busy}")
}
