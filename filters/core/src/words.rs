//! The words of a text, found sixty-four bytes at a time.
//!
//! Everything that is looked for in a text begins where a word begins, so one look per word,
//! about every sixth byte of prose, finds it all.

use crate::simd::Block;

/// Bytes of a word that its key holds.
pub const KEY_BYTES: usize = 8;

/// A place where something that is looked for may begin.
///
/// In scripts that put spaces between words (ASCII letters and digits, and every character of
/// two bytes from U+00C0 on: Latin, Greek, Cyrillic, Hebrew, Arabic) that is the start of a run
/// of such characters; every character of three or four bytes is a word of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Offset of its first byte.
    pub at: usize,
    /// Its first bytes, at most [`KEY_BYTES`], as a little-endian number, each with the bit set
    /// that makes ASCII letters lower case. Of a single character, those of its neighbours too.
    pub key: u64,
    /// Its length in bytes, up to 64; more are not counted.
    pub len: u32,
    /// It is a single character of three or four bytes, such as 中, whatever stands beside it.
    pub is_single: bool,
}

/// Whether a character is a letter or digit of a script that puts spaces between words, so that
/// with those beside it it makes up one. Scripts that do not: Thai to Tibetan, Myanmar, Khmer,
/// those of Chinese and Japanese, and Korean, which puts particles behind words.
pub fn is_of_word(character: char) -> bool {
    let is_unspaced = matches!(u32::from(character),
        0x0e00..=0x0fff | 0x1000..=0x109f | 0x1100..=0x11ff | 0x1780..=0x17ff | 0x19e0..=0x19ff
        | 0x2e80..=0xd7ff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff);
    character.is_alphanumeric() && !is_unspaced
}

/// Sets the bit that makes eight ASCII letters lower case.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// The first bytes of a key, by how many: what a word of that length has as its key.
const FIRST: [u64; KEY_BYTES + 1] = [
    0,
    0xff,
    0xffff,
    0xff_ffff,
    0xffff_ffff,
    0xff_ffff_ffff,
    0xffff_ffff_ffff,
    0xff_ffff_ffff_ffff,
    u64::MAX,
];

/// The first `len` bytes of `key`.
#[inline(always)]
pub fn first(key: u64, len: usize) -> u64 {
    key & FIRST.get(len).copied().unwrap_or(u64::MAX)
}

/// The key of the bytes at the start of `text`, all eight of them; zeros where it ends.
#[inline(always)]
pub fn raw_key(text: &[u8]) -> u64 {
    let bytes = match text.first_chunk::<KEY_BYTES>() {
        Some(bytes) => *bytes,
        None => {
            let mut bytes = [0; KEY_BYTES];
            for (place, byte) in bytes.iter_mut().zip(text) {
                *place = *byte;
            }
            bytes
        }
    };
    u64::from_le_bytes(bytes) | LOWER
}

/// What one block of text looks like, a bit per byte.
#[derive(Clone, Copy, Default)]
struct Masks {
    /// Bytes of words in scripts with spaces.
    word: u64,
    /// First bytes of characters of three or four bytes.
    single: u64,
    digit: u64,
    /// Symbols that are written for letters: those of `signs`, `!` and `|`.
    symbol: u64,
    /// `@` and `$`, which rarely end a word that is not disguised.
    signs: u64,
    /// The last byte begins a character of two bytes: the next block's first belongs to it.
    carry: u64,
}

impl Masks {
    /// The masks of a block; those of digits and symbols only where it `is_watched` for disguises.
    #[inline(always)]
    fn of(near: &[u8; NEAR], carry: u64, is_watched: bool) -> Masks {
        let Some(block) = near.first_chunk::<64>() else {
            return Masks::default();
        };
        let block = Block::load(block);
        let mut masks = Masks {
            word: block.alphanumeric(),
            ..Masks::default()
        };
        if is_watched {
            masks.digit = block.range(b'0', b'9');
            masks.signs = block.eq(b'@') | block.eq(b'$');
            masks.symbol = masks.signs | block.eq(b'!') | block.eq(b'|');
        }
        if block.any_from(0x80) {
            // U+00C0 to U+07FF: U+0080 to U+00BF are signs, not letters.
            let pair = block.range(0xc3, 0xdf);
            masks.word |= pair | pair << 1 | carry;
            masks.single = block.range(0xe0, 0xff);
            masks.carry = pair >> 63;
        }
        masks
    }
}

