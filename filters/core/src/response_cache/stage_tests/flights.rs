//! Requests that wait for one like them.

use super::*;
use crate::callout::Place;

fn place(wait: &Wait) -> Place {
    match wait {
        Wait::Turn(place) => *place,
        Wait::Answer(_) => panic!("{wait:?}"),
    }
}

/// Those who are woken, by what for.
fn woken(effects: &[Effect]) -> Vec<(Place, Turn)> {
    let woken = effects.iter().map(|effect| match effect {
        Effect::Wake { place, turn } => (*place, *turn),
        other => panic!("{other:?}"),
    });
    woken.collect()
}

#[test]
fn like_requests_wait_for_what_the_first_brings() {
    let gateway = Gateway::new(&json!({}));
    let first = gateway.asks(QUESTION).sent();
    let (second, wait) = gateway.asks(QUESTION).waits();
    // Another question, and another tenant's, do not wait.
    gateway.asks(&QUESTION.replace("Which", "What")).sent();
    gateway.ask(&[("api-key", "bob")], QUESTION).sent();
    assert_eq!(gateway.wanted(), []);
    let blue = saying("Blue.", "stop");
    gateway.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    assert_eq!(woken(&gateway.wanted()), [(place(&wait), Turn::Again)]);
    let answered = gateway.resume(second, QUESTION, News::Turn(Turn::Again));
    assert_eq!(answered.answered(), kept(&blue));
}

#[test]
fn who_waits_goes_on_alone_where_the_first_brings_nothing_to_keep() {
    for answer in [
        (200, JSON_TYPE, &*saying("Blue.", "length")),
        (404, JSON_TYPE, "{}"),
        (200, "text/html", "<p>"),
    ] {
        let gateway = Gateway::new(&json!({}));
        let first = gateway.asks(QUESTION).sent();
        let waiting = [(); 2].map(|()| gateway.asks(QUESTION).waits());
        gateway.answer(first, answer, StreamEnd::Data);
        let expected = [0, 1].map(|at: usize| (place(&waiting[at].1), Turn::Alone));
        assert_eq!(woken(&gateway.wanted()), expected);
        let sent = waiting.map(|(waiting, _)| {
            gateway
                .resume(waiting, QUESTION, News::Turn(Turn::Alone))
                .sent()
        });
        // Nobody waits for those.
        gateway.asks(QUESTION).sent();
        for exchange in sent {
            gateway.answer(exchange, answer, StreamEnd::Data);
        }
        assert_eq!(gateway.wanted(), []);
    }
}

#[test]
fn where_the_first_goes_away_the_next_is_the_first() {
    let gateway = Gateway::new(&json!({}));
    let first = gateway.asks(QUESTION).sent();
    let [(second, _), (third, wait)] = [(); 2].map(|()| gateway.asks(QUESTION).waits());
    gateway.answer(first, (200, JSON_TYPE, "{"), StreamEnd::Reset);
    assert_eq!(gateway.wanted().len(), 2);
    let second = gateway
        .resume(second, QUESTION, News::Turn(Turn::Again))
        .sent();
    let (third, again) = gateway
        .resume(third, QUESTION, News::Turn(Turn::Again))
        .waits();
    assert_ne!(place(&wait), place(&again));
    let blue = saying("Blue.", "stop");
    gateway.answer(second, (200, JSON_TYPE, &blue), StreamEnd::Data);
    assert_eq!(woken(&gateway.wanted()), [(place(&again), Turn::Again)]);
    let third = gateway.resume(third, QUESTION, News::Turn(Turn::Again));
    assert_eq!(third.answered(), kept(&blue));
}

#[test]
fn nobody_waits_for_longer_than_is_said() {
    let gateway = Gateway::new(&json!({"flight_wait_milliseconds": 3000}));
    let first = gateway.asks(QUESTION).sent();
    let (second, wait) = gateway.asks(QUESTION).waits();
    assert!(gateway.pipeline.wants_tick());
    gateway.later(2);
    assert_eq!(gateway.tick(), []);
    gateway.later(1);
    assert_eq!(woken(&gateway.tick()), [(place(&wait), Turn::Alone)]);
    assert!(!gateway.pipeline.wants_tick());
    let second = gateway
        .resume(second, QUESTION, News::Turn(Turn::Alone))
        .sent();
    let blue = saying("Blue.", "stop");
    gateway.answer(second, (200, JSON_TYPE, &blue), StreamEnd::Data);
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    gateway.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    let gateway = Gateway::new(&json!({"flight_wait_milliseconds": 0}));
    for _ in 0..3 {
        gateway.asks(QUESTION).sent();
    }
}

#[test]
fn who_waits_and_goes_away_is_not_waited_for() {
    let gateway = Gateway::new(&json!({}));
    let first = gateway.asks(QUESTION).sent();
    let (second, _) = gateway.asks(QUESTION).waits();
    gateway
        .pipeline
        .abandon(*second, &gateway.world, &mut Vec::new());
    assert!(!gateway.pipeline.wants_tick());
    let blue = saying("Blue.", "stop");
    gateway.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    assert_eq!(gateway.wanted(), []);
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
}

#[test]
fn those_who_want_no_waiting_do_not_wait() {
    let gateway = Gateway::new(&json!({}));
    let _first = gateway.asks(QUESTION).sent();
    let ask = |control| gateway.ask(&[("api-key", "ann"), ("cache-control", control)], QUESTION);
    ask("no-cache").sent();
    ask("no-store").sent();
    ask("max-age=0").sent();
    assert_eq!(ask("only-if-cached").answered().0, "miss");
    ask("max-age=5").waits();
}

