//! Escapes that are spelled otherwise than the canonical text has them.
//!
//! JSON encoders write `\n` and `\"` where they must; `\/` and `\uXXXX` are what one writes and
//! another does not. So only those are looked for.

use crate::json::escape_at;
use crate::simd::Block;

/// Room for what [`spell`] spells at a time: some thirty characters of a text that is all escapes.
pub(super) const ROOM: usize = 128;

/// The longest spelling of one character: `\u001f`.
const LONGEST: usize = 6;

/// The first escape from `from` on, which is where a character or escape begins, that is spelled
/// otherwise. `content` is that of a string, whole characters and escapes.
pub(super) fn next_other_spelling(content: &[u8], from: usize) -> Option<usize> {
    let mut next = from;
    loop {
        let at = next_candidate(content, next)?;
        let before = content.get(from..at).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
        // An odd number of them: the backslash is itself what is escaped.
        if backslashes.count() % 2 == 0 {
            let rest = content.get(at..).unwrap_or_default();
            let (character, read) = escape_at(rest)?;
            let mut room = [0; LONGEST];
            if rest.get(..read) != Some(spelling(character, &mut room)) {
                return Some(at);
            }
        }
        next = at.wrapping_add(1);
    }
}

/// The first backslash from `from` on that a `u` or `/` follows.
#[inline]
fn next_candidate(content: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // A block's last byte is the first of the next one, so that every pair is within one.
    while let Some(block) = content.get(at..).and_then(<[u8]>::first_chunk::<64>) {
        let block = Block::load(block);
        let candidates = block.eq(b'\\') & ((block.eq(b'u') | block.eq(b'/')) >> 1);
        if candidates != 0 {
            return Some(at.wrapping_add(candidates.trailing_zeros() as usize));
        }
        at = at.wrapping_add(63);
    }
    let rest = content.get(at..).unwrap_or_default();
    let is = |pair: &[u8]| matches!(pair, [b'\\', b'u' | b'/']);
    rest.windows(2)
        .position(is)
        .map(|found| at.wrapping_add(found))
}

/// Spells the escapes that `rest` begins with as the canonical text does, as many as there is
/// room for, and says how many bytes of `rest` they take; at least one byte.
pub(super) fn spell<'r>(rest: &[u8], room: &'r mut [u8; ROOM]) -> (&'r [u8], usize) {
    let (mut len, mut read) = (0usize, 0usize);
    while let Some((character, bytes)) = escape_at(rest.get(read..).unwrap_or_default()) {
        let mut one = [0; LONGEST];
        let spelled = spelling(character, &mut one);
        let end = len.wrapping_add(spelled.len());
        let Some(place) = room.get_mut(len..end) else {
            break;
        };
        place.copy_from_slice(spelled);
        len = end;
        read = read.wrapping_add(bytes);
    }
    (room.get(..len).unwrap_or_default(), read.max(1))
}

/// A character as it stands in a canonical string.
#[inline]
fn spelling(character: char, room: &mut [u8; LONGEST]) -> &[u8] {
    match character {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\u{8}' => b"\\b",
        '\u{c}' => b"\\f",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '\0'..'\u{20}' => {
            let digit =
                |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |d| d as u8);
            let code = character as u8;
            *room = [
                b'\\',
                b'u',
                b'0',
                b'0',
                digit(code >> 4),
                digit(code & 0x0f),
            ];
            room
        }
        _ => character.encode_utf8(room).as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(content: &str) -> String {
        let content = content.as_bytes();
        let (mut text, mut after) = (Vec::new(), 0);
        while let Some(at) = next_other_spelling(content, after) {
            text.extend_from_slice(&content[after..at]);
            let mut room = [0; ROOM];
            let (spelled, read) = spell(&content[at..], &mut room);
            text.extend_from_slice(spelled);
            after = at + read;
        }
        text.extend_from_slice(&content[after..]);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn escapes_are_spelled_in_one_way() {
        for (content, expected) in [
            ("", ""),
            (r"plain \n \\ \t", r"plain \n \\ \t"),
            (r"\u0041\u0042", "AB"),
            (r"\/a\/", "/a/"),
            (r"\\u0041", r"\\u0041"),
            (r"\\\u0041", r"\\A"),
            (r"\\\\/\/", r"\\\\//"),
            (r"\u0022\u005c\u005C\u002f", r#"\"\\\\/"#),
            (r"\u0008\u000c\u000a\u000D\u0009", r"\b\f\n\r\t"),
            (r"\u0000\u001F\u001f\u007f", "\\u0000\\u001f\\u001f\u{7f}"),
            (r"\u001f and \u00e9 \u4F60", "\\u001f and é 你"),
            (r"\ud83d\uDE00!", "😀!"),
            (r"\u0041\n\u0041", r"A\nA"),
        ] {
            for before in [0, 1, 61, 62, 63, 64, 126] {
                let padding = "x".repeat(before);
                let content = format!("{padding}{content}{padding}");
                let expected = format!("{padding}{expected}{padding}");
                assert_eq!(canonical(&content), expected, "{content}");
            }
        }
    }

    #[test]
    fn no_number_of_escapes_is_too_many() {
        for (escape, expected) in [(r"\u4f60", "你"), (r"\u001F", r"\u001f"), (r"\\\/", r"\\/")] {
            assert_eq!(canonical(&escape.repeat(1_000)), expected.repeat(1_000));
        }
    }
}
