//! United States social security numbers: no check digit, so what is never assigned is left
//! out, and only hyphens speak for themselves.
//!
//! Source: Social Security Administration, "Meaning of the Social Security Number" and the
//! rules of randomization of 2011: area 001–899 without 666, group 01–99, serial 0001–9999.

use core::ops::Range;

use super::number::{Gap, Number};

const WORDS: &[&str] = &["ssn", "ssns", "social security", "s.s.n", "social-security"];
/// How far from the number one of the words may stand.
const NEAR: usize = 40;

/// Printed in a wallet and in a leaflet, hence invalid for ever.
const VOID: [(u32, u32, u32); 2] = [(78, 5, 1120), (219, 9, 9999)];

/// The social security number that begins with the number.
pub(super) fn find(number: &Number<'_>) -> Option<Range<usize>> {
    if !number.begins() {
        return None;
    }
    let one = number.first(1)?;
    let groups = match one.first()?.len() {
        9 => one,
        3 => number.first(3)?,
        _ => return None,
    };
    let mut needs_word = true;
    if let [_, second, third] = groups {
        let gap = second.gap;
        if second.len() != 2 || third.len() != 4 || third.gap != gap {
            return None;
        }
        needs_word = match gap {
            Gap::Hyphen => false,
            Gap::Space => true,
            _ => return None,
        };
    }
    let range = number.range(groups);
    let digits = number.digits(groups);
    let (area, group, serial) = (digits.value(0..3), digits.value(3..5), digits.value(5..9));
    let assigned = !matches!(area, 0 | 666 | 900..)
        && group != 0
        && serial != 0
        && !VOID.contains(&(area, group, serial));
    (assigned
        && number.ends(range.end)
        && !number.is_chained(b'-', range.end)
        && (!needs_word || is_named(number, &range)))
    .then_some(range)
}

fn is_named(number: &Number<'_>, range: &Range<usize>) -> bool {
    let text = number.text;
    text.mentions(range.start.saturating_sub(NEAR)..range.start, WORDS)
        || text.mentions(range.end..range.end.saturating_add(NEAR), WORDS)
}
