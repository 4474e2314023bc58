//! Entries in the memory that all workers of an Envoy share, bounded by bytes.
//!
//! Shared data has no removal, no expiry and no bound, so the keys are a fixed set: 64 sets of a
//! directory and up to 256 ways, whose values are entries. What goes is overwritten with nothing.
//! An entry finds its set and its tag in the directory by its key; that it answers to the key, it
//! says itself ([`Entry::open`]).
//!
//! **What it holds.** The values of a set never have more bytes together than its share of the
//! bound, whichever workers come between each other, because a way's value never has more than
//! its directory says:
//! 1. A value is written last, after the directory that makes room for it, and only if the way is
//!    as it was seen *before* the directory was written.
//! 2. Whoever takes a way for another entry, or frees it, empties it before that is written to
//!    the directory. So who is still about to write what the way was for before, does not.
//! 3. A newer answer to the same key replaces the older one without that, so that there is always
//!    one to be found; the way keeps the greater of both sizes.
//!
//! The price: a worker that comes between sometimes loses an answer, which is a miss, and for
//! some microseconds while a value is written its key is one.
//!
//! **What it costs.** A hit reads the directory and the value; once in a while
//! ([`USE_IS_NOTED_EVERY`]) it also writes the directory. A miss reads the directory, and writes
//! it where it marks who asks the upstream. A new entry reads the directory and its way, and
//! writes both, and one way more for each entry that goes for it. Who then takes stock
//! ([`Store::take_stock`]) reads another directory and the totals, and writes these, and as much
//! as a sweep frees.

mod set;
mod totals;

use self::set::{Place, Seen, empty, read, way_name};

use super::directory::{self, Directory, WAYS, Way, seconds};
use super::entry::{Entry, Seal};
use super::lifetime::Freshness;
use crate::host::{Host, Stored, Unavailable, Version};

/// The entries that the workers of an Envoy share.
#[derive(Clone, Debug)]
pub struct Store {
    seal: Seal,
    bounds: Bounds,
}

/// How much a store holds, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all entries and directories together; [`MIN_BYTES`] or more. On top come their
    /// keys, see [`KEYS`], and half a kilobyte of totals.
    pub bytes: usize,
    /// Nanoseconds that an answer is given after it has ceased to be fresh, while somebody asks
    /// for a new one.
    pub stale: u64,
    /// Nanoseconds that who asks the upstream is waited for, before another may ask.
    pub patience: u64,
}

/// What a key was found to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// An entry that is fresh.
    Fresh(Entry),
    /// An entry that may be given while somebody asks for a new one.
    Stale(Entry),
    /// Nothing that can be given.
    Miss(Miss),
}

/// Why there is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// None was stored, or it had to go.
    Absent,
    /// It was stored too long ago, or before the clock was set back.
    Expired,
    /// What is there is not whole, was sealed under another secret, or answers to another key.
    Unreadable,
    /// Shared data does not work.
    Unavailable,
}

/// Who asks the upstream for what there is no fresh entry of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// The caller; all others are told so until it stores an entry, ends it, or takes too long.
    Leader(Ticket),
    /// Somebody else, since this time in nanoseconds since 1970.
    Follower {
        /// When it began.
        since: u64,
    },
    /// Nobody is known to: too many are under way at once, or other workers were faster each
    /// time. Without an entry the caller asks; with a stale one it need not.
    Unmarked,
}

/// What a leader's flight is ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    set: usize,
    tag: u64,
    since: u64,
}

/// What became of an entry to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// What became of it.
    pub outcome: Outcome,
    /// Entries that could still have been of use and had to go.
    pub evicted: usize,
    /// How often another worker was faster.
    pub conflicts: usize,
    /// Its set, and what that holds with it.
    set: usize,
    held: Census,
}

/// What became of an entry to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All workers find it.
    Stored,
    /// It is longer than [`Store::max_entry_bytes`].
    TooLarge,
    /// Other workers were faster each time.
    Lost,
    /// Shared data does not work.
    Unavailable,
}

/// What a set holds, or all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Entries.
    pub entries: usize,
    /// Bytes of entries and directories, as they count for the bound: what replaced a larger entry
    /// may have the room of that one.
    pub bytes: usize,
}

/// Sets. An entry has room in one set only, so the more there are the smaller is the largest
/// entry, and the fewer, the larger is a directory.
pub const SETS: usize = 64;
/// Keys of shared data that there ever are, of 32 bytes at most. Envoy never forgets one.
pub const KEYS: usize = 16_449;
/// The least that is worth while: an entry has at most 9,720 bytes then.
pub const MIN_BYTES: usize = 1 << 20;
/// Seconds in which the uses of an entry are noted once, so that a hit mostly writes nothing.
pub const USE_IS_NOTED_EVERY: u32 = 8;
/// Tries after a first conflict of a lookup, which somebody waits for.
const RETRIES: usize = 3;
/// The same where nobody waits.
const PATIENT_RETRIES: usize = 16;

