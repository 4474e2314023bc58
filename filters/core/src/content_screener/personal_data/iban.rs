//! International bank account numbers, ISO 13616: country, check digits (ISO 7064, MOD 97-10)
//! and an account number whose structure the country has registered.

use core::ops::Range;

use crate::content_screener::bytes::Bytes;

/// Runs of characters of one class.
type Structure = &'static [(usize, u8)];

/// Countries and the structure behind the check digits, as the SWIFT IBAN registry writes it:
/// `n` digits, `a` upper-case letters, `c` both.
const COUNTRIES: &[(&[u8; 2], Structure)] = &[
    (b"AD", &[(8, b'n'), (12, b'c')]),
    (b"AE", &[(19, b'n')]),
    (b"AL", &[(8, b'n'), (16, b'c')]),
    (b"AT", &[(16, b'n')]),
    (b"AZ", &[(4, b'a'), (20, b'c')]),
    (b"BA", &[(16, b'n')]),
    (b"BE", &[(12, b'n')]),
    (b"BG", &[(4, b'a'), (6, b'n'), (8, b'c')]),
    (b"BH", &[(4, b'a'), (14, b'c')]),
    (b"BI", &[(23, b'n')]),
    (b"BR", &[(23, b'n'), (1, b'a'), (1, b'c')]),
    (b"BY", &[(4, b'c'), (4, b'n'), (16, b'c')]),
    (b"CH", &[(5, b'n'), (12, b'c')]),
    (b"CR", &[(18, b'n')]),
    (b"CY", &[(8, b'n'), (16, b'c')]),
    (b"CZ", &[(20, b'n')]),
    (b"DE", &[(18, b'n')]),
    (b"DJ", &[(23, b'n')]),
    (b"DK", &[(14, b'n')]),
    (b"DO", &[(4, b'c'), (20, b'n')]),
    (b"EE", &[(16, b'n')]),
    (b"EG", &[(25, b'n')]),
    (b"ES", &[(20, b'n')]),
    (b"FI", &[(14, b'n')]),
    (b"FK", &[(2, b'a'), (12, b'n')]),
    (b"FO", &[(14, b'n')]),
    (b"FR", &[(10, b'n'), (11, b'c'), (2, b'n')]),
    (b"GB", &[(4, b'a'), (14, b'n')]),
    (b"GE", &[(2, b'a'), (16, b'n')]),
    (b"GI", &[(4, b'a'), (15, b'c')]),
    (b"GL", &[(14, b'n')]),
    (b"GR", &[(7, b'n'), (16, b'c')]),
    (b"GT", &[(24, b'c')]),
    (b"HN", &[(4, b'a'), (20, b'n')]),
    (b"HR", &[(17, b'n')]),
    (b"HU", &[(24, b'n')]),
    (b"IE", &[(4, b'a'), (14, b'n')]),
    (b"IL", &[(19, b'n')]),
    (b"IQ", &[(4, b'a'), (15, b'n')]),
    (b"IS", &[(22, b'n')]),
    (b"IT", &[(1, b'a'), (10, b'n'), (12, b'c')]),
    (b"JO", &[(4, b'a'), (4, b'n'), (18, b'c')]),
    (b"KW", &[(4, b'a'), (22, b'c')]),
    (b"KZ", &[(3, b'n'), (13, b'c')]),
    (b"LB", &[(4, b'n'), (20, b'c')]),
    (b"LC", &[(4, b'a'), (24, b'c')]),
    (b"LI", &[(5, b'n'), (12, b'c')]),
    (b"LT", &[(16, b'n')]),
    (b"LU", &[(3, b'n'), (13, b'c')]),
    (b"LV", &[(4, b'a'), (13, b'c')]),
    (b"LY", &[(21, b'n')]),
    (b"MC", &[(10, b'n'), (11, b'c'), (2, b'n')]),
    (b"MD", &[(20, b'c')]),
    (b"ME", &[(18, b'n')]),
    (b"MK", &[(3, b'n'), (10, b'c'), (2, b'n')]),
    (b"MN", &[(16, b'n')]),
    (b"MR", &[(23, b'n')]),
    (b"MT", &[(4, b'a'), (5, b'n'), (18, b'c')]),
    (b"MU", &[(4, b'a'), (19, b'n'), (3, b'a')]),
    (b"NI", &[(4, b'a'), (20, b'n')]),
    (b"NL", &[(4, b'a'), (10, b'n')]),
    (b"NO", &[(11, b'n')]),
    (b"OM", &[(3, b'n'), (16, b'c')]),
    (b"PK", &[(4, b'a'), (16, b'c')]),
    (b"PL", &[(24, b'n')]),
    (b"PS", &[(4, b'a'), (21, b'c')]),
    (b"PT", &[(21, b'n')]),
    (b"QA", &[(4, b'a'), (21, b'c')]),
    (b"RO", &[(4, b'a'), (16, b'c')]),
    (b"RS", &[(18, b'n')]),
    (b"RU", &[(14, b'n'), (15, b'c')]),
    (b"SA", &[(2, b'n'), (18, b'c')]),
    (b"SC", &[(4, b'a'), (20, b'n'), (3, b'a')]),
    (b"SD", &[(14, b'n')]),
    (b"SE", &[(20, b'n')]),
    (b"SI", &[(15, b'n')]),
    (b"SK", &[(20, b'n')]),
    (b"SM", &[(1, b'a'), (10, b'n'), (12, b'c')]),
    (b"SO", &[(19, b'n')]),
    (b"ST", &[(21, b'n')]),
    (b"SV", &[(4, b'a'), (20, b'n')]),
    (b"TL", &[(19, b'n')]),
    (b"TN", &[(20, b'n')]),
    (b"TR", &[(6, b'n'), (16, b'c')]),
    (b"UA", &[(6, b'n'), (19, b'c')]),
    (b"VA", &[(18, b'n')]),
    (b"VG", &[(4, b'a'), (16, b'n')]),
    (b"XK", &[(16, b'n')]),
    (b"YE", &[(4, b'a'), (4, b'n'), (18, b'c')]),
];

