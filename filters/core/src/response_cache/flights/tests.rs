//! Flights, as rows and beside a naive twin.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::response_cache::keyer::{KeyHash, Keyer, Of};

fn key(number: u8) -> Digest {
    let mut hasher = Keyer::new(KeyHash::Sip, b"").hasher(Of::Key);
    hasher.write(&[number]);
    hasher.digest()
}

fn woken(effects: &[Effect]) -> Vec<(u64, Turn)> {
    let woken = effects.iter().map(|effect| match effect {
        Effect::Wake { place, turn } => (place.0, *turn),
        other => panic!("{other:?}"),
    });
    woken.collect()
}

#[test]
fn those_who_wait_go_on_when_the_first_lands_or_their_time_is_over() {
    let flights = Flights::default();
    let [one, two] = [1, 2].map(key);
    flights.take_off(one);
    let places = [50, 100, 150].map(|until| flights.wait(one, until).unwrap().0);
    let other = flights.wait(two, 100).unwrap().0;
    assert!(flights.has_waiting() && flights.is_under_way(&two));
    let tick = |now, elsewhere: bool| {
        let mut effects = Vec::new();
        flights.on_tick(now, |key| *key == two && elsewhere, &mut effects);
        let mut woken = woken(&effects);
        woken.sort_unstable_by_key(|(place, _)| *place);
        woken
    };
    assert_eq!(tick(49, true), []);
    assert_eq!(tick(50, true), [(places[0], Turn::Alone)]);
    assert_eq!(tick(60, false), [(other, Turn::Again)]);
    assert!(!flights.is_under_way(&two));
    flights.leave(&one, Place(places[1]));
    let mut effects = Vec::new();
    flights.land(&one, Turn::Again, &mut effects);
    assert_eq!(woken(&effects), [(places[2], Turn::Again)]);
    assert!(!flights.is_under_way(&one) && !flights.has_waiting());
    // Nobody is left of a flight elsewhere for which nobody waits.
    let place = flights.wait(two, 100).unwrap();
    flights.leave(&two, place);
    assert!(!flights.is_under_way(&two));
    flights.wait(two, 100).unwrap();
    assert_eq!(tick(100, true).len(), 1);
    assert!(!flights.is_under_way(&two));
}

#[test]
fn nobody_waits_longer_because_a_clock_is_set_back() {
    let flights = Flights::default();
    let one = key(1);
    flights.take_off(one);
    let now = 10 * LONGEST_WAIT;
    flights.wait(one, now + LONGEST_WAIT).unwrap();
    let woken = |now| {
        let mut effects = Vec::new();
        flights.on_tick(now, |_| true, &mut effects);
        effects.len()
    };
    assert_eq!(woken(now), 0);
    assert_eq!(woken(now - 1), 1);
}

#[test]
fn no_more_wait_than_may() {
    let flights = Flights::default();
    let one = key(1);
    for _ in 0..MOST_WAITING {
        flights.wait(one, 100).unwrap();
    }
    assert_eq!(flights.wait(one, 100), None);
    let mut effects = Vec::new();
    flights.on_tick(100, |_| true, &mut effects);
    assert_eq!(effects.len(), MOST_WAITING);
    assert!(flights.wait(one, 200).is_some());
}

#[test]
fn no_more_marks_are_looked_for_at_once_than_may_and_nobody_waits_longer_for_that() {
    let flights = Flights::default();
    let many = u8::MAX;
    for number in 0..=many {
        flights.wait(key(number), 100).unwrap();
    }
    let looked_for = Cell::new(0);
    let look = |_: &Digest| {
        looked_for.set(looked_for.get() + 1);
        true
    };
    flights.on_tick(1, look, &mut Vec::new());
    assert!(looked_for.get() <= MOST_LOOKED_FOR);
    let mut effects = Vec::new();
    flights.on_tick(100, |_| true, &mut effects);
    assert_eq!(effects.len(), usize::from(many) + 1);
    assert!(!flights.has_waiting());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    TakeOff(u8),
    Wait(u8, u64),
    Leave(usize),
    Land(u8),
    Tick(u64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u8..4).prop_map(Step::TakeOff),
        (0u8..4, 0u64..40).prop_map(|(key, until)| Step::Wait(key, until)),
        (0usize..20).prop_map(Step::Leave),
        (0u8..4).prop_map(Step::Land),
        (0u64..40, 0u8..16).prop_map(|(now, elsewhere)| Step::Tick(now, elsewhere)),
    ]
}

proptest! {
    /// Whoever waits is woken once, or leaves, and is never forgotten.
    #[test]
    fn everybody_who_waits_is_woken_once(steps in prop::collection::vec(step(), 0..60)) {
        let flights = Flights::default();
        // The naive twin: who waits for what, and for whom somebody here is under way.
        let mut waiting: BTreeMap<u64, (u8, u64)> = BTreeMap::new();
        let mut here = [false; 4];
        let mut places = Vec::new();
        for step in steps {
            let mut effects = Vec::new();
            let mut expected = Vec::new();
            match step {
                Step::TakeOff(number) => {
                    flights.take_off(key(number));
                    here[usize::from(number)] = true;
                }
                Step::Wait(number, until) => {
                    let place = flights.wait(key(number), until).unwrap().0;
                    prop_assert!(waiting.insert(place, (number, until)).is_none());
                    places.push((place, number));
                }
                Step::Leave(index) => {
                    if let Some((place, number)) = places.get(index) {
                        flights.leave(&key(*number), Place(*place));
                        waiting.remove(place);
                    }
                }
                Step::Land(number) => {
                    flights.land(&key(number), Turn::Alone, &mut effects);
                    here[usize::from(number)] = false;
                    expected.extend(waiting.iter().filter(|(_, (of, _))| *of == number).map(|(place, _)| (*place, Turn::Alone)));
                }
                Step::Tick(now, elsewhere) => {
                    let is_under_way = |asked: &Digest| (0..4).any(|number| key(number) == *asked && elsewhere >> number & 1 == 1);
                    flights.on_tick(now, is_under_way, &mut effects);
                    for (place, (number, until)) in &waiting {
                        if *until <= now || *until - now > LONGEST_WAIT {
                            expected.push((*place, Turn::Alone));
                        } else if !here[usize::from(*number)] && elsewhere >> number & 1 == 0 {
                            expected.push((*place, Turn::Again));
                        }
                    }
                }
            }
            let mut woken = woken(&effects);
            woken.sort_unstable_by_key(|(place, _)| *place);
            prop_assert_eq!(&woken, &expected);
            for (place, _) in woken {
                waiting.remove(&place);
            }
            prop_assert_eq!(flights.has_waiting(), !waiting.is_empty());
            for number in 0..4 {
                let is_awaited = waiting.values().any(|(of, _)| *of == number);
                prop_assert_eq!(flights.is_under_way(&key(number)), here[usize::from(number)] || is_awaited);
            }
        }
    }
}
