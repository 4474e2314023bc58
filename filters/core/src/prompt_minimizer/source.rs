//! A text as the model reads it, and the way back to its source in the body.

use core::ops::Range;

use crate::json::escape_at;

/// The text of a JSON string's content.
#[derive(Clone, Debug, Default)]
pub struct Source {
    text: String,
    /// Where text and content stop going side by side: an offset of each, behind an escape.
    turns: Vec<(usize, usize)>,
}

impl Source {
    /// Reads the content of a string that was accepted, `escaped` where it has escapes. `None`
    /// where there is no memory for it.
    pub fn read(content: &[u8], escaped: bool) -> Option<Source> {
        let mut source = Source::default();
        source.text.try_reserve(content.len()).ok()?;
        if !escaped {
            source.text.push_str(core::str::from_utf8(content).ok()?);
            return Some(source);
        }
        let mut at = 0usize;
        while let Some(rest) = content.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = rest
                .iter()
                .position(|byte| *byte == b'\\')
                .unwrap_or(rest.len());
            let (run, after) = rest.split_at_checked(plain)?;
            source.text.push_str(core::str::from_utf8(run).ok()?);
            at = at.saturating_add(plain);
            if after.is_empty() {
                break;
            }
            let (character, len) = escape_at(after)?;
            source.turns.push((source.text.len(), at));
            source.text.push(character);
            at = at.saturating_add(len);
            source.turns.push((source.text.len(), at));
        }
        Some(source)
    }

    /// What the model reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where in the content a range of the text stands, escapes whole.
    pub fn place(&self, range: &Range<usize>) -> Range<usize> {
        self.offset(range.start)..self.offset(range.end)
    }

    fn offset(&self, at: usize) -> usize {
        let behind = self.turns.partition_point(|(text, _)| *text <= at);
        let turn = behind.checked_sub(1).and_then(|last| self.turns.get(last));
        let (text, content) = turn.copied().unwrap_or_default();
        content.saturating_add(at.saturating_sub(text))
    }
}

/// `text` as the content of a JSON string: only what must be is escaped.
pub fn escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_lead_back(parts in proptest::collection::vec((any::<char>(), any::<bool>()), 0..40), cut in any::<(usize, usize)>()) {
            let mut content = String::new();
            let mut starts = vec![];
            let mut text = String::new();
            for (c, is_escaped) in &parts {
                starts.push((text.len(), content.len()));
                text.push(*c);
                if *is_escaped {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        content.push_str(&format!("\\u{unit:04x}"));
                    }
                } else {
                    content.push_str(&escape(&c.to_string()));
                }
            }
            starts.push((text.len(), content.len()));
            let source = Source::read(content.as_bytes(), true).unwrap();
            prop_assert_eq!(source.text(), &text);
            let (a, b) = (cut.0 % starts.len(), cut.1 % starts.len());
            let (from, to) = (starts[a.min(b)], starts[a.max(b)]);
            prop_assert_eq!(source.place(&(from.0..to.0)), from.1..to.1);
            prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{}\"", escape(&text))).unwrap(), text);
        }
    }
}
