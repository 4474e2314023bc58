//! Text tidied up: line ends, blanks that nobody sees at the ends of lines, characters of no
//! width.
//!
//! Never touched: [protected](super::protected) places; bidirectional controls, which change
//! what is read; zero-width characters beside anything but Latin, Greek and Cyrillic letters,
//! ASCII and general punctuation, because elsewhere they belong to emoji, to the spelling of
//! Persian and Indic languages, or part words as in Thai; those on a line with a backtick, where
//! they may be what is talked about; a zero-width space between letters, which
//! parts words. What stands at the very end of the text without a line's
//! end stays too: another part of the message may follow.

use core::ops::Range;

use super::lines::{Line, is_blank, lines};
use super::protected::{overlaps, protected, stay};
use super::saving::saves;
use super::splice::{Splice, apply};

/// The splices that tidy `text` up, outside protected places:
///
/// * CRLF or CR becomes LF, where no line is protected: half of them changed would make a mix.
///   Text that mixes line ends is left alone altogether: it may be about them, or what a terminal
///   was sent;
/// * blanks at the end of a line go. Two spaces or more before a line that is not empty are a
///   hard line break in Markdown and become exactly two;
/// * characters of no width go, see the head of this module.
pub fn tidy(text: &str) -> Vec<Splice> {
    let line_end = LineEnd::of(text);
    let is_tidy = line_end == LineEnd::Lf
        && !has_loose_ends(text.as_bytes())
        && !has_invisible(text.as_bytes());
    if is_tidy || line_end == LineEnd::Mixed {
        return Vec::new();
    }
    let places = protected(text);
    let becomes_lf = match line_end {
        // Nothing becomes a mix of line ends that was none.
        LineEnd::CrLf => places.is_empty(),
        LineEnd::Cr if !places.is_empty() => return Vec::new(),
        LineEnd::Cr => true,
        LineEnd::Lf | LineEnd::Mixed => false,
    };
    let splices = tidied(text, &places, becomes_lf, true);
    let has_lost_characters = splices.iter().any(|splice| {
        text.get(splice.range.clone())
            .is_some_and(|gone| !gone.is_ascii())
    });
    let splices = match has_lost_characters {
        // With them something becomes a fence or a table, or stops to be one.
        true if !stay(&places, &splices, &protected(&apply(text, &splices))) => {
            tidied(text, &places, becomes_lf, false)
        }
        _ => splices,
    };
    if splices.is_empty() {
        return splices;
    }
    // Blanks between ends of lines may be one token with them.
    match saves(text, &apply(text, &splices), 0) {
        true => splices,
        false => Vec::new(),
    }
}

/// What the lines of a text end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    /// Or nothing at all.
    Lf,
    CrLf,
    Cr,
    Mixed,
}

impl LineEnd {
    fn of(text: &str) -> LineEnd {
        let text = text.as_bytes();
        let Some(first) = memchr::memchr(b'\r', text) else {
            return LineEnd::Lf;
        };
        let all = match text.get(first.saturating_add(1)) {
            Some(b'\n') => LineEnd::CrLf,
            _ => LineEnd::Cr,
        };
        // In both, every LF has its CR and every CR what the first has.
        let mut before = None;
        for end in memchr::memchr2_iter(b'\n', b'\r', text) {
            let is_lf = text.get(end) == Some(&b'\n');
            let follows_cr = before
                .is_some_and(|(at, is_lf): (usize, bool)| !is_lf && at.saturating_add(1) == end);
            let fits = match all {
                LineEnd::Cr => !is_lf,
                _ if is_lf => follows_cr,
                _ => text.get(end.saturating_add(1)) == Some(&b'\n'),
            };
            if !fits {
                return LineEnd::Mixed;
            }
            before = Some((end, is_lf));
        }
        all
    }
}

/// Whether a line of `text` ends with blanks.
fn has_loose_ends(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'\n', b'\r', text).any(|end| {
        let before = end.checked_sub(1).and_then(|at| text.get(at));
        before.is_some_and(|byte| is_blank(*byte))
    })
}

fn has_invisible(text: &[u8]) -> bool {
    // What U+200x, U+2060, U+FEFF and U+00AD begin with in UTF-8. Other signs do too, of which
    // U+20xx has the most: quotes, dashes, bullets.
    memchr::memchr3_iter(0xe2, 0xef, 0xc2, text).any(|at| {
        matches!(
            text.get(at..),
            Some(
                [0xe2, 0x80, 0x8b..=0x8d, ..]
                    | [0xe2, 0x81, 0xa0, ..]
                    | [0xef, 0xbb, 0xbf, ..]
                    | [0xc2, 0xad, ..]
            )
        )
    })
}

/// Zero-width space, non-joiner and joiner, word joiner, byte order mark, soft hyphen.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}'
    )
}

/// Whether a character of no width beside it says nothing.
fn is_plain(c: char) -> bool {
    matches!(c,
        '\0'..='\u{a8}' | '\u{aa}'..='\u{ac}' | '\u{af}'..='\u{24f}' // Latin; no © ®, which are emoji
        | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{52f}' // Greek, Cyrillic, without their marks
        | '\u{1e00}'..='\u{1fff}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{203b}' // punctuation; no ‼ ⁉, which are emoji
    )
}

