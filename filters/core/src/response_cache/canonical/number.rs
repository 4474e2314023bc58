//! Numbers by their exact value: never as floating point, which would take numbers for equal
//! that a parser of decimals, or of longer floats, tells apart.
//!
//! A number is spelled plainly (`-12.5`: no exponent, no zeros at the end of a fraction) where
//! that takes at most [`LONGEST_PLAIN`] bytes; nearly all that clients send is so already. Any
//! other becomes its digits, without zeros at either end, as a fraction of one, and an exponent:
//! `125e30` is 0.125 times ten to the thirtieth. Zero is `0`, its sign is none.

/// The longest plain spelling. Any bound would do; this one is above what integers of 64 bits and
/// floats of ordinary size need.
const LONGEST_PLAIN: usize = 24;

/// An exponent of more digits is not reckoned with: such a number is equal to those spelled alike,
/// and no other. No parser makes anything but zero or infinity of it.
const LONGEST_EXPONENT: usize = 15;

/// Whether a number is spelled as [`write`] would spell it.
#[inline(always)]
pub(super) fn is_canonical(spelled: &[u8]) -> bool {
    match spelled {
        [b'0'..=b'9'] => true,
        _ => is_canonical_plain(spelled),
    }
}

fn is_canonical_plain(spelled: &[u8]) -> bool {
    let mut has_point = false;
    for byte in spelled {
        match byte {
            b'.' => has_point = true,
            b'e' | b'E' => return false,
            _ => {}
        }
    }
    let ends_in_zero = spelled.last() == Some(&b'0');
    spelled.len() <= LONGEST_PLAIN && !(has_point && ends_in_zero) && spelled != b"-0"
}

/// Gives the canonical spelling of a number of JSON's grammar, piece by piece.
pub(super) fn write(spelled: &[u8], mut give: impl FnMut(&[u8])) {
    let Some(number) = Decimal::read(spelled) else {
        // A byte no other number begins with, so that it is equal to none of them.
        give(b"!");
        return give(spelled);
    };
    let mut room = [0; LONGEST_PLAIN];
    if let Some(plain) = number.plain(&mut room) {
        return give(plain);
    }
    if number.is_negative {
        give(b"-");
    }
    give(number.whole);
    give(number.fraction);
    give(b"e");
    if number.point < 0 {
        give(b"-");
    }
    // A number of 64 bits has at most twenty digits.
    let mut digits = [0; 20];
    let mut rest = number.point.unsigned_abs();
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.wrapping_add((rest % 10) as u8);
        rest /= 10;
        first = at;
        if rest == 0 {
            break;
        }
    }
    give(digits.get(first..).unwrap_or_default());
}

/// 0.DIGITS times ten to the power of `point`; the digits neither begin nor end with a zero.
#[derive(Clone, Copy)]
struct Decimal<'a> {
    is_negative: bool,
    /// The digits that stood before the point, and
    whole: &'a [u8],
    /// those after it.
    fraction: &'a [u8],
    point: i64,
}

impl Decimal<'_> {
    /// `None` where the exponent is too long to reckon with.
    fn read(spelled: &[u8]) -> Option<Decimal<'_>> {
        let unsigned = spelled.strip_prefix(b"-").unwrap_or(spelled);
        let (mantissa, exponent) = cut(unsigned, |byte| matches!(byte, b'e' | b'E'));
        let (whole, fraction) = cut(mantissa, |byte| byte == b'.');
        let is_zero = |byte: &u8| *byte == b'0';
        let zeros = |digits: &[u8]| digits.iter().take_while(|byte| is_zero(byte)).count();
        let last_zeros =
            |digits: &[u8]| digits.iter().rev().take_while(|byte| is_zero(byte)).count();
        let without_last = |digits: &'_ [u8]| digits.len().saturating_sub(last_zeros(digits));

        // Zeros before the first digit, which may be all of the whole part, and after the last.
        let places = i64::try_from(whole.len()).ok()?;
        let whole_zeros = zeros(whole);
        let whole = whole.get(whole_zeros..).unwrap_or_default();
        let fraction = fraction.get(..without_last(fraction)).unwrap_or_default();
        let fraction_zeros = if whole.is_empty() { zeros(fraction) } else { 0 };
        let fraction = fraction.get(fraction_zeros..).unwrap_or_default();
        let zeros = i64::try_from(whole_zeros.saturating_add(fraction_zeros)).ok()?;
        let point = places.saturating_sub(zeros);
        let whole = match fraction {
            [] => whole.get(..without_last(whole)).unwrap_or_default(),
            _ => whole,
        };
        if whole.is_empty() && fraction.is_empty() {
            return Some(Decimal {
                is_negative: false,
                whole: b"0",
                fraction: b"",
                point: 1,
            });
        }
        Some(Decimal {
            is_negative: unsigned.len() < spelled.len(),
            whole,
            fraction,
            point: point.saturating_add(read_exponent(exponent)?),
        })
    }

    /// Without an exponent, where that fits.
    fn plain<'r>(&self, room: &'r mut [u8; LONGEST_PLAIN]) -> Option<&'r [u8]> {
        let count = self.whole.len().checked_add(self.fraction.len())?;
        let before = usize::try_from(self.point.max(0)).ok()?;
        let zeros = usize::try_from(self.point.min(0).unsigned_abs()).ok()?;
        // More places than fit need not be counted out.
        if count.max(before).max(zeros) > LONGEST_PLAIN {
            return None;
        }
        let mut plain = Plain { room, len: 0 };
        if self.is_negative {
            plain.push(b'-')?;
        }
        if before == 0 {
            plain.push(b'0')?;
        }
        let mut digits = self.whole.iter().chain(self.fraction).copied();
        for _ in 0..before {
            plain.push(digits.next().unwrap_or(b'0'))?;
        }
        let mut digits = digits.peekable();
        if digits.peek().is_some() {
            plain.push(b'.')?;
            for _ in 0..zeros {
                plain.push(b'0')?;
            }
            for digit in digits {
                plain.push(digit)?;
            }
        }
        let Plain { room, len } = plain;
        room.get(..len)
    }
}

