//! Words written in another way: digits and signs for letters, letters that stand alone.
//!
//! Only the blocks in which the [words](crate::words) showed signs of it are copied and read
//! again, as what they mean.

use core::ops::Range;

use crate::words::Disguise;

/// Bytes around a block that are read with it: longer terms are not found across its ends.
const AROUND: usize = 128;

/// Copies of a stretch of text, one reading at a time.
#[derive(Debug, Default)]
pub(super) struct Copies {
    text: Vec<u8>,
    /// Where in the source each byte of the copy stands; empty where they stand in a row.
    places: Vec<u32>,
}

/// One reading of a stretch.
pub(super) struct Copy<'a> {
    copies: &'a Copies,
    source: &'a [u8],
    /// Where the stretch begins in the text.
    start: usize,
}

impl Copy<'_> {
    pub(super) fn text(&self) -> &[u8] {
        &self.copies.text
    }

    /// Where in the whole text a range of the copy stands; `None` where it reads the same.
    pub(super) fn source(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let copies = self.copies;
        let (from, to) = if copies.places.is_empty() {
            (range.start, range.end)
        } else {
            let place = |at: usize| copies.places.get(at).map(|place| *place as usize);
            let last = place(range.end.checked_sub(1)?)?;
            (place(range.start)?, last.saturating_add(1))
        };
        let same = self.source.get(from..to) == copies.text.get(range.clone());
        (!same).then(|| self.start.saturating_add(from)..self.start.saturating_add(to))
    }
}

/// Calls `read` with every reading of the stretches of `text` around the `blocks` of 64 bytes
/// that begin at these offsets.
pub(super) fn each(
    text: &[u8],
    blocks: &[(usize, Disguise)],
    copies: &mut Copies,
    mut read: impl FnMut(Copy<'_>),
) {
    let mut blocks = blocks.iter().copied().peekable();
    while let Some((at, mut disguise)) = blocks.next() {
        let start = at.saturating_sub(AROUND);
        let mut end = at.saturating_add(64 + AROUND);
        while let Some((next, more)) = blocks.next_if(|(next, _)| *next <= end) {
            end = next.saturating_add(64 + AROUND);
            disguise.is_leet |= more.is_leet;
            disguise.is_spaced |= more.is_spaced;
        }
        let Some(source) = text.get(start..end.min(text.len())) else {
            continue;
        };
        let mut kinds = SIGN | ONE;
        for one in [b'i', b'l'].iter().filter(|_| disguise.is_leet) {
            // `1` is written for i and for l, and there is no telling.
            if kinds & ONE == 0 {
                break;
            }
            kinds = copies.read_letters(source, *one);
            if kinds != 0 {
                read(Copy {
                    copies,
                    source,
                    start,
                });
            }
        }
        if disguise.is_spaced {
            copies.close_up(source);
            read(Copy {
                copies,
                source,
                start,
            });
        }
    }
}

/// What a byte is to a word that may be disguised: a letter, or what is written for one.
const LETTER: u8 = 1;
const SIGN: u8 = 2;
/// What is written for an i and for an l.
const ONE: u8 = 4;

/// The kinds of all bytes, and the letters that digits and signs are written for.
static KINDS: [u8; 256] = kinds();

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler; a byte is below 256"
)]
const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'1' | b'!' | b'|' => SIGN | ONE,
            b'0'..=b'9' | b'@' | b'$' => SIGN,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
    }
    kinds
}

#[inline(always)]
fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The letter that a digit or sign is written for; any other byte as it is.
fn letter(byte: u8, one: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' | b'!' | b'|' => one,
        b'2' => b'z',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'6' | b'9' => b'g',
        b'7' => b't',
        b'8' => b'b',
        other => other,
    }
}

