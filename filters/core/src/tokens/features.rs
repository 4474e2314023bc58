//! What the fast estimate knows of a text: counts, taken sixty-four bytes at a time.
//!
//! A byte-pair tokenizer splits text at borders that byte classes show (where words,
//! numbers and runs of punctuation begin) and then spends more tokens on what is long or
//! unusual. So each count here is a population count of a mask, and the number of tokens
//! is a weighted sum of the counts; the weights are fitted by `token-fit`.
//!
//! Masks look back, never ahead, and what they look back on is kept between blocks, so
//! the counts do not depend on where the blocks fall.

use super::scripts::{self, ScriptCarry};
use crate::simd::Block;

/// The last mask of a kind: what the next one looks back on.
#[derive(Clone, Copy, Default)]
pub(super) struct Last(u64);

impl Last {
    /// Moves on by one block, to a block whose mask is `now`.
    #[inline(always)]
    pub(super) fn step(&mut self, now: u64) -> Trail {
        Trail {
            now,
            before: core::mem::replace(&mut self.0, now),
        }
    }
}

/// A mask over one block, together with the same mask over the block before it.
#[derive(Clone, Copy)]
pub(super) struct Trail {
    /// Bit `i` speaks of byte `i` of this block.
    pub(super) now: u64,
    before: u64,
}

impl Trail {
    /// The mask of the bytes that come `N` bytes after a set one.
    #[inline(always)]
    pub(super) fn back<const N: u32>(self) -> u64 {
        const { assert!(N > 0 && N < 64) };
        self.now.wrapping_shl(N) | self.before.wrapping_shr(64_u32.wrapping_sub(N))
    }

    /// Whether any bit of the two blocks is set.
    #[inline(always)]
    pub(super) fn any(self) -> bool {
        self.now | self.before != 0
    }
}

/// Follows runs forward: given where runs start, how many reach each length.
///
/// `N` lengths, a step of `STEP` bytes between one and the next.
#[derive(Clone, Copy)]
pub(super) struct Chain<const N: usize, const STEP: u32> {
    reach: [Last; N],
}

impl<const N: usize, const STEP: u32> Default for Chain<N, STEP> {
    fn default() -> Self {
        Chain {
            reach: [Last::default(); N],
        }
    }
}

impl<const N: usize, const STEP: u32> Chain<N, STEP> {
    /// Adds to `counts[k]` the runs found in this block to have more than `k + 1` members.
    #[inline(always)]
    pub(super) fn step(&mut self, starts: Trail, goes_on: u64, counts: &mut [u32; N]) {
        let mut previous = starts;
        for (reach, count) in self.reach.iter_mut().zip(counts) {
            previous = reach.step(previous.back::<STEP>() & goes_on);
            *count = count.wrapping_add(previous.now.count_ones());
        }
    }
}

