//! Text for a terminal: styled, and as wide as it is.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};

pub const PLAIN: Style = Style::new();
pub const TITLE: Style = Style::new().bold().underline();
pub const STRONG: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GONE: Style = AnsiColor::Red.on_default();
pub const NEW: Style = AnsiColor::Green.on_default();
pub const ARRIVES: Style = AnsiColor::Cyan.on_default();
pub const LEAVES: Style = AnsiColor::Magenta.on_default();
pub const WARN: Style = AnsiColor::Yellow.on_default();

/// Narrower than this nothing is readable: a terminal that says so is not believed.
const LEAST_WIDTH: usize = 40;

/// Lines as they will be printed, with ANSI styles.
pub struct Page {
    text: String,
    /// Columns; `None` when nobody looks at it, so that nothing is cut.
    width: Option<usize>,
}

impl Page {
    /// For standard output.
    pub fn for_stdout() -> Self {
        let width = std::io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten();
        Self::new(width.map(|(width, _)| usize::from(width.0).max(LEAST_WIDTH)))
    }

    pub fn new(width: Option<usize>) -> Self {
        Self {
            text: String::new(),
            width,
        }
    }

    /// True when a line of so many columns is not cut.
    pub fn has_room_for(&self, columns: usize) -> bool {
        self.width.is_none_or(|width| columns <= width)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// A section's name, with an empty line before it.
    pub fn title(&mut self, title: &str, about: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(&[
            (TITLE, title),
            (DIM, if about.is_empty() { "" } else { "  " }),
            (DIM, about),
        ]);
    }

    /// One line, cut where the terminal ends.
    pub fn line(&mut self, spans: &[(Style, &str)]) {
        let mut left = self.width.unwrap_or(usize::MAX);
        let spans: Vec<_> = spans
            .iter()
            .map(|(style, text)| (style, visible(text)))
            .collect();
        let long: usize = spans.iter().map(|(_, text)| text.chars().count()).sum();
        if long > left {
            left -= 1;
        }
        for (style, text) in spans {
            let part: String = text.chars().take(left).collect();
            left -= part.chars().count();
            if !part.is_empty() {
                self.text.push_str(&format!("{style}{part}{style:#}"));
            }
        }
        if long > self.width.unwrap_or(usize::MAX) {
            self.text.push('…');
        }
        self.text.push('\n');
    }

    /// A text of any length after `lead`, continued on lines below where the terminal ends.
    pub fn wrapped(&mut self, style: Style, lead: &str, text: &str) {
        let text = visible(text);
        let Some(width) = self.width else {
            return self.line(&[(style, lead), (style, &text)]);
        };
        let room = width
            .saturating_sub(lead.chars().count())
            .max(LEAST_WIDTH / 2);
        let indent = " ".repeat(lead.chars().count());
        let (mut lead, mut rest) = (lead, text.as_str());
        loop {
            let (part, behind) = rest.split_at(break_within(rest, room));
            self.line(&[(style, lead), (style, part)]);
            if behind.is_empty() {
                return;
            }
            (lead, rest) = (&indent, behind);
        }
    }
}

/// Where a text that is longer than `room` columns goes on in the next line: behind a space,
/// unless that would leave most of the line empty.
fn break_within(text: &str, room: usize) -> usize {
    let Some((end, _)) = text.char_indices().nth(room) else {
        return text.len();
    };
    match text[..end].rfind(' ') {
        Some(space) if space >= end / 2 => space + 1,
        _ => end,
    }
}

/// Control characters made visible: what a filter logs must not drive the terminal.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push_str("    "),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// `1 byte`, `2 bytes`.
pub fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_the_terminal_does() {
        let mut page = Page::new(Some(10));
        page.line(&[(PLAIN, "0123456789")]);
        page.line(&[(PLAIN, "01234"), (PLAIN, "56789x")]);
        page.line(&[(PLAIN, "\x1b[\n")]);
        assert_eq!(page.text(), "0123456789\n012345678…\n\\u{1b}[\\n\n");
        let mut page = Page::new(Some(40));
        page.wrapped(PLAIN, "+ ", &"x".repeat(50));
        let expected = format!("+ {}\n  {}\n", "x".repeat(38), "x".repeat(12));
        assert_eq!(page.text(), expected);
        let mut page = Page::new(Some(40));
        page.wrapped(PLAIN, "- ", &"four ".repeat(10));
        let expected = format!("- {}\n  {}\n", "four ".repeat(7), "four ".repeat(3));
        assert_eq!(page.text(), expected);
    }
}
