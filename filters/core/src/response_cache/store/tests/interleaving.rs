//! Workers that come between each other at every host call: all orders of a few operations, and
//! random ones of many.

use proptest::prelude::*;

use super::turns::Turns;
use super::*;
use crate::response_cache::lifetime::SKEW;
use crate::response_cache::store::set::set_name;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// A key's number, the bytes of the body, and what they are.
    Put(u64, usize, u8),
    Find(u64),
    Lead(u64),
    End(u64, u64),
    /// With a quarter of the room.
    Sweep,
}

/// What an operation came to.
#[derive(Debug)]
enum Done {
    Put(Put),
    Found(Lookup, Option<Flight>),
    Nothing,
}

/// All operations are about this set.
const SET: u64 = 11;
const BYTES: usize = MIB;

/// An operation at a time, by a worker of its own.
struct Running(Turns<(Op, u64)>);

impl Running {
    fn of(shared: &Rc<world::Store>, op: Op) -> Running {
        Running(Turns::of(shared, (op, shared.now.get())))
    }

    fn take(&self) -> Option<Done> {
        self.0.take(|host, (op, now)| {
            let shop = store(BYTES);
            match *op {
                Op::Put(number, size, what) => {
                    let entry = entry(&key(SET, number), *now, &vec![what; size]);
                    Done::Put(shop.put(host, &entry, *now))
                }
                Op::Find(number) => Done::Found(shop.find(host, &key(SET, number), *now), None),
                Op::Lead(number) => {
                    let (found, flight) = shop.find_or_lead(host, &key(SET, number), *now);
                    Done::Found(found, flight)
                }
                Op::End(number, since) => {
                    let Place { set, tag } = Place::of(&key(SET, number));
                    shop.end(host, Ticket { set, tag, since });
                    Done::Nothing
                }
                Op::Sweep => {
                    store(BYTES / 2).sweep(host, SET as usize, *now);
                    Done::Nothing
                }
            }
        })
    }
}

/// No way's value has more bytes than its directory says, and all have room together.
fn check_bytes(shared: &world::Store) -> Result<(), String> {
    let values = shared.values.borrow();
    let name = set_name(SET as usize);
    let directory = values.get(&name).map(|(bytes, _)| bytes.clone());
    let directory = directory.map_or(Some(Directory::default()), Directory::new);
    let said: Vec<_> = directory.ok_or("no directory")?.ways().collect();
    let room = store(BYTES).max_entry_bytes();
    if said.iter().map(|way| way.bytes as usize).sum::<usize>() > room {
        return Err(format!("{said:?} have no room in {room}"));
    }
    for (key, (value, _)) in values.iter().filter(|(key, _)| **key != name) {
        let at: usize = key[name.len() + 1..].parse().unwrap();
        let way = said.get(at).copied().unwrap_or_default();
        if value.len() > way.bytes as usize {
            return Err(format!("way {at} has {} bytes, not {way:?}", value.len()));
        }
    }
    Ok(())
}

/// Whether a value answers to `number` and is one that was put under it.
fn check_found(number: u64, found: &Lookup, puts: &[Op]) -> Result<(), String> {
    let (Lookup::Fresh(entry) | Lookup::Stale(entry)) = found else {
        return Ok(());
    };
    let was_put = puts.iter().any(|put| {
        matches!(*put, Op::Put(other, size, what)
            if other == number && entry.body() == vec![what; size])
    });
    let is_right = entry.key() == key(SET, number) && was_put;
    is_right
        .then_some(())
        .ok_or_else(|| format!("{entry:?} under {number}"))
}

