//! Payment card numbers: ISO/IEC 7812 lengths, ranges of the issuing networks, Luhn's sum.

use core::ops::{Range, RangeInclusive};

use super::number::{Digits, Gap, Group, Number};

/// A network's first digits, filled up to six, and the lengths of its numbers.
struct Issuer(RangeInclusive<u32>, &'static [usize]);

/// What the networks publish of their ranges, the common ones first.
const ISSUERS: &[Issuer] = &[
    // Visa.
    Issuer(400_000..=499_999, &[13, 16, 19]),
    // Mastercard.
    Issuer(510_000..=559_999, &[16]),
    Issuer(222_100..=272_099, &[16]),
    // American Express.
    Issuer(340_000..=349_999, &[15]),
    Issuer(370_000..=379_999, &[15]),
    // UnionPay; the part Discover shares included.
    Issuer(620_000..=629_999, &[16, 17, 18, 19]),
    Issuer(810_000..=817_199, &[16, 17, 18, 19]),
    // Discover.
    Issuer(601_100..=601_199, &[16, 17, 18, 19]),
    Issuer(644_000..=659_999, &[16, 17, 18, 19]),
    // Diners Club.
    Issuer(300_000..=305_999, &[14, 16, 17, 18, 19]),
    Issuer(309_500..=309_599, &[14, 16, 17, 18, 19]),
    Issuer(360_000..=369_999, &[14, 15, 16, 17, 18, 19]),
    Issuer(380_000..=399_999, &[14, 16, 17, 18, 19]),
    // JCB.
    Issuer(352_800..=358_999, &[16, 17, 18, 19]),
    // RuPay.
    Issuer(508_000..=508_999, &[16]),
    Issuer(606_900..=608_999, &[16]),
    Issuer(817_200..=829_999, &[16]),
    // Mir.
    Issuer(220_000..=220_499, &[16, 17, 18, 19]),
    // Maestro.
    Issuer(501_800..=501_899, MAESTRO),
    Issuer(502_000..=502_099, MAESTRO),
    Issuer(503_800..=503_899, MAESTRO),
    Issuer(589_300..=589_399, MAESTRO),
    Issuer(630_400..=630_499, MAESTRO),
    Issuer(675_900..=675_999, MAESTRO),
    Issuer(676_100..=676_399, MAESTRO),
    Issuer(676_770..=676_774, MAESTRO),
    // Dankort, Verve, Troy.
    Issuer(501_900..=501_999, &[16]),
    Issuer(506_099..=506_198, &[16, 18, 19]),
    Issuer(979_200..=979_289, &[16]),
];

const MAESTRO: &[usize] = &[13, 14, 15, 16, 17, 18, 19];

/// How cards are grouped when they are, the longest first.
const GROUPINGS: &[&[usize]] = &[
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 4, 4, 1],
    &[4, 4, 4, 2],
    &[4, 4, 4, 3],
    &[4, 3, 3, 3],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 5],
    &[6, 13],
    &[8, 8],
];

/// The card number that begins with the number.
pub(super) fn find(number: &Number<'_>) -> Option<Range<usize>> {
    if !number.begins() {
        return None;
    }
    let first = number.first(1)?;
    if first.first().is_some_and(|group| group.len() >= 13) {
        let range = number.range(first);
        return (number.ends(range.end) && is_card(&number.digits(first))).then_some(range);
    }
    GROUPINGS.iter().find_map(|grouping| {
        let groups = number.first(grouping.len())?;
        let gap = groups.get(1)?.gap;
        let mark = match gap {
            Gap::Space => b' ',
            Gap::Hyphen => b'-',
            _ => return None,
        };
        let fits = groups.iter().zip(*grouping).all(|(g, &len)| g.len() == len)
            && groups.iter().skip(1).all(|group| group.gap == gap);
        let range = number.range(groups);
        (fits
            && number.ends(range.end)
            && !is_part_of_a_table(number, grouping.len(), mark)
            && is_card(&number.digits(groups)))
        .then_some(range)
    })
}

/// Groups of digits that go on the same way are a table or a dump: with hyphens any, with
/// spaces one more group of four before, or two behind (one is a date: `4111 … 1111 1225`).
fn is_part_of_a_table(number: &Number<'_>, count: usize, mark: u8) -> bool {
    let text = number.text;
    if mark == b'-' {
        let end = number.first(count).map_or(0, |g| number.range(g).end);
        return number.is_chained(mark, end);
    }
    let four = |group: Option<&Group>| {
        group.is_some_and(|group| group.len() == 4 && group.gap == Gap::Space)
    };
    let before = number.start.wrapping_sub(1);
    text.at(before) == b' '
        && text.run_back(before, 5, |b| b.is_ascii_digit()) == before.wrapping_sub(4)
        || four(number.after(count)) && four(number.after(count.wrapping_add(1)))
}

fn is_card(digits: &Digits) -> bool {
    let prefix = digits.value(0..6);
    ISSUERS
        .iter()
        .any(|Issuer(range, lengths)| range.contains(&prefix) && lengths.contains(&digits.len()))
        && luhn(digits.as_slice())
}

/// Luhn's sum, ISO/IEC 7812-1 annex B: every second digit from the right is doubled.
fn luhn(digits: &[u8]) -> bool {
    let sum = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0u32, |sum, (place, &digit)| {
            let digit = u32::from(digit);
            let value = match (place & 1, digit) {
                (0, _) => digit,
                (_, 0..=4) => digit.wrapping_mul(2),
                _ => digit.wrapping_mul(2).wrapping_sub(9),
            };
            sum.wrapping_add(value)
        });
    sum.is_multiple_of(10)
}
