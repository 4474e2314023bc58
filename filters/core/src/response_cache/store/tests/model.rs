//! The store against a list: one worker at a time, every answer as the list says.

use proptest::prelude::*;

use super::*;

/// What a set should hold, by the words of the contract and nothing clever.
#[derive(Default)]
struct List {
    entries: Vec<Kept>,
}

struct Kept {
    number: u64,
    body: Vec<u8>,
    bytes: usize,
    created: u64,
    /// Seconds, as far as uses are noted.
    used: u64,
}

impl List {
    fn is_of_use(kept: &Kept, now: u64) -> bool {
        now < kept.created + TTL + STALE
    }

    fn find(&mut self, number: u64, now: u64) -> Option<(Vec<u8>, bool)> {
        let kept = self.entries.iter_mut().find(|kept| kept.number == number)?;
        if !List::is_of_use(kept, now) {
            return None;
        }
        if now / SECOND - kept.used >= u64::from(USE_IS_NOTED_EVERY) {
            kept.used = now / SECOND;
        }
        Some((kept.body.clone(), now < kept.created + TTL))
    }

    fn put(&mut self, new: Kept, room: usize, now: u64) {
        let old = self
            .entries
            .iter()
            .position(|kept| kept.number == new.number);
        let old = old.map(|at| self.entries.remove(at));
        // What is replaced in place keeps the place it has.
        let bytes = match old {
            Some(old) if old.bytes <= new.bytes * 2 => new.bytes.max(old.bytes),
            _ => new.bytes,
        };
        while self.entries.iter().map(|kept| kept.bytes).sum::<usize>() + bytes > room {
            let worth = |kept: &&Kept| {
                let end = (kept.created + TTL + STALE) / SECOND + 1;
                (end > now / SECOND, kept.used, end, kept.number)
            };
            let least = self.entries.iter().min_by_key(worth).unwrap().number;
            self.entries.retain(|kept| kept.number != least);
        }
        self.entries.push(Kept { bytes, ..new });
    }

    /// Some of what is of no use any more goes, what was used least recently first.
    fn sweep(&mut self, now: u64) {
        let end = |kept: &Kept| (kept.created + TTL + STALE) / SECOND + 1;
        self.entries
            .sort_by_key(|kept| (end(kept) > now / SECOND, kept.used, end(kept)));
        let useless = self.entries.iter();
        let useless = useless.take_while(|kept| end(kept) <= now / SECOND).count();
        self.entries.drain(..useless.min(SWEPT_AT_ONCE));
    }

    fn census(&self) -> (usize, usize) {
        let bytes = self.entries.iter().map(|kept| kept.bytes).sum();
        (self.entries.len(), bytes)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Find(u64),
    Put(u64, usize),
    Wait(u64),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![8 => 1u64..20, 1 => 1u64..700];
    prop_oneof![
        4 => (0u64..12).prop_map(Step::Find),
        3 => (0u64..12, 0usize..6000).prop_map(|(number, size)| Step::Put(number, size)),
        2 => wait.prop_map(Step::Wait),
        1 => Just(Step::Sweep),
    ]
}

proptest! {
    #[test]
    fn the_store_does_what_a_list_does(steps in prop::collection::vec(step(), 1..120)) {
        let shared = world();
        let workers = [Worker::of(&shared, MIB), Worker::of(&shared, MIB)];
        let room = workers[0].store.max_entry_bytes();
        let mut list = List::default();
        let mut puts = 0;
        for (at, step) in steps.into_iter().enumerate() {
            let worker = &workers[at % 2];
            let now = worker.now();
            match step {
                Step::Wait(seconds) => worker.wait(seconds * SECOND),
                Step::Sweep => {
                    let census = worker.sweep(0).unwrap();
                    list.sweep(now);
                    prop_assert_eq!(census.entries, list.entries.len());
                }
                Step::Find(number) => {
                    let found = match worker.find(&key(0, number)) {
                        Lookup::Fresh(entry) => Some((entry.body().to_vec(), true)),
                        Lookup::Stale(entry) => Some((entry.body().to_vec(), false)),
                        Lookup::Miss(_) => None,
                    };
                    prop_assert_eq!(found, list.find(number, now));
                }
                Step::Put(number, size) => {
                    // Ends of one second go in the order of the list.
                    worker.wait(SECOND);
                    let now = worker.now();
                    let body = vec![at as u8; size];
                    let put = worker.put(&key(0, number), &body);
                    prop_assert_eq!(put.outcome, Outcome::Stored);
                    let bytes = entry(&key(0, number), now, &body).bytes().len();
                    let used = now / SECOND;
                    list.put(Kept { number, body, bytes, created: now, used }, room, now);
                    // One set is swept after another, and no other one holds anything.
                    if puts % SETS == 0 {
                        list.sweep(now);
                    }
                    puts += 1;
                    let stock = worker.store.take_stock(&worker.world, &put, now).unwrap();
                    let directory = shared.values.borrow()[&set::set_name(0)].0.len();
                    let (entries, bytes) = list.census();
                    prop_assert_eq!((stock.entries, stock.bytes), (entries, bytes + directory));
                }
            }
        }
    }
}

/// A generator as good as any, the same every time.
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(0x5851_f42d_4c95_7f2d)
        .wrapping_add(0x1405_7b7e_f767_814f);
    *state ^ (*state >> 29)
}

