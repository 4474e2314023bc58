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
//! the one whose time ends first goes: that is counted, and the only way to lose a value.

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
    /// Whether a live record had to go.
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
/// Clocks of workers that differ by less say nothing about the clock.
const JITTER: u64 = 1_000_000_000;

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
        let name = Self::page_name(key);
        let mut conflicts = 0;
        loop {
            let updated = |result, change, evicted| Updated {
                result,
                change,
                conflicts,
                evicted,
            };
            let Ok(found) = host.shared(&name) else {
                return updated(decide([0, 0]).0, Change::Unavailable, false);
            };
            let (bytes, seen) = match found {
                Some(shared) => (shared.value, shared.version),
                None => (Vec::new(), Version::Absent),
            };
            let mut page = Page::<K>::new(bytes, now);
            let (result, change) = decide(page.values(key));
            let evicted = match change {
                Some(values) => page.set(key, values, now),
                // A page that was shifted is written: what it says is relative to its stamp.
                None if page.is_shifted => false,
                None => return updated(result, Change::None, false),
            };
            match host.share(&name, &page.bytes, seen) {
                Ok(Stored::Yes) => return updated(result, Change::Stored, evicted),
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
                Err(_) => return updated(result, Change::Unavailable, false),
            }
        }
    }

    /// The values of `key`, as they are.
    pub fn read(&self, host: &dyn Host, key: u64, now: u64) -> Values {
        match host.shared(&Self::page_name(key)) {
            Ok(Some(shared)) => Page::<K>::new(shared.value, now).values(key),
            _ => [0, 0],
        }
    }

    /// Keys are hashes: their upper bits choose the page.
    fn page_name(key: u64) -> String {
        let page = (u128::from(key).saturating_mul(u128::from(K::PAGES)) >> 64) as u32;
        format!("tollgate/1/{}/{page}", K::NAME)
    }
}

/// One page, read in place.
struct Page<K> {
    bytes: Vec<u8>,
    is_shifted: bool,
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
            is_shifted: false,
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

    fn values(&self, key: u64) -> Values {
        let found = self.records().find(|record| key_of(record) == key);
        found.map_or([0, 0], values_of)
    }