/// Entries that a sweep frees at most, each with a write: more than come in between two of them.
pub const SWEPT_AT_ONCE: usize = 8;

const _: () = assert!(KEYS == SETS * (WAYS + 1) + 1);

impl Store {
    /// A store of entries under this seal. Workers that share it should agree on the bounds;
    /// where they do not, each keeps to its own when it stores.
    pub fn new(seal: Seal, bounds: Bounds) -> Store {
        Store { seal, bounds }
    }

    /// The most bytes an entry may have.
    pub fn max_entry_bytes(&self) -> usize {
        (self.bounds.bytes / SETS).saturating_sub(directory::MOST_BYTES)
    }

    /// What there is under `key`.
    pub fn find(&self, host: &dyn Host, key: &[u8], now: u64) -> Lookup {
        let place = Place::of(key);
        let Ok(mut seen) = Seen::read(host, place.set) else {
            return Lookup::Miss(Miss::Unavailable);
        };
        let (found, is_noted) = self.look(host, &mut seen.directory, key, now);
        if is_noted {
            // Where another worker came between, it is noted next time.
            let _ = seen.write(host);
        }
        found
    }

    /// What there is under `key`, and where that is nothing fresh, who asks the upstream for it.
    pub fn find_or_lead(&self, host: &dyn Host, key: &[u8], now: u64) -> (Lookup, Option<Flight>) {
        let place = Place::of(key);
        let mut conflicts = 0;
        loop {
            let Ok(mut seen) = Seen::read(host, place.set) else {
                return (Lookup::Miss(Miss::Unavailable), Some(Flight::Unmarked));
            };
            let (found, is_noted) = self.look(host, &mut seen.directory, key, now);
            let flight = match found {
                Lookup::Fresh(_) => None,
                _ => Some(self.take_off(&mut seen.directory, place, now)),
            };
            let leads = matches!(flight, Some(Flight::Leader(_)));
            if !leads && !is_noted {
                return (found, flight);
            }
            match seen.write(host) {
                Ok(Stored::Yes) => return (found, flight),
                // That a use is not noted does no harm.
                _ if !leads => return (found, flight),
                // What came between may be the very entry.
                Ok(Stored::Conflict) if conflicts < RETRIES => {
                    conflicts = conflicts.saturating_add(1);
                }
                _ => return (found, Some(Flight::Unmarked)),
            }
        }
    }

    /// Whether somebody asks the upstream for what there is under `key`.
    pub fn is_under_way(&self, host: &dyn Host, key: &[u8], now: u64) -> bool {
        let place = Place::of(key);
        Seen::read(host, place.set).is_ok_and(|seen| {
            let patience = self.bounds.patience;
            seen.directory.flight(place.tag, now, patience).is_some()
        })
    }

    /// Ends a flight that brought nothing to store, so that another may ask.
    pub fn end(&self, host: &dyn Host, ticket: Ticket) {
        for _ in 0..=PATIENT_RETRIES {
            let Ok(mut seen) = Seen::read(host, ticket.set) else {
                return;
            };
            if !seen.directory.land(ticket.tag, Some(ticket.since)) {
                return;
            }
            if seen.write(host) != Ok(Stored::Conflict) {
                return;
            }
        }
    }

    /// Stores an entry, and ends the flight that brought it.
    pub fn put(&self, host: &dyn Host, entry: &Entry, now: u64) -> Put {
        let place = Place::of(entry.key());
        let mut put = Put {
            outcome: Outcome::Lost,
            evicted: 0,
            conflicts: 0,
            set: place.set,
            held: Census::default(),
        };
        let bytes = entry.bytes().len();
        let Some(size) = u32::try_from(bytes)
            .ok()
            .filter(|_| bytes <= self.max_entry_bytes())
        else {
            put.outcome = Outcome::TooLarge;
            return put;
        };
        let way = Way {
            tag: place.tag,
            bytes: size,
            used: seconds(now),
            end: seconds(entry.end(self.bounds.stale)).saturating_add(1),
        };
        while put.conflicts <= PATIENT_RETRIES {
            match self.try_put(host, entry, way, &mut put) {
                Ok(Stored::Yes) => {
                    put.outcome = Outcome::Stored;
                    return put;
                }
                Ok(Stored::Conflict) => put.conflicts = put.conflicts.saturating_add(1),
                Err(Unavailable) => {
                    put.outcome = Outcome::Unavailable;
                    return put;
                }
            }
        }
        put
    }

