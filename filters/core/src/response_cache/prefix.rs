//! How far a conversation is one that was seen before: hashes of its beginnings.
//!
//! A conversation grows at its end, and providers keep what they have read of it for a while, by
//! exact beginnings. The hash of its canonical text is a running one, so the hash of each
//! beginning is there for the asking: at the end of every message, and within long ones at every
//! [`STEP`]. Both are counted in canonical text, so that two spellings of a conversation have the
//! same beginnings.
//!
//! Not all are remembered: of those before the last [`WINDOW`], and after the first, only every
//! eighth, farther back every sixty-fourth, and so on. Which ones they are depends on how far back
//! they lie and on nothing else, so that a conversation and its continuation mostly remember the
//! same ones: where it grew by `k` marks, the last that both have lies at most `k / 3` marks
//! before the end of the shorter one, and where `k` is below [`WINDOW`] it is that end.
//!
//! Two places are remembered however far back they lie, because all turns of a conversation have
//! them in common: where what its operator says ends, and where the first message after that does.

use super::keyer::Digest;

/// Bytes of canonical text between two marks inside a message: some 256 tokens. Providers' caches
/// go by 128 tokens, from 1,024 on.
pub const STEP: usize = 1024;

/// How many of the first marks are remembered (what a system prompt shares with that of other
/// conversations), and of the last ones (where most conversations go on).
pub const WINDOW: u32 = 32;

/// More marks than are remembered of any conversation. A conversation of `n` marks keeps 32 at
/// either end and of each power of eight below `n` at most 28.
const MOST: usize = 512;

/// The hash of a conversation up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// How many came before it.
    pub(super) ordinal: u32,
    /// Offset in the body of the place; inside an escape, of the end of that.
    pub(super) end: u32,
    pub(super) hash: [u8; 16],
}

/// The marks of a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    kept: Vec<Mark>,
    count: u32,
    /// How many came before the end of the operator's messages.
    head: Option<u32>,
    /// How many came before the end of the first message that is not the operator's.
    root: Option<u32>,
}

impl Marks {
    pub(super) fn add(&mut self, end: usize, hash: Digest) {
        let ordinal = self.count;
        self.count = self.count.saturating_add(1);
        if self.kept.len() >= MOST {
            self.thin_out();
        }
        // One allocation for all there will ever be; without memory there are no marks.
        if self.kept.capacity() == 0 && self.kept.try_reserve_exact(MOST).is_err() {
            return;
        }
        if self.kept.len() < self.kept.capacity() {
            self.kept.push(Mark {
                ordinal,
                end: u32::try_from(end).unwrap_or(u32::MAX),
                hash: hash.short().to_le_bytes(),
            });
        }
    }

    /// The message that ends at the last mark is complete, and is or is not its operator's: the
    /// `system`'s or the `developer`'s.
    pub(super) fn end_message(&mut self, is_operators: bool) {
        if self.root.is_none() {
            let last = self.count.checked_sub(1);
            match is_operators {
                true => self.head = last,
                false => self.root = last,
            }
        }
    }

    /// Those that are remembered, in order.
    pub(super) fn finish(mut self, otherwise: Root) -> (Vec<Mark>, Landmarks) {
        self.thin_out();
        let place = |ordinal| {
            let found = self
                .kept
                .binary_search_by_key(&ordinal, |mark| mark.ordinal);
            found.ok()
        };
        let root = self.root.and_then(place);
        let landmarks = Landmarks {
            head: self.head.and_then(place),
            root: root.unwrap_or(match otherwise {
                Root::First => 0,
                Root::Last => self.kept.len().saturating_sub(1),
            }),
        };
        (self.kept, landmarks)
    }

    fn thin_out(&mut self) {
        let (count, pinned) = (self.count, [self.head, self.root]);
        self.kept
            .retain(|mark| is_kept(mark.ordinal, count) || pinned.contains(&Some(mark.ordinal)));
    }
}

/// Which mark is the root of a conversation that does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// The first, of a prompt that grows at its end and is no messages.
    First,
    /// The last.
    Last,
}

/// Positions, among the beginnings of a conversation that are remembered, of those that it has in
/// common with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landmarks {
    /// The one that ends with the messages of its operator, the `system`'s and the `developer`'s,
    /// where it begins with any: other conversations have it too.
    pub head: Option<usize>,
    /// The one that ends with the first message after these: all turns of the conversation have
    /// it, and what goes on otherwise. Where there is no such message, all there is, and of a
    /// prompt that is no messages the first.
    pub root: usize,
}