#[test]
fn nobody_waits_for_the_end_of_what_is_not_kept() {
    let long = "x".repeat(3000);
    for ((status, content_type, chunk), turn) in [
        ((500, JSON_TYPE, "{"), Turn::Again),
        ((429, JSON_TYPE, "{"), Turn::Again),
        ((404, JSON_TYPE, "{"), Turn::Alone),
        ((200, JSON_TYPE, &*long), Turn::Alone),
    ] {
        let gateway = Gateway::new(&json!({"max_entry_bytes": 2048}));
        let mut first = gateway.asks(QUESTION).sent();
        let (_second, wait) = gateway.asks(QUESTION).waits();
        first.on_response_head(&ResponseHead {
            status,
            content_type: content_type.as_bytes(),
            content_encoding: b"",
            cache: b"",
        });
        gateway.with(|effects| {
            let chunk = chunk.as_bytes();
            let world = &gateway.world;
            gateway
                .pipeline
                .on_response_chunk(&mut first, chunk, false, world, effects)
        });
        assert_eq!(woken(&gateway.wanted()), [(place(&wait), turn)], "{status}");
        // Once: at its end there is nobody left, and nothing that says it is still under way.
        gateway.asks(QUESTION).sent();
        gateway.with(|effects| {
            gateway
                .pipeline
                .settle(*first, StreamEnd::Data, &gateway.world, effects)
        });
        assert_eq!(gateway.wanted(), []);
    }
}

#[test]
fn what_is_too_old_for_who_asks_is_asked_for_by_one() {
    let gateway = Gateway::new(&json!({}));
    let blue = saying("Blue.", "stop");
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    gateway.later(20);
    let ask = || {
        gateway.ask(
            &[("api-key", "ann"), ("cache-control", "max-age=9")],
            QUESTION,
        )
    };
    let first = ask().sent();
    let (second, _) = ask().waits();
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    gateway.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    let second = gateway.resume(second, QUESTION, News::Turn(Turn::Again));
    assert_eq!(second.answered(), kept(&blue));
}

#[test]
fn what_was_purged_is_asked_for_by_one() {
    let gateway = Gateway::new(&json!({}));
    let blue = saying("Blue.", "stop");
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    gateway.later(1);
    let head = Head::to("/purge", &[("api-key", "ann")]);
    let rule = Rc::clone(gateway.pipeline.config().rule_for(&head));
    let all = crate::config::Purge::All;
    let purged = gateway.pipeline.purge(&rule, all, &head, &gateway.world);
    assert!(purged.is_ok());
    gateway.later(1);
    let first = gateway.asks(QUESTION).sent();
    let (second, _) = gateway.asks(QUESTION).waits();
    gateway.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    let second = gateway.resume(second, QUESTION, News::Turn(Turn::Again));
    assert_eq!(second.answered(), kept(&blue));
}

#[test]
fn of_all_workers_one_asks() {
    let one = Gateway::new(&json!({}));
    let mut two = Gateway::new(&json!({}));
    two.world = World::of(&one.world.store);
    let first = one.asks(QUESTION).sent();
    let (second, wait) = two.asks(QUESTION).waits();
    let (third, other) = two.asks(QUESTION).waits();
    assert_eq!(two.tick(), []);
    let blue = saying("Blue.", "stop");
    one.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    let again = [&wait, &other].map(|wait| (place(wait), Turn::Again));
    assert_eq!(woken(&two.tick()), again);
    for waiting in [second, third] {
        let answered = two.resume(waiting, QUESTION, News::Turn(Turn::Again));
        assert_eq!(answered.answered(), kept(&blue));
    }
    // Where it brings nothing, one of the others asks.
    let question = QUESTION.replace("Which", "What");
    let first = one.asks(&question).sent();
    let (second, _) = two.asks(&question).waits();
    let (third, _) = two.asks(&question).waits();
    one.answer(first, (404, JSON_TYPE, "{}"), StreamEnd::Data);
    assert_eq!(two.tick().len(), 2);
    let second = two
        .resume(second, &question, News::Turn(Turn::Again))
        .sent();
    let (third, _) = two
        .resume(third, &question, News::Turn(Turn::Again))
        .waits();
    two.answer(second, (404, JSON_TYPE, "{}"), StreamEnd::Data);
    assert_eq!(two.wanted().len(), 1);
    two.resume(third, &question, News::Turn(Turn::Alone)).sent();
}

#[test]
fn who_is_masked_waits_too_and_gets_its_own_data_back() {
    let gateway = Gateway::new(&json!({"scope": "shared"}));
    let question = |mail: &str| QUESTION.replace("Which colour?", &format!("I am {mail}."));
    let [ann, bob] = ["ann@example.com", "bob@example.com"].map(question);
    let first = gateway.asks(&ann).sent();
    let (second, _) = gateway.asks(&bob).waits();
    let answer = saying("You are [EMAIL_1].", "stop");
    gateway.answer(first, (200, JSON_TYPE, &answer), StreamEnd::Data);
    let answered = gateway.resume(second, &bob, News::Turn(Turn::Again));
    assert_eq!(
        answered.answered(),
        kept(&saying("You are bob@example.com.", "stop"))
    );
}