/// The IBAN whose country stands at `start`: in one piece, or in groups of four with single
/// spaces or hyphens, in upper or in lower case throughout. Reads 42 bytes at most.
pub(super) fn find(text: Bytes<'_>, start: usize) -> Option<Range<usize>> {
    let country = [text.at(start), text.at(start.wrapping_add(1))];
    let lower = country.iter().all(u8::is_ascii_lowercase);
    let upper = country.map(|b| b.to_ascii_uppercase());
    if !(lower || country == upper) || text.before(start, 1).is_ascii_alphanumeric() {
        return None;
    }
    let place = COUNTRIES
        .binary_search_by(|(code, _)| (*code).cmp(&upper))
        .ok()?;
    let (_, structure) = COUNTRIES.get(place)?;

    let mut reader = Reader::new(text, start, lower);
    let mut head = [0; 4];
    for (room, class) in head.iter_mut().zip(*b"aann") {
        *room = reader.next(class)?;
    }
    // The country and the check digits stand first and count last.
    let mut all = Remainder::default();
    for &(count, class) in *structure {
        for _ in 0..count {
            all.push(reader.next(class)?);
        }
    }
    for byte in head {
        all.push(byte);
    }
    let end = reader.at;
    let more = text.at(end) == reader.separator
        && reader.separator != 0
        && reader.place & 3 == 0
        && text.run(end.wrapping_add(1), 4, |b| b.is_ascii_digit()) == end.wrapping_add(5);
    (all.value == 1 && !more && !text.at(end).is_ascii_alphanumeric()).then_some(start..end)
}

/// The characters of an account number, without what groups them.
struct Reader<'a> {
    text: Bytes<'a>,
    at: usize,
    lower: bool,
    /// How many characters were read.
    place: usize,
    /// What stands between groups, once the first has ended; 0 for nothing.
    separator: u8,
}

impl<'a> Reader<'a> {
    fn new(text: Bytes<'a>, start: usize, lower: bool) -> Reader<'a> {
        Reader {
            text,
            at: start,
            lower,
            place: 0,
            separator: 0,
        }
    }

    /// The next character, in upper case, if it is of `class`.
    fn next(&mut self, class: u8) -> Option<u8> {
        let mut byte = self.text.at(self.at);
        if self.place == 4 && matches!(byte, b' ' | b'-') {
            self.separator = byte;
        }
        if self.place & 3 == 0 && self.place > 0 && self.separator != 0 {
            if byte != self.separator {
                return None;
            }
            self.at = self.at.wrapping_add(1);
            byte = self.text.at(self.at);
        }
        let wrong_case = if self.lower {
            byte.is_ascii_uppercase()
        } else {
            byte.is_ascii_lowercase()
        };
        let fits = match class {
            b'n' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_alphabetic(),
            _ => byte.is_ascii_alphanumeric(),
        };
        if wrong_case || !fits {
            return None;
        }
        let byte = byte.to_ascii_uppercase();
        self.at = self.at.wrapping_add(1);
        self.place = self.place.wrapping_add(1);
        Some(byte)
    }
}

/// What is left of a number by 97, digit by digit; letters count 10 to 35.
#[derive(Default)]
struct Remainder {
    value: u32,
}

impl Remainder {
    fn push(&mut self, byte: u8) {
        let (shift, value) = match byte {
            b'0'..=b'9' => (10, byte.wrapping_sub(b'0')),
            _ => (100, byte.wrapping_sub(b'A').wrapping_add(10)),
        };
        self.value = self
            .value
            .wrapping_mul(shift)
            .wrapping_add(u32::from(value))
            % 97;
    }
}

#[cfg(test)]
mod tests {
    use super::COUNTRIES;

    #[test]
    fn the_table_is_sorted() {
        assert!(COUNTRIES.is_sorted_by_key(|(code, _)| *code));
    }
}
