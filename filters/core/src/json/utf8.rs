//! UTF-8 across chunk borders: the lexer sees whole characters only.

/// The first bytes of a character whose rest has not arrived.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Partial {
    bytes: [u8; 4],
    len: u8,
}

/// What one more byte makes of a partial character.
pub(super) enum Grown {
    Whole([u8; 4], usize),
    Partial,
    Invalid,
}

impl Partial {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a byte.
    pub(super) fn grow(&mut self, byte: u8) -> Grown {
        if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
            *place = byte;
        }
        let len = usize::from(self.len.wrapping_add(1));
        match core::str::from_utf8(self.bytes.get(..len).unwrap_or_default()) {
            Ok(_) => {
                self.len = 0;
                Grown::Whole(self.bytes, len)
            }
            // `None`: not wrong so far, only unfinished, which is at most three bytes.
            Err(error) if error.error_len().is_none() => {
                self.len = self.len.wrapping_add(1);
                Grown::Partial
            }
            Err(_) => Grown::Invalid,
        }
    }
}

/// The longest valid start of `bytes`, and whether the rest is only an unfinished
/// character (at most three bytes) rather than an error.
#[inline]
pub(super) fn valid_prefix(bytes: &[u8]) -> (&[u8], &[u8], bool) {
    // Set aside a character that the chunk's end cuts, so that the fast check can pass.
    let (body, tail) = bytes
        .split_at_checked(unfinished_from(bytes))
        .unwrap_or((bytes, &[]));
    match simdutf8::basic::from_utf8(body) {
        Ok(_) => (body, tail, true),
        Err(_) => exact_prefix(bytes),
    }
}

/// Where the character that the end of `bytes` may cut starts; `bytes.len()` if none does.
#[inline(always)]
fn unfinished_from(bytes: &[u8]) -> usize {
    for (index, &byte) in bytes.iter().enumerate().rev().take(3) {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => return bytes.len(),
        };
        let there = bytes.len().wrapping_sub(index);
        return if there < needed { index } else { bytes.len() };
    }
    bytes.len()
}

#[cold]
fn exact_prefix(bytes: &[u8]) -> (&[u8], &[u8], bool) {
    match core::str::from_utf8(bytes) {
        Ok(_) => (bytes, &[], true),
        Err(error) => {
            let (valid, rest) = bytes
                .split_at_checked(error.valid_up_to())
                .unwrap_or((&[], bytes));
            (valid, rest, error.error_len().is_none())
        }
    }
}
