//! Character references (HTML, section 13.5): the numbered, and the names that are met.

/// Longer ones are none of these.
const LONGEST: usize = 12;

/// The rest of HTML's two thousand names stay as they are.
const NAMED: [(&str, char); 38] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("mdash", '—'),
    ("ndash", '–'),
    ("hellip", '…'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("bull", '•'),
    ("middot", '·'),
    ("euro", '€'),
    ("pound", '£'),
    ("yen", '¥'),
    ("cent", '¢'),
    ("sect", '§'),
    ("para", '¶'),
    ("deg", '°'),
    ("plusmn", '±'),
    ("times", '×'),
    ("larr", '←'),
    ("rarr", '→'),
    ("uarr", '↑'),
    ("darr", '↓'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
];

/// The character of the reference that `rest` begins with, and how many bytes it takes.
pub(super) fn read(rest: &str) -> Option<(char, usize)> {
    let name = rest.strip_prefix('&')?;
    let len = name.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = name.get(..len)?;
    let character = match name.strip_prefix('#') {
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
        Some(number) => {
            let (digits, radix) = match number.strip_prefix(['x', 'X']) {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let code = u32::from_str_radix(digits, radix)
                .ok()
                .filter(|_| is_plain)?;
            // What controls stand for is a matter of old code pages.
            char::from_u32(code).filter(|character| !character.is_control())?
        }
    };
    Some((character, len.saturating_add(2)))
}
