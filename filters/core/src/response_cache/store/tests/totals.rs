//! What workers say that all sets hold, beside what a look at every value says.

use proptest::prelude::*;

use super::turns::Turns;
use super::*;
use crate::response_cache::store::set::set_name;

const TOTALS: &str = "tollgate/1/response-cache/totals";

/// Every entry there is, and its bytes and the directories'.
fn held(shared: &world::Store) -> Census {
    let values = shared.values.borrow();
    let is_way = |name: &str| name.split('/').count() == 5;
    let values = values.iter().map(|(name, (value, _))| (&**name, value));
    values.fold(Census::default(), |sum, (name, value)| match name {
        TOTALS => sum,
        _ => Census {
            entries: sum.entries + usize::from(is_way(name) && !value.is_empty()),
            bytes: sum.bytes + value.len(),
        },
    })
}

/// The same as directories say, which may still list what another worker has lost.
fn listed(shared: &world::Store) -> Census {
    let values = shared.values.borrow();
    let directories = (0..SETS).filter_map(|set| values.get(&set_name(set)));
    directories.fold(Census::default(), |sum, (directory, _)| {
        let set = Directory::new(directory.clone()).unwrap().census();
        Census {
            entries: sum.entries + set.entries,
            bytes: sum.bytes + set.bytes,
        }
    })
}

/// As many entries as have each set swept once; what the last one says.
fn a_round(worker: &Worker, first: u64) -> Census {
    let numbers = (first..).take(SETS);
    let counted = numbers.map(|number| worker.put_and_count(&key(number % 64, number), b"{}"));
    counted.last().unwrap().unwrap()
}

#[test]
fn what_is_said_to_be_held_is_what_is_held() {
    let shared = world();
    let workers = [Worker::of(&shared, 4 * MIB), Worker::of(&shared, 4 * MIB)];
    let mut state = 1_u64;
    for number in 0..6000 {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(number);
        let worker = &workers[(state >> 60) as usize % 2];
        let body = vec![b'x'; (state >> 50) as usize % 3000];
        let said = worker
            .put_and_count(&key(state >> 40 & 63, number), &body)
            .unwrap();
        assert_eq!(said, held(&shared), "after {number}");
        worker.wait(SECOND / 2);
    }
    let full = held(&shared);
    assert!(full.entries > 1000, "{full:?}");
    // What has expired is freed while there are new entries, eight of a set at a time.
    workers[0].wait(TTL + STALE + SECOND);
    let rounds = full.entries.div_ceil(SWEPT_AT_ONCE) as u64;
    let last = (0..rounds)
        .map(|round| a_round(&workers[0], 10_000 + round * 64))
        .last()
        .unwrap();
    assert_eq!(last, held(&shared));
    assert_eq!(last.entries as u64, rounds * 64);
}

#[test]
fn totals_that_are_lost_come_back_in_a_round() {
    type Damage = fn(&mut Vec<u8>);
    let rows: [(&str, Damage); 4] = [
        ("empty", Vec::clear),
        ("of another form", |value| value[4] = 9),
        ("longer", |value| value.push(0)),
        ("about a set that is not", |value| value[8] = 200),
    ];
    for (what, damage) in rows {
        let shared = world();
        let worker = Worker::of(&shared, 4 * MIB);
        a_round(&worker, 0);
        damage(&mut shared.values.borrow_mut().get_mut(TOTALS).unwrap().0);
        assert_eq!(a_round(&worker, 64), held(&shared), "{what}");
        assert_eq!(held(&shared).entries, 128, "{what}");
    }
}

#[test]
fn who_is_outrun_says_nothing() {
    let worker = Worker::of(&world(), 4 * MIB);
    let key = key(1, 1);
    for (conflicts, says) in [(1, true), (RETRIES, true), (RETRIES + 1, false)] {
        let put = worker.put(&key, b"{}");
        // The first read after those is the swept set's, which is not written.
        worker.world.conflict(conflicts + 1);
        let said = worker.store.take_stock(&worker.world, &put, START);
        worker.world.intrusions.borrow_mut().clear();
        assert_eq!(said.is_some(), says, "{conflicts}");
    }
}

proptest! {
    /// Four workers that come between each other at every call, then one alone.
    #[test]
    fn whoever_came_between_it_is_right_after_a_round(
        entries in prop::collection::vec((0u64..3, 0usize..4000), 4..24),
        order in prop::collection::vec((0usize..4, 0u64..40), 200),
    ) {
        let shared = world();
        let mut numbered = entries.into_iter().zip(0u64..);
        let mut running: [Option<Turns<_>>; 4] = Default::default();
        let mut order = order.into_iter().cycle();
        loop {
            let (at, wait) = order.next().unwrap();
            shared.now.set(shared.now.get() + wait.saturating_sub(36) * 100 * SECOND);
            if running[at].is_none() {
                let next = numbered.next().map(|entry| (entry, shared.now.get()));
                running[at] = next.map(|next| Turns::of(&shared, next));
            }
            let Some(worker) = &running[at] else {
                if running.iter().all(Option::is_none) {
                    break;
                }
                continue;
            };
            let ended = worker.take(|host, (((set, size), number), now)| {
                let shop = store(MIB);
                let entry = entry(&key(*set, *number), *now, &vec![b'x'; *size]);
                let put = shop.put(host, &entry, *now);
                shop.take_stock(host, &put, *now)
            });
            if ended.is_some() {
                running[at] = None;
            }
        }
        let said = a_round(&Worker::of(&shared, MIB), 1000);
        prop_assert_eq!(said, listed(&shared));
        let held = held(&shared);
        prop_assert!(said.entries >= held.entries && said.bytes >= held.bytes);
    }
}
