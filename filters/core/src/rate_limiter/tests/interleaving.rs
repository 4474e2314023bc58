//! Workers that come between each other at random, and the books that must agree all the same.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

/// What other workers do while one is between its read and its write.
type Script = Rc<RefCell<Vec<(usize, usize, Action)>>>;

#[derive(Clone, Copy, Debug)]
enum Action {
    Ask(u64),
    Settle(u64, u64),
    Tick,
}

/// Mostly none, sometimes as many as make an update fail.
fn conflicts() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0), 2 => 1usize..4, 2 => 4usize..10]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1u64..300).prop_map(Action::Ask),
        2 => (0u64..300, 0u64..300).prop_map(|(charged, real)| Action::Settle(charged, real)),
        1 => Just(Action::Tick),
    ]
}

/// Runs an action on one worker, with conflicts, and the others' actions of the script, in
/// between.
fn run(workers: &Rc<Vec<Worker>>, limits: &Rc<Limits>, script: &Script, given: &Rc<RefCell<i128>>) {
    let Some((at, conflicts, action)) = script.borrow_mut().pop() else {
        return;
    };
    let worker = &workers[at];
    worker.world.conflict(conflicts);
    // The next action of the script, of another worker, falls into this one's update.
    let next = script.borrow().last().copied();
    if let Some((other, ..)) = next
        && other != at
    {
        let (workers, limits) = (Rc::clone(workers), Rc::clone(limits));
        let (script, given) = (Rc::clone(script), Rc::clone(given));
        let intrude = Box::new(move || run(&workers, &limits, &script, &given));
        worker.world.intrusions.borrow_mut().push_back(intrude);
    }
    match action {
        Action::Ask(tokens) => {
            if worker.ask(limits, tokens).is_ok() {
                *given.borrow_mut() += i128::from(tokens);
            }
        }
        Action::Settle(charged, real) => {
            worker.settle(limits, charged, real);
            *given.borrow_mut() += i128::from(real) - i128::from(charged);
        }
        Action::Tick => worker.tick(),
    }
    worker.world.intrusions.borrow_mut().clear();
}

proptest! {
    /// However workers come between each other, and whichever limit refuses: when all have
    /// ticked, what the buckets and each quota say was given is what was given, to the token.
    #[test]
    fn the_books_agree_whoever_comes_between(
        actions in prop::collection::vec((0usize..3, conflicts(), action()), 1..120),
    ) {
        const BEFORE: u64 = 295_000;
        let store = Store::at(START);
        let workers = Rc::new((0..3).map(|_| Worker::of(&store)).collect::<Vec<_>>());
        // The buckets refuse after 5,000 more, the hour after 2,000, the day never.
        let hour = Quota { limit: BEFORE + 2000, ..HOURLY };
        let day = Quota { period: Period::Day, limit: 1 << 40, ..HOURLY };
        let limits = limits(None, Some(6_000_000), &[day, hour]);
        workers[0].settle(&limits, 0, BEFORE);
        let given = Rc::new(RefCell::new(i128::from(BEFORE)));
        let script: Script = Rc::new(RefCell::new(actions));
        while !script.borrow().is_empty() {
            run(&workers, &limits, &script, &given);
        }
        store.now.set(START + TICK);
        for worker in workers.iter() {
            worker.tick();
            prop_assert!(!worker.ledger.wants_tick());
        }
        let (tats, quotas) = books(&store);
        let in_buckets = (tats[1] - START) / (MINUTE / 6_000_000);
        let given = u64::try_from(*given.borrow()).unwrap();
        prop_assert_eq!((in_buckets, quotas), (given, vec![given, given]));
    }
}
