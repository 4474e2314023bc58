//! What a set of the store holds, and who is asking the upstream for what it lacks.
//!
//! ```text
//! 0    form of this, u64
//! 8    flights: tag, u64, since, u64, nanoseconds since 1970; since 0: none      32 of them
//! 520  ways: tag, u64, bytes, u32, last use, u32, end, u32, both in seconds
//!      since 1970, u32 unused; bytes 0: free                                     up to 256
//! ```
//! All numbers are little-endian. A tag is a part of a key: it says where to look, not whether
//! what is there answers to the key.
//!
//! What lies in the future, beyond what clocks of workers differ by, was written before a clock
//! was set back. Such a way is worth nothing and such a flight is over, as the entries themselves
//! are of no use then.

use super::lifetime::SKEW;
use super::store::Census;

/// Entries that a set has room for: as many as keep the directory, which every hit reads, at the
/// size of an entry.
pub const WAYS: usize = 256;
/// Requests that may be on their way for one set; beyond that they are not marked.
pub(super) const FLIGHTS: usize = 32;
/// The most bytes a directory has.
pub(super) const MOST_BYTES: usize = 6664;

const FORM: [u8; 8] = *b"TGRD\x01\0\0\0";
const FLIGHT: usize = 16;
const WAYS_AT: usize = 520;
const WAY: usize = 24;
const _: () = assert!(WAYS_AT == 8 + FLIGHT * FLIGHTS && MOST_BYTES == WAYS_AT + WAY * WAYS);

/// A set's directory, in the bytes that workers share.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    bytes: Vec<u8>,
}

/// What a way holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) tag: u64,
    /// Bytes that its value has at most; none where the way is free.
    pub(super) bytes: u32,
    /// Second since 1970 of about its last use.
    pub(super) used: u32,
    /// Second since 1970 from which on it is of no use.
    pub(super) end: u32,
}

/// Where a new entry goes, and what goes for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Its way.
    pub(super) at: usize,
    /// Whether the way holds an older entry of the same tag, which stays until it is replaced.
    pub(super) in_place: bool,
    /// Ways to be emptied and freed.
    pub(super) leaving: Vec<usize>,
    /// How many of these could still have been of use.
    pub(super) evicted: usize,
}

/// Seconds of nanoseconds.
pub(super) fn seconds(nanoseconds: u64) -> u32 {
    u32::try_from(nanoseconds / 1_000_000_000).unwrap_or(u32::MAX)
}

impl Way {
    /// Whether it may hold something of use at second `now`.
    pub(super) fn is_live(&self, now: u32) -> bool {
        let ahead = now.saturating_add(seconds(SKEW));
        self.bytes > 0 && self.end > now && self.used <= ahead
    }

    fn read(bytes: &[u8]) -> Way {
        Way {
            tag: word(bytes, 0),
            bytes: half(bytes, 8),
            used: half(bytes, 12),
            end: half(bytes, 16),
        }
    }
}

impl Default for Directory {
    fn default() -> Directory {
        let mut bytes = FORM.to_vec();
        bytes.resize(WAYS_AT, 0);
        Directory { bytes }
    }
}

