//! What Envoy writes about filters: their own lines, and every call across the ABI.

use crate::scenario::FilterConfig;

/// Level, thread and text; `|` ends neither of the first two.
pub const FORMAT: &str = "%L|%t|%v";

/// A line of the log that was begun by Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Envoy's letter, such as `T` for trace.
    pub level: char,
    /// The thread.
    pub thread: u64,
    /// What follows; of several lines if the text had such.
    pub text: String,
}

/// Takes a log apart.
pub fn lines(log: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for text in log.lines() {
        match begun(text) {
            Some(line) => lines.push(line),
            None => {
                if let Some(last) = lines.last_mut() {
                    last.text.push('\n');
                    last.text.push_str(text);
                }
            }
        }
    }
    lines
}

fn begun(text: &str) -> Option<Line> {
    let mut parts = text.splitn(3, '|');
    let level = parts.next().filter(|level| level.len() == 1)?;
    let thread = parts.next()?.parse().ok()?;
    Some(Line {
        level: level.chars().next()?,
        thread,
        text: parts.next()?.to_owned(),
    })
}

/// The filter's own line as a scenario writes it, `level: text`.
pub fn of_filter(line: &Line, filter: &FilterConfig) -> Option<String> {
    let level = match line.level {
        'T' => "trace",
        'D' => "debug",
        'I' => "info",
        'W' => "warn",
        'E' => "error",
        _ => "critical",
    };
    // cpp-host's PluginBase::makeLogPrefix.
    let names = [&filter.name, &filter.root_id, &filter.vm_id];
    let names = names.into_iter().filter(|name| !name.is_empty());
    let prefix: String = names.map(|name| format!(" {name}")).collect();
    let text = line.text.strip_prefix(&format!("wasm log{prefix}: "))?;
    Some(format!("{level}: {text}"))
}