fn tidied(
    text: &str,
    places: &[Range<usize>],
    becomes_lf: bool,
    with_invisible: bool,
) -> Vec<Splice> {
    let mut places = places;
    let mut splices = Vec::new();
    let mut lines = lines(text).peekable();
    let mut invisible = Vec::new();
    while let Some(line) = lines.next() {
        let end = text.get(line.end()..line.next).unwrap_or_default();
        if overlaps(&mut places, &line.range()) {
            continue;
        }
        invisible.clear();
        if with_invisible && has_invisible(line.text.as_bytes()) {
            find_invisible(text, &line, &mut invisible);
        }
        let tail = match end.is_empty() {
            true => line.end(),
            false => tail(text, &line, &mut invisible),
        };
        splices.extend(invisible.drain(..).map(Splice::remove));
        let is_break = tail > line.start
            && text
                .get(tail..line.end())
                .is_some_and(|tail| tail.ends_with("  "))
            && lines.peek().is_some_and(|next| !is_empty(next.text));
        let (to, wanted) = match (becomes_lf && !end.is_empty(), is_break) {
            (true, true) => (line.next, "  \n"),
            (true, false) => (line.next, "\n"),
            (false, true) => (line.end(), "  "),
            (false, false) => (line.end(), ""),
        };
        if text.get(tail..to) != Some(wanted) {
            splices.push(Splice {
                range: tail..to,
                text: wanted.to_owned(),
            });
        }
    }
    // A message of nothing may be refused.
    let is_nothing = |c: char| c.is_whitespace() || is_invisible(c);
    if text.chars().all(is_nothing) {
        splices.clear();
    }
    splices
}

/// Whether nothing is left of a line that is tidied up.
fn is_empty(line: &str) -> bool {
    line.chars()
        .all(|c| matches!(c, ' ' | '\t') || is_invisible(c))
}

/// Finds the runs of characters of no width that can go from `line`.
fn find_invisible(text: &str, line: &Line, runs: &mut Vec<Range<usize>>) {
    if memchr::memchr(b'`', line.text.as_bytes()).is_some() {
        return;
    }
    let mut before = text
        .get(..line.start)
        .and_then(|before| before.chars().next_back());
    let mut run: Option<Range<usize>> = None;
    let mut word = line.start..line.start;
    let mut runs_before_word = 0usize;
    let after = text.get(line.end()..).unwrap_or_default();
    // One more than the line has: what stands behind it.
    let ahead = line
        .text
        .char_indices()
        .chain(after.chars().next().map(|c| (line.text.len(), c)));
    for (at, c) in ahead {
        let at = line.start.saturating_add(at);
        let next = at.saturating_add(c.len_utf8());
        if is_invisible(c) {
            run.get_or_insert(at..at).end = next;
            continue;
        }
        let is_in_word = c.is_alphanumeric() && before.is_some_and(char::is_alphanumeric);
        if !is_in_word {
            check_word(text, &word, runs, runs_before_word);
        }
        if let Some(run) = run.take() {
            let gone = text.get(run.clone()).unwrap_or_default();
            // A file's byte order mark is before everything.
            let is_beside_plain = before.map_or(gone == "\u{feff}", is_plain) && is_plain(c);
            // Between letters a zero-width space parts words.
            if is_beside_plain && !(is_in_word && gone.contains('\u{200b}')) {
                runs.push(run);
            }
        }
        if !is_in_word {
            word.start = at;
            runs_before_word = runs.len();
        }
        word.end = next;
        before = Some(c);
    }
    check_word(text, &word, runs, runs_before_word);
}

/// Longer words are none.
const LONGEST_WORD: usize = 128;

/// Keeps the runs from `first` on, which are inside `word`, only where the model reads fewer
/// tokens without: parts of a word may be tokens and the word none.
fn check_word(text: &str, word: &Range<usize>, runs: &mut Vec<Range<usize>>, first: usize) {
    if runs.len() <= first {
        return;
    }
    let is_paid = text
        .get(word.clone())
        .filter(|word| word.len() <= LONGEST_WORD)
        .is_some_and(|word| {
            let joined: String = word.chars().filter(|c| !is_invisible(*c)).collect();
            saves(word, &joined, 1)
        });
    if !is_paid {
        runs.truncate(first);
    }
}

