//! Long blocks that stand in the conversation already: the later copy becomes a reference.
//!
//! Agents read the same file twice, run the same command again and quote what they were told.
//! A block is a stretch of whole lines, as that is what people and models quote and what a
//! reference can name. The lines of a reference and of code fences are in no block: a text of
//! references stays as it is, and where code begins and ends remains to be seen.
//!
//! What is looked for are windows: from a line on, as many whole lines as make the least length
//! of a block. Their hashes roll from line to line, a hash that is known is checked against the
//! bytes, and the block goes on as far as both are equal. Texts are compared as every other
//! transform has left them, and only with what stands earlier and was left standing: what a
//! reference names is sent, a turn's references stay the same in all later turns, and none leads
//! to another. Windows are known by their first line: only
//! those are remembered whose line is the message's first to begin so, that a reader who looks
//! for the quoted words comes to the right place.

mod lines;
mod reference;

use core::ops::Range;

use hashbrown::{HashMap, HashSet};

use self::lines::{Line, Window};
use self::reference::Reference;
use super::splice::Splice;

/// The least length of a block in bytes where no other is asked for: about three times what a
/// reference takes.
pub const MIN_BYTES: usize = 512;

/// Below this a block is not longer than its reference.
const LEAST_MIN_BYTES: usize = 128;

/// Bytes of earlier texts that are kept for comparing; what comes after them is not referred to.
const MAX_KEPT: usize = 8 << 20;

/// Windows of earlier texts that are known again; those after them are not.
const MAX_WINDOWS: usize = 1 << 17;

/// Beginnings of one message's lines that are told apart; past them nothing is remembered of it.
const MAX_BEGINNINGS: usize = 1 << 17;

/// Bytes that may be compared in vain. Equal hashes of unequal windows do not come about by
/// chance: past this somebody makes them, and gets no more references.
const MAX_WASTED: usize = 1 << 20;

/// The conversation so far, as one request brings it.
#[derive(Debug)]
pub struct Repeats {
    min_bytes: usize,
    stretches: Vec<Stretch>,
    windows: HashMap<u64, Place>,
    /// Bytes of all stretches.
    kept: usize,
    wasted: usize,
    message: u32,
    /// Hashes of how the message's lines begin, as they are quoted.
    beginnings: HashSet<u64>,
    /// Whether there are more.
    has_unread_lines: bool,
}

/// Whole lines of an earlier text that were left standing.
#[derive(Debug)]
struct Stretch {
    text: String,
    message: u32,
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    stretch: usize,
    at: usize,
}

/// A later copy, once or several times in a row.
struct Copy {
    range: Range<usize>,
    place: Place,
    /// Bytes and lines of it once.
    len: usize,
    lines: usize,
    reference: Reference,
}

/// The stretch that is being read.
struct Open<'a> {
    text: &'a str,
    start: usize,
    /// Its next line that is not known yet.
    next: usize,
    /// How far known windows reach; 0 where it has none.
    end: usize,
}

impl Default for Repeats {
    fn default() -> Repeats {
        Repeats::new(MIN_BYTES)
    }
}

impl Repeats {
    /// An empty conversation, in which blocks have at least `min_bytes`.
    pub fn new(min_bytes: usize) -> Repeats {
        Repeats {
            min_bytes: min_bytes.max(LEAST_MIN_BYTES),
            stretches: Vec::new(),
            windows: HashMap::new(),
            kept: 0,
            wasted: 0,
            message: 0,
            beginnings: HashSet::new(),
            has_unread_lines: false,
        }
    }

    /// The references that take the place of blocks in `text`, which is the conversation's next
    /// and stands in this message, counted from any start. All texts have to be shown, in order.
    pub fn look(&mut self, text: &str, message: u32) -> Vec<Splice> {
        if self.message != message {
            self.message = message;
            self.beginnings.clear();
            self.has_unread_lines = false;
        }
        let Some(lines) = lines::read(text) else {
            self.has_unread_lines = true;
            return Vec::new();
        };
        let beginnings = MAX_BEGINNINGS.saturating_sub(self.beginnings.len());
        self.beginnings.reserve(lines.len().min(beginnings));
        let mut copies = Vec::new();
        for run in lines.split(|line| line.is_barrier) {
            self.look_through(text, run, &mut copies);
        }
        copies
            .into_iter()
            .map(|copy| Splice {
                text: copy.reference.to_string(),
                range: copy.range,
            })
            .collect()
    }

