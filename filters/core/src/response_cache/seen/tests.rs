//! What was seen beside a map of all that was, other workers' writes, clocks that step, and room.

use std::collections::HashMap;
use std::rc::Rc;
use std::vec;

use proptest::prelude::*;

use super::*;
use crate::host::world::{Store, World};
use crate::response_cache::keyer::{KeyHash, Keyer, Of};
use crate::response_cache::prefix::{Marks, Root};

const SECOND: u64 = 1_000_000_000;
const TTL: u64 = 600 * SECOND;
const START: u64 = 1_000_000 * SECOND;

/// Who wrote a message, what is in it, and how many marks it has.
#[derive(Clone, Copy, Debug)]
struct Message {
    is_operators: bool,
    text: u32,
    marks: u32,
}

fn operators(text: u32, marks: u32) -> Message {
    Message {
        is_operators: true,
        text,
        marks,
    }
}

fn said(text: u32, marks: u32) -> Message {
    Message {
        is_operators: false,
        ..operators(text, marks)
    }
}

type Conversation = Beginnings<vec::IntoIter<Prefix>>;

/// Each mark is a byte of the body, and what is hashed of it.
fn conversation(messages: &[Message]) -> Conversation {
    let mut hasher = Keyer::new(KeyHash::Sip, b"secret").hasher(Of::Prefix);
    let (mut marks, mut end) = (Marks::default(), 0);
    for message in messages {
        for mark in 0..message.marks {
            hasher.write(&[message.text, mark].map(u32::to_le_bytes).concat());
            end += 1;
            marks.add(end, hasher.digest());
        }
        marks.end_message(message.is_operators);
    }
    let (marks, landmarks) = marks.finish(Root::Last);
    let prefixes = marks.iter().map(|mark| Prefix {
        ordinal: mark.ordinal,
        end: mark.end,
        hash: u128::from_le_bytes(mark.hash),
    });
    Beginnings {
        prefixes: prefixes.collect::<Vec<_>>().into_iter(),
        landmarks,
    }
}

struct Worker {
    world: World,
}

impl Worker {
    fn new() -> Worker {
        Worker {
            world: World::of(&Store::at(START)),
        }
    }

    fn now(&self) -> u64 {
        self.world.store.now.get()
    }

    fn at(&self, now: u64) -> &Worker {
        self.world.store.now.set(now);
        self
    }

    /// How much of a conversation was seen.
    fn look(&self, conversation: &Conversation) -> (u32, Notes) {
        let (found, notes) = Seen::default().look(&self.world, conversation, TTL, self.now());
        (found.map_or(0, |prefix| prefix.end), notes)
    }

    fn seen(&self, messages: &[Message]) -> u32 {
        self.look(&conversation(messages)).0
    }

    /// Looks, and is answered.
    fn sends(&self, messages: &[Message]) -> u32 {
        let (seen, notes) = self.look(&conversation(messages));
        Seen::default().note(&self.world, &notes, self.now());
        seen
    }
}

#[test]
fn a_conversation_that_goes_on_is_known_up_to_where_it_was() {
    for before in [1, 2, 5, 31, 32, 33, 100, 511, 513, 5_000, 40_000] {
        for more in [0, 1, 2, 10, 31, 32, 40, 100, 300, 3_000] {
            let worker = Worker::new();
            let (system, first) = (operators(1, 3), said(2, before));
            assert_eq!(worker.sends(&[system, first]), 0);
            let seen = worker.sends(&[system, first, said(3, more)]);
            let lost = before + 3 - seen;
            // Beyond the newest marks what is remembered is as thin as what has come is long.
            let most = if more < 32 { 0 } else { more };
            assert!(lost <= most, "{before} marks and {more} more lose {lost}");
            // And with another first message no more than what the system says is.
            assert_eq!(worker.seen(&[system, said(4, 9)]), 3);
            assert_eq!(worker.seen(&[operators(5, 3), first]), 0);
        }
    }
}

