//! The ledger among other workers: nothing is given twice, nothing charged is lost.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::account::TICK;
use super::bucket::{Bucket, MINUTE, SECOND, Short};
use super::ledger::{Events, Ledger};
use super::limits::{Amount, Difference, Limit, Limits};
use super::quota::{Period, Quota, Unit};
use super::world::{Store, World};
use crate::host::Host;

const START: u64 = 1_800_000_000 * SECOND;
const KEY: u64 = 0x1234_5678_9abc_def0;

fn limits(requests: Option<u64>, tokens: Option<u64>, quotas: &[Quota]) -> Rc<Limits> {
    let bucket = |per_minute| Bucket {
        per_minute,
        burst: 3 * SECOND,
    };
    Rc::new(Limits {
        requests: requests.map(bucket),
        tokens: tokens.map(bucket),
        quotas: quotas.to_vec(),
        leases: true,
        charge_refused: false,
    })
}

const HOURLY: Quota = Quota {
    period: Period::Hour,
    unit: Unit::Tokens,
    limit: 1000,
    status: 403,
};

/// A worker: its ledger and its way to what all share.
struct Worker {
    ledger: Ledger,
    world: World,
}

impl Worker {
    fn of(store: &Rc<Store>) -> Worker {
        Worker {
            ledger: Ledger::default(),
            world: World::of(store),
        }
    }

    /// The limit that refuses, if one does.
    fn ask(&self, limits: &Rc<Limits>, tokens: u64) -> Result<(), (Limit, Short)> {
        let amount = Amount {
            requests: 1,
            tokens,
        };
        let now = self.world.now();
        let mut events = Events::default();
        let decision = self
            .ledger
            .reserve(&self.world, limits, KEY, amount, now, &mut events);
        match decision.refusal {
            None => Ok(()),
            Some(refusal) => Err((refusal.limit, refusal.short)),
        }
    }

    fn settle(&self, limits: &Rc<Limits>, charged: u64, real: u64) {
        let amount = |tokens| Amount {
            requests: 1,
            tokens,
        };
        let difference = Difference::between(amount(charged), amount(real));
        let now = self.world.now();
        let mut events = Events::default();
        self.ledger
            .settle(&self.world, limits, KEY, difference, now, &mut events);
    }

    fn tick(&self) {
        let now = self.world.now();
        self.ledger.tick(&self.world, now, &mut Events::default());
    }
}

#[test]
fn one_decision_costs_one_read_and_one_write() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(Some(600), Some(60_000), &[]);
    let cost = |expected: Result<(), Limit>, tokens| {
        let before = store.calls();
        let got = worker.ask(&limits, tokens).map_err(|(limit, _)| limit);
        assert_eq!(got, expected);
        let after = store.calls();
        (after.0 - before.0, after.1 - before.1)
    };
    assert_eq!(cost(Ok(()), 2000), (1, 1));
    assert_eq!(cost(Err(Limit::Tokens), 2000), (1, 0));
    assert_eq!(cost(Err(Limit::Tokens), 60_001), (1, 0));
    let unlimited = self::limits(None, None, &[]);
    let before = store.calls();
    assert_eq!(worker.ask(&unlimited, 1 << 40), Ok(()));
    assert_eq!(store.calls(), before);
}

#[test]
fn a_hot_counter_spends_its_lease_without_asking_and_gives_the_rest_back() {
    let store = Store::at(START);
    let (hot, other) = (Worker::of(&store), Worker::of(&store));
    let limits = limits(Some(60_000), None, &[]); // A hundred in a tick, 3,000 in a burst.
    for _ in 0..8 {
        assert_eq!(hot.ask(&limits, 0), Ok(()));
    }
    let asked = store.calls();
    assert_eq!(asked, (8, 8));
    assert!(hot.ledger.wants_tick());
    for _ in 0..40 {
        assert_eq!(hot.ask(&limits, 0), Ok(()));
    }
    assert_eq!(store.calls(), asked, "40 of the lease");
    let left = |worker: &Worker| {
        (0..4000)
            .take_while(|_| worker.ask(&limits, 0).is_ok())
            .count()
    };
    assert_eq!(left(&other), 3000 - 8 - 100, "the lease is taken");
    other.tick();
    hot.tick();
    assert!(!hot.ledger.wants_tick() && !other.ledger.wants_tick());
    assert_eq!(left(&other), 60, "and what was not spent came back");
}

