//! The pieces XML is marked up with, read as XML 1.0 (fifth edition) defines them.

use super::is_whitespace;

/// Attributes of one element.
const MOST_ATTRIBUTES: usize = 64;

/// One piece of markup.
pub enum Markup<'t> {
    /// `<name …>` or `<name …/>`.
    Open {
        /// With its prefix.
        name: &'t str,
        /// It is the whole element.
        is_empty: bool,
    },
    /// `</name>`.
    Close {
        /// With its prefix.
        name: &'t str,
    },
    /// A comment, a CDATA section, a processing instruction.
    Opaque,
}

/// Reads the markup that `text` begins with, and its length. `None` where it is malformed, a
/// document type, or says something of the whitespace inside.
pub fn read(text: &str) -> Option<(Markup<'_>, usize)> {
    let (markup, rest) = if let Some(rest) = text.strip_prefix("</") {
        let (name, rest) = name(rest)?;
        (Markup::Close { name }, blank(rest).strip_prefix('>')?)
    } else if let Some(rest) = text.strip_prefix("<!--") {
        let (_, rest) = rest.split_once("--")?;
        (Markup::Opaque, rest.strip_prefix('>')?)
    } else if let Some(rest) = text.strip_prefix("<![CDATA[") {
        (Markup::Opaque, rest.split_once("]]>")?.1)
    } else if let Some(rest) = text.strip_prefix("<?") {
        let (target, rest) = name(rest)?;
        let is_reserved = target.eq_ignore_ascii_case("xml") || target.contains(':');
        let (content, rest) = rest.split_once("?>")?;
        let is_target = content.is_empty() || content.starts_with(is_whitespace);
        if is_reserved || !is_target {
            return None;
        }
        (Markup::Opaque, rest)
    } else {
        let (name, rest) = name(text.strip_prefix('<')?)?;
        let (attributes, rest) = attributes(rest)?;
        let speaks_of_space = |(name, value): &(&str, &str)| {
            *name == "xml:space" || *value == "http://www.w3.org/1999/xhtml"
        };
        if attributes.iter().any(speaks_of_space) {
            return None;
        }
        let (is_empty, rest) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        (Markup::Open { name, is_empty }, rest.strip_prefix('>')?)
    };
    Some((markup, text.len().saturating_sub(rest.len())))
}

/// The length of the XML declaration that `text` begins with, zero without one.
pub fn declaration(text: &str) -> Option<usize> {
    let Some(rest) = text
        .strip_prefix("<?xml")
        .filter(|rest| rest.starts_with(is_whitespace))
    else {
        return Some(0);
    };
    let (attributes, rest) = attributes(rest)?;
    let rest = rest.strip_prefix("?>")?;
    let mut expected = ["version", "encoding", "standalone"].iter();
    let is_declaration = attributes.first() == Some(&("version", "1.0"))
        && attributes
            .iter()
            .all(|(name, value)| expected.any(|next| next == name) && !value.contains('&'));
    is_declaration.then(|| text.len().saturating_sub(rest.len()))
}

/// Whether there are only characters XML allows (section 2.2), as themselves.
pub fn are_characters(text: &str) -> bool {
    let are_printed = text.bytes().fold(true, |are, byte| {
        are & (byte >= b' ' || is_whitespace(char::from(byte)))
    });
    are_printed && (text.is_ascii() || !text.contains(['\u{fffe}', '\u{ffff}']))
}

/// Whether what stands between two pieces of markup is well-formed: its references are, and
/// there is no `]]>`.
pub fn is_text(text: &str) -> bool {
    let mut parts = text.split('&');
    parts.next();
    parts.all(is_reference) && !text.contains("]]>")
}

/// Whether what comes behind `&` begins with a reference that means something without a
/// document type (sections 4.1 and 4.6).
fn is_reference(rest: &str) -> bool {
    let Some((name, _)) = rest.split_once(';') else {
        return false;
    };
    let number = match name.strip_prefix("#x") {
        Some(digits) => (digits, 16),
        None => match name.strip_prefix('#') {
            Some(digits) => (digits, 10),
            None => return matches!(name, "lt" | "gt" | "amp" | "apos" | "quot"),
        },
    };
    let (digits, radix) = number;
    // A sign is no digit, though it is read as part of a number.
    let code = digits
        .chars()
        .all(|digit| digit.is_digit(radix))
        .then(|| u32::from_str_radix(digits, radix));
    let character = code.and_then(Result::ok).and_then(char::from_u32);
    character.is_some_and(|character| are_characters(character.encode_utf8(&mut [0; 4])))
}

/// The attributes before `>`, `/>` or `?>`, and what comes then.
fn attributes(text: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut attributes = Vec::new();
    let mut rest = text;
    loop {
        let next = blank(rest);
        if next.starts_with(['>', '/', '?']) {
            return Some((attributes, next));
        }
        let is_apart = next.len() < rest.len();
        let (name, after) = name(next)?;
        let after = blank(blank(after).strip_prefix('=')?);
        let quote = after
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = after.strip_prefix(quote)?.split_once(quote)?;
        let is_new = attributes.iter().all(|(other, _)| *other != name);
        let mut references = value.split('&');
        references.next();
        let is_value = !value.contains('<') && references.all(is_reference);
        if !is_apart || !is_new || !is_value || attributes.len() >= MOST_ATTRIBUTES {
            return None;
        }
        attributes.push((name, value));
        rest = after;
    }
}

/// The name that `text` begins with, with at most a prefix (Namespaces in XML section 3), and
/// what comes then.
fn name(text: &str) -> Option<(&str, &str)> {
    let len = text
        .find(|character| !is_of_name(character))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(len)?;
    let mut parts = name.split(':');
    let is_part = |part: &str| part.starts_with(begins_name);
    let is_name = parts.next().is_some_and(is_part)
        && parts.next().is_none_or(is_part)
        && parts.next().is_none();
    is_name.then_some((name, rest))
}

/// What comes behind whitespace.
fn blank(text: &str) -> &str {
    text.trim_start_matches(is_whitespace)
}

/// `NameStartChar` of section 2.3, without the colon.
fn begins_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
        | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

/// `NameChar` of section 2.3.
fn is_of_name(character: char) -> bool {
    begins_name(character)
        || matches!(character,
            ':' | '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
