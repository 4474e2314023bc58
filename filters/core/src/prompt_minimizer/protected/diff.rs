//! Unified diffs, as `diff -u` and git write them.

use crate::prompt_minimizer::lines::{Line, is_blank};

/// Reads diffs as lines come.
#[derive(Default)]
pub(super) struct Diff {
    is_in: bool,
    /// Lines of the old and of the new file that the hunk still has.
    left: (u64, u64),
    /// Its lines are base85 up to the next file.
    is_binary: bool,
}

/// What lines of a file's header begin with.
const HEADER: [&str; 14] = [
    "diff ",
    "index ",
    "old mode ",
    "new mode ",
    "new file mode ",
    "deleted file mode ",
    "similarity index ",
    "dissimilarity index ",
    "rename ",
    "copy ",
    "Index: ",
    "Binary files ",
    "GIT binary patch",
    "====",
];

impl Diff {
    /// Where the place begins that this line is the last of.
    pub(super) fn read(&mut self, line: &Line, before: Option<&Line>) -> Option<usize> {
        let text = line.text;
        if text.starts_with("@@ ") || text.starts_with("@@@") {
            self.is_in = true;
            self.left = hunk(text).unwrap_or_default();
            return Some(line.start);
        }
        if text.starts_with("diff --git ") {
            *self = Diff {
                is_in: true,
                ..Diff::default()
            };
            return Some(line.start);
        }
        let old =
            before.filter(|before| text.starts_with("+++ ") && before.text.starts_with("--- "));
        if let Some(old) = old.filter(|_| !self.is_in) {
            self.is_in = true;
            return Some(old.start);
        }
        self.is_in = self.is_in && self.goes_on(text);
        self.is_in.then_some(line.start)
    }

    fn goes_on(&mut self, text: &str) -> bool {
        self.is_binary |= text.starts_with("GIT binary patch");
        if self.is_binary {
            return true;
        }
        let (old, new) = &mut self.left;
        let is_hunk = *old > 0 || *new > 0;
        match text.as_bytes().first() {
            Some(b'-') => *old = old.saturating_sub(1),
            Some(b'+') => *new = new.saturating_sub(1),
            // Empty lines of context lose their space on the way.
            _ if text.starts_with(' ') || text.bytes().all(is_blank) => {
                *old = old.saturating_sub(1);
                *new = new.saturating_sub(1);
                return is_hunk || text.starts_with(' ');
            }
            Some(b'\\') => {}
            _ => return HEADER.iter().any(|header| text.starts_with(header)),
        }
        true
    }
}

/// How many lines of the old and of the new file the hunk of `@@ -1,2 +3,4 @@` has.
fn hunk(header: &str) -> Option<(u64, u64)> {
    let mut words = header.split(' ').skip(1);
    let mut count = |sign| {
        let range = words.next()?.strip_prefix(sign)?;
        match range.split_once(',') {
            Some((_, count)) => count.parse().ok(),
            None => Some(1),
        }
    };
    Some((count('-')?, count('+')?))
}
