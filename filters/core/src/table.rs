//! Records by key in a fixed set of pages that all workers share, bounded for ever.
//!
//! Shared data has no expiry, no removal and no size limit, so a key for each tenant would
//! stay until Envoy ends. Here the keys are the pages, a fixed number of them, and a record
//! finds its page by its key. A page is created by whoever needs it first, by a comparison
//! that no existing value fulfils: two workers cannot both create it, and no start, reload or
//! update of a configuration touches one that is there.
//!
//! A page is a stamp, the time of its last change, and records of three words, the key and
//! two values, all 64 bits little-endian. A record that has run its time says the same as
//! none and is used again for another key, which loses nothing. Where all of a page are live,
//! the one that is worth least goes: that is counted, and the only way to lose a value.

use core::marker::PhantomData;

use crate::host::{Host, Stored, Version};

/// What a kind of record means, and how many there may be.
pub trait Kind {
    /// Name within the keys of shared data, with the version of the form of its records.
    const NAME: &'static str;
    /// Pages; fewer mean less room lost to uneven spreading, more mean fewer conflicts.
    const PAGES: u32;
    /// Records a page has room for.
    const RECORDS: usize;

    /// When a record of these values begins to mean nothing, in nanoseconds since 1970.
    fn ends(values: Values) -> u64;

    /// Of the live records of a full page the one that is worth least has to go.
    fn worth(values: Values) -> u64 {
        Self::ends(values)
    }

    /// The same values for a clock that has stepped back by `by` nanoseconds.
    fn shifted(values: Values, by: u64) -> Values;
}

/// The two values of a record; zeros where there is none.
pub type Values = [u64; 2];

/// What an update came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updated<T> {
    /// What was decided.
    pub result: T,
    /// What became of the change.
    pub change: Change,
    /// How often another worker was faster.
    pub conflicts: u64,
    /// Whether live records had to go.
    pub evicted: bool,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// None was wanted.
    None,
    /// All workers see it.
    Stored,
    /// Other workers were faster each time: it is lost, and the decision stands on a view
    /// that is a few microseconds old.
    Lost,
    /// Shared data does not work; the decision was made as if there were no record.
    Unavailable,
}

/// Tries after a first conflict of a decision, which somebody waits for.
pub const RETRIES: u64 = 3;
/// The same for what is booked afterwards, where nothing but another conflict is lost.
pub const PATIENT_RETRIES: u64 = 16;
/// Bytes of a page's stamp.
const STAMP: usize = 8;
/// Bytes of a record.
const RECORD: usize = 24;
/// Times of workers that differ by less say nothing about the clock. It is seconds, so that a worker that was stopped between reading the clock and
/// using it is not taken for a clock that stepped back.
pub const JITTER: u64 = 5_000_000_000;

/// The records of a kind.
#[derive(Debug)]
pub struct Table<K>(PhantomData<K>);

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table(PhantomData)
    }
}

impl<K: Kind> Table<K> {
    /// The most bytes that all its pages ever have.
    pub const MOST_BYTES: usize = (K::PAGES as usize).saturating_mul(Self::PAGE_BYTES);
    const PAGE_BYTES: usize = RECORD.saturating_mul(K::RECORDS).saturating_add(STAMP);

    /// Decides by the values of `key` and changes them where `decide` says so. After a
    /// conflict it is asked again, by the values that are there then, `retries` times at most.
    pub fn update<T>(
        &self,
        host: &dyn Host,
        key: u64,
        now: u64,
        retries: u64,
        mut decide: impl FnMut(Values) -> (T, Option<Values>),
    ) -> Updated<T> {
        self.update_page(host, key, now, retries, |page| {
            let (result, change) = decide(page.values(key));
            if let Some(values) = change {
                page.set(key, values);
            }
            result
        })
    }

    /// Decides by the page of `place` and changes it, likewise: for records that are found by a
    /// key of their own, and lie together by another.
    pub fn update_page<T>(
        &self,
        host: &dyn Host,
        place: u64,
        now: u64,
        retries: u64,
        mut decide: impl FnMut(&mut Page<K>) -> T,
    ) -> Updated<T> {
        let name = Self::page_name(place);
        let mut conflicts = 0;
        loop {
            let updated = |result, change, evicted| Updated {
                result,
                change,
                conflicts,
                evicted,
            };
            let Ok(found) = host.shared(&name) else {
                let mut none = Page::new(Vec::new(), now);
                return updated(decide(&mut none), Change::Unavailable, false);
            };
            let (bytes, seen) = match found {
                Some(shared) => (shared.value, shared.version),
                None => (Vec::new(), Version::Absent),
            };
            let mut page = Page::new(bytes, now);
            let result = decide(&mut page);
            // A page that was shifted is written: what it says is relative to its stamp.
            if !(page.is_changed || page.is_shifted) {
                return updated(result, Change::None, false);
            }
            match host.share(&name, &page.bytes, seen) {
                Ok(Stored::Yes) => return updated(result, Change::Stored, page.evicts),
                Ok(Stored::Conflict) if conflicts < retries => {
                    conflicts = conflicts.saturating_add(1);
                }
                Ok(Stored::Conflict) => {
                    conflicts = conflicts.saturating_add(1);
                    return Updated {
                        result,
                        change: Change::Lost,
                        conflicts,
                        evicted: false,
                    };
                }
                Err(_) => return updated(result, Change::Unavailable, page.evicts),
            }
        }
    }