#[test]
fn whatever_is_stored_the_values_have_the_bytes_that_are_configured() {
    let mut state = 1;
    for (bytes, entries) in [(MIB, 20_000u64), (4 * MIB, 20_000), (MIN_BYTES - 1, 100)] {
        let worker = Worker::of(&world(), bytes);
        let mut largest = 0;
        for number in 0..entries {
            let size = next(&mut state) % 40_000;
            let size = if number % 16 == 0 { size } else { size / 32 };
            let mut key = [0; 16];
            key[..8].copy_from_slice(&next(&mut state).to_le_bytes());
            key[8..].copy_from_slice(&next(&mut state).to_le_bytes());
            worker.put(&key, &vec![b'x'; size as usize]);
            worker.wait(SECOND / 8);
            if number % 1000 == 999 {
                let values = worker.world.store.values.borrow();
                let sum: usize = values.values().map(|(value, _)| value.len()).sum();
                assert!(sum <= bytes, "{sum} of {bytes} after {number}");
                assert!(values.len() <= KEYS);
                largest = largest.max(sum);
            }
        }
        if entries > 1000 {
            assert!(largest > bytes / 2, "{largest} of {bytes} are used");
            let census = (0..SETS).map(|set| {
                let census = worker.sweep(set).unwrap();
                assert!(census.bytes <= bytes / SETS);
                census.bytes
            });
            let values = worker.world.store.values.borrow().clone();
            let sum: usize = values.values().map(|(value, _)| value.len()).sum();
            let census: usize = census.sum();
            assert!(census <= sum * 11 / 10, "{census}: about {sum}");
        }
    }
}

/// An entry that alone has more than a smaller bound does not keep its size for its successor.
#[test]
fn what_is_stored_under_a_smaller_bound_keeps_to_it() {
    let shared = world();
    let (large, small) = (Worker::of(&shared, 4 * MIB), Worker::of(&shared, MIB));
    let room = small.store.max_entry_bytes();
    large.put(&key(5, 1), &vec![b'x'; room + 1000]);
    assert_eq!(
        small.put(&key(5, 1), &vec![b'x'; room - 1000]).outcome,
        Outcome::Stored
    );
    assert!(small.sweep(5).unwrap().bytes <= MIB / SETS);
    assert!(small.body(&key(5, 1)).is_some());
}

#[test]
fn a_smaller_bound_holds_when_all_sets_were_swept() {
    let shared = world();
    let (large, small) = (Worker::of(&shared, 4 * MIB), Worker::of(&shared, MIB));
    for number in 0..4000 {
        large.put(&key(number % 64, number), &[b'x'; 1000]);
        large.wait(SECOND / 100);
    }
    let sum = || {
        let values = shared.values.borrow();
        values.values().map(|(value, _)| value.len()).sum::<usize>()
    };
    assert!(sum() > 2 * MIB);
    let last = key(3999 % 64, 3999);
    let sweep_all = || {
        // Each time some of at most so many.
        for set in (0..SETS).cycle().take(SETS * WAYS / SWEPT_AT_ONCE) {
            small.sweep(set).unwrap();
        }
    };
    sweep_all();
    assert!(sum() <= MIB);
    assert!(small.body(&last).is_some(), "the latest stays");
    large.wait(TTL + STALE + SECOND);
    sweep_all();
    for set in 0..SETS {
        assert_eq!(small.sweep(set).unwrap().entries, 0);
    }
    assert!(
        sum() <= SETS * directory::MOST_BYTES,
        "only directories are left"
    );
}