#[test]
fn what_goes_on_otherwise_is_known_up_to_there() {
    let worker = Worker::new();
    let turns = [operators(0, 2), said(1, 1), said(2, 3), said(3, 1)];
    worker.sends(&turns[..2]);
    worker.sends(&turns);
    for (messages, expected) in [
        (
            &[operators(0, 2), said(1, 1), said(2, 3), said(9, 1)][..],
            6,
        ),
        (&[operators(0, 2), said(1, 1), said(9, 3)], 3),
        (&[operators(0, 2), said(9, 1)], 2),
        (&[operators(0, 2)], 2),
        (&[operators(0, 2), operators(9, 1), said(1, 1)], 2),
        (&[operators(9, 2), said(1, 1)], 0),
        (&[said(1, 1)], 0),
        (&[], 0),
    ] {
        assert_eq!(worker.seen(messages), expected, "{messages:?}");
    }
    // A text that many are asked about, before what they are asked.
    let text = |rest: u32| [operators(7, 1), said(8, 90), said(rest, 1)];
    assert_eq!(worker.sends(&text(1)), 0);
    assert_eq!(worker.sends(&text(2)), 91);
}

#[test]
fn host_calls_are_few_however_long_the_conversation() {
    let few = [operators(1, 1), said(2, 1)];
    let many: Vec<Message> = (3..400).map(|text| said(text, 3)).collect();
    let long = [&few[..], &many].concat();
    let longer = [&long[..], &[said(999, 50)]].concat();
    let other = [operators(1, 1), said(1000, 400)];
    let bare = [said(1001, 1)];
    let worker = Worker::new();
    // Reads of a look; reads and writes of a note.
    for (messages, expected) in [
        (&few[..], (2, 2, 2)),
        (&long, (1, 1, 1)),
        (&longer, (1, 1, 1)),
        // Nothing new.
        (&longer, (1, 0, 0)),
        (&other, (2, 2, 2)),
        // The first mark is the root.
        (&bare, (1, 1, 1)),
    ] {
        let store = &worker.world.store;
        let (before, _) = store.calls();
        let (_, notes) = worker.look(&conversation(messages));
        let (looked, written) = store.calls();
        Seen::default().note(&worker.world, &notes, worker.now());
        let (gets, sets) = store.calls();
        assert_eq!(
            (looked - before, gets - looked, sets - written),
            expected,
            "{}",
            messages.len()
        );
    }
    // Each page once more where other workers come between, and then never mind.
    for (conflicts, expected) in [(1, (3, 3)), (3, (4, 4)), (100, (4, 4))] {
        let worker = Worker::new();
        worker.sends(&[operators(1, 1), said(7, 1)]);
        worker.at(START + TTL / 2);
        let (_, notes) = worker.look(&conversation(&few));
        let (gets, sets) = worker.world.store.calls();
        // What does not exist yet has no version to be outrun at.
        worker.sends(&[operators(1, 1), said(2, 1), said(5, 1)]);
        let (gets, sets) = {
            let (now_gets, now_sets) = worker.world.store.calls();
            (gets.max(now_gets), sets.max(now_sets))
        };
        worker.world.conflict(conflicts);
        Seen::default().note(&worker.world, &notes, worker.now());
        let (more_gets, more_sets) = worker.world.store.calls();
        assert_eq!(
            (more_gets - gets, more_sets - sets),
            expected,
            "{conflicts}"
        );
    }
}

#[test]
fn what_was_seen_ends_and_is_seen_again() {
    let (first, more) = ([said(1, 1)], [said(1, 1), said(2, 1)]);
    for (at, expected) in [(0, 1), (TTL - 1, 1), (TTL, 0), (TTL + SECOND, 0)] {
        let worker = Worker::new();
        worker.sends(&first);
        assert_eq!(worker.at(START + at).seen(&more), expected, "{at}");
    }
    // Whoever reads it keeps it.
    let worker = Worker::new();
    worker.sends(&first);
    for turn in 1..20 {
        let now = START + turn * TTL / 2;
        assert_eq!(worker.at(now).sends(&first), 1, "{turn}");
    }
    // A clock set back does not make it last, nor forgets it.
    let worker = Worker::new();
    worker.sends(&first);
    let back = START / 2;
    assert_eq!(worker.at(back).seen(&more), 1);
    worker.sends(&[said(1, 1), said(3, 1)]);
    assert_eq!(worker.at(back + TTL).seen(&more), 0);
}

#[test]
fn where_nothing_is_shared_nothing_was_seen() {
    let worker = Worker::new();
    worker.world.store.is_broken.set(true);
    assert_eq!(worker.sends(&[said(1, 1)]), 0);
    assert_eq!(worker.sends(&[said(1, 1)]), 0);
}

