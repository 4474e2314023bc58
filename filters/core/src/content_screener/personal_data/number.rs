//! A number as people write it: groups of digits with one or two separators between them.

use core::ops::Range;

use crate::content_screener::bytes::Bytes;

/// The most groups that are read: `+33 (0)1 23 45 67 89` has seven, nine leave room to see
/// that a number goes on.
const GROUPS: usize = 9;
/// The longest group anything has is 19 digits, of a card.
const LONGEST: usize = 20;

/// What stands before a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing: it is the first group.
    Start,
    Space,
    Hyphen,
    Dot,
    Slash,
    /// A parenthesis and perhaps one more separator.
    Paren,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) gap: Gap,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// The groups from one digit on.
pub(super) struct Number<'a> {
    pub(super) text: Bytes<'a>,
    pub(super) start: usize,
    groups: [Group; GROUPS],
    len: usize,
}

impl<'a> Number<'a> {
    /// Reads the groups from the first digit at `start` on: nine groups of twenty digits and
    /// two separators at most. `None` if a letter ends the first or it is too long.
    pub(super) fn read(text: Bytes<'a>, start: usize) -> Option<Number<'a>> {
        let nothing = Group {
            gap: Gap::Start,
            start,
            end: start,
        };
        let mut groups = [nothing; GROUPS];
        let mut len = 0usize;
        let (mut at, mut before) = (start, Gap::Start);
        for room in &mut groups {
            let end = text.run(at, LONGEST.saturating_add(1), |b| b.is_ascii_digit());
            if end.wrapping_sub(at) > LONGEST {
                break;
            }
            *room = Group {
                gap: before,
                start: at,
                end,
            };
            len = len.wrapping_add(1);
            let Some((next, separator)) = gap(text, end) else {
                break;
            };
            (at, before) = (next, separator);
        }
        (len > 0).then_some(Number {
            text,
            start,
            groups,
            len,
        })
    }

    pub(super) fn groups(&self) -> &[Group] {
        self.groups.get(..self.len).unwrap_or_default()
    }

    /// The first `count` groups, if there are as many.
    pub(super) fn first(&self, count: usize) -> Option<&[Group]> {
        self.groups().get(..count)
    }

    /// The group after the first `count`.
    pub(super) fn after(&self, count: usize) -> Option<&Group> {
        self.groups().get(count)
    }

    /// The values of the digits of `groups`, first to last.
    pub(super) fn digits(&self, groups: &[Group]) -> Digits {
        let mut digits = Digits::default();
        for group in groups {
            for &byte in self.text.slice(group.start..group.end) {
                digits.push(byte.wrapping_sub(b'0'));
            }
        }
        digits
    }

    /// From the number's first digit to the end of `groups`.
    pub(super) fn range(&self, groups: &[Group]) -> Range<usize> {
        self.start..groups.last().map_or(self.start, |group| group.end)
    }

    /// Whether a number may begin here: no letter or digit before it, and no digit with a
    /// decimal point or a comma.
    pub(super) fn begins(&self) -> bool {
        let (near, far) = (
            self.text.before(self.start, 1),
            self.text.before(self.start, 2),
        );
        !goes_through(near, far)
    }

    /// Whether a number may end at `end`.
    pub(super) fn ends(&self, end: usize) -> bool {
        !goes_through(self.text.at(end), self.text.at(end.wrapping_add(1)))
    }

    /// Whether `mark` and a letter or digit stand before the number or behind `end`, as in a
    /// longer chain of groups.
    pub(super) fn is_chained(&self, mark: u8, end: usize) -> bool {
        self.text.before(self.start, 1) == mark
            && self.text.before(self.start, 2).is_ascii_alphanumeric()
            || self.text.at(end) == mark
                && self.text.at(end.wrapping_add(1)).is_ascii_alphanumeric()
    }
}

/// Whether a number goes on with `near` and, farther from it, `far`.
fn goes_through(near: u8, far: u8) -> bool {
    near.is_ascii_alphanumeric() || matches!(near, b'.' | b',') && far.is_ascii_digit()
}

/// Where the next group begins behind `end`, and what separates it.
#[inline]
fn gap(text: Bytes<'_>, end: usize) -> Option<(usize, Gap)> {
    let next = end.wrapping_add(1);
    let (first, second) = (text.at(end), text.at(next));
    let one = match first {
        b' ' => Gap::Space,
        b'-' => Gap::Hyphen,
        b'.' => Gap::Dot,
        b'/' => Gap::Slash,
        b'(' | b')' => Gap::Paren,
        _ => return None,
    };
    if second.is_ascii_digit() {
        return Some((next, one));
    }
    let third = end.wrapping_add(2);
    let pair = matches!(
        (first, second),
        (b')', b' ' | b'-' | b'/' | b'.' | b'(') | (b' ' | b'-', b'(')
    );
    (pair && text.at(third).is_ascii_digit()).then_some((third, Gap::Paren))
}

/// The first twenty digits, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digits {
    values: [u8; LONGEST],
    len: usize,
}

impl Digits {
    /// Adds a digit; one too many is counted, though not kept.
    fn push(&mut self, value: u8) {
        if let Some(room) = self.values.get_mut(self.len) {
            *room = value;
        }
        self.len = self.len.saturating_add(1);
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.values.get(..self.len.min(LONGEST)).unwrap_or_default()
    }

    /// The digits of `range` as one number; 0 where they are not there.
    pub(super) fn value(&self, range: Range<usize>) -> u32 {
        let digits = self.as_slice().get(range).unwrap_or_default();
        digits.iter().fold(0, |value, &digit| {
            u32::wrapping_mul(value, 10).wrapping_add(u32::from(digit))
        })
    }
}
