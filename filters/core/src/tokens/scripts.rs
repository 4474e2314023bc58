//! Counts for text that is not ASCII: which scripts, and how long their words are.
//!
//! Read only for blocks that hold a byte of 0x80 or more. UTF-8 gives the script away in
//! the lead byte (and sometimes the second), so nothing is decoded.

use super::features::{Chain, Counts, Trail, add};
use crate::simd::Block;

/// What the masks of the next block look back on.
#[derive(Clone, Copy, Default)]
pub(super) struct ScriptCarry {
    latin: Trail,
    cyrillic: Trail,
    cyrillic_words: Trail,
    cyrillic_longer: Chain<10, 2>,
    d8: Trail,
    d9: Trail,
    arabic: Trail,
    arabic_words: Trail,
    arabic_longer: Chain<7, 2>,
    e0: Trail,
    e0_a4: Trail,
    e0_a5: Trail,
    devanagari: Trail,
    devanagari_words: Trail,
    devanagari_longer: Chain<7, 3>,
    han: Trail,
    han_runs: Trail,
    han_longer: Chain<4, 3>,
    e2: Trail,
    e3: Trail,
    kana: Trail,
    kana_runs: Trail,
    kana_longer: Chain<6, 3>,
    hangul: Trail,
    hangul_runs: Trail,
    hangul_longer: Chain<5, 3>,
    article: Trail,
}

/// Counts the non-ASCII bytes of `block`; gives the mask of those that belong to Latin letters.
#[inline(never)]
pub(super) fn count(block: &Block, non_ascii: Trail, space: Trail, carry: &mut ScriptCarry, counts: &mut Counts) -> u64 {
    let _ = (non_ascii, space);
    let latin = carry.latin.step(block.range(0xc3, 0xc9));
    add(&mut counts.latin[0], latin.now);
    add(&mut counts.greek[0], block.range(0xcd, 0xcf));
    add(&mut counts.hebrew[0], block.range(0xd6, 0xd7));

    let cyrillic = carry.cyrillic.step(block.range(0xd0, 0xd3));
    if cyrillic.any() {
        let words = carry.cyrillic_words.step(cyrillic.now & !cyrillic.back::<2>());
        add(&mut counts.cyrillic[0], cyrillic.now);
        add(&mut counts.cyrillic_words[0], words.now);
        carry.cyrillic_longer.step(words, cyrillic.now, &mut counts.cyrillic_longer);
        // Capitals are U+0410–042F: D0 90–AF.
        add(&mut counts.cyrillic_capitals[0], cyrillic.back::<1>() & block.range(0x90, 0xaf) );
        // D1 88–8F: ш щ ъ ы ь э ю я.
        add(&mut counts.cyrillic_rare[0], cyrillic.back::<1>() & block.range(0x88, 0x8f));
        add(&mut counts.cyrillic_rare[1], cyrillic.back::<1>() & (block.eq(0xb0) | block.eq(0xb5) | block.eq(0xb8) | block.eq(0xbe)));
    }

    let d8 = carry.d8.step(block.eq(0xd8));
    let d9 = carry.d9.step(block.eq(0xd9));
    let arabic = carry.arabic.step(d8.now | d9.now | block.range(0xda, 0xdb));
    if arabic.any() {
        let words = carry.arabic_words.step(arabic.now & !arabic.back::<2>());
        add(&mut counts.arabic[0], arabic.now);
        add(&mut counts.arabic_words[0], words.now);
        carry.arabic_longer.step(words, arabic.now, &mut counts.arabic_longer);
        add(&mut counts.arabic_marks[0], d9.back::<1>() & block.range(0x8b, 0x92));
        // A word that begins with the article: D8 A7 D9 84.
        let article = carry.article.step(d8.back::<1>() & words.back::<1>() & block.eq(0xa7));
        add(&mut counts.arabic_article[0], article.back::<2>() & d9.back::<1>() & block.eq(0x84));
    }

    let e0 = carry.e0.step(block.eq(0xe0));
    if e0.any() {
        let second = e0.back::<1>();
        let a4 = carry.e0_a4.step(second & block.eq(0xa4));
        let a5 = carry.e0_a5.step(second & block.eq(0xa5));
        let devanagari = carry.devanagari.step(a4.now | a5.now);
        let words = carry.devanagari_words.step(devanagari.now & !devanagari.back::<3>());
        add(&mut counts.devanagari[0], devanagari.now);
        // Signs that join the letter before: A4 BE–BF, A5 80–8D; also A4 80–83.
        let signs = (a4.back::<1>() & (block.range(0xbe, 0xbf) | block.range(0x80, 0x83))) | (a5.back::<1>() & block.range(0x80, 0x8d));
        add(&mut counts.devanagari_signs[0], signs);
        add(&mut counts.devanagari_words[0], words.now);
        carry.devanagari_longer.step(words, devanagari.now, &mut counts.devanagari_longer);
        let thai = second & block.range(0xb8, 0xb9);
        add(&mut counts.thai[0], thai);
        add(&mut counts.indic[0], second & !devanagari.now & !thai);
    }

    let han = carry.han.step(block.range(0xe4, 0xe9));
    if han.any() {
        for (count, lead) in counts.han.iter_mut().zip(0xe4..=0xe9) {
            add(count, block.eq(lead));
        }
        let runs = carry.han_runs.step(han.now & !han.back::<3>());
        add(&mut counts.han_runs[0], runs.now);
        carry.han_longer.step(runs, han.now, &mut counts.han_longer);
    }

    let e3 = carry.e3.step(block.eq(0xe3));
    if e3.any() {
        let second = e3.back::<1>();
        let kana = carry.kana.step(second & block.range(0x81, 0x83));
        add(&mut counts.cjk_marks[0], second & block.eq(0x80));
        for (count, byte) in counts.kana.iter_mut().zip(0x81..=0x83) {
            add(count, second & block.eq(byte));
        }
        let runs = carry.kana_runs.step(kana.now & !kana.back::<3>());
        add(&mut counts.kana_runs[0], runs.now);
        carry.kana_longer.step(runs, kana.now, &mut counts.kana_longer);
    }

    let hangul = carry.hangul.step(block.range(0xea, 0xed));
    if hangul.any() {
        for (count, lead) in counts.hangul.iter_mut().zip(0xea..=0xed) {
            add(count, block.eq(lead));
        }
        let runs = carry.hangul_runs.step(hangul.now & !hangul.back::<3>());
        add(&mut counts.hangul_runs[0], runs.now);
        carry.hangul_longer.step(runs, hangul.now, &mut counts.hangul_longer);
    }

    let e2 = carry.e2.step(block.eq(0xe2));
    let general = e2.back::<1>() & block.eq(0x80);
    add(&mut counts.dashes_and_quotes[0], general);
    add(&mut counts.symbols[0], e2.back::<1>() & !general);
    add(&mut counts.wide_marks[0], block.eq(0xef));
    add(&mut counts.other[0], block.range(0xca, 0xcc) | block.eq(0xc2) | block.range(0xd4, 0xd5) | block.range(0xdc, 0xdf) | block.eq(0xe1) | block.eq(0xee));
    add(&mut counts.emoji[0], block.range(0xf0, 0xf4));
    latin.now | latin.back::<1>()
}