/// Where the blanks begin that `line` ends with, and the invisible characters among them, which
/// are taken from `invisible`.
fn tail(text: &str, line: &Line, invisible: &mut Vec<Range<usize>>) -> usize {
    let mut tail = line.end();
    loop {
        let head = text.get(line.start..tail).unwrap_or_default();
        tail = line
            .start
            .saturating_add(head.trim_end_matches([' ', '\t']).len());
        match invisible.pop_if(|run| run.end == tail && run.start >= line.start) {
            Some(run) => tail = run.start,
            None => return tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::prompt_minimizer::samples;
    use crate::tokens::{Encoding, exact};

    #[test]
    fn texts_are_tidied_up() {
        for (text, expected) in [
            ("", ""),
            ("as it is\n", "as it is\n"),
            // Line ends.
            ("a\r\nb\r\n\r\nc", "a\nb\n\nc"),
            ("a\rb\r\rc\r", "a\nb\n\nc\n"),
            ("mixed\r\nline\nends\rstay", "mixed\r\nline\nends\rstay"),
            ("mixed \r\nends \n", "mixed \r\nends \n"),
            (
                "a\r\n```\r\nb \r\n```\r\nc \r\n",
                "a\r\n```\r\nb \r\n```\r\nc\r\n",
            ),
            ("\r \n", "\r \n"),
            ("a\r \t\nb\r\u{200b}\nc\n", "a\r \t\nb\r\u{200b}\nc\n"),
            // Blanks at the ends of lines.
            ("a \nb\t\n \nc\t \n", "a\nb\n\nc\n"),
            (
                "break  \nhere     \nand \t  \nno  \n\nmore  \n  \nend  ",
                "break  \nhere  \nand  \nno\n\nmore\n\nend  ",
            ),
            ("break  \r\nhere    \r\n", "break  \nhere\n"),
            ("the end stays ", "the end stays "),
            ("a\n```\nb  \n \n```\n", "a\n```\nb  \n \n```\n"),
            (" \n", " \n"),
            ("\u{200b}\r\n", "\u{200b}\r\n"),
            // Characters of no width.
            (
                "so\u{ad}ft zero\u{200b}width\u{2060}, j\u{200d}o\u{200c}in",
                "soft zero\u{200b}width, join",
            ),
            ("zero\u{ad}width", "zero\u{ad}width"),
            ("\u{feff}file", "file"),
            ("\u{200b}file\u{200b}", "\u{200b}file\u{200b}"),
            ("a \u{200b} \nb  \u{200b}\nc", "a\nb\nc"),
            ("a  \n\u{200b}\nc", "a\n\nc"),
            ("Привет\u{200b} και\u{ad} é", "Привет και é"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("x\u{200c}می", "x\u{200c}می"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("ไทย\u{200b}ไทย", "ไทย\u{200b}ไทย"),
            ("👩\u{200d}👩 ©\u{200d}x", "👩\u{200d}👩 ©\u{200d}x"),
            (
                "why is `a\u{200b}b` not a\u{2060}b?",
                "why is `a\u{200b}b` not a\u{2060}b?",
            ),
            (
                "\u{202e}stays\u{202c}\u{200f}",
                "\u{202e}stays\u{202c}\u{200f}",
            ),
            ("a\u{2060}\u{feff}b\u{200b}\u{200c}ب", "ab\u{200b}\u{200c}ب"),
            ("=====\r\ra \rb", "=====\r\ra \rb"),
            // It would become a fence.
            ("~~\u{200b}~ text \na \n", "~~\u{200b}~ text\na\n"),
        ] {
            let splices = tidy(text);
            assert_eq!(apply(text, &splices), expected, "{text:?} {splices:?}");
        }
    }

    #[test]
    fn a_word_has_a_limit() {
        for (len, is_tidied) in [(LONGEST_WORD, true), (LONGEST_WORD + 1, false)] {
            let word = format!("so\u{ad}ft{}", "ware".repeat(len))
                .split_at(len)
                .0
                .to_owned();
            let text = format!("a {word} b");
            assert_eq!(tidy(&text).len(), usize::from(is_tidied), "{word}");
        }
    }

    #[test]
    fn bad_input_is_read_in_time() {
        for (text, expected) in [
            ("a".repeat(1 << 20), 0),
            (" ".repeat(1 << 20), 0),
            ("\u{200b}".repeat(1 << 18), 0),
            ("a\u{200b}".repeat(1 << 18), 0),
            ("a\u{ad}".repeat(1 << 18), 0),
            (". \u{ad}".repeat(1 << 18), (1 << 18) - 1),
            (" \n".repeat(1 << 19), 0),
            ("\r \n".repeat(1 << 18), 0),
            (format!("a{}\n", " \u{200b}".repeat(1 << 18)), 1),
            ("a \n".repeat(1 << 18), 1 << 18),
        ] {
            assert_eq!(tidy(&text).len(), expected, "{:?}", text.get(..3));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn laws_hold(text in samples::texts()) {
            let splices = tidy(&text);
            prop_assert!(splices.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
            let tidied = apply(&text, &splices);
            prop_assert_eq!(tidy(&tidied), vec![], "{:?}", tidied);
            for place in protected(&text) {
                prop_assert!(splices.iter().all(|splice| splice.range.end <= place.start || place.end <= splice.range.start));
            }
            let gone = |c: &char| !matches!(c, ' ' | '\t' | '\r' | '\n') && !is_invisible(*c);
            prop_assert!(text.chars().filter(gone).eq(tidied.chars().filter(gone)));
            for encoding in Encoding::ALL {
                let (before, after) = (exact::count(encoding, &text), exact::count(encoding, &tidied));
                prop_assert!(after <= before, "{} > {}: {:?} {:?}", after, before, text, tidied);
            }
        }
    }
}
