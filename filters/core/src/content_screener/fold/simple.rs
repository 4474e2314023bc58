//! What is simple of a source: what stays the same, and the escapes there are most of. It is
//! taken sixty-four bytes at a time.

use super::{Out, Run};
use crate::simd::Block;

/// The one control character that JSON strings may hold as it is.
const DELETE: u8 = 0x7f;

/// A block up to the first byte that is neither the same nor an escape: a character other than
/// those of ASCII and U+4000 to U+9FFF, of which Chinese and Japanese have most.
pub(super) struct Simple<'a> {
    /// It, and what is behind it.
    pub(super) near: &'a [u8; NEAR],
    /// How many bytes of it are simple.
    end: usize,
    /// Those that begin an escape, or are the second byte of one.
    pub(super) escapes: u64,
}

impl<'a> Simple<'a> {
    /// What of the first `len` bytes of `near` is simple.
    #[inline(always)]
    fn of(near: &'a [u8; NEAR], len: usize, escaped: bool) -> Simple<'a> {
        let Some(block) = near.first_chunk::<64>() else {
            return Simple {
                near,
                end: 0,
                escapes: 0,
            };
        };
        let block = Block::load(block);
        let mut others = 0;
        if block.any_from(DELETE) {
            others = block.eq(DELETE) | block.range(0xc0, 0xff) & !block.range(0xe4, 0xe9);
        }
        if len < 64 {
            others |= 1 << len;
        }
        let first = others & others.wrapping_neg();
        let escapes = if escaped { block.eq(b'\\') } else { 0 };
        Simple {
            near,
            end: others.trailing_zeros() as usize,
            escapes: escapes & first.wrapping_sub(1),
        }
    }

    /// Where the first of the escapes that are `left` begins, else where it ends, but not ahead
    /// of `from`: an escape may lie across the end.
    #[inline(always)]
    pub(super) fn stop(&self, left: u64, from: usize) -> usize {
        match left {
            0 => self.end.max(from),
            _ => left.trailing_zeros() as usize,
        }
    }
}

/// Bytes of a block, of an escape that lies across its end, and of a move from there.
pub(super) const NEAR: usize = 65 + MOVE;

/// Where a block without its escapes is put together.
pub(super) type Moved = [u8; NEAR];

/// The end of a source with zeros behind it, so that its last blocks are whole.
pub(super) struct Tail {
    bytes: [u8; 2 * NEAR],
    /// Where in the source it begins, once it is there.
    at: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Tail {
            bytes: [0; 2 * NEAR],
            at: usize::MAX,
        }
    }
}

impl Tail {
    /// What is at `at`, of which `rest` is less than [`NEAR`] bytes.
    fn near(&mut self, rest: &[u8], at: usize) -> &[u8; NEAR] {
        if self.at > at {
            self.at = at;
            if let Some(place) = self.bytes.get_mut(..rest.len()) {
                place.copy_from_slice(rest);
            }
        }
        let near = self.bytes.get(at.saturating_sub(self.at)..);
        near.and_then(<[u8]>::first_chunk).unwrap_or(&[0; NEAR])
    }
}

/// What the escapes stand for that there are most of, quotes and ends of lines, by their second
/// byte; of others zero.
pub(super) struct Signs([u8; 256]);

impl Signs {
    #[allow(clippy::indexing_slicing, reason = "run by the compiler")]
    const fn new(nested: bool) -> Signs {
        let mut signs = [0; 256];
        signs[b'"' as usize] = b'"';
        signs[b'n' as usize] = b'\n';
        signs[b't' as usize] = b'\t';
        // In JSON it may begin an escape of the string inside.
        signs[b'\\' as usize] = if nested { 0 } else { b'\\' };
        Signs(signs)
    }

    /// What the escape at `stop` stands for.
    #[inline(always)]
    pub(super) fn of(&self, near: &[u8; NEAR], stop: usize) -> Option<u8> {
        let second = near.get(stop.wrapping_add(1)).copied();
        let sign = self.0.get(usize::from(second.unwrap_or(0)));
        match sign.copied().unwrap_or(0) {
            0 => quote_within(near, stop),
            sign => Some(sign),
        }
    }
}

/// In a string inside a string a quote is three signs, none of which begins an escape.
fn quote_within(near: &[u8; NEAR], stop: usize) -> Option<u8> {
    let here = near.get(stop..)?;
    here.starts_with(br#"\\\""#).then_some(b'\\')
}

/// The escapes of text, and of JSON that is a string.
static SIGNS: [Signs; 2] = [Signs::new(false), Signs::new(true)];

/// Folds what is simple at the start of `rest`, which stands at `at`: what stays the same, and
/// escapes of signs. Gives how many bytes that are, and whether a letter or digit ends it.
#[inline(always)]
pub(super) fn simple(
    rest: &[u8],
    escaped: bool,
    at: usize,
    run: &Run,
    tail: &mut Tail,
    moved: &mut Moved,
    out: &mut impl Out,
) -> (usize, bool) {
    let [plain, nested] = &SIGNS;
    let signs = if run.is_json { nested } else { plain };
    let mut done = 0usize;
    let mut ends_with_sign = false;
    loop {
        let here = rest.get(done..).unwrap_or_default();
        let place = at.saturating_add(done);
        let near = match here.first_chunk::<NEAR>() {
            Some(near) => near,
            None if here.is_empty() => break,
            None => tail.near(here, place),
        };
        let simple = Simple::of(near, here.len(), escaped);
        if let Simple {
            end: 64,
            escapes: 0,
            ..
        } = simple
            && let Some(block) = near.first_chunk::<64>()
        {
            out.same(block, place);
            done = done.wrapping_add(64);
            ends_with_sign = false;
            continue;
        }
        let (len, is_sign) = out.simple(simple, signs, place, moved);
        done = done.wrapping_add(len);
        ends_with_sign = is_sign || len == 0 && ends_with_sign;
        if len < 64 {
            break;
        }
    }
    let last = done.checked_sub(1).and_then(|last| rest.get(last));
    let is_letter = last.is_some_and(u8::is_ascii_alphanumeric);
    (done, is_letter && !ends_with_sign)
}

/// Half a block.
pub(super) const MOVE: usize = 32;

/// Moves [`MOVE`] bytes.
#[inline(always)]
pub(super) fn moved(near: &[u8; NEAR], from: usize, room: &mut Moved, to: usize) {
    let source = near.get(from..).and_then(<[u8]>::first_chunk::<MOVE>);
    let place = room
        .get_mut(to & 127..)
        .and_then(<[u8]>::first_chunk_mut::<MOVE>);
    if let (Some(source), Some(place)) = (source, place) {
        *place = *source;
    }
}

/// The escapes behind the one at `stop`. Its second byte begins none.
#[inline(always)]
pub(super) fn after_escape(escapes: u64, stop: usize) -> u64 {
    escapes & !(3 << (stop & 63))
}
