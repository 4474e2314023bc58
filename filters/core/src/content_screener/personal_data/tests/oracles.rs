//! Random texts: the masks against a walk byte by byte, and validators against naive twins
//! that know one way of writing each kind.

use proptest::prelude::*;

use super::super::sweep::byte_by_byte;
use super::*;

/// Pieces of what detectors look for, right and slightly wrong.
fn piece() -> impl Strategy<Value = String> {
    let rows = vectors::rows(VECTORS);
    let texts: Vec<String> = rows.into_iter().map(|row| row.text).collect();
    prop_oneof![
        3 => proptest::sample::select(texts),
        3 => "[0-9]{1,20}",
        2 => "[ ./:@()+-]{1,3}",
        1 => "[a-fA-F0-9:]{1,40}",
        1 => "\\PC{0,6}",
        1 => "(tel|SSN|version|a|x@|GB82|银行)",
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

/// Runs of letters and digits, with where they begin: what a kind that is written in one piece
/// can be. A number is none if a decimal point or a comma joins it to other digits.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let joined = |near: Option<&u8>, far: Option<&u8>| {
        matches!(near, Some(b'.' | b',')) && far.is_some_and(u8::is_ascii_digit)
    };
    let mut all = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let len = bytes[start..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        let end = start + len;
        let before = |back: usize| start.checked_sub(back).and_then(|at| bytes.get(at));
        let number = bytes[start].is_ascii_digit();
        let decimal = joined(before(1), before(2)) || joined(bytes.get(end), bytes.get(end + 1));
        if len > 0 && !(number && decimal) {
            all.push((start, &text[start..end]));
        }
        start = end + 1;
    }
    all
}

fn luhn(card: &str) -> bool {
    let mut sum = 0;
    for (place, digit) in card.chars().rev().enumerate() {
        let digit = digit.to_digit(10).unwrap();
        sum += if place % 2 == 1 {
            (digit * 2) / 10 + (digit * 2) % 10
        } else {
            digit
        };
    }
    sum % 10 == 0
}

/// Visa and American Express, the networks whose range is one prefix.
fn is_simple_card(word: &str) -> bool {
    let visa = word.starts_with('4') && matches!(word.len(), 13 | 16 | 19);
    let amex = (word.starts_with("34") || word.starts_with("37")) && word.len() == 15;
    (visa || amex) && word.bytes().all(|b| b.is_ascii_digit()) && luhn(word)
}

/// A German one: long division of the number that ISO 13616 describes, written out.
fn is_german_iban(word: &str) -> bool {
    let digits = word.strip_prefix("DE").unwrap_or_default();
    if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let written = format!("{}1314{}", &digits[2..], &digits[..2]);
    let (front, back) = written.split_at(12);
    let front: u128 = front.parse().unwrap();
    let back: u128 = back.parse().unwrap();
    (front % 97 * (10u128.pow(12) % 97) + back % 97) % 97 == 1
}

fn is_resident_id(word: &str) -> bool {
    if word.len() != 18 || !word[..17].bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let day: u32 = word[12..14].parse().unwrap();
    let month: u32 = word[10..12].parse().unwrap();
    let year: u32 = word[6..10].parse().unwrap();
    let check = match &word[17..] {
        "X" | "x" => 10,
        digit => match digit.parse() {
            Ok(digit) => digit,
            Err(_) => return false,
        },
    };
    // ISO 7064 says it with powers of two.
    let weighed = word[..17]
        .chars()
        .enumerate()
        .map(|(place, digit)| digit.to_digit(10).unwrap() * (2u32.pow(17 - place as u32) % 11));
    word.starts_with("44")
        && (1900..=2099).contains(&year)
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && (weighed.sum::<u32>() + check) % 11 == 1
}

fn german_iban() -> impl Strategy<Value = String> {
    ("[0-9]{18}", 0..97u32).prop_map(|(account, check)| format!("DE{check:02}{account}"))
}

fn resident_id() -> impl Strategy<Value = String> {
    (1899..2101u32, 0..13u32, 0..29u32, "[0-9]{3}", "[0-9Xx]").prop_map(
        |(year, month, day, serial, check)| {
            format!("440307{year}{month:02}{day:02}{serial}{check}")
        },
    )
}

/// Texts of `number`s between other things.
fn amid(number: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let one = (number, "( |\n|, |。|x|0|\\.|\\.5|\"|;)").prop_map(|(n, mark)| n + &mark);
    proptest::collection::vec(one, 1..12).prop_map(|all| all.concat())
}

fn agrees(text: &str, kind: Kind, is: impl Fn(&str) -> bool) -> Result<(), TestCaseError> {
    let words = pieces(text).into_iter().filter(|(_, word)| is(word));
    let expected: Vec<_> = words
        .map(|(start, word)| (start, start + word.len()))
        .collect();
    let found = all(text.as_bytes(), [kind].into_iter().collect());
    let found: Vec<_> = found
        .iter()
        .map(|f| (f.start, f.end))
        .filter(|&(start, end)| is(&text[start..end]))
        .collect();
    prop_assert_eq!(found, expected, "{}", text);
    Ok(())
}

proptest! {
    #[test]
    fn masks_miss_nothing(text in text(), bits in proptest::collection::vec(any::<bool>(), 8)) {
        let kinds = Kind::ALL.into_iter().zip(bits).filter(|(_, wanted)| *wanted);
        let kinds: Kinds = kinds.map(|(kind, _)| kind).collect();
        let mut expected = Vec::new();
        byte_by_byte(text.as_bytes(), kinds, &mut |found| expected.push(found));
        prop_assert_eq!(all(text.as_bytes(), kinds), expected);
    }

    #[test]
    fn findings_stand_in_order_and_apart(text in text()) {
        let mut from = 0;
        for found in all(text.as_bytes(), Kinds::all()) {
            prop_assert!(from <= found.start && found.start < found.end);
            prop_assert!(text.get(found.start..found.end).is_some_and(|value| value.is_ascii()));
            from = found.end;
        }
    }

    #[test]
    fn cards_are_those_of_the_naive_twin(text in amid("(4[0-9]{12}|4[0-9]{15}|4[0-9]{18}|3[47][0-9]{13}|[0-9]{1,21})")) {
        agrees(&text, Kind::Card, is_simple_card)?;
    }

    #[test]
    fn ibans_are_those_of_the_naive_twin(text in amid(german_iban())) {
        agrees(&text, Kind::Iban, is_german_iban)?;
    }

    #[test]
    fn resident_ids_are_those_of_the_naive_twin(text in amid(resident_id())) {
        agrees(&text, Kind::CnResidentId, is_resident_id)?;
    }

    #[test]
    fn addresses_of_the_internet_are_those_the_standard_parses(octets in any::<[u8; 4]>(), wide in any::<[u16; 7]>()) {
        let [a, b, c, d] = octets.map(u32::from);
        // Four small numbers are a version.
        let is_version = octets.iter().all(|octet| *octet < 20);
        let public = !matches!(a, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..) && !is_version;
        let four = format!("{a}.{b}.{c}.{d}");
        let expected: &[_] = if public { &[("ip", 0, four.len())] } else { &[] };
        if public {
            prop_assert_eq!(spans(&four, Kinds::all()), expected);
        }
        let six = std::net::Ipv6Addr::from([0x2a00, wide[0], wide[1], wide[2], wide[3], wide[4], wide[5], wide[6]]);
        let six = six.to_string();
        prop_assert_eq!(spans(&six, Kinds::all()), [("ip", 0, six.len())]);
    }
}
