//! Texts that are HTML: what a reader of the page reads of them.
//!
//! A page that a tool has fetched is mostly tags, scripts and styles. Headings, items of lists
//! and cells of tables keep their lines and marks, links their address, images what stands for
//! them; `pre` keeps its white space. Everything else that only a browser needs goes.
//!
//! Only what is HTML from its first character on is read, and only if its tags are in order:
//! what is broken, unfinished or another language stays as it is, byte for byte.

mod entity;
mod tag;

use self::tag::Tag;
use super::splice::Splice;

/// What a document, or a part of one that is worth reading, begins with.
const BEGINNINGS: [&str; 26] = [
    "html",
    "head",
    "body",
    "div",
    "main",
    "article",
    "section",
    "nav",
    "header",
    "footer",
    "aside",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "ul",
    "ol",
    "dl",
    "table",
    "form",
    "blockquote",
    "pre",
    "figure",
];

/// Elements that stand on lines of their own, besides those.
const LINES: [&str; 19] = [
    "li",
    "dt",
    "dd",
    "tr",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "br",
    "hr",
    "title",
    "address",
    "fieldset",
    "figcaption",
    "option",
    "select",
    "details",
    "summary",
    "legend",
];

/// Elements that have no end.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Elements whose end may be left out.
const OPTIONAL_END: [&str; 17] = [
    "html", "head", "body", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot",
    "option", "optgroup", "colgroup", "caption",
];

/// Elements that hold no text for a reader.
const UNREAD: [&str; 4] = ["script", "style", "template", "svg"];

/// Elements inside each other; more is left alone.
const MAX_DEPTH: usize = 512;

/// `text` without its tags, if it is HTML, in order, and a quarter of it or more goes.
pub fn to_text(text: &str) -> Vec<Splice> {
    let page = text.trim();
    if !begins_as_html(page) || !page.ends_with('>') {
        return Vec::new();
    }
    let Some(read) = Reader::read(page) else {
        return Vec::new();
    };
    let most = text.len().saturating_sub(text.len() / 4);
    // What is HTML once more, out of character references, would be read once more.
    if read.is_empty() || read.starts_with('<') || read.len() > most {
        return Vec::new();
    }
    vec![Splice {
        range: 0..text.len(),
        text: read,
    }]
}

fn begins_as_html(page: &str) -> bool {
    let doctype = page.get(..DOCTYPE.len()).unwrap_or_default();
    doctype.eq_ignore_ascii_case(DOCTYPE)
        || Tag::read(page).is_some_and(|tag| !tag.is_end && tag.is(&BEGINNINGS))
}

const DOCTYPE: &str = "<!doctype html";

/// What goes between what has been written and what comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    Nothing,
    Space,
    Line,
}

struct Reader<'t> {
    written: String,
    gap: Gap,
    /// What the next line begins with.
    mark: &'static str,
    open: Vec<&'t str>,
    /// How many of the open elements keep white space.
    pre: usize,
    /// Whether the row of a table has a cell.
    has_cell: bool,
    /// The open link's address, and where its words begin.
    link: Option<(String, usize)>,
}

impl<'t> Reader<'t> {
    fn read(page: &'t str) -> Option<String> {
        let mut reader = Reader {
            written: String::new(),
            gap: Gap::Nothing,
            mark: "",
            open: Vec::new(),
            pre: 0,
            has_cell: false,
            link: None,
        };
        let mut rest = page;
        while let Some(first) = rest.chars().next() {
            let len = match first {
                '<' => reader.markup(rest)?,
                '&' => reader.reference(rest),
                _ => {
                    let len = rest.find(['<', '&']).unwrap_or(rest.len());
                    reader.text(rest.get(..len)?);
                    len
                }
            };
            rest = rest.get(len..)?;
        }
        let is_closed = |name: &&str| is_one_of(name, &OPTIONAL_END);
        reader.open.iter().all(is_closed).then_some(reader.written)
    }

