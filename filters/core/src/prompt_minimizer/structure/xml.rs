//! What pretty-printed XML has between its tags: whitespace that means nothing.

mod markup;
mod names;
#[cfg(test)]
mod tests;

use core::ops::Range;

use crate::json::MAX_DEPTH;
use crate::prompt_minimizer::splice::Splice;
use markup::Markup;
use names::{NameId, Names};

/// Whitespace from this length on is a token, whatever tags stand beside it; a line's end alone
/// may be part of the tag before it.
const TOKEN_OF_ITS_OWN: usize = 3;

/// Takes out whitespace that begins new lines between the tags of elements which have other
/// elements for content and nothing else. `None` where `text` is not one well-formed element
/// with at most an XML declaration before it; where it is HTML or might be; where it has a
/// document type, which may say anything, or `xml:space`; and where that might save no token.
///
/// Without a schema, the text itself must show that an element has no words for content: an
/// element of which any other of its name holds text, a comment, a CDATA section, a processing
/// instruction, or whitespace within a line, keeps its whitespace.
pub fn whitespace(text: &str) -> Option<Vec<Splice>> {
    let element = text.trim_matches(is_whitespace);
    if !element.starts_with('<')
        || !element.ends_with('>')
        || memchr::memchr(b'\n', text.as_bytes()).is_none()
    {
        return None;
    }
    if !markup::are_characters(text) {
        return None;
    }
    let mut document = Document {
        text,
        open: Vec::new(),
        names: Names::default(),
        gaps: Vec::new(),
    };
    document.read()?;
    let Document { names, gaps, .. } = document;
    let mut splices = Vec::new();
    let mut is_worth_it = false;
    for (gap, parent) in gaps {
        if parent.is_none_or(|name| !names.has_text(name)) {
            is_worth_it |= gap.len() >= TOKEN_OF_ITS_OWN;
            splices.try_reserve(1).ok()?;
            splices.push(Splice::remove(gap));
        }
    }
    is_worth_it.then_some(splices)
}

/// XML's whitespace (XML 1.0 section 2.3).
fn is_whitespace(character: char) -> bool {
    matches!(character, ' ' | '\n' | '\r' | '\t')
}

/// One document as it is read.
struct Document<'t> {
    text: &'t str,
    /// The elements that are open, the root first.
    open: Vec<Element<'t>>,
    names: Names<'t>,
    /// Whitespace that may mean nothing, and the element whose content it is; none around the
    /// root.
    gaps: Vec<(Range<usize>, Option<NameId>)>,
}

struct Element<'t> {
    tag: &'t str,
    name: NameId,
    has_child: bool,
}

impl<'t> Document<'t> {
    fn read(&mut self) -> Option<()> {
        let mut at = markup::declaration(self.text)?;
        loop {
            let rest = self.text.get(at..)?;
            let start = at.saturating_add(memchr::memchr(b'<', rest.as_bytes())?);
            let gap = self.content(at..start)?;
            let (markup, len) = markup::read(self.text.get(start..)?)?;
            self.markup(markup, gap)?;
            at = start.saturating_add(len);
            if self.open.is_empty() {
                break;
            }
        }
        let gap = self.content(at..self.text.len())?;
        self.gap(gap, None)
    }

    /// What stands between two pieces of markup: the range of it if it is whitespace that begins
    /// a line, else an empty one.
    fn content(&mut self, range: Range<usize>) -> Option<Range<usize>> {
        let content = self.text.get(range.clone())?;
        let is_blank = content.bytes().all(|byte| is_whitespace(char::from(byte)));
        let begins_line = is_blank && memchr::memchr(b'\n', content.as_bytes()).is_some();
        if begins_line {
            return Some(range);
        }
        match self.open.last() {
            None if !is_blank => return None,
            Some(parent) if !content.is_empty() => {
                self.names.hold_text(parent.name);
                markup::is_text(content).then_some(())?;
            }
            _ => {}
        }
        Some(range.start..range.start)
    }

    fn markup(&mut self, markup: Markup<'t>, gap: Range<usize>) -> Option<()> {
        match markup {
            Markup::Open {
                name: tag,
                is_empty,
            } => {
                let parent = self.open.last_mut().map(|parent| {
                    parent.has_child = true;
                    parent.name
                });
                self.gap(gap, parent)?;
                let name = self.names.of(tag)?;
                if !is_empty {
                    if self.open.len() >= usize::from(MAX_DEPTH) {
                        return None;
                    }
                    self.open.push(Element {
                        tag,
                        name,
                        has_child: false,
                    });
                }
            }
            Markup::Close { name: tag } => {
                let element = self.open.pop()?;
                if element.tag != tag {
                    return None;
                }
                // Whitespace alone may be what an element is there for.
                if element.has_child {
                    self.gap(gap, Some(element.name))?;
                }
            }
            Markup::Opaque => self.names.hold_text(self.open.last()?.name),
        }
        Some(())
    }

    fn gap(&mut self, gap: Range<usize>, parent: Option<NameId>) -> Option<()> {
        if !gap.is_empty() {
            self.gaps.try_reserve(1).ok()?;
            self.gaps.push((gap, parent));
        }
        Some(())
    }
}
