//! What the ledger counts, against rows and against a slow and simple twin.

use std::time::{Duration, Instant};

use super::*;
use crate::limits::Limit;

const MAX: u64 = 100;
const WINDOW: u64 = 60;

/// [`MAX`] hits in [`WINDOW`] seconds for each tenant, and for those with a model 10 in all.
fn limits() -> Limits {
    let limit = |name: &str, keys: &[&str], hits| Limit {
        name: name.to_owned(),
        domain: "llm".to_owned(),
        descriptor: keys
            .iter()
            .map(|key| ((*key).to_owned(), "*".to_owned()))
            .collect(),
        hits,
        window: Duration::from_secs(WINDOW),
    };
    Limits::new(vec![
        limit("tokens", &["tenant"], MAX),
        limit("both", &["tenant"], 10 * MAX),
        limit("tight", &["model", "tenant"], 20),
        limit("wide", &["model", "tenant"], 30),
    ])
    .unwrap()
}

/// Hits of a tenant's counter of the first limit.
fn booking(tenant: &str, hits: Hits) -> Booking {
    let mut counters = limits().counters("llm", &[("tenant", tenant)]).unwrap();
    counters.truncate(1);
    Booking {
        counters,
        hits,
        charged_at: None,
    }
}

fn ledger(most: usize) -> Ledger {
    Ledger::new(limits(), most)
}

/// Whether each is over, and what remains.
fn outcome(standings: &[Option<Standing>]) -> Vec<(bool, u64)> {
    let standings = standings.iter().flatten();
    standings
        .map(|standing| (standing.fit != Fit::Now, standing.remaining))
        .collect()
}

