//! The ledger among other workers: nothing is given twice, nothing charged is lost.

mod interleaving;

use std::rc::Rc;

use super::account::TICK;
use super::bucket::{Bucket, MINUTE, SECOND, Short};
use super::ledger::{Counter, Events, Ledger};
use super::limits::{Amount, Difference, Limit, Limits};
use super::quota::{Period, Quota, Unit};
use crate::host::world::{Store, World};

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
        self.ask_for(KEY, limits, tokens, self.world.store.now.get())
    }

    fn ask_for(
        &self,
        key: u64,
        limits: &Rc<Limits>,
        tokens: u64,
        now: u64,
    ) -> Result<(), (Limit, Short)> {
        let amount = Amount {
            requests: 1,
            tokens,
        };
        let counter = Counter {
            key,
            quotas: key,
            limits,
        };
        let mut events = Events::default();
        let decision = self
            .ledger
            .reserve(&self.world, counter, amount, now, &mut events);
        assert_eq!(events.lost, 0);
        match decision.refusal {
            None => Ok(()),
            Some(refusal) => Err((refusal.limit, refusal.short)),
        }
    }

    fn settle(&self, limits: &Rc<Limits>, charged: u64, real: u64) {
        self.settle_for(KEY, limits, charged, real, self.world.store.now.get());
    }

    fn settle_for(&self, key: u64, limits: &Rc<Limits>, charged: u64, real: u64, taken_at: u64) {
        let amount = |tokens| Amount {
            requests: 1,
            tokens,
        };
        let difference = Difference::between(amount(charged), amount(real));
        let counter = Counter {
            key,
            quotas: key,
            limits,
        };
        let (now, events) = (self.world.store.now.get(), &mut Events::default());
        self.ledger
            .settle(&self.world, counter, difference, taken_at, now, events);
    }

    fn tick(&self) {
        let now = self.world.store.now.get();
        self.ledger.tick(&self.world, now, &mut Events::default());
    }
}

/// The only counter's TATs, and what was used of every quota, in the order of the pages.
fn books(store: &Store) -> ([u64; 2], Vec<u64>) {
    let (mut tats, mut quotas) = ([0; 2], Vec::new());
    for (key, (page, _)) in store.values.borrow().iter() {
        for record in page[8..].chunks(24) {
            let word = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
            if key.contains("limits") {
                tats = [word(8), word(16)];
            } else {
                quotas.push(word(16));
            }
        }
    }
    (tats, quotas)
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
}

#[test]
fn what_is_not_limited_costs_nothing() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let unlimited = limits(None, None, &[]);
    for _ in 0..20 {
        assert_eq!(worker.ask(&unlimited, 1 << 40), Ok(()));
    }
    assert_eq!((store.calls(), worker.ledger.wants_tick()), ((0, 0), false));
    let requests = limits(Some(6000), None, &[]);
    assert_eq!(worker.ask(&requests, 100), Ok(()));
    let before = store.calls();
    worker.settle(&requests, 100, 200);
    assert_eq!(store.calls(), before, "tokens are not limited");
}

#[test]
fn a_quota_costs_a_pair_and_its_refusal_one_read() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(Some(6000), None, &[HOURLY]);
    assert_eq!(worker.ask(&limits, 1000), Ok(()));
    assert_eq!(store.calls(), (2, 2));
    assert!(worker.ask(&limits, 1).is_err());
    assert_eq!(store.calls(), (4, 3));
    worker.tick();
    assert_eq!(books(&store).0, [START + MINUTE / 6000, 0]);
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
    assert_eq!(books(&store).0[1] - START, 20_050 * MINUTE / 600_000);
}

#[test]
fn every_book_gets_what_is_its_own_though_another_is_contended_or_refuses() {
    let day = Quota {
        period: Period::Day,
        limit: 1 << 40,
        ..HOURLY
    };
    let token = MINUTE / 6_000_000;
    // Of 100 tokens at four conflicts: in the update of the buckets, or of the first quota.
    for before in [0, 1] {
        let store = Store::at(START);
        let worker = Worker::of(&store);
        let limits = limits(None, Some(6_000_000), &[day, HOURLY]);
        worker.settle(&limits, 0, 1);
        for _ in 0..before {
            worker
                .world
                .intrusions
                .borrow_mut()
                .push_back(Box::new(|| ()));
        }
        worker.world.conflict(4);
        assert_eq!(worker.ask(&limits, 100), Ok(()));
        worker.tick();
        assert_eq!(books(&store), ([0, START + 101 * token], vec![101, 101]));
        // Refused by the last: nothing is given for what was never taken.
        worker.world.conflict(4);
        assert!(worker.ask(&limits, 950).is_err());
        worker.tick();
        assert_eq!(books(&store), ([0, START + 101 * token], vec![101, 101]));
    }
    // What a hot counter owes reaches all, whichever refuses meanwhile.
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(None, Some(6_000_000), &[HOURLY, day]);
    for _ in 0..8 {
        assert_eq!(worker.ask(&limits, 100), Ok(()));
    }
    worker.settle(&limits, 100, 5000);
    assert!(worker.ask(&limits, 400).is_err());
    worker.tick();
    assert_eq!(books(&store).1, [5700, 5700]);
}

