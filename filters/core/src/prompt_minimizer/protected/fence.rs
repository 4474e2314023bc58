//! Fenced code blocks (CommonMark, section 4.5).

use crate::prompt_minimizer::lines::Line;

/// Reads fences as lines come.
///
/// Markdown has them in quotes and in items of lists too, where this reader does not follow the
/// nesting; so there are two, and what either takes for fenced is: one follows the letter and knows no
/// nesting, the other lets fences be indented and quoted as they like.
pub(super) struct Fence {
    is_lenient: bool,
    /// The character of the fence that is open, and how many of it.
    open: Option<(u8, usize)>,
}

/// More spaces make an indented code block.
pub const WIDEST_INDENTATION: usize = 3;

/// Fewer marks are no fence.
pub const SHORTEST: usize = 3;

impl Fence {
    pub(super) fn strict() -> Fence {
        Fence {
            is_lenient: false,
            open: None,
        }
    }

    pub(super) fn lenient() -> Fence {
        Fence {
            is_lenient: true,
            open: None,
        }
    }

    /// Whether this line is part of a fenced block.
    pub(super) fn read(&mut self, line: &Line) -> bool {
        let marks = self.marks(line.text);
        match self.open {
            None => {
                // Backticks behind it would make it a code span.
                self.open = marks
                    .filter(|(mark, _, info)| *mark != b'`' || !info.contains('`'))
                    .map(|(mark, len, _)| (mark, len));
                self.open.is_some()
            }
            Some(open) => {
                let is_end = marks.is_some_and(|(mark, len, after)| {
                    mark == open.0 && len >= open.1 && after.trim_matches([' ', '\t']).is_empty()
                });
                if is_end {
                    self.open = None;
                }
                true
            }
        }
    }

    /// The mark of the fence that `line` may be, how many, and what stands behind.
    fn marks<'a>(&self, line: &'a str) -> Option<(u8, usize, &'a str)> {
        let inner = match self.is_lenient {
            true => without_containers(line, self.open.is_none()),
            false => {
                let inner = line.trim_start_matches(' ');
                let indentation = line.len().saturating_sub(inner.len());
                (indentation <= WIDEST_INDENTATION).then_some(inner)?
            }
        };
        marks(inner)
    }
}

/// The mark of the fence that `line` begins with, how many, and what stands behind.
pub fn marks(line: &str) -> Option<(u8, usize, &str)> {
    let mark = *line.as_bytes().first()?;
    if !matches!(mark, b'`' | b'~') {
        return None;
    }
    let after = line.trim_start_matches(char::from(mark));
    let len = line.len().saturating_sub(after.len());
    (len >= SHORTEST).then_some((mark, len, after))
}

/// `line` without indentation, signs of quotes, and (where a block may begin) of list items.
fn without_containers(line: &str, with_items: bool) -> &str {
    let inner = line.trim_start_matches([' ', '\t', '>']);
    let after = match inner.as_bytes().first() {
        Some(b'-' | b'*' | b'+') => inner.get(1..),
        Some(b'0'..=b'9') => inner
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix(['.', ')']),
        _ => None,
    };
    after
        .filter(|after| with_items && after.starts_with([' ', '\t']))
        .map_or(inner, |after| after.trim_start_matches([' ', '\t', '>']))
}