#[test]
fn what_cannot_be_booked_is_owed_and_booked_later() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(Some(60), None, &[]); // Three in a burst.
    let other = Worker::of(&store);
    assert_eq!(other.ask(&limits, 0), Ok(()));
    worker.world.conflict(4);
    assert_eq!(worker.ask(&limits, 0), Ok(()));
    assert!(worker.ledger.wants_tick());
    assert_eq!(other.ask(&limits, 0), Ok(()));
    worker.tick();
    assert!(!worker.ledger.wants_tick());
    let expected = Err((Limit::Requests, Short::For(SECOND)));
    assert_eq!(other.ask(&limits, 0), expected);
    // The next decision books it too, without a tick.
    store.now.set(START + 10 * SECOND);
    worker.world.conflict(4);
    for left in [true, true, true, false] {
        assert_eq!(worker.ask(&limits, 0).is_ok(), left);
    }
}

#[test]
fn quotas_and_buckets_give_all_or_nothing() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let daily = Quota {
        period: Period::Day,
        unit: Unit::Requests,
        limit: 4,
        status: 403,
    };
    let limits = limits(Some(600), Some(60_000), &[HOURLY, daily]);
    assert_eq!(worker.ask(&limits, 600), Ok(()));
    let (limit, short) = worker.ask(&limits, 500).unwrap_err();
    let until = HOURLY.period.end(START) - START;
    assert_eq!((limit, short), (Limit::Quota(HOURLY), Short::For(until)));
    let (limit, short) = worker.ask(&limits, 1001).unwrap_err();
    assert_eq!((limit, short), (Limit::Quota(HOURLY), Short::Always));
    // What was refused has taken from nothing.
    assert_eq!(worker.ask(&limits, 400), Ok(()));
    worker.settle(&limits, 400, 100);
    assert_eq!(worker.ask(&limits, 300), Ok(()));
    assert_eq!(worker.ask(&limits, 0).unwrap_err().0, Limit::Quota(HOURLY));
    worker.settle(&limits, 300, 0);
    assert_eq!(worker.ask(&limits, 0), Ok(()));
    let (limit, _) = worker.ask(&limits, 0).unwrap_err();
    assert_eq!(limit, Limit::Quota(daily));
    store.now.set(daily.period.end(START));
    assert_eq!(worker.ask(&limits, 1000), Ok(()));
}

/// What other workers kept from being booked waits for buckets and quotas together.
#[test]
fn what_is_owed_is_owed_to_buckets_and_quotas_once() {
    let store = Store::at(START);
    let (worker, other) = (Worker::of(&store), Worker::of(&store));
    let limits = limits(Some(120), None, &[HOURLY]); // Six in a burst.
    assert_eq!(other.ask(&limits, 0), Ok(()));
    worker.world.conflict(4);
    assert_eq!(worker.ask(&limits, 400), Ok(()));
    assert!(worker.ledger.wants_tick());
    worker.tick();
    assert_eq!(other.ask(&limits, 600), Ok(()), "the quota has 600 left");
    // The quota refuses what the bucket would give and could not book.
    worker.world.conflict(4);
    let (limit, _) = worker.ask(&limits, 1).unwrap_err();
    assert_eq!(limit, Limit::Quota(HOURLY));
    worker.tick();
    let unquoted = self::limits(Some(120), None, &[]);
    let left = (0..9).take_while(|_| other.ask(&unquoted, 0).is_ok());
    assert_eq!(left.count(), 3, "of the six");
}

#[test]
fn a_lease_that_a_quota_cannot_give_goes_back() {
    let store = Store::at(START);
    let (worker, other) = (Worker::of(&store), Worker::of(&store));
    let quota = Quota {
        limit: 20_050,
        ..HOURLY
    };
    let limits = limits(None, Some(600_000), &[quota]); // A thousand in a tick; 20 by quota.
    for at in 0..20 {
        assert_eq!(worker.ask(&limits, 1), Ok(()), "{at}");
    }
    worker.tick();
    assert_eq!(other.ask(&limits, 20_030 - 9), Ok(()));
    for _ in 0..9 {
        assert_eq!(worker.ask(&limits, 1), Ok(()));
    }
    assert!(worker.ask(&limits, 1).is_err());
    worker.tick();
    // Buckets were charged what was given, 20,050 tokens, and no lease.
    let page = store
        .values
        .borrow()
        .iter()
        .find(|(key, _)| key.contains("limits"))
        .unwrap()
        .1
        .0
        .clone();
    let tat = u64::from_le_bytes(page[24..32].try_into().unwrap());
    assert_eq!(tat - START, 20_050 * MINUTE / 600_000);
}

