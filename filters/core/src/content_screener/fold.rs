//! Text as a reader sees it: escapes undone, look-alikes and accents folded to ASCII, what is
//! invisible left out.
//!
//! Every detector works on folded text, and everything it looks for is folded the same way, so
//! `\u0069gnore`, `ｉｇｎｏｒｅ`, `іgnоrе` with Cyrillic letters and `ig\u200bnore` are one word.
//! The case of ASCII is kept, because formats of keys depend on it; other letters become lower
//! case. What is plain ASCII already, most of all text, is only copied.

mod simple;
mod table;

use crate::json::escape_at;
use simple::{MOVE, Moved, NEAR, Signs, Simple, Tail, after_escape, moved, simple};
use table::Kind;

/// What was left out of a text because nobody sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Characters that hide something: zero-width ones inside a word or three or more in a row,
    /// overrides of the writing direction, tags, selectors of variations in a row.
    pub count: u32,
    /// Where in the source the first one stands.
    pub first: usize,
}

impl Unseen {
    fn add(&mut self, count: u32, at: usize) {
        if self.count == 0 {
            self.first = at;
        }
        self.count = self.count.saturating_add(count);
    }
}

/// Takes the folded text of a source, in order.
trait Out {
    /// Source bytes from `at` on that stand for themselves.
    fn same(&mut self, bytes: &[u8], at: usize);
    /// What the source bytes `at..end` become.
    fn instead(&mut self, text: &[u8], at: usize, end: usize);
    /// What is [`Simple`] of a block at `at`, up to an escape that is none of a sign. Gives how
    /// many bytes that is, and whether the last of them are an escape.
    fn simple(&mut self, simple: Simple, signs: &Signs, at: usize, _: &mut Moved) -> (usize, bool) {
        let mut from = 0usize;
        let mut left = simple.escapes;
        loop {
            let stop = simple.stop(left, from);
            let same = simple.near.get(from..stop).unwrap_or_default();
            self.same(same, at.saturating_add(from));
            let sign = (left != 0).then(|| signs.of(simple.near, stop));
            let Some(sign) = sign.flatten() else {
                return (stop, from == stop && from > 0);
            };
            from = stop.saturating_add(2);
            self.instead(&[sign], at.saturating_add(stop), at.saturating_add(from));
            left = after_escape(left, stop);
        }
    }
    /// The source bytes `at..end` are a character that nobody sees, and that hides something.
    fn unseen(&mut self, _at: usize, _end: usize) {}
    /// They are one that may belong where it stands: what comes behind it tells.
    fn perhaps_unseen(&mut self, _at: usize, _end: usize) {}
    /// Whether those that came since the last time do hide something.
    fn told(&mut self, _hides: bool) {}
}

impl Out for Vec<u8> {
    #[inline(always)]
    fn same(&mut self, bytes: &[u8], _at: usize) {
        self.extend_from_slice(bytes);
    }
    #[inline(always)]
    fn instead(&mut self, text: &[u8], _at: usize, _end: usize) {
        self.extend_from_slice(text);
    }
    /// Moves [`MOVE`] bytes at a time, where a copy of so few as there are is a call.
    #[inline(always)]
    fn simple(
        &mut self,
        simple: Simple,
        signs: &Signs,
        _at: usize,
        room: &mut Moved,
    ) -> (usize, bool) {
        let (mut from, mut len) = (0usize, 0usize);
        let mut left = simple.escapes;
        loop {
            let stop = simple.stop(left, from);
            let more = stop.wrapping_sub(from);
            moved(simple.near, from, room, len);
            if more > MOVE {
                moved(
                    simple.near,
                    from.wrapping_add(MOVE),
                    room,
                    len.wrapping_add(MOVE),
                );
            }
            len = len.wrapping_add(more);
            let sign = (left != 0).then(|| signs.of(simple.near, stop));
            let Some(sign) = sign.flatten() else {
                let end = self.len().saturating_add(len);
                if let Some(block) = room.first_chunk::<64>() {
                    self.extend_from_slice(block);
                }
                self.truncate(end);
                return (stop, from == stop && from > 0);
            };
            if let Some(place) = room.get_mut(len) {
                *place = sign;
            }
            len = len.wrapping_add(1);
            from = stop.wrapping_add(2);
            left = after_escape(left, stop);
        }
    }
}

