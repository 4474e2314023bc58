//! The one JSON block of a text that has no other fence.
//!
//! Stricter than the reader of [protected](crate::prompt_minimizer::protected) places, which
//! asks what may be fenced: marks count here wherever they stand in a line.

use core::ops::Range;

use super::json;
use crate::prompt_minimizer::protected::fence::{SHORTEST, WIDEST_INDENTATION};
use crate::prompt_minimizer::splice::Splice;

/// Takes out the whitespace of the block's content, which becomes one line between its fences.
/// `None` where it is no JSON object or array, and where anything else in the text, be it inside
/// a string of the block, looks like a fence: readers disagree about what is one.
pub fn whitespace(text: &str) -> Option<Vec<Splice>> {
    let block = only_block(text)?;
    let content = text.get(block.content.clone())?;
    let mut splices = json::whitespace(content)?;
    for Splice { range, .. } in &mut splices {
        range.start = range.start.saturating_add(block.content.start);
        range.end = range.end.saturating_add(block.content.start);
    }
    // In an item of a list the line would fall out of the item without its indentation.
    if block.indent > 0 {
        let first = splices
            .first_mut()
            .filter(|first| first.range.start == block.content.start)?;
        let before = text.get(first.range.clone())?;
        let kept = before.len().checked_sub(block.indent)?;
        if !before.get(kept..)?.bytes().all(|byte| byte == b' ') {
            return None;
        }
        first.range.end = first.range.start.saturating_add(kept);
        if kept == 0 {
            splices.remove(0);
        }
    }
    Some(splices)
}

/// A fenced block with the info string `json`.
struct Block {
    /// From the start of the line after the opening fence to the end of the line before the
    /// closing one, without that line's end.
    content: Range<usize>,
    /// The spaces in front of the opening fence.
    indent: usize,
}

/// The block between the only two runs in the text that can be fences.
fn only_block(text: &str) -> Option<Block> {
    let mut runs = fences(text);
    let (open, close) = (runs.next()?, runs.next()?);
    if runs.next().is_some() || has_bare_carriage_return(text) {
        return None;
    }
    let indent = indentation(text, open.start)?;
    indentation(text, close.start)?;
    let (fence, end) = (text.get(open.clone())?, text.get(close.clone())?);
    let info_line = text.get(open.end..)?.split_inclusive('\n').next()?;
    let end_line = text.get(close.end..)?.split('\n').next()?;
    let is_block = end.starts_with(fence) // The same sign, and at least as often.
        && info_line.trim_matches([' ', '\t', '\r', '\n']) == "json"
        && end_line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    if !is_block {
        return None;
    }
    let start = open.end.saturating_add(info_line.len());
    let lines = text.get(start..close.start)?;
    let lines = lines.get(..lines.rfind('\n')?)?;
    let lines = lines.strip_suffix('\r').unwrap_or(lines);
    Some(Block {
        content: start..start.saturating_add(lines.len()),
        indent,
    })
}

/// Every run of three and more backticks or tildes.
fn fences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut from = 0usize;
    core::iter::from_fn(move || {
        loop {
            let rest = bytes.get(from..)?;
            let start = from.saturating_add(memchr::memchr2(b'`', b'~', rest)?);
            let sign = bytes.get(start)?;
            let run = bytes.get(start..)?.iter().take_while(|byte| *byte == sign);
            from = start.saturating_add(run.count());
            if from.saturating_sub(start) >= SHORTEST {
                return Some(start..from);
            }
        }
    })
}

/// How many spaces stand between the start of a line and `at`; `None` where there is anything
/// else, or too many.
fn indentation(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let line = before.get(before.rfind('\n').map_or(0, |end| end.saturating_add(1))..)?;
    let is_indentation = line.len() <= WIDEST_INDENTATION && line.bytes().all(|byte| byte == b' ');
    is_indentation.then_some(line.len())
}

/// Whether a line ends with a carriage return alone, as some readers see it.
fn has_bare_carriage_return(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at.saturating_add(1)) != Some(&b'\n'))
}
