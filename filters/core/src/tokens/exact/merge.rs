//! Byte-pair merging: a piece's bytes, joined by lowest rank first until nothing joins.

use super::vocabulary::Vocabulary;

/// Longer pieces are cut: merging takes the square of this at worst, and no token is longer
/// than half of it.
pub(super) const MAX_PIECE: usize = 256;

/// Room for merging one piece.
pub(super) struct Merge {
    /// Where each part starts; one more than there are parts.
    starts: [u16; MAX_PIECE + 1],
    /// The rank of the part joined with the next one, or `u32::MAX`.
    ranks: [u32; MAX_PIECE + 1],
}

impl Default for Merge {
    fn default() -> Self {
        Merge {
            starts: [0; MAX_PIECE + 1],
            ranks: [u32::MAX; MAX_PIECE + 1],
        }
    }
}

impl Merge {
    /// The number of tokens in `piece`.
    pub(super) fn count(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u32 {
        piece
            .chunks(MAX_PIECE)
            .map(|part| self.count_bounded(vocabulary, part))
            .fold(0, u32::saturating_add)
    }

    fn count_bounded(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u32 {
        if piece.len() < 2 || vocabulary.rank(piece).is_some() {
            return u32::from(!piece.is_empty());
        }
        let mut parts = piece.len();
        for (at, start) in self
            .starts
            .iter_mut()
            .enumerate()
            .take(parts.saturating_add(1))
        {
            *start = at as u16;
        }
        for at in 0..parts {
            self.rank(vocabulary, piece, at, parts);
        }
        loop {
            let ranks = self.ranks.get(..parts).unwrap_or_default();
            let lowest = ranks
                .iter()
                .fold(u32::MAX, |lowest, &rank| lowest.min(rank));
            let at = ranks
                .iter()
                .position(|&rank| rank == lowest)
                .filter(|_| lowest != u32::MAX);
            let Some(at) = at else { break };
            let next = at.saturating_add(1);
            let after = next.saturating_add(1);
            // The part and the next one become one.
            self.starts.copy_within(after..=parts, next);
            self.ranks.copy_within(after..=parts, next);
            parts = parts.saturating_sub(1);
            self.rank(vocabulary, piece, at, parts);
            if let Some(before) = at.checked_sub(1) {
                self.rank(vocabulary, piece, before, parts);
            }
        }
        parts as u32
    }

    /// Notes the rank of part `at` joined with the next one.
    fn rank(&mut self, vocabulary: &Vocabulary, piece: &[u8], at: usize, parts: usize) {
        let bound = |i: usize| self.starts.get(i).map_or(usize::MAX, |&s| usize::from(s));
        let end = at.saturating_add(2);
        let pair = if end > parts {
            None
        } else {
            piece.get(bound(at)..bound(end))
        };
        let rank = pair
            .and_then(|pair| vocabulary.rank(pair))
            .unwrap_or(u32::MAX);
        if let Some(place) = self.ranks.get_mut(at) {
            *place = rank;
        }
    }
}