#[test]
fn a_request_is_charged_whole_or_not_at_all() {
    use Hits::{Book, Charge, Refund};
    // Seconds since the start, what is asked, and for each whether it is over and what remains.
    type Row<'a> = (u64, &'a [(&'a str, Hits)], &'a [(bool, u64)]);
    let rows: &[Row] = &[
        (0, &[("a", Charge(60))], &[(false, 40)]),
        (1, &[("a", Charge(41))], &[(true, 40)]),
        (2, &[("a", Charge(40))], &[(false, 0)]),
        (3, &[("a", Charge(0))], &[(false, 0)]),
        (3, &[("b", Charge(1))], &[(false, 99)]),
        // One that does not fit keeps the other from being charged.
        (
            4,
            &[("a", Charge(1)), ("b", Charge(1))],
            &[(true, 0), (false, 99)],
        ),
        // Two that fit alone, but not together.
        (
            4,
            &[("b", Charge(50)), ("b", Charge(50))],
            &[(true, 99), (true, 99)],
        ),
        (5, &[("a", Refund(30))], &[(false, 30)]),
        (6, &[("a", Charge(30))], &[(false, 0)]),
        // What is spent is booked over the limit, and room comes after it is paid back.
        (7, &[("a", Book(50))], &[(false, 0)]),
        (
            8,
            &[("a", Refund(40)), ("b", Refund(1))],
            &[(false, 0), (false, 100)],
        ),
        (9, &[("a", Charge(1))], &[(true, 0)]),
        (10, &[("a", Refund(20))], &[(false, 10)]),
        // The window ends a minute after its first hit.
        (59, &[("a", Charge(11))], &[(true, 10)]),
        (60, &[("a", Charge(11))], &[(false, 89)]),
        (61, &[("a", Charge(u64::MAX))], &[(true, 89)]),
        (61, &[("a", Book(u64::MAX))], &[(false, 0)]),
        (61, &[("a", Book(u64::MAX))], &[(false, 0)]),
        (120, &[("a", Charge(100))], &[(false, 0)]),
    ];
    let start = Instant::now();
    let mut ledger = ledger(10);
    for (at, asked, expected) in rows {
        let bookings: Vec<Booking> = asked
            .iter()
            .map(|(tenant, hits)| booking(tenant, *hits))
            .collect();
        let standings = ledger.book(&bookings, start + Duration::from_secs(*at));
        assert_eq!(outcome(&standings), *expected, "at {at}: {asked:?}");
    }
}

#[test]
fn totals_are_charges_less_refunds() {
    use Hits::{Book, Charge, Refund};
    let start = Instant::now();
    let mut ledger = ledger(10);
    let rows = [
        (0, Charge(90)),
        (0, Charge(11)), // refused
        (1, Refund(50)),
        (1, Book(20)),
        (70, Refund(5)), // its window is over
        (71, Charge(3)),
        (72, Refund(4)), // one more than there is
    ];
    for (at, hits) in rows {
        ledger.book(&[booking("a", hits)], start + Duration::from_secs(at));
    }
    let total = ledger.totals()["tokens"];
    let expected = Total {
        charged: 113,
        refunded: 59,
        refunded_too_late: 6,
        refused: 11,
    };
    assert_eq!(total, expected);
    assert_eq!(total.used(), 54);
}

#[test]
fn no_limit_admits_and_counts_nothing() {
    let mut ledger = ledger(10);
    let nowhere = Booking {
        counters: Vec::new(),
        hits: Hits::Charge(u64::MAX),
        charged_at: None,
    };
    assert!(ledger.book(&[nowhere], Instant::now())[0].is_none());
    assert_eq!(ledger.totals()["tokens"], Total::default());
    assert_eq!(ledger.counters(Instant::now()), []);
}

#[test]
fn the_tightest_counter_answers() {
    let mut ledger = ledger(10);
    let limits = limits();
    let mut book = |hits| {
        let entries = [("tenant", "a"), ("model", "m")];
        let counters = limits.counters("llm", &entries).unwrap();
        assert_eq!(counters.len(), 2);
        let bookings = [Booking {
            counters,
            hits,
            charged_at: None,
        }];
        let standings = ledger.book(&bookings, Instant::now());
        let standing = standings[0].clone().unwrap();
        assert_eq!(limits.of(&standing.counter).name, "tight");
        (standing.fit, standing.remaining)
    };
    assert_eq!(book(Hits::Charge(16)), (Fit::Now, 4));
    assert_eq!(book(Hits::Charge(5)), (Fit::Later, 4));
    // More than the wide one has too, but the tight one never has room for 21.
    assert_eq!(book(Hits::Charge(21)), (Fit::Never, 4));
    assert_eq!(ledger.totals()["tight"].charged, 16);
    assert_eq!(ledger.totals()["wide"].charged, 16);
}

#[test]
fn a_refund_belongs_to_the_window_that_was_charged() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    // In the window from 70 on, what is left after 10 are given back by when they were charged.
    let rows = [
        (None, 70),
        (Some(0), 60),
        (Some(69), 60),
        (Some(70), 70),
        (Some(80), 70),
        (Some(1_000), 70),
    ];
    for (charged_at, left) in rows {
        let mut ledger = ledger(10);
        ledger.book(&[booking("a", Hits::Charge(30))], at(0));
        ledger.book(&[booking("a", Hits::Charge(40))], at(70));
        let refund = Booking {
            charged_at: charged_at.map(at),
            ..booking("a", Hits::Refund(10))
        };
        let standings = ledger.book(&[refund], at(90));
        assert_eq!(outcome(&standings), [(false, left)], "{charged_at:?}");
        let total = ledger.totals()["tokens"];
        assert_eq!((total.refunded, total.refunded_too_late), (10, 70 - left));
    }
}

/// Keys that somebody made up cost nothing in the end, and take nobody's place.
#[test]
fn room_is_made_by_what_is_not_used_else_by_what_is_used_least() {
    let now = Instant::now();
    let mut ledger = ledger(3);
    let kept = |ledger: &Ledger| -> Vec<(String, u64)> {
        let states = ledger.counters(now).into_iter();
        let tenant = |state: CounterState| state.descriptor["tenant"].clone();
        states
            .map(|state| (state.used, tenant(state)))
            .map(|(used, tenant)| (tenant, used))
            .collect()
    };
    ledger.book(&[booking("honest", Hits::Charge(5))], now);
    for fake in 0..1_000 {
        let fake = format!("fake {fake}");
        ledger.book(&[booking(&fake, Hits::Charge(50))], now);
        ledger.book(&[booking(&fake, Hits::Refund(50))], now);
    }
    assert_eq!(kept(&ledger)[0], ("honest".to_owned(), 5));
    assert_eq!(ledger.evicted(), 0);
    for (tenant, hits) in [("a", 9), ("b", 7), ("c", 6)] {
        ledger.book(&[booking(tenant, Hits::Charge(hits))], now);
    }
    let rest = [("a", 9), ("b", 7), ("c", 6)].map(|(tenant, used)| (tenant.to_owned(), used));
    assert_eq!((kept(&ledger), ledger.evicted()), (rest.to_vec(), 1));

    // What is used least is so of its own limit: 30 of 1,000 are less than 9 of 100.
    let mut other = booking("wide", Hits::Charge(30));
    other.counters = limits().counters("llm", &[("tenant", "wide")]).unwrap();
    other.counters.remove(0);
    ledger.book(&[other], now);
    ledger.book(&[booking("d", Hits::Charge(8))], now);
    let expected = [("a", 9), ("d", 8), ("b", 7)].map(|(tenant, used)| (tenant.to_owned(), used));
    assert_eq!((kept(&ledger), ledger.evicted()), (expected.to_vec(), 3));
}