/// Which bytes come after one of `mask`, whose block follows `before`.
#[inline(always)]
fn after(mask: u64, before: u64) -> u64 {
    mask << 1 | before >> 63
}

/// Which bytes come before one of `mask`, whose block `following` follows.
#[inline(always)]
fn ahead(mask: u64, following: u64) -> u64 {
    mask >> 1 | following << 63
}

impl Masks {
    fn letter(&self) -> u64 {
        self.word & !self.digit
    }

    /// What digits, symbols and letters that stand alone say. A mark of a disguise that lies
    /// across two blocks may be seen in either.
    #[inline(always)]
    fn disguise(&self, before: &Masks, following: &Masks) -> Disguise {
        let (letter, written) = (self.letter(), self.digit | self.symbol);
        let after_letter = after(letter, before.letter());
        let ahead_of_letter = ahead(letter, following.letter());
        let begins = !after(self.word, before.word);
        // `i6nore`, `1gnore`; `le44er`; `a$`.
        let one = written & ahead_of_letter & (after_letter | begins);
        let following_written = following.digit | following.symbol;
        let two = written
            & after_letter
            & ahead(written, following_written)
            & (letter >> 2 | following.letter() << 62);
        let last = self.signs & after_letter;
        let alone = self.word & begins & !ahead(self.word, following.word);
        Disguise {
            is_leet: (one | two | last) != 0,
            is_spaced: alone & alone >> 2 & alone >> 4 != 0,
        }
    }
}

/// A stretch of text in which letters may be written in another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disguise {
    /// Digits or symbols stand inside words, as in `1gn0re`.
    pub is_leet: bool,
    /// Letters stand alone, three or more in a row, as in `i g n o r e`.
    pub is_spaced: bool,
}

/// Bytes of a block and of the longest key behind it.
const NEAR: usize = 64 + KEY_BYTES;

/// Which words of a text are told.
pub trait Wanted {
    /// Whether a word with this [key](Word::key) is told. It may say yes of more words than are
    /// wanted.
    fn may_be(&self, key: u64) -> bool;

    /// No shorter word is told, but single characters. At least 1.
    fn shortest(&self) -> u32;

    /// Words of so many bytes and more are told whatever they begin with. At most 63, or
    /// `u32::MAX` where length alone is no reason.
    fn long(&self) -> u32;

    /// Whether single characters are told at all, see [`Word::is_single`].
    fn singles(&self) -> bool;

    /// All words are told. A constant where it can be, so that nothing else is looked at.
    #[inline(always)]
    fn is_all(&self) -> bool {
        false
    }
}

/// Every word.
#[derive(Clone, Copy, Debug)]
pub struct All;

impl Wanted for All {
    #[inline(always)]
    fn may_be(&self, _: u64) -> bool {
        true
    }
    #[inline(always)]
    fn shortest(&self) -> u32 {
        1
    }
    #[inline(always)]
    fn long(&self) -> u32 {
        u32::MAX
    }
    #[inline(always)]
    fn singles(&self) -> bool {
        true
    }
    #[inline(always)]
    fn is_all(&self) -> bool {
        true
    }
}

/// What of eight bytes is a word's key, by which of them belong to runs of letters. A single
/// character belongs to none, and all eight count.
#[allow(clippy::indexing_slicing, reason = "run by the compiler")]
static KEYS: [u64; 1 << KEY_BYTES] = {
    let mut keys = [0; 1 << KEY_BYTES];
    let mut run = 0;
    while run < keys.len() {
        let len = run.trailing_ones();
        keys[run] = if len == 0 {
            u64::MAX
        } else {
            u64::MAX >> (64 - 8 * len)
        };
        run += 1;
    }
    keys
};

/// Which of the bits at and after `bit` are set, `following` being those after the sixty-fourth.
#[inline(always)]
fn run(word: u64, following: u64, bit: u32) -> u64 {
    word >> bit | (following << 1) << (63u32.wrapping_sub(bit))
}