/// Runs the operations. Where one may be stopped, `choose` says which one goes on, of so many and
/// the one at hand first; that is `stops` times at most.
fn run(
    shared: &Rc<world::Store>,
    ops: &[Op],
    mut stops: usize,
    mut choose: impl FnMut(usize) -> usize,
) -> Result<Vec<(usize, Done)>, String> {
    let running = ops.iter().map(|op| Running::of(shared, *op));
    let mut running: Vec<_> = running.enumerate().collect();
    let mut done = Vec::new();
    let mut is_new = true;
    while !running.is_empty() {
        // Who begins is chosen as well, and costs no stop.
        if is_new || stops > 0 {
            let chosen = choose(running.len());
            stops -= usize::from(!is_new && chosen > 0);
            running.swap(0, chosen);
            is_new = false;
        }
        let ended = running[0].1.take();
        check_bytes(shared)?;
        if let Some(result) = ended {
            done.push((running.remove(0).0, result));
        }
    }
    Ok(done)
}

/// How often one of two is stopped at most. Without a bound each could make the other begin again
/// for ever; four let any two steps of one have any two of the other's between and around them.
const STOPS: usize = 4;

/// All orders, one after the other: of each choice the first, then as the last one says that is
/// not its last.
fn all_orders(mut run: impl FnMut(&mut dyn FnMut(usize) -> usize)) -> usize {
    let mut choices: Vec<(usize, usize)> = Vec::new();
    for orders in 1.. {
        let mut at = 0;
        run(&mut |of| {
            if at == choices.len() {
                choices.push((0, of));
            }
            at += 1;
            choices[at - 1].0
        });
        choices.truncate(at);
        while choices.last().is_some_and(|(chosen, of)| chosen + 1 == *of) {
            choices.pop();
        }
        match choices.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => return orders,
        }
    }
    0
}

const ROOM: usize = 9720;
/// Bytes that an entry has besides its body.
const FRAME: usize = 100;

/// What is there before: nothing; one entry; as much as there is room for.
const BEFORE: [&[Op]; 3] = [
    &[],
    &[Op::Put(1, 1000, b'-')],
    &[Op::Put(1, 4000, b'-'), Op::Put(2, 4000, b'-')],
];

#[test]
fn two_workers_in_every_order_keep_the_bound_and_the_last_entry() {
    assert_eq!(store(BYTES).max_entry_bytes(), ROOM);
    assert_eq!(entry(&key(SET, 1), START, b"").bytes().len(), FRAME);
    let ops = [
        Op::Put(1, 900, b'a'),
        Op::Put(1, 5000, b'b'),
        Op::Put(2, 9000, b'c'),
        Op::Put(3, 4500, b'd'),
        Op::Find(1),
        Op::Lead(1),
        Op::Lead(3),
        Op::Sweep,
    ];
    let mut orders = 0;
    for before in BEFORE {
        for (one, other) in ops
            .iter()
            .flat_map(|one| ops.iter().map(move |other| (one, other)))
        {
            let ops = [*one, *other];
            let puts = [before, &ops].concat();
            orders += all_orders(|choose| {
                let shared = world();
                for op in before {
                    run(&shared, &[*op], 0, |_| 0).unwrap();
                }
                shared.now.set(START + 10 * SECOND);
                let done = run(&shared, &ops, STOPS, choose).unwrap();
                let mut leaders = 0;
                for (at, done) in &done {
                    match (ops[*at], done) {
                        (Op::Put(..), Done::Put(put)) => assert_eq!(put.outcome, Outcome::Stored),
                        (Op::Find(number) | Op::Lead(number), Done::Found(found, flight)) => {
                            check_found(number, found, &puts).unwrap();
                            let leads = matches!(flight, Some(Flight::Leader(_)));
                            leaders += usize::from(leads);
                        }
                        (Op::Sweep, Done::Nothing) => {}
                        other => panic!("{other:?}"),
                    }
                }
                if ops[0] == ops[1] {
                    assert!(leaders <= 1, "{ops:?}: {done:?}");
                }
                // Whoever stored last is found.
                let (last, _) = done[1];
                if let Op::Put(number, size, what) = ops[last] {
                    let reader = Worker::of(&shared, BYTES);
                    assert_eq!(
                        reader.body(&key(SET, number)),
                        Some(vec![what; size]),
                        "{ops:?}"
                    );
                }
            });
        }
    }
    // As many as there are, so that nobody takes this for a sample.
    assert_eq!(orders, 15_896);
}

