//! One tenant's requests on many workers at once: each has a VM of its own, and all of them
//! admit what one would.

use std::time::{Duration, Instant};

use tollgate_tests::{Client, Stack};

use crate::{ask, limited, stat};

/// Worker threads of Envoy.
const WORKERS: usize = 4;
/// Clients at once, each with a connection of its own, which the kernel gives to a worker.
const CLIENTS: usize = 16;
/// How long they ask.
const TIME: Duration = Duration::from_secs(2);

/// What came of asking as fast as answers came.
#[derive(Debug)]
struct Rush {
    admitted: u64,
    refused: u64,
    /// From before the first request to after the last answer.
    seconds: f64,
}

fn rush(stack: &Stack) -> Rush {
    // What is slow once, such as a tokenizer that is loaded, is done before.
    assert_eq!(ask(stack.client(), "warm").status, 200);
    let began = Instant::now();
    let statuses = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let client = Client::new(stack.gateway());
                    let mut statuses = Vec::new();
                    while began.elapsed() < TIME {
                        statuses.push(ask(&client, "one").status);
                    }
                    statuses
                })
            })
            .collect();
        let joined = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        joined.collect::<Vec<u16>>()
    });
    let seconds = began.elapsed().as_secs_f64();
    let of = |status| {
        let count = statuses.iter().filter(|seen| **seen == status).count();
        u64::try_from(count).unwrap()
    };
    let rush = Rush {
        admitted: of(200),
        refused: of(429),
        seconds,
    };
    let all = u64::try_from(statuses.len()).unwrap();
    assert_eq!(rush.admitted + rush.refused, all, "neither 200 nor 429");
    rush
}

fn busy_workers(stack: &Stack) -> usize {
    let connections = stack.envoy.stats(".downstream_cx_total").unwrap();
    let of_workers = connections
        .iter()
        .filter(|(name, count)| name.contains("worker_") && *count > 0);
    of_workers.count()
}

/// What a burst and the time admit, and no request more than decisions that lost a race three
/// times. Fewer are left for what workers hold in advance for a tenth of a second, and for the
/// moments in which nobody happened to ask.
#[test]
fn many_workers_admit_what_one_would() {
    // Requests a minute; leases.
    for (per_minute, leases) in [(600, false), (600, true), (6000, false), (6000, true)] {
        let limits = format!(
            r#""requests_per_minute": {per_minute}, "burst_seconds": 3, "leases": {leases}"#
        );
        let stack = limited(&limits).concurrency(WORKERS).start().unwrap();
        let rush = rush(&stack);
        let (rate, burst) = (f64::from(per_minute) / 60.0, 3.0);
        let limit = rate * (burst + rush.seconds);
        let more = stat(&stack, "contended") as f64;
        let fewer = 2.0
            + rate
                * if leases {
                    0.3 + 0.1 * WORKERS as f64
                } else {
                    0.3
                };
        let admitted = rush.admitted as f64;
        let [conflicts, lost] = ["conflicts", "contended"].map(|name| stat(&stack, name));
        eprintln!(
            "{limits}: of {} requests in {:.2} s {} admitted, {limit:.1} allowed; {conflicts} conflicts, {lost} lost",
            rush.admitted + rush.refused,
            rush.seconds,
            rush.admitted,
        );
        assert!(
            (limit - fewer..=limit + more).contains(&admitted),
            "{limits}: {rush:?}, not {limit} - {fewer} + {more}"
        );
        assert!(busy_workers(&stack) > 1, "{limits}");
        assert!(rush.refused > rush.admitted, "{limits}: {rush:?}");
        assert_eq!(stat(&stack, "store_errors"), 0);
        assert_eq!(stat(&stack, "leases") > 0, leases, "{limits}");
        // The one before the rush too.
        assert_eq!(stat(&stack, "admitted"), rush.admitted + 1);
        assert_eq!(stat(&stack, "refused.limit.requests"), rush.refused);
    }
}

/// Tokens are reserved and settled on whatever worker: in the end the limit has given what
/// the answers used.
#[test]
fn many_workers_settle_what_was_used() {
    for leases in [false, true] {
        let limits =
            format!(r#""tokens_per_minute": 120000, "burst_seconds": 3, "leases": {leases}"#);
        let stack = limited(&limits).concurrency(WORKERS).start().unwrap();
        let used = ask(stack.client(), "one").json()["usage"]["total_tokens"].as_u64();
        let used = used.unwrap();
        let rush = rush(&stack);
        let [reserved, more, less, settled] = [
            "reserved_tokens",
            "overshoot_tokens",
            "refunded_tokens",
            "settled_tokens",
        ]
        .map(|name| stat(&stack, name));
        // Two requests were before the rush.
        assert_eq!(settled, used * (rush.admitted + 2), "{limits}: {rush:?}");
        assert_eq!(reserved + more, settled + less, "{limits}: {rush:?}");
        let limit = 2000.0 * (3.0 + rush.seconds);
        let of_rush = (used * rush.admitted) as f64;
        // What is reserved for the answers that are on their way, and 0.7 s as above.
        let fewer = (71 * CLIENTS) as f64 + 2000.0 * 0.7;
        let more = (used * (1 + stat(&stack, "contended"))) as f64;
        assert!(
            (limit - fewer..=limit + more).contains(&of_rush),
            "{limits}: {of_rush} of {rush:?}, not {limit} - {fewer} + {more}"
        );
    }
}
