//! What JSON string escapes stand for, byte by byte, wherever the bytes are cut.

/// The UTF-8 of one character, or of a lone surrogate's replacement and the character after it.
#[derive(Clone, Copy, Default)]
pub(super) struct Decoded {
    bytes: [u8; 8],
    len: u8,
}

impl Decoded {
    fn push(mut self, character: char) -> Decoded {
        let at = usize::from(self.len);
        if let Some(room) = self
            .bytes
            .get_mut(at..at.saturating_add(character.len_utf8()))
        {
            character.encode_utf8(room);
            self.len = self.len.wrapping_add(character.len_utf8() as u8);
        }
        self
    }

    fn push_byte(mut self, byte: u8) -> Decoded {
        if let Some(room) = self.bytes.get_mut(usize::from(self.len)) {
            *room = byte;
            self.len = self.len.wrapping_add(1);
        }
        self
    }

    /// The UTF-8 bytes; none while an escape is incomplete.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// What a backslash and this byte stand for; a `u` begins a longer escape.
#[inline(always)]
pub(super) fn short_escape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x08,
        b'f' => 0x0c,
        other => other,
    }
}

/// The character that `\u` and these four hexadecimal digits spell; none for a surrogate, or
/// for what is no digit.
#[inline(always)]
pub(super) fn four_digits(digits: &[u8; 4]) -> Option<char> {
    let mut number = 0_u32;
    for &byte in digits {
        number = number.wrapping_shl(4) | char::from(byte).to_digit(16)?;
    }
    char::from_u32(number)
}

/// An escape being read: from its backslash to its last byte, and from a high surrogate to
/// what follows it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unescape {
    state: State,
    /// A high surrogate waiting for its low half; 0 when there is none.
    high: u16,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Backslash,
    /// `\u` and this many hexadecimal digits, which make this number.
    Digits(u8, u16),
}

impl Unescape {
    /// Whether the next byte stands for itself unless it is a backslash.
    pub(super) fn is_idle(self) -> bool {
        self == Unescape::default()
    }

    /// Takes the next byte of an escape, or of what follows a high surrogate.
    pub(super) fn byte(&mut self, byte: u8) -> Decoded {
        match self.state {
            State::Outside if byte == b'\\' => {
                self.state = State::Backslash;
                Decoded::default()
            }
            State::Outside => {
                // Only a waiting high surrogate brings an ordinary byte here.
                self.give_up().push_byte(byte)
            }
            State::Backslash if byte == b'u' => {
                self.state = State::Digits(0, 0);
                Decoded::default()
            }
            State::Backslash => {
                self.state = State::Outside;
                self.give_up().push_byte(short_escape(byte))
            }
            State::Digits(seen, number) => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default() as u16;
                let number = number.wrapping_shl(4) | digit;
                if seen < 3 {
                    self.state = State::Digits(seen.wrapping_add(1), number);
                    return Decoded::default();
                }
                self.state = State::Outside;
                self.unit(number)
            }
        }
    }

    /// Takes a UTF-16 code unit that `\uXXXX` spelled.
    fn unit(&mut self, unit: u16) -> Decoded {
        match (self.high, unit) {
            (0, 0xd800..=0xdbff) => {
                self.high = unit;
                Decoded::default()
            }
            (1.., 0xdc00..=0xdfff) => {
                let high = u32::from(self.high & 0x3ff);
                self.high = 0;
                let scalar = 0x1_0000_u32.wrapping_add(high << 10 | u32::from(unit & 0x3ff));
                Decoded::default()
                    .push(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            (1.., 0xd800..=0xdbff) => {
                let decoded = self.give_up();
                self.high = unit;
                decoded
            }
            _ => {
                let character =
                    char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.give_up().push(character)
            }
        }
    }

    /// Ends the text: what a waiting high surrogate stands for.
    pub(super) fn give_up(&mut self) -> Decoded {
        let lone = core::mem::take(&mut self.high) != 0;
        if lone {
            Decoded::default().push(char::REPLACEMENT_CHARACTER)
        } else {
            Decoded::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescape(escaped: &str) -> String {
        let mut unescape = Unescape::default();
        let mut text = Vec::new();
        for byte in escaped.bytes() {
            if unescape.is_idle() && byte != b'\\' {
                text.push(byte);
            } else {
                text.extend_from_slice(unescape.byte(byte).as_bytes());
            }
        }
        text.extend_from_slice(unescape.give_up().as_bytes());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn escapes_become_what_they_stand_for() {
        for (escaped, text) in [
            ("plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u4E2d", "Aé中"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d!", "\u{fffd}!"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ude00x", "\u{fffd}x"),
            (r"\ud83dA", "\u{fffd}A"),
            ("\\ud83dé", "\u{fffd}é"),
        ] {
            assert_eq!(unescape(escaped), text, "{escaped}");
        }
    }
}
