//! Which words of a text are among those that something looked for begins with.
//!
//! A word is looked up by its [key](crate::words::Word::key): one multiplication and one bit of
//! a table that the fastest cache holds tell of nearly every word that it is none. Anchors that
//! end inside a word, stems, have a table of their own by their first three bytes.

use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::words::{self, Disguise, KEY_BYTES, Wanted, Word, first, raw_key};

/// The beginning of what is looked for: a whole word, or the first bytes of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anchor {
    key: u64,
    /// Bytes of a stem; `None` where the whole word is known, or all of its key.
    stem: Option<u8>,
    /// It begins with a single character, see [`Word::is_single`].
    is_single: bool,
}

impl Anchor {
    /// A stem has at least this many bytes.
    pub const SHORTEST_STEM: usize = 3;

    /// The anchor of folded `text`, which begins with a word. Where that word is all of it,
    /// `is_stem` says whether it may go on. `None` for a stem that is too short.
    pub fn of(text: &[u8], is_stem: bool) -> Option<Anchor> {
        let mut word = None;
        words::each(text, |found| {
            word.get_or_insert(found);
        });
        let Word {
            len,
            is_single,
            at: 0,
            ..
        } = word?
        else {
            return None;
        };
        let len = (len as usize).min(KEY_BYTES);
        let (bytes, goes_on) = if is_single {
            // Whatever stands between words may be written in more than one way.
            let is_gap = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
            let end = text.iter().position(is_gap).unwrap_or(text.len());
            (end.min(KEY_BYTES), true)
        } else {
            (len, is_stem && len == text.len().min(KEY_BYTES))
        };
        if goes_on && bytes < Anchor::SHORTEST_STEM {
            return None;
        }
        Some(Anchor {
            key: first(raw_key(text), bytes),
            stem: (goes_on && (is_single || bytes < KEY_BYTES))
                .then(|| u8::try_from(bytes).unwrap_or(u8::MAX)),
            is_single,
        })
    }
}

/// Multiplies: keys are words, which their first bytes tell apart.
#[derive(Clone, Copy, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = spread(self.0 ^ key);
    }
}