    fn look_through(&mut self, text: &str, run: &[Line], copies: &mut Vec<Copy>) {
        let windows = lines::windows(run, self.min_bytes);
        let room = MAX_WINDOWS.saturating_sub(self.windows.len());
        self.windows.reserve(windows.len().min(room));
        let mut open = Open {
            text,
            start: run.first().map_or(0, |line| line.start),
            next: 0,
            end: 0,
        };
        let mut at = 0usize;
        while let Some(window) = windows.get(at) {
            // A window of the same text is known once it has ended: no block is its own copy.
            self.learn(run, &windows, &mut open, at);
            let Some(copy) = self.find(run, at, window, &open) else {
                at = at.saturating_add(1);
                continue;
            };
            let until = at.saturating_add(copy.lines);
            if !copy
                .reference
                .pays(text.get(copy.range.clone()).unwrap_or_default())
            {
                at = until;
                continue;
            }
            self.close(open, run.get(..at).unwrap_or_default());
            match copies.last_mut() {
                Some(last) if last.is_before(&copy) => {
                    last.range.end = copy.range.end;
                    last.reference.times = last.reference.times.saturating_add(1);
                }
                _ => copies.push(copy),
            }
            open = Open {
                text,
                start: run.get(until).map_or(text.len(), |line| line.start),
                next: until,
                end: 0,
            };
            at = until;
        }
        self.learn(run, &windows, &mut open, run.len());
        self.close(open, run);
    }

    /// Remembers the open stretch's windows up to a line of the run.
    fn learn(&mut self, run: &[Line], windows: &[Window], open: &mut Open<'_>, until: usize) {
        while let Some(window) = windows
            .get(open.next)
            .filter(|window| window.until <= until)
        {
            let end = window.end.saturating_sub(open.start);
            if self.kept.saturating_add(end) > MAX_KEPT || self.windows.len() >= MAX_WINDOWS {
                return;
            }
            let Some(line) = run.get(open.next) else {
                return;
            };
            if self.is_first_to_begin_so(open.text, line) {
                self.windows.entry(window.hash).or_insert(Place {
                    stretch: self.stretches.len(),
                    at: line.start.saturating_sub(open.start),
                });
                open.end = window.end;
            }
            open.next = open.next.saturating_add(1);
        }
    }

    /// Notes a line that is left standing, and tells whether its beginning is new in the message.
    fn is_first_to_begin_so(&mut self, text: &str, line: &Line) -> bool {
        if self.has_unread_lines || self.beginnings.len() >= MAX_BEGINNINGS {
            return false;
        }
        let line = text.get(line.start..line.end).unwrap_or_default();
        let beginning = reference::first_words(line);
        !beginning.is_empty() && self.beginnings.insert(lines::hash(beginning.as_bytes()))
    }

    /// Keeps the stretch, which ends where these lines do, as far as there is room.
    fn close(&mut self, open: Open<'_>, lines: &[Line]) {
        for line in lines.get(open.next..).unwrap_or_default() {
            self.is_first_to_begin_so(open.text, line);
        }
        if open.end == 0 {
            return;
        }
        let room = open
            .start
            .saturating_add(MAX_KEPT.saturating_sub(self.kept));
        let end = lines.last().map_or(0, |line| line.end);
        let end = if end > room { open.end } else { end };
        let text = open.text.get(open.start..end).unwrap_or_default();
        self.kept = self.kept.saturating_add(text.len());
        self.stretches.push(Stretch {
            text: text.to_owned(),
            message: self.message,
        });
    }

    /// What stands earlier of the lines from `at` on: this window, and as much as follows.
    fn find(&mut self, run: &[Line], at: usize, window: &Window, open: &Open<'_>) -> Option<Copy> {
        let place = *self.windows.get(&window.hash)?;
        if self.wasted > MAX_WASTED {
            return None;
        }
        let (source, message) = match self.stretches.get(place.stretch) {
            Some(stretch) => (stretch.text.as_str(), stretch.message),
            None => (open.text.get(open.start..open.end)?, self.message),
        };
        let start = run.get(at)?.start;
        let source = source.get(place.at..)?;
        let mut end = window.end;
        if !begins_with_lines(source, open.text.get(start..end)?) {
            self.wasted = self.wasted.saturating_add(end.saturating_sub(start));
            return None;
        }
        let mut until = window.until;
        for line in run.get(until..)? {
            let rest = source.get(end.saturating_sub(start)..)?;
            if !begins_with_lines(rest, open.text.get(end..line.end)?) {
                break;
            }
            end = line.end;
            until = until.saturating_add(1);
        }
        let lines = until.saturating_sub(at);
        let back = self.message.saturating_sub(message);
        Some(Copy {
            range: start..end,
            place,
            len: end.saturating_sub(start),
            lines,
            reference: Reference::new(open.text.get(start..end)?, lines, back),
        })
    }
}

impl Copy {
    /// Whether `next` follows, and is a copy of the same.
    fn is_before(&self, next: &Copy) -> bool {
        let newline = 1;
        self.range.end.saturating_add(newline) == next.range.start
            && (self.place, self.len) == (next.place, next.len)
    }
}

/// Whether `text` begins with `lines`, the last of which ends there too.
fn begins_with_lines(text: &str, lines: &str) -> bool {
    text.strip_prefix(lines)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'))
}

#[cfg(test)]
mod tests;
