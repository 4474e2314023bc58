//! The fast tier: measures texts as they stream by and estimates their tokens.

use super::features::{COUNT, Features};
use super::tools::Piece;
use super::unescape::{Unescape, four_digits, short_escape};
use super::windows::Places;
use super::{Encoding, linear};
use crate::simd::Block;

/// Bytes that wait until there is a whole block of them.
#[derive(Clone, Copy)]
struct Stage {
    bytes: [u8; 128],
    len: usize,
}

impl Stage {
    /// Copies 64 bytes, more than are needed, because a fixed number copies faster.
    #[inline(always)]
    fn copy(&mut self, bytes: &[u8; 128], from: usize) {
        let room = self.bytes.get_mut(self.len..self.len.wrapping_add(64));
        let bytes = bytes.get(from..from.wrapping_add(64));
        if let (Some(room), Some(bytes)) = (room, bytes) {
            room.copy_from_slice(bytes);
        }
    }
}

/// Measures the texts of one request; see [`super`].
#[derive(Clone, Copy)]
pub struct Meter {
    features: Features,
    stage: Stage,
    unescape: Unescape,
    places: Places,
    /// Whether the current text has any content.
    in_text: bool,
}

impl Default for Meter {
    fn default() -> Self {
        Meter::new()
    }
}

impl Meter {
    /// A meter that has measured nothing.
    pub fn new() -> Meter {
        Meter {
            features: Features::default(),
            stage: Stage {
                bytes: [0; 128],
                len: 0,
            },
            unescape: Unescape::default(),
            places: Places::new(),
            in_text: false,
        }
    }

    /// Measures the next piece of a JSON string's content, still escaped, cut anywhere,
    /// which lies at offset `at` of the body.
    pub fn text(&mut self, piece: &[u8], at: usize) {
        self.places.pass(at, piece.len());
        self.measure(piece);
    }

    /// Measures the next piece of a JSON string's content of which nothing is kept, so that
    /// there are no places to sample.
    pub fn measure(&mut self, piece: &[u8]) {
        self.in_text |= !piece.is_empty();
        let mut rest = piece;
        loop {
            if self.unescape.is_idle() {
                rest = self.plain(rest);
            }
            let Some((&byte, tail)) = rest.split_first() else {
                break;
            };
            let decoded = self.unescape.byte(byte);
            self.push(decoded.as_bytes());
            rest = tail;
        }
    }

