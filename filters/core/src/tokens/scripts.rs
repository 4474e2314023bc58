//! Counts for text that is not ASCII: which scripts, and how long their words are.
//!
//! Read only for blocks that hold a byte of 0x80 or more. UTF-8 gives the script away in
//! the lead byte (and sometimes the second), so nothing is decoded.

use super::features::{Chain, Counts, Last, add};
use crate::simd::Block;

/// What the masks of the next block look back on.
#[derive(Clone, Copy, Default)]
pub(super) struct ScriptCarry {
    two: Last,
    low_three: Last,
    latin: Last,
    cyrillic: Last,
    cyrillic_words: Last,
    cyrillic_longer: Chain<8, 2>,
    arabic: Last,
    arabic_words: Last,
    arabic_longer: Chain<6, 2>,
    e0: Last,
    e0_a4: Last,
    e0_a5: Last,
    devanagari: Last,
    devanagari_words: Last,
    devanagari_longer: Chain<6, 3>,
    han: Last,
    han_runs: Last,
    han_longer: Chain<2, 3>,
    e2: Last,
    e3: Last,
    kana: Last,
    kana_runs: Last,
    kana_longer: Chain<4, 3>,
    hangul: Last,
    hangul_runs: Last,
    hangul_longer: Chain<4, 3>,
}

/// Counts the non-ASCII bytes of `block`; gives the mask of those that belong to Latin letters.
///
/// A script is looked at only while its lead bytes occur in this block or the one before:
/// after a whole block without them, nothing that is kept for it has a bit that matters.
#[inline(never)]
pub(super) fn count(block: &Block, carry: &mut ScriptCarry, counts: &mut Counts) -> u64 {
    let mut latin = 0;
    let two = carry.two.step(block.range(0xc2, 0xdf));
    if two.any() {
        latin = two_byte_scripts(block, carry, counts);
    }
    let low_three = carry.low_three.step(block.range(0xe0, 0xe3));
    if low_three.any() {
        low_three_byte_scripts(block, carry, counts);
    }

    let han = carry.han.step(block.range(0xe4, 0xe9));
    if han.any() {
        let runs = carry.han_runs.step(han.now & !han.back::<3>());
        add(&mut counts.han[0], han.now);
        add(&mut counts.han[1], block.range(0xe4, 0xe5));
        add(&mut counts.han_runs[0], runs.now);
        carry.han_longer.step(runs, han.now, &mut counts.han_longer);
    }

    let hangul = carry.hangul.step(block.range(0xea, 0xed));
    if hangul.any() {
        for (count, lead) in counts.hangul.iter_mut().zip(0xea..) {
            add(count, block.eq(lead));
        }
        let runs = carry.hangul_runs.step(hangul.now & !hangul.back::<3>());
        add(&mut counts.hangul_runs[0], runs.now);
        carry
            .hangul_longer
            .step(runs, hangul.now, &mut counts.hangul_longer);
    }

    let rest = block.range(0xee, 0xf4);
    if rest != 0 {
        let emoji = block.range(0xf0, 0xf4);
        add(&mut counts.wide_marks[0], rest & !emoji);
        add(&mut counts.emoji[0], emoji);
    }
    latin
}

/// Lead bytes C2 to DF: Latin, Greek, Cyrillic, Hebrew, Arabic and others.
fn two_byte_scripts(block: &Block, carry: &mut ScriptCarry, counts: &mut Counts) -> u64 {
    let latin = carry.latin.step(block.range(0xc3, 0xc9));
    let greek = block.range(0xcd, 0xcf);
    let cyrillic = carry.cyrillic.step(block.range(0xd0, 0xd3));
    let hebrew = block.range(0xd6, 0xd7);
    let arabic = carry.arabic.step(block.range(0xd8, 0xdb));
    let all = block.range(0xc2, 0xdf);
    add(&mut counts.latin[0], latin.now);
    add(&mut counts.greek[0], greek);
    add(&mut counts.hebrew[0], hebrew);
    add(
        &mut counts.other[0],
        all & !(latin.now | greek | cyrillic.now | hebrew | arabic.now),
    );

    if cyrillic.any() {
        let words = carry
            .cyrillic_words
            .step(cyrillic.now & !cyrillic.back::<2>());
        add(&mut counts.cyrillic[0], cyrillic.now);
        add(&mut counts.cyrillic_words[0], words.now);
        carry
            .cyrillic_longer
            .step(words, cyrillic.now, &mut counts.cyrillic_longer);
        // Russian capitals are D0 90–AF; no small letter has a second byte there but D1's rare ones.
        add(
            &mut counts.cyrillic_capitals[0],
            cyrillic.back::<1>() & block.range(0x90, 0xaf),
        );
    }
    if arabic.any() {
        let words = carry.arabic_words.step(arabic.now & !arabic.back::<2>());
        add(&mut counts.arabic[0], arabic.now);
        add(&mut counts.arabic_words[0], words.now);
        carry
            .arabic_longer
            .step(words, arabic.now, &mut counts.arabic_longer);
        // Vowel signs are U+064B–0652: D9 8B–92.
        add(
            &mut counts.arabic_marks[0],
            arabic.back::<1>() & block.range(0x8b, 0x92),
        );
    }
    latin.now | latin.back::<1>()
}

/// Lead bytes E0 to E3: the scripts of India and South-East Asia, general punctuation, kana.
fn low_three_byte_scripts(block: &Block, carry: &mut ScriptCarry, counts: &mut Counts) {
    let e0 = carry.e0.step(block.eq(0xe0));
    if e0.any() {
        let second = e0.back::<1>();
        let a4 = carry.e0_a4.step(second & block.eq(0xa4));
        let a5 = carry.e0_a5.step(second & block.eq(0xa5));
        let devanagari = carry.devanagari.step(a4.now | a5.now);
        let words = carry
            .devanagari_words
            .step(devanagari.now & !devanagari.back::<3>());
        add(&mut counts.devanagari[0], devanagari.now);
        // Signs that join the letter before: U+093E–094D, and U+0900–0903.
        let signs = (a4.back::<1>() & (block.range(0xbe, 0xbf) | block.range(0x80, 0x83)))
            | (a5.back::<1>() & block.range(0x80, 0x8d));
        add(&mut counts.devanagari_signs[0], signs);
        add(&mut counts.devanagari_words[0], words.now);
        carry
            .devanagari_longer
            .step(words, devanagari.now, &mut counts.devanagari_longer);
        let thai = second & block.range(0xb8, 0xb9);
        add(&mut counts.thai[0], thai);
        add(&mut counts.indic[0], second & !devanagari.now & !thai);
    }

    let e3 = carry.e3.step(block.eq(0xe3));
    if e3.any() {
        let second = e3.back::<1>();
        let marks = second & block.eq(0x80);
        let kana = carry.kana.step(second & !marks);
        add(&mut counts.cjk_marks[0], marks);
        if kana.any() {
            for (count, byte) in counts.kana.iter_mut().zip(0x81..) {
                add(count, second & block.eq(byte));
            }
            let runs = carry.kana_runs.step(kana.now & !kana.back::<3>());
            add(&mut counts.kana_runs[0], runs.now);
            carry
                .kana_longer
                .step(runs, kana.now, &mut counts.kana_longer);
        }
    }

    let e2 = carry.e2.step(block.eq(0xe2));
    if e2.any() {
        let general = e2.back::<1>() & block.eq(0x80);
        add(&mut counts.dashes_and_quotes[0], general);
        add(&mut counts.symbols[0], e2.back::<1>() & !general);
    }
    add(&mut counts.other[0], block.eq(0xe1));
}
