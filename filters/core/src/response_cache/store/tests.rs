//! The store among workers that take turns: what is found, what has to go, and what it costs.

mod flights;
mod interleaving;
mod model;
mod totals;
mod turns;

use std::rc::Rc;

use super::*;
use crate::host::world::{self, World};
use crate::response::{Media, Usage};
use crate::response_cache::entry::{Draft, Kind};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_800_000_000 * SECOND;
const TTL: u64 = 600 * SECOND;
const STALE: u64 = 60 * SECOND;
const PATIENCE: u64 = 20 * SECOND;

fn store(bytes: usize) -> Store {
    let bounds = Bounds {
        bytes,
        stale: STALE,
        patience: PATIENCE,
    };
    Store::new(Seal::new(b"secret"), bounds)
}

/// A key that falls into `set`.
fn key(set: u64, number: u64) -> [u8; 16] {
    let set = set * (u64::MAX / SETS as u64 + 1) + number % 1000;
    let mut key = [0; 16];
    key[..8].copy_from_slice(&set.to_le_bytes());
    key[8..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key
}

fn entry(key: &[u8], now: u64, body: &[u8]) -> Entry {
    let draft = Draft {
        key,
        media: Media::Json,
        kind: Kind::Answer,
        status: 200,
        created: now,
        expires: now + TTL,
        usage: Some(Usage::default()),
        content_type: b"application/json",
        headers: &[],
        body,
    };
    draft.seal(&Seal::new(b"secret")).unwrap()
}

/// A worker of the shared world, with a store of its own.
struct Worker {
    world: World,
    store: Store,
}

impl Worker {
    fn of(shared: &Rc<world::Store>, bytes: usize) -> Worker {
        Worker {
            world: World::of(shared),
            store: store(bytes),
        }
    }

    fn now(&self) -> u64 {
        self.world.store.now.get()
    }

    fn wait(&self, time: u64) {
        self.world.store.now.set(self.now() + time);
    }

    fn put(&self, key: &[u8], body: &[u8]) -> Put {
        let entry = entry(key, self.now(), body);
        self.store.put(&self.world, &entry, self.now())
    }

    fn find(&self, key: &[u8]) -> Lookup {
        self.store.find(&self.world, key, self.now())
    }

    fn lead(&self, key: &[u8]) -> (Lookup, Option<Flight>) {
        self.store.find_or_lead(&self.world, key, self.now())
    }

    fn body(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.find(key) {
            Lookup::Fresh(entry) | Lookup::Stale(entry) => Some(entry.body().to_vec()),
            Lookup::Miss(_) => None,
        }
    }

    fn sweep(&self, set: usize) -> Option<Census> {
        self.store.sweep(&self.world, set, self.now())
    }

    /// Stores an entry and takes stock.
    fn put_and_count(&self, key: &[u8], body: &[u8]) -> Option<Census> {
        let put = self.put(key, body);
        self.store.take_stock(&self.world, &put, self.now())
    }

    /// Reads and writes of what `act` does.
    fn cost<T>(&self, act: impl FnOnce(&Worker) -> T) -> (u64, u64, T) {
        let before = self.world.store.calls();
        let done = act(self);
        let after = self.world.store.calls();
        (after.0 - before.0, after.1 - before.1, done)
    }
}

fn world() -> Rc<world::Store> {
    world::Store::at(START)
}

const MIB: usize = 1 << 20;

#[test]
fn each_operation_costs_what_is_stated() {
    let worker = Worker::of(&world(), 64 * MIB);
    let (a, b) = (key(3, 1), key(3, 2));
    let cost = |act: &dyn Fn(&Worker)| {
        let (gets, sets, ()) = worker.cost(|worker| act(worker));
        (gets, sets)
    };
    let find = |worker: &Worker| drop(worker.find(&a));
    let lead = |worker: &Worker| drop(worker.lead(&a));
    let put = |worker: &Worker| assert_eq!(worker.put(&a, b"{}").outcome, Outcome::Stored);
    let put_other = |worker: &Worker| assert_eq!(worker.put(&b, b"{}").evicted, 0);
    let wait = |time| move |worker: &Worker| worker.wait(time);
    type Step<'a> = (&'a str, &'a dyn Fn(&Worker), (u64, u64));
    let count = |worker: &Worker| assert!(worker.put_and_count(&a, b"{}").is_some());
    let steps: [Step<'_>; 20] = [
        ("a miss", &find, (1, 0)),
        ("a miss that leads", &lead, (1, 1)),
        ("a miss that follows", &lead, (1, 0)),
        ("a new entry", &put, (2, 2)),
        ("a hit", &find, (2, 0)),
        ("a hit that would lead", &lead, (2, 0)),
        ("another entry", &put_other, (2, 2)),
        ("time", &wait(8 * SECOND), (0, 0)),
        ("a hit that is noted", &find, (2, 1)),
        ("a hit soon after", &find, (2, 0)),
        ("a newer entry", &put, (2, 2)),
        ("one, and the stock", &count, (4, 3)),
        ("the same again", &count, (4, 3)),
        ("time", &wait(TTL), (0, 0)),
        ("a stale hit that leads", &lead, (2, 1)),
        ("a stale hit that follows", &lead, (2, 0)),
        ("time", &wait(STALE - 2 * SECOND), (0, 0)),
        ("a stale hit that is noted", &find, (2, 1)),
        ("time", &wait(3 * SECOND), (0, 0)),
        ("what has expired", &find, (1, 0)),
    ];
    for (name, act, calls) in steps {
        assert_eq!(cost(act), calls, "{name}");
    }
}

#[test]
fn an_entry_is_fresh_then_stale_then_gone() {
    let worker = Worker::of(&world(), 64 * MIB);
    let key = key(0, 1);
    assert_eq!(worker.find(&key), Lookup::Miss(Miss::Absent));
    worker.put(&key, b"{}");
    let entry = entry(&key, START, b"{}");
    for (at, found) in [
        (0, Lookup::Fresh(entry.clone())),
        (TTL - 1, Lookup::Fresh(entry.clone())),
        (TTL, Lookup::Stale(entry.clone())),
        (TTL + STALE - 1, Lookup::Stale(entry.clone())),
        (TTL + STALE, Lookup::Miss(Miss::Expired)),
        (TTL + STALE + 9 * SECOND, Lookup::Miss(Miss::Expired)),
    ] {
        worker.world.store.now.set(START + at);
        assert_eq!(worker.find(&key), found, "{at}");
    }
}

#[test]
fn an_entry_has_room_in_one_set() {
    for (bytes, most) in [
        (MIN_BYTES, 9720),
        (64 * MIB, 1_041_912),
        (0, 0),
        (usize::MAX, usize::MAX / 64 - 6664),
    ] {
        assert_eq!(store(bytes).max_entry_bytes(), most);
    }
}

#[test]
fn a_refusal_is_never_given_stale() {
    let worker = Worker::of(&world(), 64 * MIB);
    let key = key(0, 1);
    let refusal = Draft {
        key: &key,
        media: Media::Json,
        kind: Kind::Refusal,
        status: 400,
        created: START,
        expires: START + 5 * SECOND,
        usage: None,
        content_type: b"application/json",
        headers: &[],
        body: b"{}",
    };
    let refusal = refusal.seal(&Seal::new(b"secret")).unwrap();
    worker.store.put(&worker.world, &refusal, START);
    worker.wait(5 * SECOND - 1);
    assert_eq!(worker.find(&key), Lookup::Fresh(refusal));
    worker.wait(1);
    assert_eq!(worker.find(&key), Lookup::Miss(Miss::Expired));
}

#[test]
fn only_the_key_itself_finds_an_entry() {
    let worker = Worker::of(&world(), 64 * MIB);
    let long = [&key(5, 1)[..], &[1; 16]].concat();
    assert_eq!(worker.put(&long, b"one").outcome, Outcome::Stored);
    // Same set, same tag, other key.
    let other = [&key(5, 1)[..], &[2; 16]].concat();
    assert_eq!(worker.find(&other), Lookup::Miss(Miss::Unreadable));
    assert_eq!(worker.find(&long[..16]), Lookup::Miss(Miss::Unreadable));
    let mut near = long.clone();
    near[0] ^= 1;
    assert_eq!(worker.find(&near), Lookup::Miss(Miss::Unreadable));
    // The last one stays.
    worker.put(&other, b"two");
    assert_eq!(worker.find(&long), Lookup::Miss(Miss::Unreadable));
    assert_eq!(worker.body(&other), Some(b"two".to_vec()));
    // Keys that are no hashes do no harm.
    for odd in [b"".as_slice(), b"1", b"12345678", b"123456789"] {
        assert_eq!(worker.body(odd), None);
        assert_eq!(worker.put(odd, b"odd").outcome, Outcome::Stored);
        assert_eq!(worker.body(odd), Some(b"odd".to_vec()));
    }
}

#[test]
fn what_has_to_go_is_of_no_use_or_least_recently_used() {
    let worker = Worker::of(&world(), MIB);
    let room = worker.store.max_entry_bytes();
    let overhead = entry(&key(1, 0), START, b"").bytes().len();
    let third = vec![b'x'; room / 3 - overhead];
    let has = |number| worker.body(&key(1, number)).is_some();
    for number in 1..=3 {
        assert_eq!(worker.put(&key(1, number), &third).evicted, 0);
        worker.wait(10 * SECOND);
    }
    assert!(has(1), "and its use is noted");
    assert_eq!(worker.put(&key(1, 4), &third).evicted, 1);
    assert_eq!([1, 2, 3, 4].map(has), [true, false, true, true]);
    // One goes for a smaller one too, then another one finds room.
    worker.wait(10 * SECOND);
    assert!(has(1) && has(4));
    assert_eq!(worker.put(&key(1, 5), &third[..third.len() / 3]).evicted, 1);
    assert_eq!(worker.put(&key(1, 9), &third[..third.len() / 3]).evicted, 0);
    assert_eq!([1, 3, 4, 5].map(has), [true, false, true, true]);
    worker.wait(TTL + STALE - 39 * SECOND);
    assert_eq!([1, 4, 5].map(has), [false, true, true]);
    assert_eq!(worker.put(&key(1, 6), &third).evicted, 0, "1 is of no use");
    assert_eq!([4, 5, 6].map(has), [true; 3]);
    // All others for one that takes all the room.
    let all = vec![b'x'; room - overhead];
    assert_eq!(worker.put(&key(1, 7), &all).evicted, 4);
    assert_eq!([4, 5, 6, 7].map(has), [false, false, false, true]);
    // An entry of a longer body by one byte is refused, and nothing goes for it.
    let (gets, sets, put) =
        worker.cost(|worker| worker.put(&key(1, 8), &[&all[..], b"x"].concat()));
    assert_eq!((gets, sets, put.outcome), (0, 0, Outcome::TooLarge));
    assert!(has(7));
}

#[test]
fn a_set_has_so_many_ways() {
    let worker = Worker::of(&world(), 64 * MIB);
    let ways = WAYS as u64;
    for number in 0..ways {
        assert_eq!(worker.put(&key(2, number), b"{}").evicted, 0);
        worker.wait(SECOND);
    }
    assert_eq!(worker.put(&key(2, ways), b"{}").evicted, 1);
    assert_eq!(worker.find(&key(2, 0)), Lookup::Miss(Miss::Absent));
    let found = (1..=ways).filter(|number| worker.body(&key(2, *number)).is_some());
    assert_eq!(found.count(), WAYS);
    let keys = worker.world.store.values.borrow();
    assert_eq!(keys.len(), 1 + WAYS);
    assert!(keys.keys().all(|key| key.len() <= 32));
    assert_eq!(
        keys["tollgate/1/response-cache/2"].0.len(),
        directory::MOST_BYTES
    );
}

#[test]
fn what_others_left_in_the_values_is_a_miss() {
    let (directory, way) = (
        "tollgate/1/response-cache/4",
        "tollgate/1/response-cache/4/0",
    );
    let other = entry(&key(4, 2), START, b"other").bytes().to_vec();
    let whole = entry(&key(4, 1), START, b"whole").bytes().to_vec();
    let cases: [(&str, Vec<u8>, Miss); 7] = [
        (way, Vec::new(), Miss::Absent),
        (way, b"x".to_vec(), Miss::Unreadable),
        (way, whole[..whole.len() - 1].to_vec(), Miss::Unreadable),
        (way, other, Miss::Unreadable),
        (directory, Vec::new(), Miss::Absent),
        (directory, vec![0xff; 544], Miss::Absent),
        (directory, vec![0; 100_000], Miss::Absent),
    ];
    for (place, value, miss) in cases {
        let worker = Worker::of(&world(), 64 * MIB);
        worker.put(&key(4, 1), b"whole");
        worker.put(&key(4, 3), b"third");
        let values = &worker.world.store.values;
        values.borrow_mut().insert(place.to_owned(), (value, 1000));
        assert_eq!(worker.find(&key(4, 1)), Lookup::Miss(miss), "{place}");
        // And is put right by the next entry.
        assert_eq!(worker.put(&key(4, 1), b"whole").outcome, Outcome::Stored);
        assert_eq!(worker.body(&key(4, 1)), Some(b"whole".to_vec()));
        if place == directory {
            // What the lost directory was about is not left behind.
            assert_eq!(values.borrow()["tollgate/1/response-cache/4/1"].0, b"");
        }
    }
}

#[test]
fn broken_shared_data_is_a_miss() {
    let worker = Worker::of(&world(), 64 * MIB);
    let key = key(0, 1);
    worker.put(&key, b"{}");
    worker.world.store.is_broken.set(true);
    assert_eq!(worker.find(&key), Lookup::Miss(Miss::Unavailable));
    assert_eq!(
        worker.lead(&key),
        (Lookup::Miss(Miss::Unavailable), Some(Flight::Unmarked))
    );
    assert_eq!(worker.put(&key, b"{}").outcome, Outcome::Unavailable);
    assert_eq!(worker.sweep(0), None);
    assert_eq!(worker.put_and_count(&key, b"{}"), None);
}