impl Directory {
    /// The directory that `bytes` are; `None` where another version left something else.
    pub(super) fn new(bytes: Vec<u8>) -> Option<Directory> {
        let ways = bytes.len().checked_sub(WAYS_AT)?;
        let is_one = bytes.starts_with(&FORM) && ways % WAY == 0 && bytes.len() <= MOST_BYTES;
        is_one.then_some(Directory { bytes })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn ways(&self) -> impl ExactSizeIterator<Item = Way> {
        let ways = self.bytes.get(WAYS_AT..).unwrap_or_default();
        ways.chunks_exact(WAY).map(Way::read)
    }

    /// The way with an entry of this tag, and where it is.
    pub(super) fn find(&self, tag: u64) -> Option<(usize, Way)> {
        let mut ways = self.ways().enumerate();
        ways.find(|(_, way)| way.tag == tag && way.bytes > 0)
    }

    /// Sets the way at `at`, which is one that is there, or the next one.
    pub(super) fn set(&mut self, at: usize, way: Way) {
        let at = at.saturating_mul(WAY).saturating_add(WAYS_AT);
        let end = at.saturating_add(WAY);
        if self.bytes.len() < end && end <= MOST_BYTES {
            self.bytes.resize(end, 0);
        }
        let mut written = [0; WAY];
        let parts = [
            &way.tag.to_le_bytes()[..],
            &way.bytes.to_le_bytes(),
            &way.used.to_le_bytes(),
            &way.end.to_le_bytes(),
        ];
        for (to, from) in written.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        if let Some(place) = self.bytes.get_mut(at..end) {
            place.copy_from_slice(&written);
        }
    }

    /// Where an entry of `tag` and `bytes` goes when all entries may have `room` together, which
    /// is as much as `bytes` at least. What is of no use goes first, then what was used least
    /// recently.
    pub(super) fn plan(&self, tag: u64, bytes: usize, room: usize, now: u32) -> Plan {
        let old = self.find(tag);
        // A value is never longer than its way says, even before it is replaced, so the way keeps
        // the greater size: only where that wastes little.
        let wastes_little = |way: &Way| bytes_of(way) <= bytes.saturating_mul(2).min(room);
        let in_place = old.filter(|(_, way)| wastes_little(way));
        let kept = in_place.map_or(bytes, |(_, way)| bytes_of(&way).max(bytes));
        let in_place = in_place.map(|(at, _)| at);

        let mut others = self.taken();
        others.retain(|(at, _)| Some(*at) != in_place);
        others.sort_by_key(|(_, way)| (way.tag != tag, way.is_live(now), way.used, way.end));
        let mut total = total(&others).saturating_add(kept);
        let free = self.ways().position(|way| way.bytes == 0);
        let next = Some(self.ways().len()).filter(|next| *next < WAYS);
        let mut lacks_way = in_place.or(free).or(next).is_none();
        let mut plan = Plan {
            at: 0,
            in_place: in_place.is_some(),
            leaving: Vec::new(),
            evicted: 0,
        };
        for (at, way) in others {
            let is_same = way.tag == tag;
            if total <= room && !lacks_way && !is_same {
                break;
            }
            lacks_way = false;
            total = total.saturating_sub(bytes_of(&way));
            plan.leaving.push(at);
            let is_loss = way.is_live(now) && !is_same;
            plan.evicted = plan.evicted.saturating_add(usize::from(is_loss));
        }
        let first = plan.leaving.first().copied();
        plan.at = in_place.or(free).or(first).or(next).unwrap_or(0);
        plan
    }

    /// Ways of what is of no use any more, and of what was used least recently where all together
    /// have more than `room`.
    pub(super) fn beyond(&self, room: usize, now: u32) -> Vec<usize> {
        let mut taken = self.taken();
        taken.sort_by_key(|(_, way)| (way.is_live(now), way.used, way.end));
        let mut total = total(&taken);
        let leaves = |(_, way): &&(usize, Way)| {
            let leaves = !way.is_live(now) || total > room;
            total = total.saturating_sub(bytes_of(way));
            leaves
        };
        let leaving = taken.iter().take_while(leaves);
        leaving.map(|(at, _)| *at).collect()
    }

    /// What there is, the directory itself included.
    pub(super) fn census(&self) -> Census {
        let none = Census {
            entries: 0,
            bytes: self.bytes.len(),
        };
        let taken = self.ways().filter(|way| way.bytes > 0);
        taken.fold(none, |sum, way| Census {
            entries: sum.entries.saturating_add(1),
            bytes: sum.bytes.saturating_add(bytes_of(&way)),
        })
    }

    fn taken(&self) -> Vec<(usize, Way)> {
        let ways = self.ways().enumerate();
        ways.filter(|(_, way)| way.bytes > 0).collect()
    }

    /// Does what was planned: the way at [`Plan::at`] holds what `way` says from now on.
    pub(super) fn carry_out(&mut self, plan: &Plan, mut way: Way) {
        let old = self.ways().nth(plan.at).filter(|_| plan.in_place);
        way.bytes = way.bytes.max(old.unwrap_or_default().bytes);
        for at in &plan.leaving {
            self.set(*at, Way::default());
        }
        self.set(plan.at, way);
    }

    /// Since when somebody is asking the upstream for `tag`, for less than `patience` so far.
    pub(super) fn flight(&self, tag: u64, now: u64, patience: u64) -> Option<u64> {
        let mut flights = self.flights();
        flights
            .find(|&(other, since)| other == tag && is_underway(since, now, patience))
            .map(|(_, since)| since)
    }

    /// Notes that somebody asks for `tag` from `now` on, which is not 0; whether there was a place
    /// to.
    pub(super) fn take_off(&mut self, tag: u64, now: u64, patience: u64) -> bool {
        // A place of its own, if there is one, or else what is over for the longest time: what seems
        // to be yet to come may have begun while this worker was stopped.
        let flights = self.flights().enumerate();
        let places = flights
            .filter(|(_, (other, since))| *other == tag || !is_underway(*since, now, patience));
        let place = places.min_by_key(|(_, (other, since))| (*other != tag, *since));
        let Some((at, _)) = place else {
            return false;
        };
        self.set_flight(at, tag, now);
        true
    }

    /// Notes that nobody asks for `tag` any more, or not who did so since `since`; whether that
    /// is a change.
    pub(super) fn land(&mut self, tag: u64, since: Option<u64>) -> bool {
        let is_it = |&(other, began): &(u64, u64)| {
            other == tag && began > 0 && since.is_none_or(|since| since == began)
        };
        let at = self.flights().position(|flight| is_it(&flight));
        if let Some(at) = at {
            self.set_flight(at, 0, 0);
        }
        at.is_some()
    }

    fn flights(&self) -> impl Iterator<Item = (u64, u64)> {
        let flights = self.bytes.get(FORM.len()..WAYS_AT).unwrap_or_default();
        let flights = flights.chunks_exact(FLIGHT);
        flights.map(|flight| (word(flight, 0), word(flight, 8)))
    }

    fn set_flight(&mut self, at: usize, tag: u64, since: u64) {
        let at = at.saturating_mul(FLIGHT).saturating_add(FORM.len());
        let place = self.bytes.get_mut(at..at.saturating_add(FLIGHT));
        let words = place.unwrap_or_default().chunks_exact_mut(8);
        for (place, word) in words.zip([tag, since]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }
}

fn is_underway(since: u64, now: u64, patience: u64) -> bool {
    since > 0 && since <= now.saturating_add(SKEW) && now < since.saturating_add(patience)
}

fn bytes_of(way: &Way) -> usize {
    usize::try_from(way.bytes).unwrap_or(usize::MAX)
}

fn total(ways: &[(usize, Way)]) -> usize {
    let bytes = ways.iter().map(|(_, way)| bytes_of(way));
    bytes.fold(0, usize::saturating_add)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |word| u64::from_le_bytes(*word))
}

fn half(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |half| u32::from_le_bytes(*half))
}
