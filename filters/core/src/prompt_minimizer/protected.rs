//! What no transform of a text may touch: places where a blank, a column or a line's end may
//! mean something.
//!
//! Fences and diffs are read by their grammar; indentation, tables and drawings are guessed, and
//! when in doubt a line is protected. All are whole lines with their ends. One pass over the
//! lines, each of which several readers look at; none looks back further than it read.

mod diff;
pub(super) mod fence;

use core::ops::Range;

use super::lines::{Line, is_blank, lines};
use super::splice::Splice;
use diff::Diff;
use fence::Fence;

/// Places of `text` that stay byte for byte: code fences, indented lines with the line they hang
/// under, unified diffs, tables, drawings. Whole lines, in order, neither overlapping nor
/// touching.
pub fn protected(text: &str) -> Vec<Range<usize>> {
    let mut places = literal_places(text, true);
    places.0.shrink_to_fit();
    places.0
}

/// The same without what is only indented: whoever replaces whole values and leaves the
/// indentation as it is need not care about it.
pub fn literal(text: &str) -> Vec<Range<usize>> {
    literal_places(text, false).0
}

fn literal_places(text: &str, with_indentation: bool) -> Places {
    let mut places = Places::default();
    let mut fences = [Fence::strict(), Fence::lenient()];
    let mut indented = Indented::default();
    let mut diff = Diff::default();
    let mut table = Table::default();
    let mut drawing = Drawing::default();
    let mut before: Option<Line> = None;
    for line in lines(text) {
        let is_fenced = fences
            .iter_mut()
            .fold(false, |is_fenced, fence| fence.read(&line) | is_fenced);
        if is_fenced {
            places.add(line.range());
        }
        if with_indentation && let Some(from) = indented.read(&line, before.as_ref()) {
            places.add(from..line.next);
        }
        if let Some(from) = diff.read(&line, before.as_ref()) {
            places.add(from..line.next);
        }
        if let Some(from) = table.read(&line, before.as_ref()) {
            places.add(from..line.next);
        }
        if let Some(from) = drawing.read(&line) {
            places.add(from..line.next);
        }
        before = Some(line);
    }
    places
}

/// Whether `range` has a byte in one of `places`, which are in order. Those that end before it
/// are dropped: what is asked for next must not begin before.
pub(super) fn overlaps(places: &mut &[Range<usize>], range: &Range<usize>) -> bool {
    while let Some((first, rest)) = places.split_first()
        && first.end <= range.start
    {
        *places = rest;
    }
    places.first().is_some_and(|first| first.start < range.end)
}

/// Whether `splices`, none of which is longer than what it stands for, only move the places
/// `before` to where the places `after` are.
pub(super) fn stay(before: &[Range<usize>], splices: &[Splice], after: &[Range<usize>]) -> bool {
    let mut ahead = splices.iter().peekable();
    let mut gone = 0usize;
    let mut moved = |at: usize| {
        while let Some(splice) = ahead.next_if(|splice| splice.range.start < at) {
            let less = splice.range.len().saturating_sub(splice.text.len());
            gone = gone.saturating_add(less);
        }
        at.saturating_sub(gone)
    };
    let expected = before
        .iter()
        .map(|place| moved(place.start)..moved(place.end));
    expected.eq(after.iter().cloned())
}

/// Ranges in order that do not touch.
#[derive(Default)]
struct Places(Vec<Range<usize>>);

impl Places {
    /// Adds a range that ends where the text is read to.
    fn add(&mut self, mut range: Range<usize>) {
        while let Some(last) = self.0.pop_if(|last| last.end >= range.start) {
            range.start = range.start.min(last.start);
            range.end = range.end.max(last.end);
        }
        self.0.push(range);
    }
}

/// A line is indented from here on: one space is a slip of the hand.
const INDENTED: usize = 2;

/// Reads indented lines: code, YAML, recipes of a Makefile, lists in lists.
#[derive(Default)]
struct Indented {
    /// Where the stretch of indented and blank lines began, with the line it hangs under.
    from: Option<usize>,
}

impl Indented {
    /// Where the place begins that this line is the last of.
    fn read(&mut self, line: &Line, before: Option<&Line>) -> Option<usize> {
        if line.is_blank() {
            return None;
        }
        let len = line.indentation();
        if !line.text.starts_with('\t') && len < INDENTED {
            self.from = None;
            return None;
        }
        let hangs_under = before.filter(|before| !before.is_blank());
        let from = hangs_under.map_or(line.start, |before| before.start);
        Some(*self.from.get_or_insert(from))
    }
}

/// Reads tables: a row of dashes under a row with bars, or rows that begin with a bar.
#[derive(Default)]
struct Table {
    is_in: bool,
}

impl Table {
    fn read(&mut self, line: &Line, before: Option<&Line>) -> Option<usize> {
        if line.indented().starts_with('|') {
            // The row of dashes may come next.
            self.is_in = self.is_in || is_delimiter(line.text);
            return Some(line.start);
        }
        let has_bar = |line: &Line| memchr::memchr(b'|', line.text.as_bytes()).is_some();
        if self.is_in {
            self.is_in = has_bar(line) || is_delimiter(line.text);
            return self.is_in.then_some(line.start);
        }
        let header = before
            .filter(|_| is_delimiter(line.text))
            .filter(|before| has_bar(before))?;
        self.is_in = true;
        Some(header.start)
    }
}

/// `--- | :-:`, and `----+----` as psql prints it.
fn is_delimiter(line: &str) -> bool {
    let is_sign = |byte| matches!(byte, b'-' | b'=' | b'|' | b'+' | b':' | b' ' | b'\t');
    line.bytes().all(is_sign) && line.contains('-') && line.contains(['|', '+'])
}

/// Longer lines are no drawing: nobody's screen is as wide.
const WIDEST_DRAWING: usize = 512;

/// Fewer signs are no drawing.
const FEWEST_SIGNS: usize = 3;

/// Reads drawings: lines mostly of signs, and a single other line between them.
#[derive(Default)]
struct Drawing {
    /// Where the last line of signs and the line behind it begin.
    last: Option<usize>,
    is_next: bool,
}

impl Drawing {
    fn read(&mut self, line: &Line) -> Option<usize> {
        if !is_drawn(line.text) {
            self.last = self.last.filter(|_| core::mem::take(&mut self.is_next));
            return None;
        }
        self.is_next = true;
        let from = self.last.replace(line.start);
        Some(from.unwrap_or(line.start))
    }
}

fn is_drawn(line: &str) -> bool {
    if line.len() > WIDEST_DRAWING {
        return false;
    }
    let count = |is: fn(&u8) -> bool| line.bytes().filter(is).count();
    let is_drawing = |c| matches!(c, '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}');
    let characters = match line.is_ascii() {
        true => line.len(),
        // Boxes and blocks, Braille patterns.
        false if line.contains(is_drawing) => return true,
        false => line.chars().count(),
    };
    let signs = count(u8::is_ascii_punctuation);
    let blanks = count(|byte| is_blank(*byte));
    let others = characters.saturating_sub(signs).saturating_sub(blanks);
    signs >= FEWEST_SIGNS && signs > others
}

#[cfg(test)]
mod tests;
