//! The one pass: masks say where a validator has to look.

use super::number::Number;
use super::{Found, Kind, Kinds, card, cn_resident_id, email, iban, ip, phone, us_ssn};
use crate::content_screener::bytes::Bytes;
use crate::simd::Block;

const NUMBERS: [Kind; 7] = [
    Kind::Card,
    Kind::Iban,
    Kind::UsSsn,
    Kind::CnResidentId,
    Kind::Phone,
    Kind::Ip,
    Kind::PrivateIp,
];

/// Calls `found` with every finding of `kinds`, in order.
pub(super) fn sweep(text: &[u8], kinds: Kinds, found: &mut impl FnMut(Found)) {
    let mut sweep = Sweep::new(text, kinds);
    let (blocks, rest) = text.as_chunks::<64>();
    let mut masks = Masks::default();
    let mut start = 0usize;
    for block in blocks {
        let next = sweep.masks(block);
        sweep.block(&masks, &next, start.wrapping_sub(64), found);
        masks = next;
        start = start.wrapping_add(64);
    }
    let mut last = [0; 64];
    if let Some(room) = last.get_mut(..rest.len()) {
        room.copy_from_slice(rest);
    }
    let next = sweep.masks(&last);
    sweep.block(&masks, &next, start.wrapping_sub(64), found);
    sweep.block(&next, &Masks::default(), start, found);
}

/// What one block of text looks like, a bit per byte.
#[derive(Clone, Copy, Default)]
struct Masks {
    digits: u64,
    /// Of interest only beside digits.
    dots: u64,
    /// Where a validator may find something.
    events: u64,
}

struct Sweep<'a> {
    text: Bytes<'a>,
    kinds: Kinds,
    /// All ones where the kinds need the mask, none otherwise.
    numbers: u64,
    ats: u64,
    colons: u64,
    /// The digits of the block before.
    digits_before: u64,
    /// The colons of the block before.
    colons_before: u64,
    /// Nothing before this byte is looked at any more.
    free_from: usize,
}

fn ones(wanted: bool) -> u64 {
    if wanted { u64::MAX } else { 0 }
}

/// No number has its first seven digits farther apart: `49 (0) 30 / 12 34`.
const SEVEN_DIGITS: u32 = 24;
/// The longest IPv4 address.
const ADDRESS: u32 = 15;