#[test]
fn where_no_place_is_left_for_an_account_books_are_kept_at_once() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(Some(60_000), None, &[]);
    // Hot counters with leases stand in every place that a further one could have.
    let key = |at: u64| KEY.wrapping_add(at << 40);
    for other in 0..4 {
        for _ in 0..9 {
            let asked = worker.ask_for(key(other), &limits, 0, START);
            assert_eq!(asked, Ok(()));
        }
    }
    worker.world.conflict(4);
    assert_eq!(worker.ask_for(key(4), &limits, 0, START), Ok(()));
    worker.tick();
    let requests = Worker::of(&store);
    let left = (0..4000)
        .take_while(|_| requests.ask_for(key(4), &limits, 0, START).is_ok())
        .count();
    assert_eq!(left, 2999);
}

#[test]
fn rules_of_one_counter_leave_each_others_limits_alone() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let (requests, tokens) = (
        limits(Some(600), None, &[]),
        limits(None, Some(60_000), &[]),
    );
    assert_eq!(worker.ask(&tokens, 3000), Ok(()));
    assert_eq!(worker.ask(&requests, 1), Ok(()));
    assert!(worker.ask(&tokens, 3000).is_err());
    // A lease of one is not spent, nor given back, under the other.
    store.now.set(START + MINUTE);
    for _ in 0..9 {
        assert_eq!(worker.ask(&requests, 1), Ok(()));
    }
    assert_eq!(worker.ask(&tokens, 1), Ok(()));
    worker.tick();
    let expected = [9 * MINUTE / 600, MINUTE / 60_000];
    assert_eq!(books(&store).0.map(|tat| tat - store.now.get()), expected);
}

#[test]
fn clocks_that_differ_a_little_lose_nothing() {
    let store = Store::at(START);
    let (a, b) = (Worker::of(&store), Worker::of(&store));
    // The one reads a time before the end of an hour, the other one after it.
    let hour = HOURLY.period.end(START);
    let hourly = limits(None, None, &[HOURLY]);
    assert_eq!(b.ask_for(KEY, &hourly, 900, hour + 1000), Ok(()));
    let _ = a.ask_for(KEY, &hourly, 50, hour - 1000);
    assert!(b.ask_for(KEY, &hourly, 900, hour + 2000).is_err());
    // A worker was stopped for two seconds after it read the time.
    let tokens = limits(None, Some(60_000), &[]);
    assert_eq!(b.ask_for(KEY, &tokens, 3000, hour), Ok(()));
    let _ = a.ask_for(KEY + 1, &tokens, 1, hour - 2 * SECOND);
    assert!(b.ask_for(KEY, &tokens, 1000, hour).is_err());
}

#[test]
fn a_refund_belongs_to_the_window_that_gave() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(None, None, &[HOURLY]);
    assert_eq!(worker.ask(&limits, 500), Ok(()));
    let next = HOURLY.period.end(START);
    store.now.set(next);
    assert_eq!(worker.ask(&limits, 600), Ok(()));
    worker.settle_for(KEY, &limits, 500, 0, START);
    assert_eq!(books(&store).1, [600]);
    worker.settle_for(KEY, &limits, 500, 600, START);
    assert_eq!(books(&store).1, [700], "what came later is charged");
}

#[test]
fn what_a_window_leaves_is_not_for_the_next() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let quota = Quota {
        limit: 1_000_000,
        ..HOURLY
    };
    let limits = limits(None, Some(6_000_000), &[quota]);
    let next = HOURLY.period.end(START);
    store.now.set(next - SECOND / 20);
    for _ in 0..9 {
        assert_eq!(worker.ask(&limits, 100), Ok(()));
    }
    store.now.set(next + SECOND / 100);
    assert_eq!(worker.ask(&limits, 5000), Ok(()));
    worker.tick();
    assert_eq!(books(&store).1, [5000]);
}