/// Defines the counts once: their names, their order and the struct that holds them.
macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $len:literal,)*) => {
        /// The counts of a text, in the order of the weights.
        #[derive(Clone, Copy, Default)]
        pub(super) struct Counts { $($(#[$doc])* pub(super) $name: [u32; $len],)* }

        /// How many counts there are.
        pub const COUNT: usize = 0 $(+ $len)*;

        impl Counts {
            /// All counts in one row.
            pub(super) fn row(&self) -> [u32; COUNT] {
                let mut row = [0; COUNT];
                let groups: &[&[u32]] = &[$(self.$name.as_slice(),)*];
                for (to, from) in row.iter_mut().zip(groups.iter().copied().flatten()) {
                    *to = *from;
                }
                row
            }
        }

        /// The name of each group of counts, and how many the group has.
        pub const NAMES: &[(&str, usize)] = &[$((stringify!($name), $len),)*];
    };
}

counts! {
    /// Texts that are not empty.
    texts: 1,
    /// Words: runs of letters, or the part of one that begins at a capital after a small letter.
    words: 1,
    /// Words of more than 1, 2, 3, … letters.
    longer: 8,
    /// Letters with sixteen letters before them in their word: no language has many.
    unbroken: 1,
    /// Words that do not follow a space, of more than 0, 1, 2, … letters.
    glued: 3,
    /// Words after one lone punctuation mark, which the tokenizer keeps with the word.
    marked: 1,
    /// Capitals, and capitals after capitals.
    capitals: 2,
    digits: 1,
    numbers: 1,
    /// Numbers of more than three digits, which the tokenizer takes three at a time.
    long_numbers: 1,
    spaced_numbers: 1,
    /// Runs of two or more spaces; all spaces after spaces.
    indents: 2,
    /// Line ends, runs of them, those right after punctuation.
    newlines: 3,
    /// Tabs, and runs of them.
    tabs: 2,
    /// Punctuation and control characters, and runs of them.
    marks: 2,
    /// Runs of more than 1, 2 and 3 marks.
    mark_longer: 3,
    /// In runs of sixteen or more bytes of what base64, paths and identifiers are made of:
    /// all bytes from the sixteenth on, the capitals, the digits, the changes of class.
    runs: 4,
    latin: 1,
    greek: 1,
    cyrillic: 1,
    cyrillic_capitals: 1,
    cyrillic_words: 1,
    cyrillic_longer: 8,
    hebrew: 1,
    arabic: 1,
    arabic_words: 1,
    arabic_longer: 6,
    arabic_marks: 1,
    devanagari: 1,
    devanagari_signs: 1,
    devanagari_words: 1,
    devanagari_longer: 6,
    indic: 1,
    thai: 1,
    /// Han characters, and those from U+4000 to U+5FFF.
    han: 2,
    han_runs: 1,
    han_longer: 2,
    kana: 3,
    kana_runs: 1,
    kana_longer: 4,
    cjk_marks: 1,
    wide_marks: 1,
    hangul: 4,
    hangul_runs: 1,
    hangul_longer: 4,
    dashes_and_quotes: 1,
    symbols: 1,
    other: 1,
    emoji: 1,
}

/// Adds the bits of `mask` to a count.
#[inline(always)]
pub(super) fn add(count: &mut u32, mask: u64) {
    *count = count.wrapping_add(mask.count_ones());
}

/// Counts the blocks of a text; see the module.
#[derive(Clone, Copy, Default)]
pub(super) struct Features {
    pub(super) counts: Counts,
    /// Control characters, which count as marks too: no text to fit on has any.
    pub(super) controls: u32,
    carry: Carry,
}

/// What the masks of the next block look back on.
#[derive(Clone, Copy, Default)]
struct Carry {
    lower: Last,
    upper: Last,
    alpha: Last,
    digit: Last,
    space: Last,
    newline: Last,
    tab: Last,
    mark: Last,
    non_ascii: Last,
    starts: Last,
    unbroken: [Last; 4],
    glued: Last,
    number: Last,
    mark_start: Last,
    longer: Chain<8, 1>,
    glued_longer: Chain<2, 1>,
    mark_longer: Chain<3, 1>,
    runs: [Last; 4],
    scripts: ScriptCarry,
}

impl Features {
    /// Counts a whole text.
    pub(super) fn text(&mut self, text: &[u8]) {
        let (blocks, rest) = text.as_chunks::<64>();
        for block in blocks {
            self.block(&Block::load(block), u64::MAX);
        }
        let mut last = [0; 64];
        if let Some(room) = last.get_mut(..rest.len()) {
            room.copy_from_slice(rest);
        }
        self.end_text(&last, rest.len());
    }

    /// Counts the last `len` bytes of a text, fewer than 64 and zeros behind them: what comes
    /// next begins another text.
    pub(super) fn end_text(&mut self, last: &[u8; 64], len: usize) {
        if len > 0 {
            self.block(
                &Block::load(last),
                u64::MAX.wrapping_shr(64_u32.wrapping_sub(len as u32)),
            );
        }
        self.carry = Carry::default();
    }

    /// Counts the bytes of `block` whose bits are set in `valid`: all, or the last of a text.
    #[inline(always)]
    pub(super) fn block(&mut self, block: &Block, valid: u64) {
        let counts = &mut self.counts;
        let carry = &mut self.carry;

        let non_ascii = carry.non_ascii.step(block.non_ascii());
        let mut latin = 0;
        if non_ascii.any() {
            latin = scripts::count(block, &mut carry.scripts, counts);
        }
        let lower = carry.lower.step(block.range(b'a', b'z') | latin);
        let upper = carry.upper.step(block.range(b'A', b'Z'));
        let alpha = carry.alpha.step(lower.now | upper.now);
        let digit = carry.digit.step(block.range(b'0', b'9'));
        let space = carry.space.step(block.eq(b' '));
        // Line feed, vertical tab, form feed, carriage return.
        let newline = carry.newline.step(block.range(0x0a, 0x0d));
        let tab = carry.tab.step(block.eq(b'\t'));
        let blank = space.now | newline.now | tab.now;
        let mark = carry
            .mark
            .step(valid & !(alpha.now | digit.now | blank | non_ascii.now));

        // A class that occurs neither in this block nor in the one before has nothing to
        // count, and nothing that is kept for it has a bit that matters.
        let masks = Masks {
            lower,
            upper,
            alpha,
            digit,
            space,
            newline,
            tab,
            mark,
        };
        if alpha.any() {
            words(&masks, carry, counts);
        }
        if digit.any() {
            numbers(&masks, carry, counts);
        }
        white_space(&masks, counts);
        if mark.now != 0 {
            add(&mut self.controls, mark.now & block.range(0, 0x1f));
        }
        marks(&masks, carry, counts);
        let member = alpha.now | digit.now | block.range(b'+', b'/');
        runs(&masks, member, carry, counts);
    }
}

/// The byte classes of one block.
struct Masks {
    lower: Trail,
    upper: Trail,
    alpha: Trail,
    digit: Trail,
    space: Trail,
    newline: Trail,
    tab: Trail,
    mark: Trail,
}

#[inline(always)]
fn words(m: &Masks, carry: &mut Carry, counts: &mut Counts) {
    let first = m.alpha.now & !m.alpha.back::<1>();
    let starts = first | (m.upper.now & m.lower.back::<1>());
    let goes_on = m.alpha.now & !starts;
    let starts = carry.starts.step(starts);
    add(&mut counts.words[0], starts.now);
    carry.longer.step(starts, goes_on, &mut counts.longer);
    let eight = eight_in_a_row(goes_on, &mut carry.unbroken);
    add(&mut counts.unbroken[0], eight.now & eight.back::<8>());
    let glued = carry.glued.step(first & !m.space.back::<1>());
    let [glued_words, glued_longer @ ..] = &mut counts.glued;
    add(glued_words, glued.now);
    carry.glued_longer.step(glued, goes_on, glued_longer);
    let lone_mark = m.mark.back::<1>() & !m.mark.back::<2>() & !m.space.back::<2>();
    add(&mut counts.marked[0], first & lone_mark);
    add(&mut counts.capitals[0], m.upper.now);
    add(&mut counts.capitals[1], m.upper.now & m.upper.back::<1>());
}

#[inline(always)]
fn numbers(m: &Masks, carry: &mut Carry, counts: &mut Counts) {
    let number = carry.number.step(m.digit.now & !m.digit.back::<1>());
    let three = m.digit.now & m.digit.back::<1>() & m.digit.back::<2>();
    add(&mut counts.digits[0], m.digit.now);
    add(&mut counts.numbers[0], number.now);
    add(&mut counts.long_numbers[0], three & number.back::<3>());
    add(
        &mut counts.spaced_numbers[0],
        number.now & m.space.back::<1>(),
    );
}

#[inline(always)]
fn white_space(m: &Masks, counts: &mut Counts) {
    let inner = m.space.now & m.space.back::<1>();
    add(&mut counts.indents[0], inner & !m.space.back::<2>());
    add(&mut counts.indents[1], inner);
    add(&mut counts.newlines[0], m.newline.now);
    add(
        &mut counts.newlines[1],
        m.newline.now & !m.newline.back::<1>(),
    );
    add(&mut counts.newlines[2], m.newline.now & m.mark.back::<1>());
    if m.tab.now != 0 {
        add(&mut counts.tabs[0], m.tab.now);
        add(&mut counts.tabs[1], m.tab.now & !m.tab.back::<1>());
    }
}

#[inline(always)]
fn marks(m: &Masks, carry: &mut Carry, counts: &mut Counts) {
    let starts = carry.mark_start.step(m.mark.now & !m.mark.back::<1>());
    add(&mut counts.marks[0], m.mark.now);
    add(&mut counts.marks[1], starts.now);
    carry
        .mark_longer
        .step(starts, m.mark.now, &mut counts.mark_longer);
}

/// Where a byte of `mask` has seven more before it.
#[inline(always)]
fn eight_in_a_row(mask: u64, carry: &mut [Last; 4]) -> Trail {
    let [one, two, four, eight] = carry;
    let one = one.step(mask);
    let two = two.step(one.now & one.back::<1>());
    let four = four.step(two.now & two.back::<2>());
    eight.step(four.now & four.back::<4>())
}

/// What looks random: base64, hexadecimal, UUIDs. Its `member`s are letters, digits and
/// `+` to `/`, which holds `-` and `.` too.
#[inline(always)]
fn runs(m: &Masks, member: u64, carry: &mut Carry, counts: &mut Counts) {
    let eight = eight_in_a_row(member, &mut carry.runs);
    let run16 = eight.now & eight.back::<8>();
    if run16 != 0 {
        let begins = |class: Trail| class.now & !class.back::<1>();
        let switch = begins(m.upper) | begins(m.lower) | begins(m.digit);
        add(&mut counts.runs[0], run16);
        add(&mut counts.runs[1], run16 & m.upper.now);
        add(&mut counts.runs[2], run16 & m.digit.now);
        add(&mut counts.runs[3], run16 & switch);
    }
}
