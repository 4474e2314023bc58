//! Telephone numbers: with `+` and a country code, or as some countries write their own where
//! the way they group it says enough. Digits alone need a word for it near by.

use core::ops::Range;

use super::country_codes;
use super::number::{Digits, Gap, Group, Number};

const WORDS: &[&str] = &[
    "phone",
    "phones",
    "telephone",
    "tel",
    "tél",
    "telefon",
    "telefono",
    "teléfono",
    "call me",
    "call us",
    "call me at",
    "my cell",
    "cell no",
    "mobile",
    "mobil",
    "handy",
    "fax",
    "whatsapp",
    "dial",
    "hotline",
    "rufnummer",
    "电话",
    "手机",
    "手机号",
    "联系方式",
    "電話",
    "전화",
];
/// How far before the number one of the words may stand.
const NEAR: usize = 24;

/// The telephone number that begins with the number.
pub(super) fn find(number: &Number<'_>) -> Option<Range<usize>> {
    let text = number.text;
    if text.before(number.start, 1) == b'+' {
        return international(number);
    }
    if !number.begins() || is_amount(number) {
        return None;
    }
    let range = north_american(number)
        .or_else(|| chinese_mobile(number))
        .or_else(|| french(number))
        .or_else(|| trunk(number))
        .or_else(|| named(number))?;
    // `(030) 1234` begins with its parenthesis.
    let open = text.before(range.start, 1) == b'(' && first_gap(number) == Some(Gap::Paren);
    let start = range.start.saturating_sub(usize::from(open));
    (number.ends(range.end) && !number.is_chained(b'-', range.end)).then_some(start..range.end)
}

fn first_gap(number: &Number<'_>) -> Option<Gap> {
    number.after(1).map(|group| group.gap)
}

/// Whether marks before the number make it a price, an order number or a part of a path.
fn is_amount(number: &Number<'_>) -> bool {
    let before = number.text.before(number.start, 1);
    matches!(
        before,
        b'$' | b'#' | b'_' | b'/' | b'-' | b'*' | b'^' | b'<' | b'>'
    ) || matches!(
        number.text.slice_before(number.start, 3),
        [.., 0xc2, 0xa3] | [0xe2, 0x82, 0xac]
    )
}

/// `+49 30 1234567`, `+1 (415) 555-2671`, `+44 (0)20 7946 0958`: as many groups as the
/// country's longest number has room for.
fn international(number: &Number<'_>) -> Option<Range<usize>> {
    let plus = number.start.wrapping_sub(1);
    if number.text.before(plus, 1).is_ascii_alphanumeric() {
        return None;
    }
    let all = number.digits(number.groups());
    let (code, least, most) = country_codes::split(all.as_slice())?;
    let (mut end, mut digits) = (None, 0usize);
    let mut counted = Digits::default();
    for (index, group) in number.groups().iter().enumerate() {
        let trunk = group.gap == Gap::Paren
            && index > 0
            && group.len() == 1
            && number.text.at(group.start) == b'0'
            && number.text.at(group.end) == b')';
        if !trunk {
            digits = digits.wrapping_add(group.len());
        }
        let national = digits.saturating_sub(code);
        if national > usize::from(most) {
            break;
        }
        if national >= usize::from(least) && !trunk {
            end = Some(group.end);
            counted = number.digits(number.first(index.wrapping_add(1))?);
        }
    }
    let end = end?;
    let north_american = code == 1 && least == 10 && all.value(0..1) == 1;
    let fits = !north_american || is_north_american(&counted, 1);
    let varied = counted
        .as_slice()
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a != b));
    let after = number.text.at(end);
    (fits && varied && !after.is_ascii_alphanumeric() && after != b'%').then_some(plus..end)
}

/// Whether the ten digits from `from` on are a number of the North American plan: area and
/// exchange begin with 2 to 9, and neither is one of the service codes such as 911.
fn is_north_american(digits: &Digits, from: usize) -> bool {
    let part =
        |at: usize| digits.value(from.wrapping_add(at)..from.wrapping_add(at).wrapping_add(3));
    let (area, exchange) = (part(0), part(3));
    area >= 200 && exchange >= 200 && area % 100 != 11 && exchange % 100 != 11
}

/// `415-555-2671`, `(415) 555-2671`, `1-800-555-0199`, `415.555.2671`.
fn north_american(number: &Number<'_>) -> Option<Range<usize>> {
    let country = number.first(1)?.first()?.len() == 1 && number.text.at(number.start) == b'1';
    let from = usize::from(country);
    let groups = number.first(from.wrapping_add(3))?;
    let [area, exchange, line] = groups.get(from..)? else {
        return None;
    };
    let gaps = (exchange.gap, line.gap);
    let written = matches!(
        gaps,
        (Gap::Hyphen, Gap::Hyphen)
            | (Gap::Dot, Gap::Dot)
            | (Gap::Paren, Gap::Hyphen | Gap::Dot | Gap::Space)
    ) || gaps == (Gap::Space, Gap::Hyphen)
        || gaps == (Gap::Space, Gap::Space) && is_named(number);
    (written
        && (area.len(), exchange.len(), line.len()) == (3, 3, 4)
        && is_north_american(&number.digits(groups), from)
        && number
            .after(groups.len())
            .is_none_or(|next| next.gap != line.gap))
    .then(|| number.range(groups))
}

