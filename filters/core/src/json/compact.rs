//! Whether a JSON text has anything that need not be there, sixty-four bytes at a time: a look
//! ahead of those who would have to lex it.

use crate::simd::Block;

/// What a JSON text has that it could do without. Of what is no JSON it may say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compactness {
    /// White space outside strings.
    pub(crate) has_gaps: bool,
    /// Escapes that begin with `\u`.
    pub(crate) has_unicode_escapes: bool,
}

/// Looks through `text`, up to the first white space outside a string.
pub(crate) fn compactness(text: &[u8]) -> Compactness {
    let mut look = Look::default();
    let (blocks, rest) = text.as_chunks::<64>();
    for block in blocks {
        if look.block(block) {
            break;
        }
    }
    if !look.found.has_gaps {
        // What is neither white space nor a sign.
        let mut block = [b'x'; 64];
        if let Some(place) = block.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        look.block(&block);
    }
    look.found
}

struct Look {
    found: Compactness,
    /// All bits where the next block begins inside a string, else none.
    inside: u64,
    /// The lowest bit where the next block's first byte is escaped.
    escaped: u64,
}

impl Default for Look {
    fn default() -> Look {
        Look {
            found: Compactness {
                has_gaps: false,
                has_unicode_escapes: false,
            },
            inside: 0,
            escaped: 0,
        }
    }
}

impl Look {
    /// Looks at the next bytes; whether there is white space outside a string.
    #[inline(always)]
    fn block(&mut self, bytes: &[u8; 64]) -> bool {
        let block = Block::load(bytes);
        let escaped = self.escaped(block.eq(b'\\'));
        if escaped != 0 {
            self.found.has_unicode_escapes |= escaped & block.eq(b'u') != 0;
        }
        let quotes = block.eq(b'"') & !escaped;
        // From each quote that opens up to the one that closes: behind an odd number of them.
        let inside = odd_so_far(quotes) ^ self.inside;
        self.inside = match inside >> 63 {
            0 => 0,
            _ => u64::MAX,
        };
        self.found.has_gaps |= block.range(0, b' ') & !inside != 0;
        self.found.has_gaps
    }

    /// Which bytes an odd number of backslashes stands ahead of. As in simdjson's scanner (Langdale,
    /// Lemire, Parsing Gigabytes of JSON per Second, 2019): a subtraction carries through runs of
    /// backslashes, and whether a run began at an even place tells which of it escape.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        if backslashes == 0 {
            return core::mem::take(&mut self.escaped);
        }
        let starts = backslashes & !self.escaped;
        let behind = starts << 1 | ODD;
        let escaping = behind.wrapping_sub(starts) ^ ODD;
        let escaped = escaping ^ (backslashes | self.escaped);
        self.escaped = (escaping & backslashes) >> 63;
        escaped
    }
}

/// Of each bit, whether the number of bits set up to it is odd.
#[inline(always)]
fn odd_so_far(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte.
    fn naive(text: &[u8]) -> Compactness {
        let (mut is_inside, mut is_escaped) = (false, false);
        let mut found = Look::default().found;
        for byte in text {
            if *byte <= b' ' && !is_inside {
                found.has_gaps = true;
                break;
            }
            if is_escaped {
                is_escaped = false;
                found.has_unicode_escapes |= *byte == b'u';
                continue;
            }
            match byte {
                b'\\' => is_escaped = true,
                b'"' => is_inside = !is_inside,
                _ => {}
            }
        }
        found
    }

    proptest! {
        #[test]
        fn it_sees_what_is_seen_byte_by_byte(parts in proptest::collection::vec(
            prop_oneof![Just("\\"), Just("\""), Just("\\\\"), Just("\\\""), Just("\\u00e9"), Just("u"), Just("\"a b\""),
                Just("{}[]:,0123456789"), Just("\" \\\\\""), Just("é"), Just("\"               \"")], 0..60),
            gap in prop_oneof![Just(""), Just(""), Just(" "), Just("\n")],
        ) {
            let text = parts.concat() + gap;
            let (found, expected) = (compactness(text.as_bytes()), naive(text.as_bytes()));
            prop_assert_eq!(found.has_gaps, expected.has_gaps, "{}", text);
            // Nobody asks for the other where it has gaps.
            if !expected.has_gaps {
                prop_assert_eq!(found, expected, "{}", text);
            }
        }
    }
}