#[test]
fn room_is_made_by_what_is_over_else_by_what_ends_first() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut ledger = ledger(2);
    let hit = |ledger: &mut Ledger, tenant: &str, seconds| {
        ledger.book(&[booking(tenant, Hits::Charge(1))], at(seconds));
    };
    let kept = |ledger: &Ledger, seconds| -> Vec<String> {
        let states = ledger.counters(at(seconds)).into_iter();
        states
            .flat_map(|state| state.descriptor.into_values())
            .collect()
    };
    hit(&mut ledger, "a", 0);
    hit(&mut ledger, "b", 10);
    hit(&mut ledger, "c", 61);
    assert_eq!(
        (kept(&ledger, 61), ledger.evicted()),
        (vec!["b".into(), "c".into()], 0)
    );
    hit(&mut ledger, "d", 62);
    assert_eq!(
        (kept(&ledger, 62), ledger.evicted()),
        (vec!["c".into(), "d".into()], 1)
    );
    // Asking and refunds keep nothing.
    ledger.book(&[booking("e", Hits::Charge(0))], at(63));
    ledger.book(&[booking("f", Hits::Refund(9))], at(63));
    assert_eq!(
        (kept(&ledger, 63), ledger.evicted()),
        (vec!["c".into(), "d".into()], 1)
    );
}

/// Against a list of everything that was booked, added up anew for each decision.
#[test]
fn it_agrees_with_its_twin() {
    struct Twin(Vec<(u64, &'static str, i128, Option<u64>)>);
    impl Twin {
        /// What is used of a tenant's window at `now`, and since when it runs.
        fn used(&self, tenant: &str, now: u64) -> i128 {
            let (mut used, mut ends) = (0, 0);
            for (at, _, hits, charged_at) in self.0.iter().filter(|entry| entry.1 == tenant) {
                if *at >= ends && *hits > 0 {
                    (used, ends) = (0, at + WINDOW);
                }
                if *at < ends && charged_at.is_none_or(|charged_at| charged_at + WINDOW >= ends) {
                    used = (used + hits).max(0);
                }
            }
            if now < ends { used } else { 0 }
        }
    }
    let start = Instant::now();
    let mut ledger = ledger(10);
    let mut twin = Twin(Vec::new());
    // A linear congruential generator: the same run every time.
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut now = 0;
    let (mut admitted, mut refused) = (0, 0);
    for _ in 0..2_000 {
        now += random(5);
        let tenant = ["a", "b"][random(2) as usize];
        let amount = random(40);
        let (hits, signed) = match random(4) {
            0 => (Hits::Refund(amount), -i128::from(amount)),
            1 => (Hits::Book(amount), i128::from(amount)),
            _ => (Hits::Charge(amount), i128::from(amount)),
        };
        let charged_at = match hits {
            Hits::Refund(_) if random(3) > 0 => Some(now.saturating_sub(random(WINDOW))),
            _ => None,
        };
        let before = twin.used(tenant, now);
        let over = matches!(hits, Hits::Charge(_)) && before + signed > i128::from(MAX);
        if over {
            refused += 1;
        } else {
            admitted += 1;
            twin.0.push((now, tenant, signed, charged_at));
        }
        let left = (i128::from(MAX) - twin.used(tenant, now)).max(0);
        let at = |seconds| start + Duration::from_secs(seconds);
        let asked = Booking {
            charged_at: charged_at.map(at),
            ..booking(tenant, hits)
        };
        let standings = ledger.book(&[asked], at(now));
        let expected = [(over, u64::try_from(left).unwrap())];
        assert_eq!(outcome(&standings), expected, "{tenant} {hits:?} at {now}");
    }
    assert!(admitted > 100 && refused > 100, "{admitted} {refused}");
}