    /// Takes what begins with `<`, and returns its length. `None` where it has no end or does
    /// not fit.
    fn markup(&mut self, rest: &'t str) -> Option<usize> {
        if let Some(comment) = rest.strip_prefix("<!--") {
            return Some(comment.find("-->")?.saturating_add("<!---->".len()));
        }
        if rest
            .get(..DOCTYPE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE))
        {
            return Some(rest.find('>')?.saturating_add(1));
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            return None;
        }
        let Some(tag) = Tag::read(rest) else {
            // A sign of its own is text; a tag without an end is no page.
            let is_sign = rest.get(1..2).is_none_or(|next| next.trim().is_empty());
            self.text(rest.get(..1).filter(|_| is_sign)?);
            return Some(1);
        };
        if tag.is_end {
            self.end(&tag)?;
        } else if tag.is(&UNREAD) && !tag.is_empty {
            let after = rest.get(tag.len..)?;
            return Some(tag.len.saturating_add(end_of(after, tag.name)?));
        } else {
            self.start(&tag)?;
        }
        Some(tag.len)
    }

    fn start(&mut self, tag: &Tag<'t>) -> Option<()> {
        self.line(tag);
        match tag.name.to_ascii_lowercase().as_str() {
            "h1" => self.mark = "# ",
            "h2" => self.mark = "## ",
            "h3" => self.mark = "### ",
            "h4" => self.mark = "#### ",
            "h5" => self.mark = "##### ",
            "h6" => self.mark = "###### ",
            "li" => self.mark = "- ",
            "tr" => self.has_cell = false,
            "td" | "th" => {
                if core::mem::replace(&mut self.has_cell, true) {
                    self.gap = self.gap.max(Gap::Space);
                    self.write("|");
                }
                self.gap = self.gap.max(Gap::Space);
            }
            "a" => {
                let href = tag.attribute("href").unwrap_or_default();
                let is_place = !href.is_empty()
                    && !["#", "javascript:", "data:"]
                        .iter()
                        .any(|other| href.starts_with(other));
                self.link = is_place.then(|| (decoded(href), self.written.len()));
            }
            "img" => {
                let words = decoded(tag.attribute("alt").unwrap_or_default());
                self.text(&words);
            }
            "pre" => self.pre = self.pre.saturating_add(1),
            // Without a mark a power would be another number, and what was struck out be said.
            "sup" => self.write("^"),
            "sub" => self.write("_"),
            "del" | "s" | "strike" => self.write("~~"),
            _ => {}
        }
        if !tag.is(&VOID) && !tag.is_empty {
            self.open.push(tag.name);
        }
        (self.open.len() <= MAX_DEPTH).then_some(())
    }

    fn end(&mut self, tag: &Tag<'t>) -> Option<()> {
        loop {
            let name = self.open.pop()?;
            if name.eq_ignore_ascii_case("pre") {
                self.pre = self.pre.saturating_sub(1);
            }
            if name.eq_ignore_ascii_case(tag.name) {
                break;
            }
            if !is_one_of(name, &OPTIONAL_END) {
                return None;
            }
        }
        if tag.is(&["del", "s", "strike"]) {
            self.write("~~");
        }
        self.line(tag);
        let link = self.link.take_if(|_| tag.is(&["a"]));
        if let Some((address, start)) = link {
            let words = self.written.get(start..).unwrap_or_default().trim();
            if !words.is_empty() && words != address {
                self.written.push_str(" (");
                self.written.push_str(&address);
                self.written.push(')');
            }
        }
        Some(())
    }

    /// Begins a line where this element stands on one.
    fn line(&mut self, tag: &Tag<'_>) {
        if tag.is(&BEGINNINGS) || tag.is(&LINES) {
            let is_break = tag.is(&["br"]) && self.pre > 0;
            if is_break {
                self.written.push('\n');
            } else {
                self.gap = Gap::Line;
            }
            self.mark = "";
        }
    }

    fn reference(&mut self, rest: &str) -> usize {
        match entity::read(rest) {
            Some((character, len)) => {
                self.text(character.encode_utf8(&mut [0; 4]));
                len
            }
            None => {
                self.text("&");
                1
            }
        }
    }

    fn text(&mut self, text: &str) {
        if self.pre > 0 {
            self.write(text);
            return;
        }
        for (index, word) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if index > 0 {
                self.gap = self.gap.max(Gap::Space);
            }
            if !word.is_empty() {
                self.write(word);
            }
        }
    }

    fn write(&mut self, text: &str) {
        match core::mem::replace(&mut self.gap, Gap::Nothing) {
            _ if self.written.is_empty() => {}
            Gap::Nothing => {}
            Gap::Space => self.written.push(' '),
            Gap::Line => self.written.push('\n'),
        }
        self.written.push_str(core::mem::take(&mut self.mark));
        self.written.push_str(text);
    }
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Where the end tag of an element ends of which nothing is read.
fn end_of(rest: &str, name: &str) -> Option<usize> {
    let mut at = 0usize;
    loop {
        let start = rest.get(at..)?.find("</")?;
        at = at.saturating_add(start).saturating_add("</".len());
        let after = rest.get(at..)?;
        let is_it = after
            .get(..name.len())
            .is_some_and(|end| end.eq_ignore_ascii_case(name));
        if is_it {
            return Some(at.saturating_add(after.find('>')?).saturating_add(1));
        }
    }
}

/// An attribute's value without character references.
fn decoded(value: &str) -> String {
    let mut decoded = String::new();
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let (character, len) = entity::read(rest).unwrap_or((first, first.len_utf8()));
        decoded.push(character);
        rest = rest.get(len..).unwrap_or_default();
    }
    decoded
}

#[cfg(test)]
mod tests;