/// Spreads the bits of a key, the highest ones best. An odd number near 2^64 divided by the
/// golden ratio (Knuth, The Art of Computer Programming 3, 6.4).
#[inline(always)]
fn spread(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A set of hashes of 2^17 bits, 16 KiB: half of a first-level cache.
struct Bits(Box<[u64; Bits::WORDS]>);

impl Bits {
    const WORDS: usize = 1 << 11;

    fn new() -> Bits {
        Bits(Box::new([0; Bits::WORDS]))
    }

    #[inline(always)]
    fn place(key: u64) -> (usize, u64) {
        let hash = spread(key) >> 47;
        ((hash >> 6) as usize, hash & 63)
    }

    fn insert(&mut self, key: u64) {
        let (word, bit) = Bits::place(key);
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    #[inline(always)]
    fn may_have(&self, key: u64) -> bool {
        let (word, bit) = Bits::place(key);
        self.0.get(word).copied().unwrap_or(0) >> bit & 1 != 0
    }
}

/// What is looked for, by how it begins. `T` says what it is.
pub struct Lexicon<T> {
    words: Bits,
    stems: Bits,
    /// Lengths that stems have, a bit each.
    stem_lengths: u16,
    /// Bytes of the shortest that does not begin with a single character, at most [`KEY_BYTES`].
    shortest: u32,
    /// Some begin with single characters.
    has_singles: bool,
    /// Where in `targets` those of a key are.
    places: HashMap<u64, (u32, u32), BuildHasherDefault<KeyHasher>>,
    targets: Vec<T>,
}

impl<T: Copy + Ord> Lexicon<T> {
    /// The lexicon of these anchors and what each is of.
    pub fn new(anchors: impl Iterator<Item = (Anchor, T)>) -> Lexicon<T> {
        let mut all: Vec<(u64, T)> = Vec::new();
        let mut lexicon = Lexicon {
            words: Bits::new(),
            stems: Bits::new(),
            stem_lengths: 0,
            shortest: KEY_BYTES as u32,
            has_singles: false,
            places: HashMap::default(),
            targets: Vec::new(),
        };
        for (anchor, target) in anchors {
            all.push((anchor.key, target));
            lexicon.words.insert(anchor.key);
            lexicon.has_singles |= anchor.is_single;
            if !anchor.is_single {
                let bytes = u64::BITS
                    .wrapping_sub(anchor.key.leading_zeros())
                    .div_ceil(8);
                lexicon.shortest = lexicon.shortest.min(bytes);
            }
            if let Some(len) = anchor.stem {
                lexicon
                    .stems
                    .insert(first(anchor.key, Anchor::SHORTEST_STEM));
                lexicon.stem_lengths |= 1u16.checked_shl(u32::from(len)).unwrap_or(0);
            }
        }
        all.sort_unstable();
        all.dedup();
        for chunk in all.chunk_by(|a, b| a.0 == b.0) {
            let narrow = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
            if let Some((key, _)) = chunk.first() {
                let place = (narrow(lexicon.targets.len()), narrow(chunk.len()));
                lexicon.places.insert(*key, place);
            }
            lexicon
                .targets
                .extend(chunk.iter().map(|(_, target)| *target));
        }
        lexicon
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> usize {
        let place = size_of::<(u64, (u32, u32))>().saturating_add(1);
        let places = self.places.capacity().saturating_mul(place);
        let targets = self.targets.capacity().saturating_mul(size_of::<T>());
        let bits = size_of::<[u64; Bits::WORDS]>().saturating_mul(2);
        places.saturating_add(targets).saturating_add(bits)
    }

    /// Calls `found` with everything that may begin with `word`.
    #[inline(always)]
    pub fn look(&self, word: Word, mut found: impl FnMut(T)) {
        if !word.is_single && self.words.may_have(word.key) {
            self.each(word.key, &mut found);
        }
        if self.may_have_stem(word.key) {
            self.look_for_stems(word, &mut found);
        }
    }

    #[inline(always)]
    fn may_have_stem(&self, key: u64) -> bool {
        self.stem_lengths != 0 && self.stems.may_have(first(key, Anchor::SHORTEST_STEM))
    }

    /// Tells of every word of `text` that anything may begin with, and of those of at least
    /// `long` bytes; see [`words::each_wanted`].
    #[inline(always)]
    pub fn each_word(
        &self,
        text: &[u8],
        long: u32,
        found: impl FnMut(Word),
        disguised: Option<impl FnMut(usize, Disguise)>,
    ) {
        let lexicon = self;
        match self.stem_lengths {
            0 => words::each_wanted(
                text,
                &Anchors::<T, false> { lexicon, long },
                found,
                disguised,
            ),
            _ => words::each_wanted(
                text,
                &Anchors::<T, true> { lexicon, long },
                found,
                disguised,
            ),
        }
    }

    #[inline(never)]
    fn look_for_stems(&self, word: Word, found: &mut impl FnMut(T)) {
        let len = if word.is_single {
            KEY_BYTES
        } else {
            (word.len as usize).min(KEY_BYTES)
        };
        for stem in Anchor::SHORTEST_STEM..=KEY_BYTES {
            // A whole word has been looked up already.
            let is_new = stem < len || word.is_single;
            let is_used = self.stem_lengths >> stem & 1 != 0;
            let key = first(word.key, stem);
            if is_used && is_new && self.words.may_have(key) {
                self.each(key, found);
            }
        }
    }

    #[inline(never)]
    fn each(&self, key: u64, found: &mut impl FnMut(T)) {
        let Some((start, len)) = self.places.get(&key) else {
            return;
        };
        let targets = self.targets.iter().skip(*start as usize);
        for target in targets.take(*len as usize) {
            found(*target);
        }
    }
}

/// The words that may be anchors, and long ones.
struct Anchors<'a, T, const STEMS: bool> {
    lexicon: &'a Lexicon<T>,
    long: u32,
}

impl<T: Copy + Ord, const STEMS: bool> Wanted for Anchors<'_, T, STEMS> {
    #[inline(always)]
    fn may_be(&self, key: u64) -> bool {
        self.lexicon.words.may_have(key) | (STEMS && self.lexicon.may_have_stem(key))
    }
    #[inline(always)]
    fn shortest(&self) -> u32 {
        self.lexicon.shortest
    }
    #[inline(always)]
    fn long(&self) -> u32 {
        self.long
    }
    #[inline(always)]
    fn singles(&self) -> bool {
        self.lexicon.has_singles
    }
}