#[test]
fn a_quota_that_is_used_up_says_so_and_is_asked_first() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(None, Some(60_000), &[HOURLY]);
    assert_eq!(worker.ask(&limits, 1000), Ok(()));
    let until = Short::For(HOURLY.period.end(START) - START);
    // Though the bucket would refuse too, and sooner give.
    assert_eq!(worker.ask(&limits, 3000).unwrap_err().1, Short::Always);
    for _ in 0..3 {
        let before = store.calls();
        assert_eq!(worker.ask(&limits, 10), Err((Limit::Quota(HOURLY), until)));
        let after = store.calls();
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 0));
    }
    worker.settle(&limits, 1000, 100);
    assert_eq!(worker.ask(&limits, 10), Ok(()));
}

#[test]
fn rules_with_the_same_limits_share_a_lease() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let rules = [
        limits(Some(60_000), None, &[]),
        limits(Some(60_000), None, &[]),
    ];
    for at in 0..50 {
        assert_eq!(worker.ask(&rules[at % 2], 1), Ok(()));
    }
    assert_eq!(store.calls(), (8, 8));
}

#[test]
fn quotas_of_requests_do_not_make_room_for_those_of_tokens() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let quota = |unit, limit| Quota {
        unit,
        limit,
        period: Period::Month,
        ..HOURLY
    };
    let requests = limits(None, None, &[quota(Unit::Requests, 1)]);
    let tokens = limits(None, None, &[quota(Unit::Tokens, 1_000_000)]);
    let key = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for tenant in 1..100 {
        assert_eq!(worker.ask_for(key(tenant), &requests, 0, START), Ok(()));
    }
    for tenant in 1000..24_000 {
        assert_eq!(worker.ask_for(key(tenant), &tokens, 100, START), Ok(()));
    }
    for tenant in 1..100 {
        assert!(worker.ask_for(key(tenant), &requests, 0, START).is_err());
    }
}

#[test]
fn tenants_whose_requests_cost_nothing_leave_no_trace_in_quotas() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let month = Quota {
        period: Period::Month,
        ..HOURLY
    };
    let limits = limits(None, None, &[month]);
    let key = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for victim in 1..200 {
        assert_eq!(worker.ask_for(key(victim), &limits, 1000, START), Ok(()));
    }
    for other in 1000..40_000 {
        // Refused by the upstream: all of it goes back.
        let asked = worker.ask_for(key(other), &limits, 10, START);
        assert_eq!(asked, Ok(()));
        worker.settle_for(key(other), &limits, 10, 0, START);
    }
    for victim in 1..200 {
        assert!(worker.ask_for(key(victim), &limits, 1, START).is_err());
    }
    assert_eq!(
        books(&store).1.iter().filter(|used| **used > 0).count(),
        199
    );
}

#[test]
fn a_hundred_thousand_tenants_keep_to_the_tables_bytes_and_the_greatest_debts() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let limits = limits(Some(60), Some(60_000), &[]);
    let key = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for tenant in 1..=100_000 {
        // A tenth of them spend all they may at once, the others little.
        let tokens = if tenant % 10 == 0 { 3000 } else { 100 };
        assert_eq!(worker.ask_for(key(tenant), &limits, tokens, START), Ok(()));
    }
    assert!(store.bytes() < 2_000_000, "{}", store.bytes());
    for tenant in (10..=100_000).step_by(10) {
        let asked = worker.ask_for(key(tenant), &limits, 100, START);
        assert!(asked.is_err(), "{tenant} has a debt of three seconds");
    }
}

#[test]
fn refusals_count_where_they_are_to_and_never_for_longer_than_a_minute() {
    let store = Store::at(START);
    let worker = Worker::of(&store);
    let charging = Rc::new(Limits {
        charge_refused: true,
        ..(*limits(Some(60), None, &[HOURLY])).clone()
    });
    for _ in 0..3 {
        assert_eq!(worker.ask(&charging, 0), Ok(()));
    }
    // The time that is told is true: it counts what was charged for asking.
    let wait = |short| Err((Limit::Requests, Short::For(short)));
    assert_eq!(worker.ask(&charging, 0), wait(2 * SECOND));
    store.now.set(START + 2 * SECOND);
    assert_eq!(worker.ask(&charging, 0), Ok(()));
    for _ in 0..100 {
        let _ = worker.ask(&charging, 0);
    }
    assert_eq!(worker.ask(&charging, 0), wait(58 * SECOND));
    // A quota's refusal counts as well.
    store.now.set(START + 90 * SECOND);
    assert!(worker.ask(&charging, 2000).is_err());
    worker.tick();
    assert_eq!(books(&store).0[0], START + 91 * SECOND);
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
