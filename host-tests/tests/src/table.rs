//! Tables for people, in colour on a terminal only.

use std::fmt::Write as _;
use std::io::IsTerminal;

/// What a cell is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Less important than the rest.
    Faint,
}

impl Tone {
    /// The ANSI sequence that switches it on.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Faint => "\x1b[2m",
        }
    }
}

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, as wide as their widest cell.
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, align)| ((*name).to_owned(), *align))
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the headings are left out.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = (S, Tone)>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|(text, tone)| (text.into(), tone))
                .collect(),
        );
    }

    /// The table's text, with colour when `colour` says so.
    pub fn render(&self, colour: bool) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let heading = self.columns[column].0.chars().count();
            cells
                .map(|(text, _)| text.chars().count())
                .max()
                .unwrap_or(0)
                .max(heading)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let headings: Vec<_> = self
            .columns
            .iter()
            .map(|(name, _)| (name.clone(), Tone::Faint))
            .collect();
        let mut out = String::new();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for ((text, tone), ((_, align), width)) in
                row.iter().zip(self.columns.iter().zip(&widths))
            {
                let padding = " ".repeat(width - text.chars().count());
                let painted = match colour && *tone != Tone::Plain {
                    true => format!("{}{text}\x1b[0m", tone.code()),
                    false => text.clone(),
                };
                let _ = match align {
                    Align::Left => write!(line, "{painted}{padding}  "),
                    Align::Right => write!(line, "{padding}{painted}  "),
                };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// Prints it, in colour if standard output is a terminal and `NO_COLOR` is not set.
    pub fn print(&self) {
        print!("{}", self.render(colour()));
    }
}

/// Whether standard output takes colour.
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_and_without_colour() {
        let mut table = Table::new(&[("request", Align::Left), ("tokens", Align::Right)]);
        table.row([("chat", Tone::Plain), ("7", Tone::Good)]);
        table.row([("中文", Tone::Plain), ("1234567", Tone::Warning)]);
        assert_eq!(
            table.render(false),
            "request   tokens\nchat           7\n中文       1234567\n"
        );
        let painted = table.render(true);
        assert!(painted.contains("      \x1b[32m7\x1b[0m\n"), "{painted:?}");
    }
}