/// Appends to `folded` what `source` says, the content of a JSON string where it is `escaped`,
/// else plain text; UTF-8. It never becomes longer than the source but for ligatures.
pub fn fold(source: &[u8], escaped: bool, folded: &mut Vec<u8>) -> Unseen {
    let mut unseen = Unseen::default();
    run(source, escaped, folded, &mut unseen);
    unseen
}

/// A place in folded text, and where in the source it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Offset in the folded text.
    pub folded: usize,
    /// Whether something starts here; if not, it ends here.
    pub is_start: bool,
    /// Offset in the source, once it is [located](locate): of the whole character or escape.
    pub source: usize,
}

/// Finds where in `source` places of its folded text come from. They must be sorted.
pub fn locate(source: &[u8], escaped: bool, places: &mut [Place]) {
    let mut way = Way {
        places: places.iter_mut(),
        next: None,
        folded: 0,
    };
    way.next = way.places.next();
    run(source, escaped, &mut way, &mut Unseen::default());
    // The end of a text that ends with what is left out.
    way.reached(usize::MAX, source.len(), source.len(), false);
}

/// Follows the folded text past the places to be located.
struct Way<'a> {
    places: core::slice::IterMut<'a, Place>,
    next: Option<&'a mut Place>,
    /// Bytes of folded text so far.
    folded: usize,
}

impl Way<'_> {
    /// `len` more bytes of folded text are `at..end` of the source, byte for byte or as a whole.
    fn reached(&mut self, len: usize, at: usize, end: usize, byte_for_byte: bool) {
        let until = self.folded.saturating_add(len);
        while let Some(place) = &mut self.next {
            let is_here = place.folded < until || !place.is_start && place.folded == until;
            if !is_here {
                break;
            }
            let more = place.folded.saturating_sub(self.folded);
            place.source = match (byte_for_byte, place.is_start) {
                (true, _) => at.saturating_add(more),
                (false, true) => at,
                (false, false) => end,
            };
            self.next = self.places.next();
        }
        self.folded = until;
    }
}

impl Out for Way<'_> {
    fn same(&mut self, bytes: &[u8], at: usize) {
        self.reached(bytes.len(), at, at.saturating_add(bytes.len()), true);
    }
    fn instead(&mut self, text: &[u8], at: usize, end: usize) {
        self.reached(text.len(), at, end, false);
    }
}

/// Where the characters of `source` stand that hide something, in order: those that [`fold`]
/// counts. A joiner within an emoji or a Persian word stays.
pub fn unseen_places(source: &[u8], escaped: bool) -> Vec<core::ops::Range<usize>> {
    let mut unseen = Unseeables::default();
    run(source, escaped, &mut unseen, &mut Unseen::default());
    unseen.places.sort_unstable_by_key(|place| place.start);
    unseen.places
}

#[derive(Default)]
struct Unseeables {
    places: Vec<core::ops::Range<usize>>,
    perhaps: Vec<core::ops::Range<usize>>,
}

impl Out for Unseeables {
    fn same(&mut self, _bytes: &[u8], _at: usize) {}
    fn instead(&mut self, _text: &[u8], _at: usize, _end: usize) {}
    fn unseen(&mut self, at: usize, end: usize) {
        self.places.push(at..end);
    }
    fn perhaps_unseen(&mut self, at: usize, end: usize) {
        self.perhaps.push(at..end);
    }
    fn told(&mut self, hides: bool) {
        if hides {
            self.places.append(&mut self.perhaps);
        }
        self.perhaps.clear();
    }
}

/// The first character of `rest` and the bytes it takes. What is no UTF-8 is taken byte by byte.
#[inline(always)]
fn character(rest: &[u8], escaped: bool) -> (u32, usize) {
    let six = |byte: &u8| u32::from(byte & 0x3f);
    match rest {
        [b'\\', ..] if escaped => match escape_at(rest) {
            Some((character, len)) => (u32::from(character), len),
            None => (u32::from(b'\\'), 1),
        },
        [a @ 0xc0..0xe0, b, ..] => (u32::from(a & 0x1f) << 6 | six(b), 2),
        [a @ 0xe0..0xf0, b, c, ..] => (u32::from(a & 0x0f) << 12 | six(b) << 6 | six(c), 3),
        [a @ 0xf0..=0xff, b, c, d, ..] => (
            u32::from(a & 0x07) << 18 | six(b) << 12 | six(c) << 6 | six(d),
            4,
        ),
        [a, ..] => (u32::from(*a), 1),
        [] => (0, 0),
    }
}

