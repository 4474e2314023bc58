//! What all sets hold together, in one value that workers share.
//!
//! ```text
//! 0    form of this, u64
//! 8    the set whose turn it is to be swept, u32
//! 12   sets: entries, u32, bytes, u32      64 of them
//! ```
//! All numbers are little-endian. Who stores an entry notes what its set holds then, and looks
//! after one set more, each time the next one. Where another worker comes between, what is noted
//! of a set may be what it held a moment before; it is right again when the set's turn has come,
//! after 64 entries at the latest. What lies there from another version is as good as nothing.

use super::set::read;
use super::{Census, Put, RETRIES, SETS, Store};
use crate::host::{Host, Stored, Unavailable, Version};

const NAME: &str = "tollgate/1/response-cache/totals";
const FORM: [u8; 8] = *b"TGRT\x01\0\0\0";
const BYTES: usize = 12 + 8 * SETS;

impl Store {
    /// What all sets hold after `put`. Frees what is of no use in the set whose turn it is: all
    /// that expires is freed while there are new entries, and nothing is done where there are
    /// none. `None` where shared data does not work, or other workers were faster each time.
    pub fn take_stock(&self, host: &dyn Host, put: &Put, now: u64) -> Option<Census> {
        let mut totals = Totals::read(host).ok()?;
        let turn = totals.turn;
        let swept = self.sweep(host, turn, now);
        for _ in 0..=RETRIES {
            totals.note(put.set, put.held);
            if let Some(swept) = swept {
                totals.note(turn, swept);
            }
            totals.end_turn(turn);
            match totals.write(host).ok()? {
                Stored::Yes => return Some(totals.sum()),
                Stored::Conflict => totals = Totals::read(host).ok()?,
            }
        }
        None
    }
}

/// The totals as they were read.
struct Totals {
    turn: usize,
    sets: [Census; SETS],
    version: Version,
}

impl Totals {
    fn read(host: &dyn Host) -> Result<Totals, Unavailable> {
        let (bytes, version) = read(host, NAME)?;
        let mut totals = Totals {
            turn: 0,
            sets: [Census::default(); SETS],
            version,
        };
        if let Some(numbers) = bytes.strip_prefix(&FORM).filter(|_| bytes.len() == BYTES) {
            let (numbers, _) = numbers.as_chunks();
            let mut numbers = numbers
                .iter()
                .map(|number| u32::from_le_bytes(*number) as usize);
            let mut next = || numbers.next().unwrap_or_default();
            totals.turn = next() % SETS;
            for set in &mut totals.sets {
                let entries = next();
                *set = Census {
                    entries,
                    bytes: next(),
                };
            }
        }
        Ok(totals)
    }

    fn write(&self, host: &dyn Host) -> Result<Stored, Unavailable> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(&FORM);
        let sets = self.sets.iter().flat_map(|set| [set.entries, set.bytes]);
        for number in core::iter::once(self.turn).chain(sets) {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        host.share(NAME, &bytes, self.version)
    }

    fn note(&mut self, set: usize, held: Census) {
        if let Some(place) = self.sets.get_mut(set) {
            *place = held;
        }
    }

    /// It is the next set's turn, unless another worker has said so.
    fn end_turn(&mut self, turn: usize) {
        if self.turn == turn {
            self.turn = turn.saturating_add(1) % SETS;
        }
    }

    fn sum(&self) -> Census {
        let sets = self.sets.iter();
        sets.fold(Census::default(), |sum, set| Census {
            entries: sum.entries.saturating_add(set.entries),
            bytes: sum.bytes.saturating_add(set.bytes),
        })
    }
}
