//! Counts tokens exactly, for the few hundred bytes that calibrate an estimate.
//!
//! Own tables and scanners rather than a tokenizer crate: those build hash maps of tens of
//! megabytes when they load, in every worker of the proxy; these tables are constant data.

mod class;
mod merge;
mod pieces;
mod vocabulary;

pub use vocabulary::{SLOT_FREE, bucket_pair, slot};

use super::Encoding;
use merge::Merge;
use vocabulary::Vocabulary;

/// Counts the tokens of `text` as the encoding's own tokenizer does.
///
/// Meant for short texts: the time grows with the square of a piece (a word, a run of
/// marks), which is why pieces are cut at `merge::MAX_PIECE` bytes. Where that cut falls,
/// and for about one absent string in three thousand that a 14-bit tag mistakes for a
/// token, the count can be off by one.
pub fn count(encoding: Encoding, text: &str) -> u32 {
    let vocabulary = Vocabulary::of(encoding);
    let mut merge = Merge::default();
    let mut tokens = 0_u32;
    let mut rest = text;
    while !rest.is_empty() {
        let len = match encoding {
            Encoding::O200k => pieces::o200k(rest),
            Encoding::Cl100k => pieces::cl100k(rest),
        };
        // A piece is never empty; the bound is what makes this loop's end plain to see.
        let Some((piece, after)) = rest.split_at_checked(len.max(1)) else {
            break;
        };
        tokens = tokens.saturating_add(merge.count(&vocabulary, piece.as_bytes()));
        rest = after;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts at the corners of the two pre-tokenizers, with what tiktoken counts.
    #[test]
    fn counts_what_tiktoken_counts() {
        let o200k = tiktoken_rs::o200k_base_singleton();
        let cl100k = tiktoken_rs::cl100k_base_singleton();
        for text in [
            "",
            "a",
            "Hello, world! It's a test; they'll see we're DONE.",
            "HTMLParser parseHTML iPhone XMLHttpRequest McDonald's O'Neill 'sup 'S 'LL rock'n'roll",
            "中文ABC中文abc ABCdef日本語",
            "テキスト한국어 텍스트",
            "Ελληνικά ÀÉÎõü ß",
            "ǅ ʰ",
            "1234567890 12 3.14159 0xDEADBEEF ½ Ⅷ ٣٤٥",
            "a  b   c    d\n\n\n   e \n f\t\tg\r\n\r\nh   ",
            "   \n  \n",
            "\n",
            "    ",
            "foo(bar)/baz//qux/\n/\n\r/// --- ===\n\n!!\n",
            "हिन्दी में पाठ कि क्षत्रिय",
            "العَرَبِيَّة نَصّ",
            "e\u{301}\u{301} \u{301}abc \u{301}\u{301} !\u{301}a ?\u{301}?",
            "😀👩‍👩‍👧‍👦🇩🇪 emoji 👍🏽!",
            "don't DON'T don't isn'T we'VE 'tis 'twas",
            "\u{a0}nbsp\u{2003}em\u{3000}wide\u{85}nel\u{200b}zw",
            "_snake_case __dunder__ $var @user #tag 100% a=b&c=d",
            "<|endoftext|>",
            "TGVhcm5pbmcgdG8gdG9rZW5pemUgYmFzZTY0IGlzIGhhcmQh",
            "\u{0}\u{1}\u{7f}",
        ] {
            assert_eq!(
                count(Encoding::O200k, text) as usize,
                o200k.count_ordinary(text),
                "o200k {text:?}"
            );
            assert_eq!(
                count(Encoding::Cl100k, text) as usize,
                cl100k.count_ordinary(text),
                "cl100k {text:?}"
            );
        }
    }
}