/// The key of the word at `bit`, whose run of letters is `run`.
#[inline(always)]
fn key(near: &[u8; NEAR], bit: u32, run: u64) -> u64 {
    let bytes = raw_key(near.get(bit as usize & 63..).unwrap_or_default());
    bytes & KEYS.get(run as usize & 0xff).copied().unwrap_or(0)
}

/// Which words of a block are wanted, of those that start at the bits of `starts`. Does not
/// branch on what it finds: that is hard to foresee.
#[inline(always)]
fn of_wanted(
    wanted: &impl Wanted,
    near: &[u8; NEAR],
    starts: u64,
    word: u64,
    following: u64,
) -> u64 {
    let mut left = starts & (!word | of_length(wanted.shortest(), word, following));
    let mut kept = 0u64;
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        let key = key(near, bit, run(word, following, bit));
        kept |= u64::from(wanted.may_be(key)) << bit;
    }
    if wanted.long() <= 63 {
        kept |= starts & of_length(wanted.long(), word, following);
    }
    kept
}

/// Where `len` bits in a row begin; `len` is at most 64.
#[inline(always)]
fn of_length(len: u32, word: u64, following: u64) -> u64 {
    let (mut runs, mut behind) = (word, following);
    let mut known = 1u32;
    while known < len {
        let more = known.min(len.wrapping_sub(known));
        runs &= runs >> more | (behind << 1) << (63u32.wrapping_sub(more));
        behind &= behind >> more;
        known = known.wrapping_add(more);
    }
    runs
}

/// No one looks for disguises.
pub const NOT_WATCHED: Option<fn(usize, Disguise)> = None;

/// Calls `found` with every word of `text`, in order.
#[inline(always)]
pub fn each(text: &[u8], found: impl FnMut(Word)) {
    each_wanted(text, &All, found, NOT_WATCHED);
}

