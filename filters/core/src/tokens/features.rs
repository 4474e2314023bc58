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

/// A mask over one block, together with the same mask over the block before it.
#[derive(Clone, Copy, Default)]
pub(super) struct Trail {
    /// Bit `i` speaks of byte `i` of this block.
    pub(super) now: u64,
    before: u64,
}

impl Trail {
    /// Moves on by one block, to a block whose mask is `now`.
    #[inline(always)]
    pub(super) fn step(&mut self, now: u64) -> Trail {
        *self = Trail { now, before: self.now };
        *self
    }

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
    reach: [Trail; N],
}

impl<const N: usize, const STEP: u32> Default for Chain<N, STEP> {
    fn default() -> Self {
        Chain { reach: [Trail::default(); N] }
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
    /// Words: runs of letters, or the part of one that begins at a capital after a small letter.
    words: 1,
    /// Words of more than 1, 2, 3, … letters.
    longer: 14,
    /// Words that nothing but a single space separates from what is before.
    spaced: 1,
    /// Words that do not follow a space, of more than 0, 1, 2, … letters.
    glued: 8,
    /// Words after one lone punctuation mark, which the tokenizer keeps with the word.
    marked: 1,
    /// Words that begin at a capital after a small letter.
    camel: 1,
    capitals: 1,
    /// Capitals after capitals.
    shouted: 1,
    /// Three, and four consonants in a row.
    clusters: 2,
    letters: 1,
    digits: 1,
    numbers: 1,
    /// Numbers of more than three, and of more than six digits.
    long_numbers: 2,
    spaced_numbers: 1,
    /// Digits after letters and letters after digits.
    letter_digit: 2,
    /// Runs of two or more spaces, of five or more; all spaces after spaces.
    indents: 3,
    newlines: 2,
    newline_after_mark: 1,
    tabs: 2,
    marks: 1,
    mark_runs: 1,
    /// Runs of more than 1, 2, 3 and 4 marks.
    mark_longer: 4,
    spaced_marks: 1,
    quotes: 1,
    quoted: 1,
    underscores: 1,
    slashes: 1,
    angles: 1,
    stops: 1,
    dashes: 1,
    apostrophes: 1,
    /// Bytes in runs of sixteen or more of what base64 and identifiers use.
    runs: 1,
    run_capitals: 1,
    run_digits: 1,
    run_switches: 1,
    run_clusters: 1,
    /// Changes of class within three bytes of another.
    switches: 1,
    /// Bytes in runs of eight or more hexadecimal digits; the decimal ones among them.
    hex: 2,
    latin: 1,
    greek: 1,
    cyrillic: 1,
    cyrillic_capitals: 1,
    cyrillic_words: 1,
    cyrillic_longer: 10,
    cyrillic_rare: 2,
    hebrew: 1,
    arabic: 1,
    arabic_words: 1,
    arabic_longer: 7,
    arabic_marks: 1,
    arabic_article: 1,
    devanagari: 1,
    devanagari_signs: 1,
    devanagari_words: 1,
    devanagari_longer: 7,
    indic: 1,
    thai: 1,
    han: 6,
    han_runs: 1,
    han_longer: 4,
    kana: 3,
    kana_runs: 1,
    kana_longer: 6,
    cjk_marks: 1,
    wide_marks: 1,
    hangul: 4,
    hangul_runs: 1,
    hangul_longer: 5,
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
    carry: Carry,
}

/// What the masks of the next block look back on.
#[derive(Clone, Copy, Default)]
struct Carry {
    alpha: Trail,
    lower: Trail,
    upper: Trail,
    digit: Trail,
    space: Trail,
    newline: Trail,
    tab: Trail,
    mark: Trail,
    starts: Trail,
    glued: Trail,
    consonant: Trail,
    cluster: Trail,
    digit2: Trail,
    number: Trail,
    indent: Trail,
    mark_start: Trail,
    quote: Trail,
    run: [Trail; 4],
    hex: [Trail; 3],
    switch: Trail,
    longer: Chain<14, 1>,
    glued_longer: Chain<7, 1>,
    mark_longer: Chain<4, 1>,
    non_ascii: Trail,
    scripts: ScriptCarry,
}

impl Features {
    /// Forgets what the masks look back on: the next block begins another text.
    pub(super) fn end_text(&mut self) {
        self.carry = Carry::default();
    }