/// Whether of `count` marks the one before which there are `ordinal` is remembered.
fn is_kept(ordinal: u32, count: u32) -> bool {
    // Of ordinals that three times more zeros end a mark stays for eight times as long.
    let back = count.saturating_sub(ordinal);
    let level = ordinal.trailing_zeros() / 3;
    let most = u64::from(WINDOW).saturating_mul(8u64.saturating_pow(level));
    ordinal < WINDOW || u64::from(back) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(count: u32) -> Vec<u32> {
        (0..count)
            .filter(|ordinal| is_kept(*ordinal, count))
            .collect()
    }

    #[test]
    fn what_is_forgotten_is_never_remembered_again() {
        for count in 1..3_000 {
            let (less, more) = (kept(count), kept(count + 1));
            assert!(
                more.iter()
                    .all(|mark| *mark == count || less.contains(mark)),
                "{count}"
            );
        }
    }

    #[test]
    fn marks_are_bounded_in_number_and_thinned_out_in_passing() {
        let mut marks = Marks::default();
        let digest = Digest::NONE;
        for count in 1..=70_000u32 {
            marks.add(count as usize, digest);
            if count.is_power_of_two() || count % 9_999 == 0 {
                let ordinals: Vec<u32> = marks
                    .clone()
                    .finish(Root::Last)
                    .0
                    .iter()
                    .map(|mark| mark.ordinal)
                    .collect();
                assert_eq!(ordinals, kept(count));
                assert!(ordinals.len() < MOST / 2, "{}", ordinals.len());
            }
            assert!(marks.kept.len() <= MOST);
        }
        assert_eq!(marks.kept.capacity(), MOST);
        // Whatever the number, thinning out makes room.
        for count in [u32::MAX, 1 << 31, 8u32.pow(10)] {
            let levels = (1..=11).map(|level: u32| {
                let every = 8u64.pow(level);
                (u64::from(WINDOW) * every).min(u64::from(count)) / every
            });
            assert!(levels.sum::<u64>() + 2 * u64::from(WINDOW) < MOST as u64);
        }
    }

    #[test]
    fn the_root_is_remembered_wherever_it_lies() {
        // Messages by how many marks they have, those of the operator first.
        for (operators, others, expected) in [
            (&[][..], &[][..], (None, None)),
            (&[3], &[], (Some(2), Some(2))),
            (&[], &[1, 1], (None, Some(0))),
            (&[], &[700, 900], (None, Some(699))),
            (&[333, 77], &[99, 5_000], (Some(409), Some(508))),
            (&[33], &[40_001, 1], (Some(32), Some(40_033))),
        ] {
            let mut marks = Marks::default();
            let messages = operators.iter().map(|count| (*count, true));
            let messages = messages.chain(others.iter().map(|count| (*count, false)));
            for (count, is_operators) in messages {
                for _ in 0..count {
                    marks.add(marks.count as usize, Digest::NONE);
                }
                marks.end_message(is_operators);
            }
            let (kept, landmarks) = marks.finish(Root::Last);
            let end = |place: usize| kept.get(place).map(|mark| mark.end);
            let found = (landmarks.head.and_then(end), end(landmarks.root));
            assert_eq!(found, expected, "{operators:?} {others:?}");
            assert!(kept.is_sorted_by_key(|mark| mark.ordinal));
        }
        let mut marks = Marks::default();
        (0..5).for_each(|end| marks.add(end, Digest::NONE));
        assert_eq!(marks.clone().finish(Root::First).1.root, 0);
        assert_eq!(marks.finish(Root::Last).1.root, 4);
    }

    #[test]
    fn a_conversation_and_its_continuation_remember_nearly_the_same() {
        for before in [1, 2, 31, 32, 33, 100, 511, 512, 513, 5_000, 40_000] {
            for more in [0, 1, 2, 10, 30, 31, 40, 100, 300, 3_000, 60_000] {
                let (short, long) = (kept(before), kept(before + more));
                let common = long
                    .iter()
                    .rev()
                    .find(|mark| short.binary_search(mark).is_ok());
                let lost = before - 1 - common.unwrap();
                let most = if more < WINDOW { 0 } else { more / 3 };
                assert!(lost <= most, "{before} marks and {more} more lose {lost}");
            }
        }
    }
}