    /// Makes room, notes the way, writes the entry; counts the others that had to go, and what
    /// there is then.
    fn try_put(
        &self,
        host: &dyn Host,
        entry: &Entry,
        way: Way,
        put: &mut Put,
    ) -> Result<Stored, Unavailable> {
        let mut seen = Seen::read(host, put.set)?;
        if seen.is_foreign {
            // What it was about is unknown, and must not stay beside what this one is about.
            (0..WAYS).try_for_each(|at| empty(host, put.set, at))?;
        }
        let bytes = entry.bytes();
        let room = self.max_entry_bytes();
        let plan = seen.directory.plan(way.tag, bytes.len(), room, way.used);
        for at in &plan.leaving {
            empty(host, put.set, *at)?;
        }
        let name = way_name(put.set, plan.at);
        let (_, version) = read(host, &name)?;
        seen.directory.carry_out(&plan, way);
        seen.directory.land(way.tag, None);
        if seen.write(host)? == Stored::Conflict {
            return Ok(Stored::Conflict);
        }
        put.evicted = put.evicted.saturating_add(plan.evicted);
        put.held = seen.directory.census();
        host.share(&name, bytes, version)
    }

    /// Frees what is of no use any more in set `set` (below [`SETS`]), and what is beyond a bound
    /// that has become smaller, but no more than [`SWEPT_AT_ONCE`] entries; what the set holds
    /// then. `None` where shared data does not work or another worker came between.
    pub fn sweep(&self, host: &dyn Host, set: usize, now: u64) -> Option<Census> {
        let mut seen = Seen::read(host, set).ok()?;
        let mut leaving = seen.directory.beyond(self.max_entry_bytes(), seconds(now));
        leaving.truncate(SWEPT_AT_ONCE);
        for at in &leaving {
            if empty(host, set, *at).is_ok() {
                seen.directory.set(*at, Way::default());
            }
        }
        // Where another worker came between, what is empty now is freed next time.
        if !leaving.is_empty() && seen.write(host) != Ok(Stored::Yes) {
            return None;
        }
        Some(match seen.version {
            Version::Absent => Census::default(),
            _ => seen.directory.census(),
        })
    }

    /// What the directory leads to under `key`, and whether it has noted that as a use.
    fn look(
        &self,
        host: &dyn Host,
        directory: &mut Directory,
        key: &[u8],
        now: u64,
    ) -> (Lookup, bool) {
        let place = Place::of(key);
        let Some((at, way)) = directory.find(place.tag) else {
            return (Lookup::Miss(Miss::Absent), false);
        };
        let second = seconds(now);
        if !way.is_live(second) {
            return (Lookup::Miss(Miss::Expired), false);
        }
        let found = self.open(host, &way_name(place.set, at), key, now);
        let is_noted = !matches!(found, Lookup::Miss(_))
            && second.saturating_sub(way.used) >= USE_IS_NOTED_EVERY;
        if is_noted {
            let used = Way {
                used: second,
                ..way
            };
            directory.set(at, used);
        }
        (found, is_noted)
    }

    fn open(&self, host: &dyn Host, name: &str, key: &[u8], now: u64) -> Lookup {
        let value = match read(host, name) {
            Ok((value, _)) => value,
            Err(Unavailable) => return Lookup::Miss(Miss::Unavailable),
        };
        if value.is_empty() {
            return Lookup::Miss(Miss::Absent);
        }
        let Some(entry) = Entry::open(value, &self.seal, key) else {
            return Lookup::Miss(Miss::Unreadable);
        };
        match entry.freshness(now, self.bounds.stale) {
            Freshness::Fresh => Lookup::Fresh(entry),
            Freshness::Stale => Lookup::Stale(entry),
            Freshness::Expired => Lookup::Miss(Miss::Expired),
        }
    }

    /// Who asks for what is at `place`: the caller, where nobody does and there is a place left
    /// in the directory to say so.
    fn take_off(&self, directory: &mut Directory, place: Place, now: u64) -> Flight {
        let patience = self.bounds.patience;
        if let Some(since) = directory.flight(place.tag, now, patience) {
            return Flight::Follower { since };
        }
        // Since 0 means that nobody does.
        let since = now.max(1);
        if !directory.take_off(place.tag, since, patience) {
            return Flight::Unmarked;
        }
        let Place { set, tag } = place;
        Flight::Leader(Ticket { set, tag, since })
    }
}

#[cfg(test)]
mod tests;