    /// Sets the values of `key`; whether a live record had to go for them.
    fn set(&mut self, key: u64, values: Values, now: u64) -> bool {
        self.stamp_with(self.stamp().max(now));
        if let Some(record) = self.records_mut().find(|record| key_of(record) == key) {
            write(record, key, values);
            return false;
        }
        let is_full = self.bytes.len() >= Table::<K>::PAGE_BYTES;
        let ends = |record: &&mut [u8]| K::ends(values_of(record));
        match self.records_mut().min_by_key(ends) {
            Some(first) if is_full || K::ends(values_of(first)) <= now => {
                let was_live = K::ends(values_of(first)) > now;
                write(first, key, values);
                was_live
            }
            _ => {
                let end = self.bytes.len();
                self.bytes.resize(end.saturating_add(RECORD), 0);
                if let Some(record) = self.bytes.get_mut(end..) {
                    write(record, key, values);
                }
                false
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
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::world::{Store, World};
    use super::*;

    /// A small kind, so that tests fill it: the first value is when a record ends.
    struct Small;

    impl Kind for Small {
        const NAME: &'static str = "small";
        const PAGES: u32 = 4;
        const RECORDS: usize = 8;

        fn ends(values: Values) -> u64 {
            values[0]
        }

        fn shifted(values: Values, by: u64) -> Values {
            [values[0].saturating_sub(by), values[1]]
        }
    }

    const START: u64 = 1_000_000_000_000;

    fn set(world: &World, key: u64, values: Values) -> Updated<Values> {
        let now = world.now();
        Table::<Small>::default().update(world, key, now, RETRIES, |old| (old, Some(values)))
    }

    fn get(world: &World, key: u64) -> Values {
        Table::<Small>::default().read(world, key, world.now())
    }

    /// Spread over all pages.
    fn key(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn a_change_costs_one_read_and_one_write_and_three_more_pairs_at_most() {
        for (conflicts, calls, change) in [
            (0, (1, 1), Change::Stored),
            (1, (2, 2), Change::Stored),
            (3, (4, 4), Change::Stored),
            (4, (4, 4), Change::Lost),
            (100, (4, 4), Change::Lost),
        ] {
            let world = World::of(&Store::at(START));
            set(&world, 1, [START + 5, 1]);
            let (gets, sets) = world.store.calls();
            world.conflict(conflicts);
            let updated = set(&world, 1, [START + 5, 2]);
            let (gets, sets) = (world.store.gets.get() - gets, world.store.sets.get() - sets);
            assert_eq!(
                ((gets, sets), updated.change),
                (calls, change),
                "{conflicts}"
            );
            assert_eq!(
                updated.conflicts,
                gets - u64::from(change == Change::Stored)
            );
            assert_eq!(updated.result, [START + 5, 1]);
        }
    }

    #[test]
    fn no_change_costs_one_read() {
        let world = World::of(&Store::at(START));
        let table = Table::<Small>::default();
        let looked = table.update(&world, 1, START, RETRIES, |values| (values, None));
        assert_eq!((looked.change, looked.result), (Change::None, [0, 0]));
        assert_eq!(world.store.calls(), (1, 0));
    }

    #[test]
    fn two_workers_do_not_both_create_a_page() {
        let store = Store::at(START);
        let one = World::of(&store);
        let other = World::of(&store);
        let create = Box::new(move || {
            set(&other, 1, [START + 5, 1]);
        });
        one.intrusions.borrow_mut().push_back(create);
        let updated = set(&one, 2, [START + 6, 2]);
        assert_eq!((updated.change, updated.conflicts), (Change::Stored, 1));
        assert_eq!(
            (get(&one, 1), get(&one, 2)),
            ([START + 5, 1], [START + 6, 2])
        );
    }

    #[test]
    fn broken_shared_data_is_a_value() {
        let world = World::of(&Store::at(START));
        world.store.is_broken.set(true);
        let updated = set(&world, 1, [START + 5, 1]);
        assert_eq!(
            (updated.change, updated.result),
            (Change::Unavailable, [0, 0])
        );
        assert_eq!(get(&world, 1), [0, 0]);
    }

    #[test]
    fn pages_of_another_form_are_empty_ones() {
        for length in [0, 1, 7, 8, 9, 31, 33, 8 + 24 * 9, 100_000] {
            let world = World::of(&Store::at(START));
            let page = Table::<Small>::page_name(1);
            let values = (vec![0xff; length], 7);
            world.store.values.borrow_mut().insert(page, values);
            assert_eq!(
                set(&world, 1, [START + 5, 1]).change,
                Change::Stored,
                "{length}"
            );
            assert_eq!(get(&world, 1), [START + 5, 1], "{length}");
        }
    }

    #[test]
    fn a_clock_that_steps_back_takes_all_times_along() {
        let world = World::of(&Store::at(START));
        set(&world, 1, [START + 5, 1]);
        // Within what clocks of workers differ by nothing moves.
        world.store.now.set(START - JITTER);
        assert_eq!(get(&world, 1), [START + 5, 1]);
        let back = START / 2;
        world.store.now.set(back);
        assert_eq!(get(&world, 1), [back + 5, 1]);
        // Looking is enough: from then on time counts again.
        let table = Table::<Small>::default();
        let looked = table.update(&world, 1, back, RETRIES, |values| (values, None));
        assert_eq!(
            (looked.change, looked.result),
            (Change::Stored, [back + 5, 1])
        );
        world.store.now.set(back + 3);
        assert_eq!(get(&world, 1), [back + 5, 1]);
    }

    proptest! {
        /// Every record is there with its last values until its time has run or it was named
        /// as the one that had to go, and pages never grow beyond their room.
        #[test]
        fn nothing_live_is_lost_unless_it_is_said(
            steps in prop::collection::vec((0u64..48, 0u64..40, 0u64..4), 1..300),
        ) {
            let store = Store::at(START);
            let workers = [World::of(&store), World::of(&store)];
            let mut oracle: BTreeMap<u64, Values> = BTreeMap::new();
            for (at, (number, time, wait)) in steps.into_iter().enumerate() {
                let now = store.now.get() + wait;
                store.now.set(now);
                let values = [now + time, at as u64];
                let updated = set(&workers[at % 2], key(number), values);
                let known = oracle.get(&number).copied().unwrap_or([0, 0]);
                prop_assert!(updated.result == known || known[0] <= now);
                if updated.evicted {
                    // The one on its page that would have ended first.
                    let page = Table::<Small>::page_name(key(number));
                    let live = oracle.iter().filter(|(other, values)| {
                        Table::<Small>::page_name(key(**other)) == page && values[0] > now
                    });
                    let first = live.map(|(_, values)| values[0]).min().unwrap();
                    let gone = oracle.iter().find(|(other, values)| {
                        values[0] == first
                            && Table::<Small>::page_name(key(**other)) == page
                            && get(&workers[0], key(**other)) != **values
                    });
                    let gone = *gone.unwrap().0;
                    oracle.remove(&gone);
                }
                oracle.insert(number, values);
                for (number, values) in oracle.iter().filter(|(_, values)| values[0] > now) {
                    prop_assert_eq!(get(&workers[1], key(*number)), *values);
                }
                prop_assert!(store.bytes() <= Table::<Small>::MOST_BYTES + 4 * "tollgate/1/small/0".len());
            }
        }
    }

    /// Whoever changes these numbers changes what the documentation says.
    #[test]
    fn the_tables_have_the_bytes_that_are_stated() {
        use super::super::average::Averages;
        use super::super::ledger::Tats;
        use super::super::quota::Quotas;
        assert_eq!(Table::<Tats>::MOST_BYTES, 1_992_704);
        assert_eq!(Tats::PAGES as usize * Tats::RECORDS, 82_944);
        assert_eq!(Table::<Quotas>::MOST_BYTES, 498_176);
        assert_eq!(Table::<Averages>::MOST_BYTES, 498_176);
    }
}