/// Whether the content of a string looks like JSON itself: an object, a list or a string.
fn is_json(source: &[u8]) -> bool {
    let mut rest = source;
    loop {
        rest = match rest {
            [b' ', after @ ..] | [b'\\', b'n' | b'r' | b't', after @ ..] => after,
            _ => break,
        };
    }
    matches!(rest, [b'{' | b'[', ..] | [b'\\', b'"', ..])
}

/// The character of an escape inside JSON that is itself a string, as what tools give back and
/// the arguments of calls are: there `\\n` is a line's end to whoever reads it, and `\\u0069` an
/// i. So is what was put into strings more than once.
#[inline(always)]
fn nested(rest: &[u8]) -> Option<(u32, usize)> {
    rest.strip_prefix(br"\\").and_then(|_| inner_escape(rest))
}

/// Backslashes that strings put into strings write before an escape, four deep. More are only
/// backslashes, so that a text of nothing else is not read again from each of them.
const MOST_BACKSLASHES: usize = 16;

#[cold]
fn inner_escape(rest: &[u8]) -> Option<(u32, usize)> {
    let backslashes = rest
        .iter()
        .take(MOST_BACKSLASHES)
        .take_while(|byte| **byte == b'\\')
        .count();
    let last = rest.get(backslashes.checked_sub(1)?..)?;
    let (character, len) = match last {
        [_, b'n' | b'r' | b't', ..] => ('\n', 2),
        [_, b'u', ..] => escape_at(last)?,
        _ => return None,
    };
    let ahead = backslashes.saturating_sub(1);
    Some((u32::from(character), ahead.saturating_add(len)))
}

/// The character that begins tag sequences which are flags, such as Scotland's.
const BLACK_FLAG: u32 = 0x1_f3f4;

/// The tags of the flags there are, England's, Scotland's and Wales', each with the one that ends
/// it. <https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences>
const FLAGS: [&[u8]; 3] = [b"gbeng\x7f", b"gbsct\x7f", b"gbwls\x7f"];

/// How many bytes at the start of `rest` are the tags of a flag.
fn flag(rest: &[u8], escaped: bool) -> Option<usize> {
    FLAGS.iter().find_map(|tags| {
        tags.iter().try_fold(0usize, |len, tag| {
            let (point, more) = character(rest.get(len..)?, escaped);
            let is_it = matches!(table::kind(point), Kind::Tag(byte) if byte == *tag);
            is_it.then(|| len.saturating_add(more))
        })
    })
}

/// Invisible characters in a row, and what stood before them.
#[derive(Default)]
struct Run {
    after_word: bool,
    zero_width: u32,
    variations: u32,
    at: usize,
    in_flag: bool,
    /// The text is itself JSON.
    is_json: bool,
}

impl Run {
    fn begin(&mut self, at: usize) {
        if self.zero_width == 0 && self.variations == 0 {
            self.at = at;
        }
    }

    /// A visible character comes, `is_word` where it is an ASCII letter or digit.
    #[inline(always)]
    fn end(&mut self, is_word: bool, out: &mut impl Out, unseen: &mut Unseen) {
        if self.zero_width != 0 || self.variations != 0 {
            self.count(is_word, out, unseen);
        }
    }

    #[cold]
    fn count(&mut self, is_word: bool, out: &mut impl Out, unseen: &mut Unseen) {
        let all = self.zero_width.saturating_add(self.variations);
        // One variation selector belongs to the sign before it; joiners spell Persian and Indic
        // words and make emoji of emoji. Inside a word of ASCII nothing of the kind belongs.
        let hides = self.after_word && is_word || all > 2 || self.variations > 1;
        if hides {
            unseen.add(all, self.at);
        }
        out.told(hides);
        self.zero_width = 0;
        self.variations = 0;
    }
}

