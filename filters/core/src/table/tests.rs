//! Pages against a map, other workers' writes and a clock that steps back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::host::world::{Store, World};

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
    let now = world.store.now.get();
    Table::<Small>::default().update(world, key, now, RETRIES, |old| (old, Some(values)))
}

fn get(world: &World, key: u64) -> Values {
    Table::<Small>::default().read(world, key, world.store.now.get())
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
    use crate::rate_limiter::average::Averages;
    use crate::rate_limiter::ledger::Tats;
    use crate::rate_limiter::quota::{RequestQuotas, TokenQuotas};
    use crate::response_cache::seen::Read;
    assert_eq!(Table::<Tats>::MOST_BYTES, 1_992_704);
    assert_eq!(Tats::PAGES as usize * Tats::RECORDS, 82_944);
    assert_eq!(Table::<RequestQuotas>::MOST_BYTES, 498_176);
    assert_eq!(Table::<TokenQuotas>::MOST_BYTES, 498_176);
    assert_eq!(Table::<Averages>::MOST_BYTES, 498_176);
    assert_eq!(Table::<Read>::MOST_BYTES, 1_581_056);
}