    /// Counts the bytes of `block` whose bits are set in `valid`: all, or the last of a text.
    #[inline(always)]
    pub(super) fn block(&mut self, block: &Block, valid: u64) {
        let counts = &mut self.counts;
        let carry = &mut self.carry;

        let lower = block.range(b'a', b'z');
        let upper = block.range(b'A', b'Z');
        let digit = carry.digit.step(block.range(b'0', b'9'));
        let space = carry.space.step(block.eq(b' '));
        let newline = carry.newline.step(block.eq(b'\n') | block.eq(b'\r'));
        let tab = carry.tab.step(block.eq(b'\t'));
        let non_ascii = carry.non_ascii.step(block.non_ascii());

        let mut latin = 0;
        if non_ascii.any() {
            latin = scripts::count(block, non_ascii, space, &mut carry.scripts, counts);
        }

        let lower = carry.lower.step(lower | latin);
        let upper = carry.upper.step(upper);
        let alpha = carry.alpha.step(lower.now | upper.now);
        let blank = space.now | newline.now | tab.now;
        let mark = carry.mark.step(valid & !(alpha.now | digit.now | blank | non_ascii.now));

        // Words.
        let first = alpha.now & !alpha.back::<1>();
        let camel = upper.now & lower.back::<1>();
        let starts = carry.starts.step(first | camel);
        add(&mut counts.words[0], starts.now);
        carry.longer.step(starts, alpha.now & !starts.now, &mut counts.longer);
        let spaced = first & space.back::<1>();
        add(&mut counts.spaced[0], spaced);
        let glued = carry.glued.step(first & !spaced);
        let [glued_words, glued_longer @ ..] = &mut counts.glued;
        add(glued_words, glued.now);
        carry.glued_longer.step(glued, alpha.now & !starts.now, glued_longer);
        add(&mut counts.marked[0], first & mark.back::<1>() & !mark.back::<2>() & !space.back::<2>());
        add(&mut counts.camel[0], camel);
        add(&mut counts.capitals[0], upper.now);
        add(&mut counts.shouted[0], upper.now & upper.back::<1>());
        add(&mut counts.letters[0], alpha.now);
        let vowel = block.any_letter(*b"aeiou");
        let consonant = carry.consonant.step((lower.now | upper.now) & !vowel & !latin);
        let cluster = carry.cluster.step(consonant.now & consonant.back::<1>());
        let three = cluster.now & cluster.back::<1>();
        add(&mut counts.clusters[0], three);
        add(&mut counts.clusters[1], three & consonant.back::<3>());

        // Numbers: the tokenizer takes them three digits at a time.
        if digit.any() {
            let number = carry.number.step(digit.now & !digit.back::<1>());
            let digit2 = carry.digit2.step(digit.now & digit.back::<1>());
            let digit4 = digit2.now & digit2.back::<2>();
            add(&mut counts.digits[0], digit.now);
            add(&mut counts.numbers[0], number.now);
            add(&mut counts.long_numbers[0], number.back::<3>() & digit4);
            add(&mut counts.long_numbers[1], number.back::<6>() & digit4 & digit2.back::<4>() & digit.back::<6>());
            add(&mut counts.spaced_numbers[0], number.now & space.back::<1>());
            add(&mut counts.letter_digit[0], digit.now & alpha.back::<1>());
            add(&mut counts.letter_digit[1], alpha.now & digit.back::<1>());
        }

        // White space.
        let inner = space.now & space.back::<1>();
        let indent = carry.indent.step(inner & !space.back::<2>());
        add(&mut counts.indents[0], indent.now);
        add(&mut counts.indents[1], indent.back::<3>() & inner & space.back::<2>() & space.back::<3>());
        add(&mut counts.indents[2], inner);
        add(&mut counts.newlines[0], newline.now);
        add(&mut counts.newlines[1], newline.now & !newline.back::<1>());
        add(&mut counts.newline_after_mark[0], newline.now & mark.back::<1>());
        add(&mut counts.tabs[0], tab.now);
        add(&mut counts.tabs[1], tab.now & !tab.back::<1>());

        // Punctuation.
        add(&mut counts.marks[0], mark.now);
        let mark_start = carry.mark_start.step(mark.now & !mark.back::<1>());
        add(&mut counts.mark_runs[0], mark_start.now);
        carry.mark_longer.step(mark_start, mark.now, &mut counts.mark_longer);
        add(&mut counts.spaced_marks[0], mark_start.now & space.back::<1>());
        let quote = carry.quote.step(block.eq(b'"'));
        add(&mut counts.quotes[0], quote.now);
        add(&mut counts.quoted[0], first & quote.back::<1>());
        let underscore = block.eq(b'_');
        let slash = block.eq(b'/');
        add(&mut counts.underscores[0], underscore);
        add(&mut counts.slashes[0], slash);
        add(&mut counts.angles[0], block.eq(b'<') | block.eq(b'>'));
        add(&mut counts.stops[0], block.eq(b'.') | block.eq(b','));
        let dash = block.eq(b'-');
        add(&mut counts.dashes[0], dash);
        add(&mut counts.apostrophes[0], block.eq(b'\'') & alpha.back::<1>());

        // What looks random: base64, hexadecimal, identifiers.
        let switch = carry.switch.step(
            (upper.now & (lower.back::<1>() | digit.back::<1>()))
                | (lower.now & (digit.back::<1>() | (upper.back::<1>() & alpha.back::<2>())))
                | (digit.now & alpha.back::<1>()),
        );
        let dense = switch.now & (switch.back::<1>() | switch.back::<2>() | switch.back::<3>());
        add(&mut counts.switches[0], dense);
        let member = alpha.now | digit.now | underscore | slash | dash | block.eq(b'+');
        let [run1, run2, run4, run8] = &mut carry.run;
        let run1 = run1.step(member);
        let run2 = run2.step(run1.now & run1.back::<1>());
        let run4 = run4.step(run2.now & run2.back::<2>());
        let run8 = run8.step(run4.now & run4.back::<4>());
        let run16 = run8.now & run8.back::<8>();
        add(&mut counts.runs[0], run16);
        add(&mut counts.run_capitals[0], run16 & upper.now);
        add(&mut counts.run_digits[0], run16 & digit.now);
        add(&mut counts.run_switches[0], run16 & dense);
        add(&mut counts.run_clusters[0], run16 & three);
        let [hex1, hex2, hex4] = &mut carry.hex;
        let hex1 = hex1.step(digit.now | block.range(b'a', b'f') | block.range(b'A', b'F'));
        let hex2 = hex2.step(hex1.now & hex1.back::<1>());
        let hex4 = hex4.step(hex2.now & hex2.back::<2>());
        let hex8 = hex4.now & hex4.back::<4>();
        add(&mut counts.hex[0], hex8);
        add(&mut counts.hex[1], hex8 & digit.now);
    }
}
