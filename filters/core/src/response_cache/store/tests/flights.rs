//! Who asks the upstream, and a clock that steps.

use super::*;

fn is_leader(flight: Option<Flight>) -> bool {
    matches!(flight, Some(Flight::Leader(_)))
}

fn ticket(worker: &Worker, key: &[u8]) -> Ticket {
    match worker.lead(key) {
        (_, Some(Flight::Leader(ticket))) => ticket,
        other => panic!("no leader: {other:?}"),
    }
}

#[test]
fn one_leads_until_it_stores_ends_or_takes_too_long() {
    let shared = world();
    let [one, other] = [(); 2].map(|()| Worker::of(&shared, 64 * MIB));
    let key = key(7, 1);
    let follows = |since| (Lookup::Miss(Miss::Absent), Some(Flight::Follower { since }));

    let first = ticket(&one, &key);
    other.wait(PATIENCE - 1);
    assert_eq!(other.lead(&key), follows(START));
    assert_eq!(one.lead(&key), follows(START), "its own worker follows too");
    other.wait(1);
    let second = ticket(&other, &key);
    // Who was too slow ends nothing but its own.
    one.store.end(&one.world, first);
    assert_eq!(one.lead(&key), follows(START + PATIENCE));
    other.store.end(&other.world, second);
    let (gets, sets, ()) = one.cost(|one| one.store.end(&one.world, second));
    assert_eq!((gets, sets), (1, 0), "ended already");
    let third = ticket(&one, &key);
    let (gets, sets, ()) = one.cost(|one| one.store.end(&one.world, third));
    assert_eq!((gets, sets), (1, 1));
    ticket(&one, &key);
    other.put(&key, b"whoever stores it");
    assert!(matches!(one.lead(&key), (Lookup::Fresh(_), None)));
    // And the flight is over, even where the entry has gone since.
    one.store.sweep(&one.world, 7, u64::MAX);
    ticket(&one, &key);
}

#[test]
fn one_revalidates_what_is_stale() {
    let shared = world();
    let workers = [(); 3].map(|()| Worker::of(&shared, 64 * MIB));
    let key = key(7, 1);
    workers[0].put(&key, b"old");
    workers[0].wait(TTL);
    let leaders = |workers: &[Worker]| {
        let flights = workers.iter().map(|worker| worker.lead(&key));
        flights
            .map(|(found, flight)| match found {
                Lookup::Stale(_) => usize::from(is_leader(flight)),
                other => panic!("{other:?}"),
            })
            .sum::<usize>()
    };
    assert_eq!(leaders(&workers), 1);
    workers[0].wait(PATIENCE - 1);
    assert_eq!(leaders(&workers), 0);
    workers[0].wait(1);
    assert_eq!(leaders(&workers), 1);
    workers[2].put(&key, b"new");
    for worker in &workers {
        assert_eq!(worker.body(&key), Some(b"new".to_vec()));
        assert_eq!(worker.lead(&key).1, None);
    }
}

#[test]
fn flights_have_so_many_places() {
    let worker = Worker::of(&world(), 64 * MIB);
    let flights = directory::FLIGHTS as u64;
    for number in 0..flights {
        ticket(&worker, &key(9, number));
        worker.wait(1);
    }
    let (gets, sets, (_, flight)) = worker.cost(|worker| worker.lead(&key(9, flights)));
    assert_eq!((gets, sets, flight), (1, 0, Some(Flight::Unmarked)));
    // One is over.
    worker.wait(PATIENCE - flights);
    ticket(&worker, &key(9, flights));
    assert_eq!(worker.lead(&key(9, flights + 1)).1, Some(Flight::Unmarked));
    let since = START + 1;
    assert_eq!(worker.lead(&key(9, 1)).1, Some(Flight::Follower { since }));
}

/// What began while a worker was stopped between reading the clock and using it seems to it to be
/// yet to come. It takes another place as long as there is one.
#[test]
fn who_was_stopped_leaves_other_flights_alone() {
    let worker = Worker::of(&world(), 64 * MIB);
    let (a, b) = (key(9, 1), key(9, 2));
    ticket(&worker, &a);
    worker.world.store.now.set(START - 6 * SECOND);
    ticket(&worker, &b);
    worker.world.store.now.set(START);
    for (key, since) in [(a, START), (b, START - 6 * SECOND)] {
        assert_eq!(worker.lead(&key).1, Some(Flight::Follower { since }));
    }
}

#[test]
fn who_is_outrun_each_time_is_not_marked() {
    for (conflicts, leads, calls) in [(0, true, 1), (3, true, 4), (4, false, 4), (9, false, 4)] {
        let worker = Worker::of(&world(), 64 * MIB);
        worker.put(&key(8, 2), b"so that there is a directory");
        worker.world.conflict(conflicts);
        let (gets, sets, (_, flight)) = worker.cost(|worker| worker.lead(&key(8, 1)));
        assert_eq!((gets, sets), (calls, calls), "{conflicts}");
        assert_eq!(is_leader(flight), leads, "{conflicts}");
    }
}

#[test]
fn an_entry_that_is_outrun_each_time_is_lost() {
    for (conflicts, outcome) in [
        (0, Outcome::Stored),
        (30, Outcome::Stored),
        (40, Outcome::Lost),
    ] {
        let worker = Worker::of(&world(), 64 * MIB);
        worker.put(&key(8, 1), b"old");
        worker.world.conflict(conflicts);
        let put = worker.put(&key(8, 1), b"new");
        assert_eq!(put.outcome, outcome, "{conflicts}");
        // Each try reads twice, and the first of the reads is what a conflict follows.
        assert_eq!(put.conflicts, conflicts.min(34) / 2);
        worker.world.intrusions.borrow_mut().clear();
        let body: &[u8] = if outcome == Outcome::Lost {
            b"old"
        } else {
            b"new"
        };
        assert_eq!(worker.body(&key(8, 1)), Some(body.to_vec()));
    }
}

/// Ages that nobody knows are no ages: what seems to be made later is of no use.
#[test]
fn a_clock_that_steps_back_makes_misses_and_room() {
    let worker = Worker::of(&world(), MIB);
    let (a, b) = (key(6, 1), key(6, 2));
    let half = vec![b'x'; worker.store.max_entry_bytes() / 2];
    worker.put(&a, &half);
    worker.world.store.now.set(START - 5 * SECOND);
    assert!(worker.body(&a).is_some(), "as clocks of workers differ");
    assert!(!is_leader(worker.lead(&a).1));
    worker.world.store.now.set(START - 6 * SECOND);
    assert_eq!(worker.find(&a), Lookup::Miss(Miss::Expired));
    // A flight of that time is over as well, and a new one lasts.
    worker.world.store.now.set(START);
    ticket(&worker, &b);
    worker.world.store.now.set(START - 100 * SECOND);
    ticket(&worker, &b);
    worker.wait(PATIENCE - 1);
    assert!(!is_leader(worker.lead(&b).1));
    // What is from the future goes before what is not.
    assert_eq!(worker.put(&b, &half).evicted, 0);
    assert!(worker.body(&b).is_some());
    assert_eq!(worker.put(&key(6, 3), b"{}").evicted, 0);
    assert!(worker.body(&b).is_some());
    // And what the clock comes back to is as old as it says.
    worker.world.store.now.set(START + TTL + STALE);
    assert_eq!(worker.find(&b), Lookup::Miss(Miss::Expired));
}