    /// The values of `key`, as they are.
    pub fn read(&self, host: &dyn Host, key: u64, now: u64) -> Values {
        self.page(host, key, now).values(key)
    }

    /// The page of `place`, as it is; an empty one where there is none.
    pub fn page(&self, host: &dyn Host, place: u64, now: u64) -> Page<K> {
        let found = host.shared(&Self::page_name(place));
        let bytes = found.ok().flatten().map(|shared| shared.value);
        Page::new(bytes.unwrap_or_default(), now)
    }

    /// Keys are hashes: their upper bits choose the page.
    fn page_name(key: u64) -> String {
        let page = (u128::from(key).saturating_mul(u128::from(K::PAGES)) >> 64) as u32;
        format!("tollgate/1/{}/{page}", K::NAME)
    }
}

/// One page, read in place.
#[derive(Debug)]
pub struct Page<K> {
    bytes: Vec<u8>,
    now: u64,
    is_shifted: bool,
    is_changed: bool,
    /// A live record had to go.
    evicts: bool,
    kind: PhantomData<K>,
}

impl<K: Kind> Page<K> {
    /// The page that `bytes` are. One that another version left in another form, or nothing,
    /// is an empty one. Where the clock has stepped back, every time in it does too: time
    /// that the page has seen does not come again, so as little as none has passed since.
    fn new(mut bytes: Vec<u8>, now: u64) -> Page<K> {
        let most = RECORD.saturating_mul(K::RECORDS).saturating_add(STAMP);
        let whole = bytes.len().checked_sub(STAMP).map(|rest| rest % RECORD) == Some(0);
        if !whole || bytes.len() > most {
            bytes.clear();
            bytes.extend_from_slice(&now.to_le_bytes());
        }
        let mut page = Page {
            bytes,
            now,
            is_shifted: false,
            is_changed: false,
            evicts: false,
            kind: PhantomData,
        };
        let by = page.stamp().saturating_sub(now);
        if by > JITTER {
            page.is_shifted = true;
            page.stamp_with(now);
            for record in page.records_mut() {
                let values = K::shifted(values_of(record), by);
                write(record, key_of(record), values);
            }
        }
        page
    }

    fn stamp(&self) -> u64 {
        word(&self.bytes, 0)
    }

    fn stamp_with(&mut self, now: u64) {
        if let Some(stamp) = self.bytes.first_chunk_mut() {
            *stamp = now.to_le_bytes();
        }
    }

    fn records(&self) -> impl Iterator<Item = &[u8]> {
        let records = self.bytes.get(STAMP..).unwrap_or_default();
        records.chunks_exact(RECORD)
    }

    fn records_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let records = self.bytes.get_mut(STAMP..).unwrap_or_default();
        records.chunks_exact_mut(RECORD)
    }

    /// The keys and values of the records that mean something.
    pub fn live(&self) -> impl Iterator<Item = (u64, Values)> {
        let records = self.records();
        let records = records.map(|record| (key_of(record), values_of(record)));
        records.filter(|(_, values)| K::ends(*values) > self.now)
    }

    /// The values of `key`, whether they mean something or not.
    pub fn values(&self, key: u64) -> Values {
        let found = self.records().find(|record| key_of(record) == key);
        found.map_or([0, 0], values_of)
    }

    /// Sets the values of `key`.
    pub fn set(&mut self, key: u64, values: Values) {
        let now = self.now;
        self.is_changed = true;
        self.stamp_with(self.stamp().max(now));
        if let Some(record) = self.records_mut().find(|record| key_of(record) == key) {
            return write(record, key, values);
        }
        let is_full = self.bytes.len() >= Table::<K>::PAGE_BYTES;
        // What means nothing goes first, then what is worth least.
        let worth = |record: &&mut [u8]| {
            let values = values_of(record);
            (K::ends(values) > now, K::worth(values))
        };
        match self.records_mut().min_by_key(worth) {
            Some(least) if is_full || K::ends(values_of(least)) <= now => {
                let was_live = K::ends(values_of(least)) > now;
                write(least, key, values);
                self.evicts |= was_live;
            }
            _ => {
                let end = self.bytes.len();
                self.bytes.resize(end.saturating_add(RECORD), 0);
                if let Some(record) = self.bytes.get_mut(end..) {
                    write(record, key, values);
                }
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |word| u64::from_le_bytes(*word))
}

fn key_of(record: &[u8]) -> u64 {
    word(record, 0)
}

fn values_of(record: &[u8]) -> Values {
    [word(record, 8), word(record, 16)]
}

fn write(record: &mut [u8], key: u64, values: Values) {
    let words = [key, values[0], values[1]];
    for (place, word) in record.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
