//! Escapes in strings: the alphabet the lexer checks, and the meaning for those who compare.

/// The character a two-character escape such as `\n` stands for; `None` for `\u` and others.
pub(super) const fn simple(after_backslash: u8) -> Option<u8> {
    Some(match after_backslash {
        b'"' | b'\\' | b'/' => after_backslash,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// The same out of a table, because the jump that a `match` becomes is mispredicted where escapes
/// are frequent.
#[inline(always)]
pub(crate) fn simple_escape(after_backslash: u8) -> Option<u8> {
    let stands_for = SIMPLE.get(usize::from(after_backslash));
    stands_for.copied().filter(|byte| *byte != NONE)
}

/// Whether a backslash and this byte are an escape of two characters.
#[inline(always)]
pub(super) fn is_simple(after_backslash: u8) -> bool {
    simple_escape(after_backslash).is_some()
}

/// What no escape of two characters stands for.
const NONE: u8 = 0;

static SIMPLE: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut byte = 0u8;
    while byte < 128 {
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated by the compiler; 128 is below 256"
        )]
        if let Some(stands_for) = simple(byte) {
            table[byte as usize] = stands_for;
        }
        byte = byte.wrapping_add(1);
    }
    table
};

/// The value of a hexadecimal digit.
#[inline(always)]
pub(super) fn hex_digit(byte: u8) -> Option<u16> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u16::try_from(digit).ok())
}

/// What a code unit of an `\uXXXX` escape is.
pub(super) enum Unit {
    Character,
    HighSurrogate,
    LowSurrogate,
}

#[inline(always)]
pub(super) fn unit(code: u16) -> Unit {
    match code {
        0xd800..=0xdbff => Unit::HighSurrogate,
        0xdc00..=0xdfff => Unit::LowSurrogate,
        _ => Unit::Character,
    }
}

/// The characters an escaped string stands for.
///
/// `content` is what stands between the quotes of a string the lexer accepted; in any
/// other bytes, what is no escape is dropped.
pub fn unescape(content: &[u8]) -> impl Iterator<Item = Unescaped<'_>> {
    let mut rest = content;
    core::iter::from_fn(move || {
        loop {
            let plain = rest
                .iter()
                .position(|&byte| byte == b'\\')
                .unwrap_or(rest.len());
            if let Some((run, after)) = rest
                .split_at_checked(plain)
                .filter(|(run, _)| !run.is_empty())
            {
                rest = after;
                return Some(Unescaped::Bytes(run));
            }
            let [b'\\', kind, after @ ..] = rest else {
                return None;
            };
            rest = after;
            if let Some(byte) = simple(*kind) {
                return Some(Unescaped::Char(char::from(byte)));
            }
            if let Some((character, after)) = (*kind == b'u').then(|| unicode(rest)).flatten() {
                rest = after;
                return Some(Unescaped::Char(character));
            }
        }
    })
}

/// The character of the escape that `rest` begins with, and how many bytes it takes.
pub(crate) fn escape_at(rest: &[u8]) -> Option<(char, usize)> {
    let [b'\\', kind, after @ ..] = rest else {
        return None;
    };
    if let Some(byte) = simple(*kind) {
        return Some((char::from(byte), 2));
    }
    let (character, after) = (*kind == b'u').then(|| unicode(after)).flatten()?;
    Some((character, rest.len().saturating_sub(after.len())))
}

/// A run of an unescaped string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unescaped<'a> {
    /// Bytes that stand for themselves.
    Bytes(&'a [u8]),
    /// The character of one escape.
    Char(char),
}

/// Unescapes `content` into `room`; `None` when it does not fit.
pub fn unescape_short<'r>(content: &[u8], room: &'r mut [u8]) -> Option<&'r [u8]> {
    let mut len = 0usize;
    for run in unescape(content) {
        let mut utf8 = [0; 4];
        let bytes = match run {
            Unescaped::Bytes(bytes) => bytes,
            Unescaped::Char(character) => character.encode_utf8(&mut utf8).as_bytes(),
        };
        let end = len.checked_add(bytes.len())?;
        room.get_mut(len..end)?.copy_from_slice(bytes);
        len = end;
    }
    room.get(..len)
}

/// The character of `XXXX` (after `\u`), or of `XXXX\uXXXX` for a surrogate pair.
fn unicode(rest: &[u8]) -> Option<(char, &[u8])> {
    let (first, after) = code_unit(rest)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, after));
    }
    let (second, after) = code_unit(after.strip_prefix(b"\\u")?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, after))
}

fn code_unit(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, after) = rest.split_first_chunk::<4>()?;
    let code = digits
        .iter()
        .try_fold(0u16, |code, &digit| Some(code << 4 | hex_digit(digit)?))?;
    Some((code, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unescaping_agrees_with_serde_json() {
        for json in [
            r#""""#,
            r#""plain""#,
            r#""mess\u0061ges""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u00e9\u4F60 \ud83d\ude00!""#,
            r#""é你😀\\u0041""#,
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            let content = &json.as_bytes()[1..json.len() - 1];
            let mut room = [0; 64];
            assert_eq!(
                unescape_short(content, &mut room),
                Some(expected.as_bytes()),
                "{json}"
            );
            let mut exact = vec![0; expected.len()];
            assert!(
                unescape_short(content, &mut exact).is_some(),
                "{json} fits exactly"
            );
            if let Some(short) = expected.len().checked_sub(1) {
                assert_eq!(
                    unescape_short(content, &mut vec![0; short]),
                    None,
                    "{json} does not fit"
                );
            }
        }
    }

    #[test]
    fn the_two_lists_of_simple_escapes_agree() {
        for byte in 0..=255 {
            assert_eq!(simple_escape(byte), simple(byte), "{byte}");
        }
    }

    #[test]
    fn what_is_no_escape_is_dropped() {
        for (content, expected) in [
            (r"a\", "a"),
            (r"\q", ""),
            (r"\u12", "12"),
            (r"\ud800x", "d800x"),
        ] {
            let mut room = [0; 16];
            assert_eq!(
                unescape_short(content.as_bytes(), &mut room),
                Some(expected.as_bytes()),
                "{content}"
            );
        }
    }
}