#[test]
fn refusals_count_where_they_are_to_and_never_for_longer_than_a_minute() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let charging = Rc::new(Limits {
        charge_refused: true,
        ..(*limits(Some(60), None, &[])).clone()
    });
    for _ in 0..3 {
        assert_eq!(worker.ask(&charging, 0), Ok(()));
    }
    assert_eq!(
        worker.ask(&charging, 0),
        Err((Limit::Requests, Short::For(SECOND)))
    );
    assert_eq!(
        worker.ask(&charging, 0),
        Err((Limit::Requests, Short::For(2 * SECOND)))
    );
    for _ in 0..100 {
        let _ = worker.ask(&charging, 0);
    }
    let (_, short) = worker.ask(&charging, 0).unwrap_err();
    assert_eq!(short, Short::For(58 * SECOND));
}

#[test]
fn without_shared_data_nothing_is_refused() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(Some(60), None, &[HOURLY]);
    store.is_broken.set(true);
    for _ in 0..100 {
        assert_eq!(worker.ask(&limits, 0), Ok(()));
    }
}

/// What other workers do while one is between its read and its write.
type Script = Rc<RefCell<Vec<(usize, Action)>>>;

#[derive(Clone, Copy, Debug)]
enum Action {
    Ask(u64),
    Settle(u64, u64),
    Tick,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1u64..300).prop_map(Action::Ask),
        2 => (0u64..300, 0u64..300).prop_map(|(charged, real)| Action::Settle(charged, real)),
        1 => Just(Action::Tick),
    ]
}

/// Runs an action on one worker, with the others' actions of the script in between.
fn run(
    workers: &Rc<Vec<Worker>>,
    limits: &Rc<Limits>,
    script: &Script,
    balance: &Rc<RefCell<i128>>,
) {
    let Some((at, action)) = script.borrow_mut().pop() else {
        return;
    };
    let worker = &workers[at];
    // The next action of the script, of another worker, falls into this one's update.
    let next = script.borrow().last().copied();
    if let Some((other, _)) = next
        && other != at
    {
        let (workers, limits, script, balance) = (
            Rc::clone(workers),
            Rc::clone(limits),
            Rc::clone(script),
            Rc::clone(balance),
        );
        let intrude = Box::new(move || run(&workers, &limits, &script, &balance));
        worker.world.intrusions.borrow_mut().push_back(intrude);
    }
    match action {
        Action::Ask(tokens) => {
            if worker.ask(limits, tokens).is_ok() {
                *balance.borrow_mut() += i128::from(tokens);
            }
        }
        Action::Settle(charged, real) => {
            worker.settle(limits, charged, real);
            *balance.borrow_mut() += i128::from(real) - i128::from(charged);
        }
        Action::Tick => worker.tick(),
    }
    worker.world.intrusions.borrow_mut().clear();
}

proptest! {
    /// However workers come between each other: when all have ticked, what the buckets and
    /// quotas say was given is what was given, to the token.
    #[test]
    fn the_books_agree_whoever_comes_between(
        actions in prop::collection::vec((0usize..3, action()), 1..120),
    ) {
        let store = Store::at(START);
        let workers = Rc::new((0..3).map(|_| Worker::of(&store)).collect::<Vec<_>>());
        // So much that nothing falls to zero, and one token is a whole number of nanoseconds.
        let quota = Quota { limit: 1 << 40, ..HOURLY };
        let limits = limits(None, Some(6_000_000), &[quota]);
        workers[0].settle(&limits, 0, 100_000);
        let balance = Rc::new(RefCell::new(100_000i128));
        let script: Script = Rc::new(RefCell::new(actions));
        while !script.borrow().is_empty() {
            run(&workers, &limits, &script, &balance);
        }
        store.now.set(START + TICK);
        for worker in workers.iter() {
            worker.tick();
            prop_assert!(!worker.ledger.wants_tick());
        }
        let values = store.values.borrow();
        let word = |kind: &str, at: usize| {
            let page = &values.iter().find(|(key, _)| key.contains(kind)).unwrap().1.0;
            u64::from_le_bytes(page[at..at + 8].try_into().unwrap())
        };
        let given = (word("limits", 24) - START) / (MINUTE / 6_000_000);
        prop_assert_eq!(i128::from(given), *balance.borrow());
        prop_assert_eq!(i128::from(word("quotas", 24)), *balance.borrow());
    }
}