struct Plain<'r> {
    room: &'r mut [u8; LONGEST_PLAIN],
    len: usize,
}

impl Plain<'_> {
    fn push(&mut self, byte: u8) -> Option<()> {
        *self.room.get_mut(self.len)? = byte;
        self.len = self.len.checked_add(1)?;
        Some(())
    }
}

/// What stands before the first such byte and what after it.
fn cut(bytes: &[u8], is: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| is(*byte));
    let before = parts.next().unwrap_or_default();
    (before, parts.next().unwrap_or_default())
}

fn read_exponent(exponent: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match exponent {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    if digits.len() > LONGEST_EXPONENT {
        return None;
    }
    let value = digits.iter().try_fold(0i64, |value, digit| {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if is_negative {
        value.saturating_neg()
    } else {
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(spelled: &str) -> String {
        let mut text = Vec::new();
        write(spelled.as_bytes(), |bytes| text.extend_from_slice(bytes));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_number_is_spelled_in_one_way() {
        for (all, expected) in [
            (
                &["1", "1.0", "10e-1", "0.1e1", "1E+0", "1e00", "100.00e-2"][..],
                "1",
            ),
            (
                &["0", "-0", "0.0", "-0.000", "0e99", "0e99999999999999999999"],
                "0",
            ),
            (&["-12.5", "-125e-1", "-0.125E2", "-12.50"], "-12.5"),
            (&["100", "1e2", "1e+2", "0.001e5", "1000e-1"], "100"),
            (&["0.001", "1e-3", "10e-4", "0.0010", "1000e-6"], "0.001"),
            (&["0.7", "7e-1", "0.70"], "0.7"),
            (
                &["18446744073709551616", "18446744073709551616.0"],
                "18446744073709551616",
            ),
            (
                &["9007199254740993", "9007199254740993e0"],
                "9007199254740993",
            ),
            // The longest that is plain, and one more.
            (
                &["123456789012345678901234", "1.23456789012345678901234e23"],
                "123456789012345678901234",
            ),
            (
                &["100000000000000000000000", "1e23"],
                "100000000000000000000000",
            ),
            (&["1000000000000000000000000", "1e24", "10e23"], "1e25"),
            (
                &["-10000000000000000000000", "-1e22"],
                "-10000000000000000000000",
            ),
            (&["-100000000000000000000000", "-1e23"], "-1e24"),
            (
                &["0.0000000000000000000001", "1e-22"],
                "0.0000000000000000000001",
            ),
            (&["0.00000000000000000000001", "1e-23", "0.1e-22"], "1e-22"),
            (
                &["1234567890123456789012345", "1234567890123456789012.345e3"],
                "1234567890123456789012345e25",
            ),
            (&["1.25e400", "125e398", "0.00125e403"], "125e401"),
            (&["-1e-400", "-0.001e-397"], "-1e-399"),
            (
                &["1e999999999999999", "10e999999999999998"],
                "1e1000000000000000",
            ),
            // Not reckoned with.
            (&["1e1000000000000000"], "!1e1000000000000000"),
        ] {
            for spelled in all {
                assert_eq!(canonical(spelled), expected, "{spelled}");
            }
        }
    }

    #[test]
    fn what_is_taken_for_canonical_is_spelled_so() {
        let parts = ["0", "1", "10", "05", "00", "9999999999999", "123456789012"];
        for sign in ["", "-"] {
            for whole in ["0", "1", "10", "100", "9999999999999", "123456789012345678"] {
                let whole = format!("{sign}{whole}");
                let fractions = parts.iter().map(|fraction| format!("{whole}.{fraction}"));
                let all: Vec<String> = fractions.chain([whole.clone()]).collect();
                let exponents = all
                    .iter()
                    .flat_map(|n| [format!("{n}e2"), format!("{n}E-2")]);
                for spelled in all.iter().cloned().chain(exponents) {
                    let is = is_canonical(spelled.as_bytes());
                    assert_eq!(is, canonical(&spelled) == spelled, "{spelled}");
                }
            }
        }
    }
}