    /// Measures `text` up to an escape that takes more than a look, and gives the rest, which
    /// begins with that escape's backslash.
    fn plain<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let mut rest = text;
        while let Some(bytes) = rest.first_chunk::<128>() {
            let (block, _) = bytes.split_at(64);
            let Some(block) = block.first_chunk().map(Block::load) else {
                break;
            };
            let mut backslashes = block.eq(b'\\');
            if backslashes == 0 && self.stage.len == 0 {
                self.features.block(&block, u64::MAX);
                rest = rest.get(64..).unwrap_or_default();
                continue;
            }
            let mut from = 0_usize;
            while backslashes != 0 {
                let at = backslashes.trailing_zeros() as usize;
                match bytes.get(at.wrapping_add(1)) {
                    Some(b'u') => {
                        self.stage(bytes, from, at);
                        let digits = bytes
                            .get(at.wrapping_add(2)..)
                            .and_then(<[u8]>::first_chunk);
                        let Some(character) = digits.and_then(four_digits) else {
                            return rest.get(at..).unwrap_or_default();
                        };
                        self.push(character.encode_utf8(&mut [0; 4]).as_bytes());
                        from = at.wrapping_add(6);
                    }
                    Some(&byte) => {
                        self.stage_escape(bytes, from, at, short_escape(byte));
                        from = at.wrapping_add(2);
                    }
                    None => break,
                }
                // The backslash, and the one it may escape.
                backslashes &= u64::MAX.unbounded_shl(from as u32);
            }
            let end = from.max(64);
            self.stage(bytes, from, end);
            rest = rest.get(end..).unwrap_or_default();
        }
        let plain = rest.iter().position(|&b| b == b'\\').unwrap_or(rest.len());
        let (plain, rest) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        self.push_all(plain);
        rest
    }

    /// Stages `bytes[from..to]`, at most 64 of them.
    #[inline(always)]
    fn stage(&mut self, bytes: &[u8; 128], from: usize, to: usize) {
        if from == to {
            return;
        }
        self.stage.copy(bytes, from);
        self.stage.len = self.stage.len.wrapping_add(to.wrapping_sub(from));
        if self.stage.len >= 64 {
            self.full_block();
        }
    }

    /// Stages `bytes[from..to]`, at most 63 of them, and what the escape behind stands for.
    #[inline(always)]
    fn stage_escape(&mut self, bytes: &[u8; 128], from: usize, to: usize, escape: u8) {
        if from != to {
            self.stage.copy(bytes, from);
        }
        let end = self.stage.len.wrapping_add(to.wrapping_sub(from));
        if let Some(place) = self.stage.bytes.get_mut(end) {
            *place = escape;
        }
        self.stage.len = end.wrapping_add(1);
        if self.stage.len >= 64 {
            self.full_block();
        }
    }

    #[inline]
    fn full_block(&mut self) {
        let (full, next) = self.stage.bytes.split_at_mut(64);
        if let Some(full) = full.first_chunk::<64>() {
            self.features.block(&Block::load(full), u64::MAX);
        }
        full.copy_from_slice(next);
        self.stage.len = self.stage.len.wrapping_sub(64);
    }

    /// Measures bytes that stand for themselves.
    fn push_all(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(64) {
            self.push(part);
        }
    }

    /// Measures at most 64 bytes that stand for themselves.
    fn push(&mut self, bytes: &[u8]) {
        let stage = &mut self.stage;
        if let Some(room) = stage
            .bytes
            .get_mut(stage.len..stage.len.wrapping_add(bytes.len()))
        {
            room.copy_from_slice(bytes);
            stage.len = stage.len.wrapping_add(bytes.len());
        }
        if stage.len >= 64 {
            self.full_block();
        }
    }

    /// Measures the next piece of a text that is not escaped and not of the body.
    pub(crate) fn literal(&mut self, piece: &[u8]) {
        let decoded = self.unescape.give_up();
        self.push(decoded.as_bytes());
        self.in_text |= !piece.is_empty();
        self.push_all(piece);
    }

    /// Measures the next piece of a rendering.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Literal(bytes) => self.literal(bytes),
            Piece::Escaped(content) => self.text(content.bytes, content.at),
        }
    }

    /// Ends a text: what comes next does not continue it.
    pub fn end_text(&mut self) {
        let decoded = core::mem::take(&mut self.unescape).give_up();
        self.push(decoded.as_bytes());
        let len = core::mem::take(&mut self.stage.len);
        let (last, _) = self.stage.bytes.split_at_mut(64);
        if let Some(padding) = last.get_mut(len..) {
            padding.fill(0);
        }
        if let Some(last) = last.first_chunk::<64>() {
            self.features.end_text(last, len);
        }
        if core::mem::take(&mut self.in_text) {
            self.features.counts.texts[0] = self.features.counts.texts[0].saturating_add(1);
        }
    }

    /// The tokens of all texts so far by the fast tier: a weighted sum of their counts, and
    /// never fewer than their letters and digits take.
    pub fn estimate(&self, encoding: Encoding) -> u32 {
        // A float becomes the nearest integer there is: never negative, never too large.
        linear::estimate(encoding, &self.features).round() as u32
    }

    /// The tokens of all texts so far by the sampled tier, if there is enough text for it.
    ///
    /// `body` is the body the offsets given to [`Meter::text`] are of.
    pub fn sampled(&self, encoding: Encoding, body: &[u8]) -> u32 {
        let estimate = linear::estimate(encoding, &self.features);
        self.places.correct(estimate, encoding, body).round() as u32
    }

    /// What was counted, in the order of the weights: what the fit reads.
    pub fn row(&self) -> [u32; COUNT] {
        self.features.counts.row()
    }
}