#[test]
fn a_conversation_of_many_turns_leaves_room_to_others() {
    let worker = Worker::new();
    let place = |messages: &[Message]| {
        let conversation = conversation(messages);
        let mut prefixes = conversation.prefixes.clone();
        let root = prefixes.nth(conversation.landmarks.root).unwrap();
        (u128::from(key(&root)) * u128::from(Read::PAGES)) >> 64
    };
    let long = [said(0, 1)];
    let mut near = (1..)
        .map(|text| [said(text, 1)])
        .filter(|messages| place(messages) == place(&long));
    let others: Vec<[Message; 1]> = near.by_ref().take(40).collect();
    for other in &others {
        worker.sends(other);
    }
    let turns: Vec<Message> = (0..500).map(|text| said(text, 3)).collect();
    for count in 1..turns.len() {
        worker.at(worker.now() + SECOND / 2);
        let expected = if count == 1 {
            0
        } else {
            3 * (count as u32 - 1)
        };
        assert_eq!(worker.sends(&turns[..count]), expected, "{count}");
    }
    for other in &others {
        assert_eq!(worker.seen(other), 1);
    }
    // Those that are too many for a page cost the oldest of them.
    let notes = |messages: &[Message]| worker.look(&conversation(messages)).1;
    let (mut evicted, mut last) = (0, Vec::new());
    for other in near.take(200) {
        let had_to_go = Seen::default().note(&worker.world, &notes(&other), worker.now());
        evicted += usize::from(had_to_go);
        last = other.to_vec();
    }
    assert!(evicted > 100, "{evicted}");
    assert_eq!(worker.seen(&last), 1);
}

#[test]
fn a_hundred_thousand_conversations_have_the_bytes_that_are_stated() {
    let worker = Worker::new();
    for text in 0..100_000 {
        worker.at(START + u64::from(text) * SECOND / 1_000);
        worker.sends(&[operators(text % 100, 1), said(text, 2)]);
    }
    let store: &Rc<Store> = &worker.world.store;
    assert_eq!(store.values.borrow().len(), Read::PAGES as usize);
    let names: usize = store.values.borrow().keys().map(String::len).sum();
    assert!(store.bytes() <= Table::<Read>::MOST_BYTES + names);
    assert!(store.bytes() > Table::<Read>::MOST_BYTES / 10 * 9);
    // What is used stays.
    assert_eq!(worker.seen(&[operators(99, 1), said(99, 9)]), 1);
    assert_eq!(worker.seen(&[operators(99, 1), said(99_999, 2)]), 3);
}

proptest! {
    /// Nothing is taken for seen that was not, and what a conversation's last turn ended with is
    /// not missed.
    #[test]
    fn what_was_seen_is_what_a_map_of_it_all_says(
        steps in prop::collection::vec((0usize..4, 0usize..6, 0u32..4, 1u32..9, 0u64..120), 1..60),
    ) {
        let worker = Worker::new();
        let mut all: HashMap<u64, u64> = HashMap::new();
        let mut lasts = [(0, 0); 4];
        let mut talks = [0, 1, 2, 3].map(|talk| vec![operators(0, 2), said(talk, 1)]);
        for (talk, keep, text, marks, seconds) in steps {
            let now = worker.now() + seconds * SECOND;
            worker.at(now);
            let messages = &mut talks[talk];
            // Some go on, some go on from an earlier message.
            if keep > 0 {
                messages.truncate(keep + 1);
            }
            messages.push(said(text, marks));
            let beginnings = conversation(messages);
            let longest = |is_noted: &dyn Fn(u64) -> bool| {
                let found = beginnings.prefixes.clone().rev().find(|prefix| is_noted(key(prefix)));
                found.map_or(0, |prefix| prefix.end)
            };
            let most = longest(&|key| all.get(&key).is_some_and(|ends| *ends > now));
            let (last, last_ends) = lasts[talk];
            let least = longest(&|key| key == last && last_ends > now);
            let seen = worker.sends(messages);
            prop_assert!((least..=most).contains(&seen), "{seen}, not {least} to {most}");
            for prefix in beginnings.prefixes.clone() {
                all.insert(key(&prefix), now + TTL);
            }
            if let Some(last) = beginnings.prefixes.clone().next_back() {
                // It is not noted again while it is fresh.
                lasts[talk] = (key(&last), now + TTL - TTL / 8);
            }
        }
    }
}
