//! Inside a string: sixty-four bytes at a time, stopping only at quotes, escapes and
//! what must not be there.

use super::escape::{Unit, hex_digit, is_simple, unit};
use super::{Error, ErrorKind, Handler, Piece};
use crate::simd::Block;

/// Where inside a string the lexer is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StringState {
    inside: Inside,
    /// Whether a backslash has been seen.
    escaped: bool,
    /// Offset of the backslash that starts the escape or surrogate pair being read.
    escape: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Inside {
    #[default]
    Plain,
    /// After a backslash; `pair` when a high surrogate came before it.
    Escape { pair: bool },
    /// Among the digits of `\uXXXX`, of which `digits` have been read into `code`.
    Hex { pair: bool, digits: u8, code: u16 },
    /// After a high surrogate: only a backslash may follow.
    HighSurrogate,
}

impl StringState {
    /// Reads on from `bytes[from]`, which is inside the string and at offset
    /// `base + from`. Gives the index after the closing quote, or `None` when the chunk
    /// ends before the string does.
    #[inline(always)]
    pub(super) fn read<H: Handler>(
        &mut self,
        bytes: &[u8],
        from: usize,
        base: usize,
        handler: &mut H,
    ) -> Result<Option<usize>, H::Error> {
        // Invariant: `at` is at most `bytes.len()`, so none of the sums wraps.
        let mut at = from;
        let whole_until = loop {
            if let Inside::Plain = self.inside {
                at = self.skip_plain(bytes, at);
                let here = base.wrapping_add(at);
                match bytes.get(at) {
                    None => break here,
                    Some(b'"') => {
                        deliver(bytes, from, at, base, here, handler)?;
                        handler.string_end(here, self.escaped)?;
                        return Ok(Some(at.wrapping_add(1)));
                    }
                    Some(b'\\') => {
                        self.escaped = true;
                        self.escape = here;
                        self.inside = Inside::Escape { pair: false };
                    }
                    Some(_) => {
                        // What came before is handed out, as it would be had it come alone.
                        deliver(bytes, from, at, base, here, handler)?;
                        return Err(Error {
                            kind: ErrorKind::ControlCharacter,
                            at: here,
                        }
                        .into());
                    }
                }
                at = at.wrapping_add(1);
            }
            let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else {
                break self.escape;
            };
            match self.inside.step(rest) {
                Ok((inside, read)) => {
                    self.inside = inside;
                    at = at.wrapping_add(read);
                }
                Err(kind) => {
                    deliver(bytes, from, at, base, self.escape, handler)?;
                    return Err(Error {
                        kind,
                        at: self.escape,
                    }
                    .into());
                }
            }
        };
        deliver(bytes, from, bytes.len(), base, whole_until, handler)?;
        Ok(None)
    }

    /// The index of the first byte from `at` on that is not plain content, or `bytes.len()`.
    /// Two-character escapes are content too while they lie inside one block.
    #[inline(always)]
    fn skip_plain(&mut self, bytes: &[u8], mut at: usize) -> usize {
        while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<64>) {
            let mut stops = Block::load(block).string_stops();
            loop {
                let bit = stops.trailing_zeros();
                if bit == 64 {
                    break;
                }
                let index = bit as usize;
                if let Some(&[b'\\', kind]) = block.get(index..index.wrapping_add(2))
                    && is_simple(kind)
                {
                    self.escaped = true;
                    // The escaped character may be a quote or a backslash, hence a stop too.
                    stops &= !(0b11 << bit);
                } else {
                    return at.wrapping_add(index);
                }
            }
            at = at.wrapping_add(64);
        }
        let tail = bytes.get(at..).unwrap_or_default();
        let plain = tail
            .iter()
            .position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        plain.map_or(bytes.len(), |plain| at.wrapping_add(plain))
    }
}

impl Inside {
    /// Reads on inside an escape: the state after it and the number of bytes it took of
    /// `rest`, which is not empty.
    #[inline]
    fn step(self, rest: &[u8]) -> Result<(Inside, usize), ErrorKind> {
        let byte = rest.first().copied().unwrap_or_default();
        let next = match self {
            Inside::Plain => Inside::Plain,
            Inside::Escape { pair } if byte == b'u' => Inside::Hex {
                pair,
                digits: 0,
                code: 0,
            },
            Inside::HighSurrogate if byte == b'\\' => Inside::Escape { pair: true },
            Inside::Escape { pair: true } | Inside::HighSurrogate => {
                return Err(ErrorKind::LoneSurrogate);
            }
            Inside::Escape { pair: false } if is_simple(byte) => Inside::Plain,
            Inside::Escape { pair: false } => return Err(ErrorKind::InvalidEscape),
            Inside::Hex {
                pair,
                mut digits,
                mut code,
            } => {
                let mut read = 0usize;
                for &byte in rest.iter().take(usize::from(4u8.wrapping_sub(digits))) {
                    code = code << 4 | hex_digit(byte).ok_or(ErrorKind::InvalidEscape)?;
                    digits = digits.wrapping_add(1);
                    read = read.wrapping_add(1);
                }
                let next = match (digits, unit(code), pair) {
                    (0..4, ..) => Inside::Hex { pair, digits, code },
                    (_, Unit::Character, false) | (_, Unit::LowSurrogate, true) => Inside::Plain,
                    (_, Unit::HighSurrogate, false) => Inside::HighSurrogate,
                    _ => return Err(ErrorKind::LoneSurrogate),
                };
                return Ok((next, read));
            }
        };
        Ok((next, 1))
    }
}

/// Hands `bytes[from..to]` to the handler.
#[inline(always)]
fn deliver<H: Handler>(
    bytes: &[u8],
    from: usize,
    to: usize,
    base: usize,
    whole_until: usize,
    handler: &mut H,
) -> Result<(), H::Error> {
    let bytes = bytes.get(from..to).unwrap_or_default();
    handler.string_piece(Piece {
        bytes,
        at: base.wrapping_add(from),
        whole_until,
    })
}
