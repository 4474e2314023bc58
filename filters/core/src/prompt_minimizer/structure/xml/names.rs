//! The names of a document's elements, and what is known of each.

use hashbrown::HashMap;

/// Different names remembered of one document.
const MOST_NAMES: usize = 1024;

/// Elements inside a line of text, or between which a browser or word processor shows a space
/// where there is whitespace. In front of what is named so, a line's end is a word's end.
#[rustfmt::skip]
const OF_TEXT: [&str; 86] = [
    // HTML's own; those that data often has too, such as `title`, `link` and `body`, are not
    // in a text by themselves when it is HTML.
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "blockquote", "br", "button", "caption",
    "center", "cite", "code", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure",
    "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "html", "i", "img", "input", "ins", "kbd",
    "label", "li", "mark", "nobr", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp",
    "script", "select", "small", "span", "strike", "strong", "style", "sub", "sup", "table",
    "tbody", "td", "textarea", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr",
    // DocBook, TEI, JATS, Office, XAML, SVG, XSLT.
    "bold", "emphasis", "hi", "italic", "para", "phrase", "r", "run", "seg", "simpara", "t",
    "text", "textblock", "tspan",
];

/// A name that was met.
#[derive(Clone, Copy)]
pub struct NameId(usize);

/// The names that were met.
#[derive(Default)]
pub struct Names<'t> {
    known: HashMap<&'t str, NameId>,
    has_text: Vec<bool>,
}

impl<'t> Names<'t> {
    /// The name of a tag, with its prefix. `None` where it is one of a text's own, and where
    /// there are too many.
    pub fn of(&mut self, tag: &'t str) -> Option<NameId> {
        if let Some(id) = self.known.get(tag) {
            return Some(*id);
        }
        let local = tag.rsplit(':').next().unwrap_or_default();
        let is_of_text = OF_TEXT.iter().any(|name| local.eq_ignore_ascii_case(name));
        if is_of_text || self.has_text.len() >= MOST_NAMES {
            return None;
        }
        let id = NameId(self.has_text.len());
        self.has_text.push(false);
        self.known.insert(tag, id);
        Some(id)
    }

    /// An element of this name holds more than other elements.
    pub fn hold_text(&mut self, name: NameId) {
        if let Some(has_text) = self.has_text.get_mut(name.0) {
            *has_text = true;
        }
    }

    /// Whether any element of this name holds more than other elements.
    pub fn has_text(&self, name: NameId) -> bool {
        self.has_text.get(name.0).is_none_or(|has_text| *has_text)
    }
}
