//! Numbers of Chinese resident identity cards, GB 11643-1999: region, date of birth, serial
//! number and a check character (ISO 7064, MOD 11-2).

use core::ops::Range;

use super::number::{Gap, Number};

/// The first two digits: provinces, municipalities and autonomous regions (GB/T 2260), and 83
/// for Taiwan's residents.
const REGIONS: &[u32] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
];
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: [u8; 11] = *b"10X98765432";

/// The resident number that begins with the number: 18 characters at one go, or 6, 8 and 4 of
/// them with spaces or hyphens between.
pub(super) fn find(number: &Number<'_>) -> Option<Range<usize>> {
    if !number.begins() {
        return None;
    }
    let one = number.first(1)?;
    let groups = match one.first()?.len() {
        17 | 18 => one,
        6 => number.first(3)?,
        _ => return None,
    };
    if let [_, date, rest] = groups
        && (date.len() != 8
            || date.gap != rest.gap
            || !matches!(rest.gap, Gap::Space | Gap::Hyphen))
    {
        return None;
    }
    let digits = number.digits(groups);
    let mut range = number.range(groups);
    let check = match digits.len() {
        18 => digits.as_slice().get(17)?.wrapping_add(b'0'),
        17 => {
            range.end = range.end.wrapping_add(1);
            number.text.before(range.end, 1).to_ascii_uppercase()
        }
        _ => return None,
    };
    let sum = digits
        .as_slice()
        .iter()
        .zip(WEIGHTS)
        .fold(0u32, |sum, (&digit, weight)| {
            sum.wrapping_add(u32::from(digit).wrapping_mul(weight))
        });
    let expected = CHECK.get((sum % 11) as usize)?;
    (number.ends(range.end)
        && REGIONS.contains(&digits.value(0..2))
        && is_date(
            digits.value(6..10),
            digits.value(10..12),
            digits.value(12..14),
        )
        && check == *expected)
        .then_some(range)
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1900..=2099).contains(&year) && (1..=days).contains(&day)
}