/// `13800138000`, `138 0013 8000`, `138-0013-8000`: the prefixes given to mobile networks.
fn chinese_mobile(number: &Number<'_>) -> Option<Range<usize>> {
    let groups = match number.first(1)?.first()?.len() {
        11 => number.first(1)?,
        3 => number.first(3)?,
        _ => return None,
    };
    if let [_, second, third] = groups
        && ((second.len(), third.len()) != (4, 4)
            || second.gap != third.gap
            || !matches!(third.gap, Gap::Space | Gap::Hyphen))
    {
        return None;
    }
    let digits = number.digits(groups);
    let prefix = digits.value(0..3);
    let mobile = matches!(prefix, 130..=139 | 145..=149 | 150..=153 | 155..=159 | 180..=189)
        || matches!(prefix, 162 | 165..=167 | 170..=173 | 175..=178 | 190..=193 | 195..=199);
    // One of a row of numbers.
    let next = number.after(groups.len());
    let in_a_row = follows_digits(number) || next.is_some_and(|next| next.gap == Gap::Space);
    (mobile && digits.len() == 11 && (!in_a_row || is_named(number))).then(|| number.range(groups))
}

/// `01 23 45 67 89`, `06.12.34.56.78`: five pairs, which are not merely counting.
fn french(number: &Number<'_>) -> Option<Range<usize>> {
    let groups = number.first(5)?;
    let gap = groups.get(1)?.gap;
    let pairs = groups.iter().all(|group| group.len() == 2)
        && groups.iter().skip(1).all(|group| group.gap == gap)
        && matches!(gap, Gap::Space | Gap::Dot | Gap::Hyphen);
    let digits = number.digits(groups);
    let counting = [2, 4, 6, 8].iter().all(|&at: &usize| {
        digits.value(at..at.wrapping_add(2)) == digits.value(at.wrapping_sub(2)..at).wrapping_add(1)
    });
    let alone = number.after(5).is_none_or(|next| next.gap != gap) && !follows_digits(number);
    (pairs && alone && !counting && (1..=9).contains(&digits.value(0..2)))
        .then(|| number.range(groups))
}

/// `030 12345678`, `(020) 7946 0958`, `0171/1234567`, `010-12345678`, `090-1234-5678`: a trunk
/// zero, an area of two to five digits and nine to eleven digits altogether.
fn trunk(number: &Number<'_>) -> Option<Range<usize>> {
    let area = *number.first(1)?.first()?;
    let national = number.text.at(number.start) == b'0'
        && (b'1'..=b'9').contains(&number.text.at(number.start.wrapping_add(1)));
    if !national || !(2..=5).contains(&area.len()) {
        return None;
    }
    let gap = first_gap(number)?;
    let mut digits = area.len();
    let mut taken = 1usize;
    for group in number.groups().iter().skip(1) {
        let same = group.gap == gap
            || taken > 1
                && matches!(group.gap, Gap::Space | Gap::Hyphen)
                && same_rest(number, taken);
        let same = same && (taken < 2 || group.gap != Gap::Slash);
        if !same || digits.saturating_add(group.len()) > 12 || group.len() < 2 {
            break;
        }
        digits = digits.saturating_add(group.len());
        taken = taken.wrapping_add(1);
    }
    let groups = number.first(taken)?;
    let marked = matches!(gap, Gap::Paren | Gap::Slash);
    let subscriber = groups.get(1)?.len();
    let written = match gap {
        Gap::Paren | Gap::Slash => digits >= 9,
        // A year, a month and a day make eight digits; so do codes of two parts.
        Gap::Hyphen => (10..=12).contains(&digits) && subscriber >= 4,
        Gap::Space => {
            let grouped = subscriber >= 4 || subscriber == 3 && area.len() > 3;
            (10..=12).contains(&digits) && (grouped && !follows_digits(number) || is_named(number))
        }
        _ => false,
    };
    let goes_on = number.after(taken).is_some_and(|next| next.gap == gap);
    ((written && (marked || area.len() > 2 || digits == 10)) && !goes_on)
        .then(|| number.range(groups))
}

/// Whether behind the area the groups have one separator.
fn same_rest(number: &Number<'_>, taken: usize) -> bool {
    let gaps = |group: &Group| group.gap;
    taken < 2 || number.groups().get(2).map(gaps) == number.groups().get(taken).map(gaps)
}

/// Whether a digit and a space stand before the number, as in a line of a table.
fn follows_digits(number: &Number<'_>) -> bool {
    number.text.before(number.start, 1) == b' '
        && number.text.before(number.start, 2).is_ascii_digit()
}

/// Nine to thirteen digits in any grouping, where a word says what they are.
fn named(number: &Number<'_>) -> Option<Range<usize>> {
    let mut digits = 0usize;
    let mut taken = 0usize;
    for group in number.groups() {
        if digits.saturating_add(group.len()) > 13 || taken > 5 {
            break;
        }
        digits = digits.saturating_add(group.len());
        taken = taken.wrapping_add(1);
    }
    let groups = number.first(taken)?;
    // `2024-01-31 12`, `31.01.2024 12`.
    let date = matches!(groups, [a, b, c, ..] if b.len() == 2 && (a.len(), c.len()) == (4, 2))
        || matches!(groups, [a, b, c, ..] if b.len() == 2 && (a.len(), c.len()) == (2, 4));
    ((9..=13).contains(&digits) && !date && is_named(number)).then(|| number.range(groups))
}

/// Whether a word for telephones stands shortly before the number.
fn is_named(number: &Number<'_>) -> bool {
    let from = number.start.saturating_sub(NEAR);
    number.text.mentions(from..number.start, WORDS)
}