fn op() -> impl Strategy<Value = Op> {
    let put = (0u64..6, 0usize..9000, any::<u8>());
    prop_oneof![
        5 => put.prop_map(|(number, size, what)| Op::Put(number, size, what)),
        2 => (0u64..6).prop_map(Op::Find),
        4 => (0u64..6).prop_map(Op::Lead),
        1 => Just(Op::Sweep),
    ]
}

proptest! {
    /// Three workers, each with operations one after the other, some of which never end, as when a
    /// worker dies. At every single call the bound holds; what is found was put; nobody leads
    /// while somebody else does.
    #[test]
    fn three_workers_in_random_orders(
        scripts in prop::array::uniform3(prop::collection::vec(op(), 1..12)),
        order in prop::collection::vec((0usize..3, 0u64..40), 400),
    ) {
        let shared = world();
        let puts: Vec<_> = scripts.iter().flatten().copied().collect();
        let mut scripts = scripts.map(Vec::into_iter);
        let mut running: [Option<Running>; 3] = [None, None, None];
        // Leaders by number, with the time they began.
        let mut leaders: Vec<(u64, u64)> = Vec::new();
        let mut order = order.into_iter().cycle();
        let mut led: Vec<(usize, u64, u64)> = Vec::new();
        loop {
            let (at, wait) = order.next().unwrap();
            // Mostly time stands still.
            shared.now.set(shared.now.get() + wait.saturating_sub(36) * SECOND);
            if running[at].is_none() {
                // Who leads ends it some time, and then the next may lead.
                let op = match led.iter().position(|(worker, ..)| *worker == at) {
                    Some(mine) if wait % 3 == 0 => {
                        let (_, number, since) = led.remove(mine);
                        leaders.retain(|leader| *leader != (number, since));
                        Some(Op::End(number, since))
                    }
                    _ => scripts[at].next(),
                };
                if let Some(Op::Put(number, ..)) = op {
                    leaders.retain(|(other, _)| *other != number);
                }
                running[at] = op.map(|op| Running::of(&shared, op));
            }
            let Some(worker) = &running[at] else {
                if running.iter().all(Option::is_none) && scripts.iter().all(|s| s.len() == 0) {
                    break;
                }
                continue;
            };
            if wait == 35 {
                running[at] = None;
                continue;
            }
            let (op, now) = worker.0.op;
            let ended = worker.take();
            check_bytes(&shared).map_err(TestCaseError::fail)?;
            match (op, ended) {
                (_, None) => continue,
                (Op::Find(number) | Op::Lead(number), Some(Done::Found(found, flight))) => {
                    check_found(number, &found, &puts).map_err(TestCaseError::fail)?;
                    if let Some(Flight::Leader(ticket)) = flight {
                        // Who was stopped for seconds takes what began then for a clock's step.
                        let others = leaders.iter().filter(|(other, since)| {
                            *other == number && now < since + PATIENCE && *since <= now + SKEW
                        });
                        prop_assert_eq!(others.count(), 0, "two lead");
                        // What is just being stored may end its flight at any call.
                        let is_ending = running.iter().flatten().any(|other| {
                            matches!(other.0.op.0, Op::Put(stored, ..) if stored == number)
                        });
                        leaders.retain(|(other, _)| *other != number);
                        if !is_ending {
                            leaders.push((number, ticket.since));
                        }
                        led.push((at, number, ticket.since));
                    }
                }
                (Op::Put(..), Some(Done::Put(put))) => {
                    // Two that have no room together can make each other begin again and again.
                    let is_outrun = put.conflicts > PATIENT_RETRIES;
                    let outcome = if is_outrun { Outcome::Lost } else { Outcome::Stored };
                    prop_assert_eq!(put.outcome, outcome);
                }
                _ => {}
            }
            running[at] = None;
        }
    }
}