fn run(source: &[u8], escaped: bool, out: &mut impl Out, unseen: &mut Unseen) {
    let mut at = 0usize;
    let (mut tail, mut moved) = (Tail::default(), [0; NEAR]);
    let mut run = Run {
        is_json: escaped && is_json(source),
        ..Run::default()
    };
    loop {
        let rest = source.get(at..).unwrap_or_default();
        let (len, after_word) = simple(rest, escaped, at, &run, &mut tail, &mut moved, out);
        if len > 0 {
            let is_word = rest.first().is_some_and(u8::is_ascii_alphanumeric);
            run.end(is_word, out, unseen);
            run.after_word = after_word;
            run.in_flag = false;
            at = at.saturating_add(len);
        }
        let rest = source.get(at..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        at = special(rest, escaped, at, &mut run, out, unseen);
    }
    run.end(false, out, unseen);
}

/// Folds the character at the start of `rest`, which stands at `at`, and those after it that
/// are kept as they are. Gives the offset after them.
#[inline(always)]
fn special(
    rest: &[u8],
    escaped: bool,
    at: usize,
    run: &mut Run,
    out: &mut impl Out,
    unseen: &mut Unseen,
) -> usize {
    let (point, len) = match nested(rest).filter(|_| run.is_json) {
        Some(inner) => inner,
        None => character(rest, escaped),
    };
    let end = at.saturating_add(len);
    let bytes = rest.get(..len).unwrap_or_default();
    let kind = table::kind(point);
    if let Kind::Ascii(byte) = kind {
        run.end(byte.is_ascii_alphanumeric(), out, unseen);
        run.after_word = byte.is_ascii_alphanumeric();
        out.instead(&[byte], at, end);
        return end;
    }
    let is_escape = bytes.first() == Some(&b'\\');
    let mut utf8 = [0; 4];
    match kind {
        Kind::Ascii(_) | Kind::Mark => {}
        Kind::Keep => {
            run.end(false, out, unseen);
            run.after_word = false;
            run.in_flag = point == BLACK_FLAG;
            if !is_escape {
                let more = kept(rest.get(len..).unwrap_or_default());
                let end = end.saturating_add(more);
                let all = len.saturating_add(more);
                out.same(rest.get(..all).unwrap_or_default(), at);
                return end;
            }
            let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.instead(character.encode_utf8(&mut utf8).as_bytes(), at, end);
        }
        Kind::Lower => {
            run.end(false, out, unseen);
            run.after_word = false;
            match table::lower(point) {
                Ok(byte) => out.instead(&[byte], at, end),
                Err(lower) => out.instead(lower.encode_utf8(&mut utf8).as_bytes(), at, end),
            }
        }
        Kind::Spelled(letters) => {
            run.end(true, out, unseen);
            run.after_word = true;
            out.instead(letters, at, end);
        }
        Kind::ZeroWidth => {
            out.perhaps_unseen(at, end);
            run.begin(at);
            run.zero_width = run.zero_width.saturating_add(1);
        }
        Kind::Override => {
            out.unseen(at, end);
            unseen.add(1, at);
        }
        Kind::Direction => {}
        Kind::Variation(byte) => {
            run.begin(at);
            run.variations = run.variations.saturating_add(1);
            let following = character(rest.get(len..).unwrap_or_default(), escaped).0;
            let in_row = run.variations > 1 || matches!(table::kind(following), Kind::Variation(_));
            out.perhaps_unseen(at, end);
            if in_row && (b' '..=b'~').contains(&byte) {
                out.instead(&[byte], at, end);
            }
        }
        Kind::Tag(byte) => {
            if core::mem::take(&mut run.in_flag)
                && let Some(len) = flag(rest, escaped)
            {
                return at.saturating_add(len);
            }
            out.unseen(at, end);
            unseen.add(1, at);
            if (b' '..=b'~').contains(&byte) {
                out.instead(&[byte], at, end);
            }
        }
    }
    end
}

/// How many bytes at the start of `text` are characters beyond ASCII that are kept.
#[inline(always)]
fn kept(text: &[u8]) -> usize {
    let mut len = 0usize;
    loop {
        let rest = text.get(len..).unwrap_or_default();
        if let [0xe4..=0xe9, _, _, ..] = rest {
            // U+4000 to U+9FFF: what Chinese and Japanese have most of is all kept.
            len = len.wrapping_add(3);
            continue;
        }
        if rest.first().is_none_or(u8::is_ascii) {
            return len;
        }
        let (point, more) = character(rest, false);
        if !matches!(table::kind(point), Kind::Keep) || point == BLACK_FLAG {
            return len;
        }
        len = len.wrapping_add(more);
    }
}

#[cfg(test)]
mod tests;
