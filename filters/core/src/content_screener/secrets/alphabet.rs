//! Runs of characters that look drawn at random.

use crate::content_screener::bytes::Bytes;

pub(super) type Alphabet = fn(u8) -> bool;

pub(super) fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

pub(super) fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

pub(super) fn lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

pub(super) fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// base64url, RFC 4648, 5.
pub(super) fn url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// base64url with its padding.
pub(super) fn url_safe_padded(byte: u8) -> bool {
    url_safe(byte) || byte == b'='
}

/// base64 without its padding.
pub(super) fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// base64url with dots between parts.
pub(super) fn dotted(byte: u8) -> bool {
    url_safe(byte) || byte == b'.'
}

/// What follows a literal: nothing but `alphabet`, from `least` to `most` of it.
pub(super) struct Run {
    pub(super) alphabet: Alphabet,
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Run {
    /// Where the run that begins at `from` ends.
    pub(super) fn end(&self, text: Bytes<'_>, from: usize) -> Option<usize> {
        let most = self.most.saturating_add(1);
        let mut end = text.run(from, most, self.alphabet);
        // A sentence's dot is not the secret's.
        while end > from && text.before(end, 1) == b'.' {
            end = end.wrapping_sub(1);
        }
        let value = text.slice(from..end);
        let fits = (self.least..=self.most).contains(&value.len())
            && !text.at(end).is_ascii_alphanumeric();
        (fits && is_random(value)).then_some(end)
    }
}

/// Whether `value` could be drawn at random: characters of two classes at least (lower case,
/// upper case, digits) or only capitals, and so many different ones that its entropy is not that of words or of
/// `xxxxxxxx`. Fewer than one in 100,000 random values is taken for such.
pub(super) fn is_random(value: &[u8]) -> bool {
    let mut counts = [0u16; 256];
    let mut classes = [false; 3];
    for &byte in value {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
        let [lower, upper, digit] = &mut classes;
        *lower |= byte.is_ascii_lowercase();
        *upper |= byte.is_ascii_uppercase();
        *digit |= byte.is_ascii_digit();
    }
    // Base 32 has no digit in one of thirty ids; words with dashes between are no base 32.
    let upper = classes == [false, true, false] && value.iter().all(u8::is_ascii_alphanumeric);
    let mixed = upper || classes.into_iter().filter(|&class| class).count() >= 2;
    mixed && entropy(&counts, value.len()) >= least_entropy(value.len())
}

/// Bits a character that random text of `len` characters of sixteen kinds hardly falls below.
fn least_entropy(len: usize) -> f32 {
    match len {
        0..=15 => 2.2,
        16..=23 => 2.4,
        24..=31 => 2.6,
        _ => 2.7,
    }
}

/// Shannon's entropy, in bits a character.
fn entropy(counts: &[u16; 256], len: usize) -> f32 {
    let len = len as f32;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f32::from(count) / len)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_fillers_are_not_random() {
        for value in [
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "your-api-key-goes-here-please",
            "YOUR_API_KEY_GOES_HERE_PLEASE",
            "00000000000000000000000000000000",
            "abababababababababababababababab",
            "XXXXXXXXXXXXXXXXXXXX0123",
            "",
        ] {
            assert!(!is_random(value.as_bytes()), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_drawn_at_random_is(bytes in any::<[u8; 36]>()) {
            let drawn = |alphabet: &[u8], len: usize| -> Vec<u8> {
                let all = bytes.iter().take(len);
                all.map(|&byte| alphabet[usize::from(byte) % alphabet.len()]).collect()
            };
            for value in [
                drawn(b"0123456789abcdef", 32),
                drawn(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
                drawn(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 36),
            ] {
                prop_assert!(is_random(&value), "{}", String::from_utf8_lossy(&value));
            }
        }
    }
}