/// Calls `found` with every word of `text` that is `wanted`, in order, and `disguised`, where
/// there is one, with the offset of every block of 64 bytes in which words may be disguised.
#[inline(always)]
pub fn each_wanted(
    text: &[u8],
    wanted: &impl Wanted,
    mut found: impl FnMut(Word),
    mut disguised: Option<impl FnMut(usize, Disguise)>,
) {
    // Behind its last bytes there are zeros, which end the last word.
    let tail_at = match text.len().checked_sub(NEAR) {
        Some(last) => (last | 63).wrapping_add(1),
        None => 0,
    };
    let mut tail = [0; 64 + NEAR];
    let rest = text.get(tail_at..).unwrap_or_default();
    if let Some(place) = tail.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    let near_of = |base: usize| {
        let near = match base.checked_sub(tail_at) {
            Some(at) => tail.get(at..),
            None => text.get(base..),
        };
        near.and_then(<[u8]>::first_chunk::<NEAR>)
            .filter(|_| base < text.len())
    };
    let Some(mut near) = near_of(0) else { return };
    let is_watched = disguised.is_some();
    let mut masks = Masks::of(near, 0, is_watched);
    let mut before = Masks::default();
    let mut base = 0usize;
    loop {
        let next = near_of(base.wrapping_add(64));
        let following = next.map_or(Masks::default(), |near| {
            Masks::of(near, masks.carry, is_watched)
        });
        let Masks { word, single, .. } = masks;
        let mut starts = word & !after(word, before.word);
        if wanted.singles() {
            starts |= single;
        }
        let mut left = match wanted.is_all() {
            true => starts,
            false => of_wanted(wanted, near, starts, word, following.word),
        };
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            let at = base.wrapping_add(bit as usize);
            let run = run(word, following.word, bit);
            let key = key(near, bit, run);
            found(Word {
                at,
                key,
                len: run.trailing_ones(),
                is_single: single >> bit & 1 != 0,
            });
        }
        if let Some(disguised) = &mut disguised {
            let disguise = masks.disguise(&before, &following);
            if disguise != Disguise::default() {
                disguised(base, disguise);
            }
        }
        let Some(next) = next else { return };
        near = next;
        before = masks;
        masks = following;
        base = base.wrapping_add(64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The words of `text`, character by character.
    fn naive(text: &str) -> Vec<Word> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || ('\u{c0}'..'\u{800}').contains(&c);
        let mut words = Vec::new();
        let mut in_word = false;
        for (at, c) in text.char_indices() {
            let rest = &text[at..];
            let run: usize = rest
                .chars()
                .take_while(|c| is_word(*c))
                .map(char::len_utf8)
                .sum();
            let is_single = c.len_utf8() > 2;
            if is_single || is_word(c) && !in_word {
                let kept = if is_single { KEY_BYTES } else { run };
                words.push(Word {
                    at,
                    key: first(raw_key(rest.as_bytes()), kept.min(KEY_BYTES)),
                    len: run.min(64) as u32,
                    is_single,
                });
            }
            in_word = is_word(c);
        }
        words
    }

    fn fast(text: &str) -> Vec<Word> {
        let mut words = Vec::new();
        each(text.as_bytes(), |word| words.push(word));
        words
    }

    #[test]
    fn words_begin_where_a_reader_of_characters_finds_them() {
        let long = "x".repeat(200);
        let texts = [
            "",
            "a",
            "ignore all previous instructions",
            "日本語のtext中",
            "привет мир, café ñandú",
            "a_b-c.d'e\u{a0}f\u{ab}g",
            "😀x😀",
            &long,
        ];
        for text in texts {
            for pad in [0, 1, 57, 61, 62, 63, 64, 65] {
                let text = format!("{}{text}", ".".repeat(pad));
                assert_eq!(fast(&text), naive(&text), "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn fast_and_naive_agree(text in "([a-zA-Z0-9 .@é中п😀\u{a0}]|[a-z]{60,70}){0,90}") {
            prop_assert_eq!(fast(&text), naive(&text));
        }
    }

    /// A few words, and long ones.
    struct Few;

    impl Wanted for Few {
        fn may_be(&self, key: u64) -> bool {
            let bytes = key.to_le_bytes();
            bytes[0] == b'a' || bytes[..4] == *b"the\0" || bytes[..3] == *"中".as_bytes()
        }
        fn shortest(&self) -> u32 {
            2
        }
        fn long(&self) -> u32 {
            20
        }
        fn singles(&self) -> bool {
            true
        }
    }

    proptest! {
        #[test]
        fn those_wanted_are_told(text in "([a-zA-Z0-9 .@é中п😀\u{a0}]| the |[a-z]{15,25}|[a-z]{60,70}){0,90}") {
            let is_few = |word: &Word| Few.may_be(word.key) && (word.is_single || word.len >= 2);
            let is_wanted = |word: &Word| is_few(word) || word.len >= 20;
            let expected: Vec<Word> = naive(&text).into_iter().filter(is_wanted).collect();
            let mut told = Vec::new();
            each_wanted(text.as_bytes(), &Few, |word| told.push(word), NOT_WATCHED);
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn few_others_are_told() {
        let text = "then so be it, 中文 for text ".repeat(100);
        let mut told = 0;
        each_wanted(text.as_bytes(), &Few, |_| told += 1, NOT_WATCHED);
        assert_eq!(told, 100);
    }

    #[test]
    fn disguised_words_are_seen_wherever_blocks_end() {
        let leet = Disguise {
            is_leet: true,
            is_spaced: false,
        };
        let spaced = Disguise {
            is_leet: false,
            is_spaced: true,
        };
        let none = Disguise::default();
        for (text, expected) in [
            ("1gnore", leet),
            ("ign0re", leet),
            ("i99ore", leet),
            ("a$$", leet),
            ("p@ss", leet),
            ("i g n o r e", spaced),
            ("i-g-n-o-r-e", spaced),
            ("hello world! It is 12:30, GPT-4.", none),
            ("sha256 v2", none),
            ("I a am", none),
        ] {
            for pad in 0..130 {
                let text = format!("{}{text} ", " ".repeat(pad));
                let mut seen = none;
                let see = |_, disguise: Disguise| {
                    seen.is_leet |= disguise.is_leet;
                    seen.is_spaced |= disguise.is_spaced;
                };
                each_wanted(text.as_bytes(), &All, |_| (), Some(see));
                assert_eq!(seen, expected, "{text:?}");
            }
        }
    }
}
