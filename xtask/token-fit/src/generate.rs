//! Text no package holds enough of: what is random by design.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Sebastiano Vigna's splitmix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A length between `low` and `high`, small ones as likely per octave as large ones.
    pub fn length(&mut self, low: usize, high: usize) -> usize {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (low as f64 * (high as f64 / low as f64).powf(unit)) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A document of the class `base64`: an encoded blob, bare or in its usual surroundings.
pub fn base64(random: &mut Random, size: usize, plain: &str) -> String {
    // What is encoded is as often text or padded records as it is compressed or encrypted.
    let raw_len = size * 3 / 4;
    let raw = match random.below(4) {
        0 => plain.bytes().cycle().take(raw_len).collect(),
        1 => (0..raw_len)
            .map(|i| if i % 16 < 6 { 0 } else { random.next() as u8 })
            .collect(),
        _ => random.bytes(raw_len),
    };
    match random.below(5) {
        0 => STANDARD.encode(raw),
        1 => {
            let line = STANDARD.encode(raw);
            let lines: Vec<&str> = (0..line.len())
                .step_by(64)
                .map(|i| &line[i..line.len().min(i + 64)])
                .collect();
            format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                lines.join("\n")
            )
        }
        2 => URL_SAFE_NO_PAD.encode(raw),
        3 => format!(
            "{{\"name\":\"attachment.bin\",\"content\":\"{}\"}}",
            STANDARD_NO_PAD.encode(raw)
        ),
        _ => raw
            .chunks(36)
            .map(|c| format!("Authorization: Bearer {}\n", URL_SAFE_NO_PAD.encode(c)))
            .collect(),
    }
}

/// A document of the class `letters`: letters in words of no language's length.
pub fn letters(random: &mut Random, size: usize) -> String {
    let (kinds, word) = (1 + random.below(26), 40 + random.below(2000));
    let mut text = String::new();
    while text.len() < size {
        let spaced = text.len() % word == word - 1;
        text.push(if spaced {
            ' '
        } else {
            char::from(b'a' + random.below(kinds) as u8)
        });
    }
    text
}

/// A document of the class `hex`: digests, identifiers, dumps.
pub fn hex(random: &mut Random, size: usize) -> String {
    let mut text = String::new();
    let kind = random.below(6);
    while text.len() < size {
        let lower: String = random
            .bytes(32)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let piece = match kind {
            0 => lower,
            1 => format!("{lower}\n"),
            2 => format!(
                "{}-{}-{}-{}-{}\n",
                &lower[..8],
                &lower[8..12],
                &lower[12..16],
                &lower[16..20],
                &lower[20..32]
            ),
            3 => format!(
                "\"id\": \"{}-{}-{}-{}-{}\",\n",
                &lower[..8],
                &lower[8..12],
                &lower[12..16],
                &lower[16..20],
                &lower[20..32]
            ),
            4 => lower.to_uppercase(),
            _ => format!(
                "{:08x}: {}\n",
                text.len(),
                lower.as_bytes()[..32]
                    .chunks(4)
                    .map(|c| String::from_utf8_lossy(c).into_owned())
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
        };
        text.push_str(&piece);
    }
    text.truncate(size);
    text
}
