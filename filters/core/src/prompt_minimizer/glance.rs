//! What a look at the beginning of a text, still escaped, tells of the transforms that are in vain.

use super::Transform;
use crate::config::PromptMinimizerConfig;

/// A text at first sight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glance<'a> {
    content: &'a [u8],
    /// Its first byte that is no white space; `None` where that is not to be seen, as in `\u003c`.
    first: Option<u8>,
}

impl<'a> Glance<'a> {
    /// A glance at the content of a JSON string, `escaped` where it has escapes.
    pub(super) fn at(content: &'a [u8], escaped: bool) -> Glance<'a> {
        let has_unicode_escapes = || memchr::memmem::find(content, b"\\u").is_some();
        let first = match escaped && has_unicode_escapes() {
            true => None,
            false => first(content),
        };
        Glance { content, first }
    }

    /// Whether the transform may find something: only texts that begin with a bracket are JSON or
    /// XML, and of others only those with a fence have JSON in one.
    pub(super) fn may_want(&self, transform: Transform, config: &PromptMinimizerConfig) -> bool {
        let Some(first) = self.first else {
            return true;
        };
        match transform {
            Transform::Structure => matches!(first, b'{' | b'[' | b'<') || self.has_fence(),
            Transform::Records => first == b'[',
            Transform::Html => first == b'<',
            // It is not longer unescaped.
            Transform::Cap => self.content.len() > config.cap.max_bytes as usize,
            Transform::Repeats | Transform::Base64 | Transform::Canonical | Transform::Logs => true,
        }
    }

    fn has_fence(&self) -> bool {
        [&b"```"[..], b"~~~"]
            .iter()
            .any(|marks| memchr::memmem::find(self.content, marks).is_some())
    }
}

/// The first byte that is no white space, escaped or not; `None` for white space outside ASCII.
fn first(content: &[u8]) -> Option<u8> {
    let mut rest = content;
    loop {
        rest = match rest {
            [b' ', rest @ ..] | [b'\\', b'n' | b'r' | b't' | b'f', rest @ ..] => rest,
            [b'\\', quote @ (b'"' | b'\\' | b'/' | b'b'), ..] => return Some(*quote),
            [first, ..] if first.is_ascii() => return Some(*first),
            [] => return Some(0),
            [first, ..] => return is_sign(rest).then_some(*first),
        };
    }
}

/// Whether the character beyond ASCII that `rest` begins with is to be seen.
fn is_sign(rest: &[u8]) -> bool {
    let rest = rest.get(..4).unwrap_or(rest);
    let start = rest.utf8_chunks().next().map(|chunk| chunk.valid());
    let character = start.and_then(|start| start.chars().next());
    character.is_some_and(|character| !character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::source::{Source, escape};
    use super::super::{base64, canonical, cap, html, records, samples, structure};
    use super::*;

    const MAX_BYTES: u32 = 300;

    /// Whether the transform makes nothing of the text, whatever it looks like.
    fn is_in_vain(transform: Transform, text: &str) -> bool {
        match transform {
            Transform::Structure => structure::minify(text, true).is_empty(),
            Transform::Html => html::to_text(text).is_empty(),
            Transform::Records => records::table(text).is_empty(),
            Transform::Base64 => base64::elide(text).is_empty(),
            Transform::Canonical => canonical::tidy(text).is_empty(),
            Transform::Cap => cap::cap(text, MAX_BYTES as usize, 100, 100).is_empty(),
            Transform::Logs | Transform::Repeats => true,
        }
    }

    fn check(content: &str) {
        let source = Source::read(content.as_bytes(), content.contains('\\')).unwrap();
        let glance = Glance::at(content.as_bytes(), content.contains('\\'));
        let mut config = PromptMinimizerConfig::default();
        config.cap.max_bytes = MAX_BYTES;
        for transform in Transform::ALL {
            let is_wanted = glance.may_want(transform, &config);
            let is_in_vain = is_in_vain(transform, source.text());
            assert!(is_wanted || is_in_vain, "{transform:?} of {content}");
        }
    }

    #[test]
    fn what_is_to_be_done_is_seen() {
        let records = "[{\"name\": \"first\", \"number\": 1}, ".repeat(9) + "{}]";
        let page = format!("<p>{}</p>", "<b>words</b> ".repeat(9));
        let fenced = "Look:\n```json\n{ \"a\" : [ 1 , 2 , 3 ] }\n```\n";
        for text in [
            "{\n    \"a\": 1,\n    \"b\": 2\n}",
            &records.replace(", [", ", "),
            &page,
            fenced,
            &fenced.replace('`', "~"),
            &"a".repeat(400),
        ] {
            for ahead in [
                "", "  ", "\n", " \r\n\t", "\u{c}", "\u{a0}", "\u{b}", "\u{3000}", "\u{feff}", "你",
            ] {
                let text = format!("{ahead}{text}");
                check(&escape(&text));
                let spelled: String = text
                    .chars()
                    .map(|c| format!("\\u{:04x}", c as u32))
                    .collect();
                check(&spelled);
                check(&escape(&text).replace('/', "\\/"));
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_is_passed_over(text in samples::texts()) {
            check(&escape(&text));
        }
    }
}
