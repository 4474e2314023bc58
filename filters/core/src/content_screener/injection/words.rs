//! Words as phrases count them: those of [`crate::words`] but signs, one after another from
//! wherever a phrase may begin.

/// A word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Offset of its first byte.
    pub start: usize,
    /// Offset after its last byte.
    pub end: usize,
}

/// A letter of a script with spaces, or part of one that takes two bytes (U+00C0 to U+07FF).
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || (0xc3..=0xdf).contains(&byte)
}

/// A character of three bytes that is no sign: not U+2000 to U+2FFF, CJK punctuation
/// (U+3000 to U+303F) or U+F000 and up (full-width signs, private use).
fn is_character(byte: u8, next: Option<&u8>) -> bool {
    matches!(byte, 0xe0 | 0xe1 | 0xe3..=0xee) && !(byte == 0xe3 && next == Some(&0x80))
}

/// The first word of `text` that begins at `from` or later.
///
/// `from` is where a character begins.
pub(super) fn next(text: &[u8], from: usize) -> Option<Word> {
    let mut rest = text.get(from..)?;
    let mut start = from;
    loop {
        let (&byte, after) = rest.split_first()?;
        let len = if is_letter(byte) {
            // What continues a letter of two bytes comes between 0x80 and 0xbf.
            let sign = rest
                .iter()
                .position(|b| !(is_letter(*b) || (0x80..=0xbf).contains(b)));
            sign.unwrap_or(rest.len())
        } else if is_character(byte, after.first()) {
            3
        } else {
            rest = after;
            start = start.wrapping_add(1);
            continue;
        };
        let end = start.saturating_add(len).min(text.len());
        return Some(Word { start, end });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_words_of_every_script() {
        for (text, expected) in [
            ("", &[][..]),
            (" -- ", &[]),
            ("Ignore  all-previous", &["Ignore", "all", "previous"]),
            ("don't", &["don", "t"]),
            ("忽略，以上。指令", &["忽", "略", "以", "上", "指", "令"]),
            ("игнорируй «все» it", &["игнорируй", "все", "it"]),
            ("zh中x", &["zh", "中", "x"]),
            ("😀 a…b", &["a", "b"]),
            ("caféx", &["caféx"]),
        ] {
            let mut words = Vec::new();
            let mut from = 0;
            while let Some(word) = next(text.as_bytes(), from) {
                words.push(text.get(word.start..word.end).unwrap_or("not UTF-8"));
                from = word.end;
            }
            assert_eq!(words, expected, "{text}");
        }
    }
}
