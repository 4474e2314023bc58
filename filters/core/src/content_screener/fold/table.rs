//! What each character is folded to: a table of the Unicode character database and of Unicode's
//! confusables, written by `xtask/fold-table.py`.

/// The pages' numbers, one for every 256 characters, then the pages.
static TABLE: &[u8; INDEX + PAGES * 256] = include_bytes!("table.bin");

/// Pages there are numbers for: the first two planes of Unicode.
const INDEX: usize = 0x200;
const PAGES: usize = 70;

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It stays.
    Keep,
    /// This ASCII character.
    Ascii(u8),
    /// Its small letter, see [`lower`].
    Lower,
    /// More than one letter.
    Spelled(&'static [u8]),
    /// Left out: a mark that combines with the letter before it.
    Mark,
    /// Left out: it has no width.
    ZeroWidth,
    /// Left out: it says in which direction text is written, as text in Arabic or Hebrew needs.
    Direction,
    /// Left out: it turns the direction of what follows around, whatever that is.
    Override,
    /// Left out: it selects a variation of the character before it; several in a row carry
    /// bytes.
    Variation(u8),
    /// A tag, which is an invisible ASCII character.
    Tag(u8),
}

/// What the character with this number is folded to.
#[inline(always)]
pub(super) fn kind(point: u32) -> Kind {
    if let Some(byte) = u8::try_from(point).ok().filter(u8::is_ascii) {
        let is_seen = !byte.is_ascii_control() || byte.is_ascii_whitespace();
        return if is_seen {
            Kind::Ascii(byte)
        } else {
            Kind::ZeroWidth
        };
    }
    let index = (point >> 8) as usize;
    if index >= INDEX {
        return beyond(point);
    }
    let page = usize::from(TABLE.get(index).copied().unwrap_or(0));
    let place = INDEX.wrapping_add(page << 8) | (point & 0xff) as usize;
    match TABLE.get(place).copied().unwrap_or(0) {
        0 => Kind::Keep,
        byte @ 0x20.. => Kind::Ascii(byte),
        b'\n' => Kind::Ascii(b'\n'),
        code => named(code, point),
    }
}

#[cold]
fn named(code: u8, point: u32) -> Kind {
    match code {
        1 => Kind::Mark,
        2 => Kind::ZeroWidth,
        // Embeddings and overrides, in either direction.
        3 if matches!(point, 0x202a | 0x202b | 0x202d | 0x202e) => Kind::Override,
        3 => Kind::Direction,
        4 => Kind::Variation((point & 0xf) as u8),
        6 => Kind::Lower,
        7 => Kind::Spelled(spelled(point)),
        _ => Kind::Keep,
    }
}

/// Planes the table does not reach: tags, and the variation selectors from the seventeenth on.
#[cold]
fn beyond(point: u32) -> Kind {
    match point {
        0xe_0000..=0xe_007f => Kind::Tag((point & 0x7f) as u8),
        0xe_0100..=0xe_01ef => Kind::Variation((point.wrapping_add(16) & 0xff) as u8),
        _ => Kind::Keep,
    }
}

/// The small letter of a capital, folded in turn: to ASCII, or to itself.
#[cold]
pub(super) fn lower(point: u32) -> Result<u8, char> {
    let capital = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    let small = capital.to_lowercase().next().unwrap_or(capital);
    match kind(u32::from(small)) {
        Kind::Ascii(byte) => Ok(byte),
        _ => Err(small),
    }
}

/// The letters of a ligature and of what is spelled with two where its letter is missing.
fn spelled(point: u32) -> &'static [u8] {
    match char::from_u32(point).unwrap_or_default() {
        'ß' => b"ss",
        'æ' => b"ae",
        'œ' => b"oe",
        'ĳ' => b"ij",
        'ŉ' => b"'n",
        'ǆ' => b"dz",
        'ǉ' => b"lj",
        'ǌ' => b"nj",
        'ǳ' => b"dz",
        'ﬀ' => b"ff",
        'ﬁ' => b"fi",
        'ﬂ' => b"fl",
        'ﬃ' => b"ffi",
        'ﬄ' => b"ffl",
        'ﬅ' | 'ﬆ' => b"st",
        _ => b"",
    }
}