impl<'a> Sweep<'a> {
    fn new(text: &'a [u8], kinds: Kinds) -> Sweep<'a> {
        Sweep {
            text: Bytes::new(text),
            kinds,
            numbers: ones(NUMBERS.into_iter().any(|kind| kinds.has(kind))),
            ats: ones(kinds.has(Kind::Email)),
            colons: ones(kinds.has(Kind::Ip) || kinds.has(Kind::PrivateIp)),
            digits_before: 0,
            colons_before: 0,
            free_from: 0,
        }
    }

    #[inline(always)]
    fn masks(&mut self, bytes: &[u8; 64]) -> Masks {
        let block = Block::load(bytes);
        let digits = block.range(b'0', b'9');
        let mut dots = 0;
        if digits | self.digits_before != 0 {
            dots = block.eq(b'.');
        }
        let firsts = digits & !(digits << 1 | self.digits_before >> 63);
        self.digits_before = digits;
        let ats = block.eq(b'@');
        let colons = block.eq(b':');
        let mut pairs = 0;
        if colons != 0 {
            pairs = colons & near(self.colons_before, colons);
        }
        self.colons_before = colons;
        Masks {
            digits,
            dots,
            events: firsts & self.numbers | ats & self.ats | pairs & self.colons,
        }
    }

    /// Looks where `masks`, of the block that begins at `start`, say; `next` follows.
    #[inline(always)]
    fn block(&mut self, masks: &Masks, next: &Masks, start: usize, found: &mut impl FnMut(Found)) {
        let mut events = masks.events;
        while events != 0 {
            let bit = events.trailing_zeros();
            events &= events.wrapping_sub(1);
            let at = start.wrapping_add(bit as usize);
            let number = masks.digits >> bit & 1 != 0;
            if at >= self.free_from && (!number || self.may_begin(masks, next, bit, at)) {
                self.look(at, found);
            }
        }
    }

    /// Whether the digits from `bit` on, at `at`, are enough for anything: most are years,
    /// counts, prices.
    #[inline(always)]
    fn may_begin(&self, masks: &Masks, next: &Masks, bit: u32, at: usize) -> bool {
        let ahead = |this: u64, next: u64, len: u32| {
            let both = u128::from(next) << 64 | u128::from(this);
            (both >> bit) as u32 & u32::MAX >> (32_u32.wrapping_sub(len))
        };
        let digits = ahead(masks.digits, next.digits, SEVEN_DIGITS).count_ones();
        let dots = ahead(masks.dots, next.dots, ADDRESS).count_ones();
        let before = |back: usize| self.text.before(at, back);
        if before(1).is_ascii_alphabetic() {
            return before(2).is_ascii_alphabetic() && !before(3).is_ascii_alphanumeric();
        }
        digits >= 7 || digits >= 4 && dots >= 3
    }

    #[inline]
    fn look(&mut self, at: usize, found: &mut impl FnMut(Found)) {
        let finding = match self.text.at(at) {
            b'@' => email::find(self.text, at).map(|range| (Kind::Email, range)),
            b':' => ip::find_v6(self.text, at),
            _ => self.number(at),
        };
        if let Some((kind, range)) = finding
            && range.start >= self.free_from
            && self.kinds.has(kind)
        {
            self.free_from = range.end;
            found(Found {
                kind,
                start: range.start,
                end: range.end,
            });
        }
    }

    /// What begins with the digit at `at`.
    #[inline]
    fn number(&self, at: usize) -> Option<(Kind, core::ops::Range<usize>)> {
        if self.text.before(at, 1).is_ascii_alphabetic() {
            let start = at.wrapping_sub(2);
            return iban::find(self.text, start).map(|range| (Kind::Iban, range));
        }
        let number = Number::read(self.text, at)?;
        let (kind, range) = [
            (Kind::CnResidentId, cn_resident_id::find as Validator),
            (Kind::Card, card::find),
            (Kind::UsSsn, us_ssn::find),
            (Kind::Phone, phone::find),
        ]
        .into_iter()
        .filter(|&(kind, _)| self.kinds.has(kind))
        .find_map(|(kind, validator)| Some((kind, validator(&number)?)))
        .or_else(|| ip::find_v4(&number))?;
        // Digits of an e-mail address are not more than that.
        let address = self.kinds.has(Kind::Email)
            && email::around(self.text, range.end).is_some_and(|all| all.start <= range.start);
        (!address).then_some((kind, range))
    }
}

type Validator = fn(&Number<'_>) -> Option<core::ops::Range<usize>>;

/// Where one of the five bytes before is a colon: all that is between two of them in an IPv6
/// address are four digits.
#[inline]
fn near(before: u64, colons: u64) -> u64 {
    let both = u128::from(colons) << 64 | u128::from(before);
    let spread = both << 1 | both << 2 | both << 3 | both << 4 | both << 5;
    (spread >> 64) as u64
}

/// The same without masks: the oracle of the tests.
#[cfg(test)]
pub(super) fn byte_by_byte(text: &[u8], kinds: Kinds, found: &mut impl FnMut(Found)) {
    let mut sweep = Sweep::new(text, kinds);
    for (at, byte) in text.iter().enumerate() {
        let before = &text[at.saturating_sub(5)..at];
        let event = match byte {
            b'0'..=b'9' => sweep.numbers != 0 && !before.last().is_some_and(u8::is_ascii_digit),
            b'@' => sweep.ats != 0,
            b':' => sweep.colons != 0 && before.contains(&b':'),
            _ => false,
        };
        if event && at >= sweep.free_from {
            sweep.look(at, found);
        }
    }
}