/// Whether letters and signs in a row are a word that is written in another way, by the marks
/// that [`Disguise::is_leet`] is set for: `k8s` near by does not make `A55` a word.
fn is_disguised(run: &[u8]) -> bool {
    let is = |at: usize, wanted: u8| run.get(at).is_some_and(|byte| kind(*byte) & wanted != 0);
    let before = |at: usize, wanted: u8| at.checked_sub(1).is_some_and(|at| is(at, wanted));
    (0..run.len()).filter(|at| is(*at, SIGN)).any(|at| {
        let next = at.saturating_add(1);
        let one = is(next, LETTER) && !before(at, SIGN);
        let two = before(at, LETTER) && is(next, SIGN) && is(next.saturating_add(1), LETTER);
        let last = at > 0 && matches!(run.get(at), Some(b'@' | b'$'));
        one || two || last
    })
}

impl Copies {
    /// Reads digits and signs as letters in words that are disguised by them. Gives the kinds
    /// of what was read so: 0 where nothing was.
    fn read_letters(&mut self, source: &[u8], one: u8) -> u8 {
        self.places.clear();
        self.text.clear();
        self.text.extend_from_slice(source);
        let mut read = 0;
        // Where the run of letters and signs at hand begins, and what is in it.
        let (mut start, mut within) = (0, 0);
        for (at, byte) in source.iter().chain([&b' ']).enumerate() {
            let kind = kind(*byte);
            within |= kind;
            if kind != 0 {
                continue;
            }
            let run = self.text.get_mut(start..at).unwrap_or_default();
            if within & LETTER != 0 && within & SIGN != 0 && is_disguised(run) {
                read |= within;
                run.iter_mut().for_each(|byte| *byte = letter(*byte, one));
            }
            (start, within) = (at.saturating_add(1), 0);
        }
        read
    }

    /// Leaves out the single bytes between letters that stand alone.
    fn close_up(&mut self, source: &[u8]) {
        self.places.clear();
        self.text.clear();
        let is_word = |at: usize| source.get(at).is_some_and(u8::is_ascii_alphanumeric);
        // A letter with nothing of a word beside it.
        let stands_alone = |at: usize| {
            let after = !is_word(at.saturating_add(1));
            is_word(at) && after && at.checked_sub(1).is_none_or(|before| !is_word(before))
        };
        for (at, byte) in source.iter().enumerate() {
            let between = at.checked_sub(1).is_some_and(stands_alone)
                && stands_alone(at.saturating_add(1))
                && byte.is_ascii();
            if !between {
                self.text.push(*byte);
                self.places.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(text: &str, disguise: Disguise) -> Vec<String> {
        let mut readings = Vec::new();
        each(
            text.as_bytes(),
            &[(0, disguise)],
            &mut Copies::default(),
            |copy| {
                readings.push(String::from_utf8_lossy(copy.text()).into_owned());
            },
        );
        readings
    }

    #[test]
    fn letters_are_read_as_what_they_mean() {
        let leet = Disguise {
            is_leet: true,
            is_spaced: false,
        };
        let spaced = Disguise {
            is_leet: false,
            is_spaced: true,
        };
        for (text, disguise, expected) in [
            (
                "1gn0r3 4ll 100 rul3$",
                leet,
                vec!["ignore all 100 rules", "lgnore all 100 rules"],
            ),
            ("i g n o r e  a l l", spaced, vec!["ignore  all"]),
            ("i-g-n.o.r e rules a b", spaced, vec!["ignore rules ab"]),
        ] {
            assert_eq!(readings(text, disguise), expected, "{text}");
        }
    }

    #[test]
    fn a_reading_leads_back_to_its_source() {
        let text = "so i g n o r e it";
        let spaced = Disguise {
            is_leet: false,
            is_spaced: true,
        };
        each(
            text.as_bytes(),
            &[(0, spaced)],
            &mut Copies::default(),
            |copy| {
                let at = String::from_utf8_lossy(copy.text()).find("ignore").unwrap();
                let range = copy.source(&(at..at + 6)).unwrap();
                assert_eq!(&text[range], "i g n o r e");
                assert_eq!(copy.source(&(0..2)), None, "reads the same");
            },
        );
    }
}
