//! Country calling codes (ITU-T E.164) and how many digits follow them.

/// The fewest and the most digits of a national number in countries whose code has one or two
/// digits, and in some that have three.
const LENGTHS: &[(u16, u8, u8)] = &[
    (1, 10, 10),
    (7, 10, 10),
    (20, 8, 10),
    (27, 9, 9),
    (30, 10, 10),
    (31, 9, 9),
    (32, 8, 9),
    (33, 9, 9),
    (34, 9, 9),
    (36, 8, 9),
    (39, 6, 11),
    (40, 9, 9),
    (41, 9, 9),
    (43, 7, 13),
    (44, 9, 10),
    (45, 8, 8),
    (46, 7, 9),
    (47, 8, 8),
    (48, 9, 9),
    (49, 6, 12),
    (51, 8, 9),
    (52, 10, 11),
    (53, 8, 8),
    (54, 10, 11),
    (55, 10, 11),
    (56, 9, 9),
    (57, 10, 10),
    (58, 10, 10),
    (60, 8, 10),
    (61, 9, 9),
    (62, 8, 12),
    (63, 8, 10),
    (64, 8, 10),
    (65, 8, 8),
    (66, 8, 9),
    (81, 9, 10),
    (82, 8, 10),
    (84, 9, 10),
    (86, 10, 11),
    (90, 10, 10),
    (91, 10, 10),
    (92, 9, 10),
    (93, 9, 9),
    (94, 9, 9),
    (95, 7, 10),
    (98, 10, 10),
    (351, 9, 9),
    (353, 7, 9),
    (354, 7, 9),
    (358, 6, 11),
    (370, 8, 8),
    (371, 8, 8),
    (380, 9, 9),
    (420, 9, 9),
    (421, 9, 9),
    (852, 8, 8),
    (853, 8, 8),
    (886, 8, 9),
    (966, 8, 9),
    (971, 8, 9),
    (972, 8, 9),
];

/// The other codes that are assigned.
const THREE_DIGITS: &[core::ops::RangeInclusive<u16>] = &[
    211..=213,
    216..=216,
    218..=218,
    220..=258,
    260..=269,
    290..=291,
    297..=299,
    350..=359,
    372..=378,
    381..=383,
    385..=387,
    389..=389,
    423..=423,
    500..=509,
    590..=599,
    670..=670,
    672..=683,
    685..=692,
    800..=800,
    808..=808,
    850..=850,
    855..=856,
    870..=870,
    880..=883,
    888..=888,
    960..=965,
    967..=968,
    970..=970,
    973..=977,
    979..=979,
    992..=996,
    998..=998,
];

/// The country code that `digits` begin with: how long it is, and the fewest and the most
/// digits that follow it.
pub(super) fn split(digits: &[u8]) -> Option<(usize, u8, u8)> {
    let mut code = 0u16;
    for (place, &digit) in digits.iter().take(3).enumerate() {
        code = code.wrapping_mul(10).wrapping_add(u16::from(digit));
        let len = place.wrapping_add(1);
        if let Ok(found) = LENGTHS.binary_search_by_key(&code, |&(code, ..)| code) {
            return LENGTHS
                .get(found)
                .map(|&(_, least, most)| (len, least, most));
        }
        if len == 3 && THREE_DIGITS.iter().any(|range| range.contains(&code)) {
            // Some islands have five digits; such short ones are no more than a guess.
            return Some((len, 6, 10));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_begins_another() {
        assert!(LENGTHS.is_sorted_by_key(|&(code, ..)| code));
        let all = LENGTHS.iter().map(|&(code, ..)| code);
        let all: Vec<u16> = all.chain(THREE_DIGITS.iter().cloned().flatten()).collect();
        for &code in &all {
            let longer =
                |&&other: &&u16| other != code && (other / 10 == code || other / 100 == code);
            assert_eq!(all.iter().find(longer), None, "begins with {code}");
        }
        assert!(
            THREE_DIGITS
                .iter()
                .cloned()
                .flatten()
                .all(|c| (200..=998).contains(&c))
        );
    }
}
