//! A tag as it stands in the text (HTML, section 13.1.2).

/// An element's start or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'t> {
    pub(super) name: &'t str,
    pub(super) is_end: bool,
    /// Whether it ends with `/>`.
    pub(super) is_empty: bool,
    attributes: &'t str,
    /// Bytes of it.
    pub(super) len: usize,
}

impl<'t> Tag<'t> {
    /// The tag that `rest` begins with; `None` where it is none, or does not end.
    pub(super) fn read(rest: &'t str) -> Option<Tag<'t>> {
        let inner = rest.strip_prefix('<')?;
        let (is_end, inner) = match inner.strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        if !inner.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        let mut quote = None;
        let mut before = b' ';
        let end = inner.bytes().position(|byte| {
            match quote {
                Some(open) if open == byte => quote = None,
                Some(_) => {}
                None if byte == b'>' => return true,
                None if matches!(byte, b'"' | b'\'') && before == b'=' => quote = Some(byte),
                None => {}
            }
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
            false
        })?;
        let inner = inner.get(..end)?;
        let (name, attributes) = inner
            .find(|c: char| c.is_ascii_whitespace() || c == '/')
            .and_then(|at| inner.split_at_checked(at))
            .unwrap_or((inner, ""));
        Some(Tag {
            name,
            is_end,
            is_empty: attributes.ends_with('/'),
            attributes,
            len: end.saturating_add(if is_end { 3 } else { 2 }),
        })
    }

    /// Whether this is an element of one of these names.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        names
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name))
    }

    /// The value of an attribute, its character references unread.
    pub(super) fn attribute(&self, name: &str) -> Option<&'t str> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '/')?;
            let (key, after) = rest.split_at_checked(end)?;
            let value = after
                .trim_ascii_start()
                .strip_prefix('=')
                .map(str::trim_ascii_start);
            let Some(value) = value else {
                // A key without an end would be no key: each turn takes a byte at least.
                rest = if key.is_empty() {
                    after.get(1..)?
                } else {
                    after
                };
                continue;
            };
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (value, after) = match quote {
                Some(quote) => value.get(1..)?.split_once(quote)?,
                None => {
                    let end = value.find(|c: char| c.is_ascii_whitespace());
                    value.split_at_checked(end.unwrap_or(value.len()))?
                }
            };
            if key.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = after;
        }
    }
}
