//! What is kept comes back damaged, another's, or from a time that is yet to come: a miss, and
//! never an error or another answer.

use super::*;

const YEAR: u64 = 365 * 24 * 3600;

/// Something that befalls bytes that are kept.
type Damage = fn(&mut Vec<u8>);

const DAMAGES: [(&str, Damage); 6] = [
    ("emptied", Vec::clear),
    ("halved", |bytes| bytes.truncate(bytes.len() / 2)),
    ("a byte short", |bytes| bytes.truncate(bytes.len() - 1)),
    ("a byte too long", |bytes| bytes.push(0)),
    ("zeros", |bytes| bytes.fill(0)),
    ("garbage", |bytes| *bytes = vec![0xff; 4096]),
];

impl Gateway {
    /// The names of what is kept, entries alone or all of it.
    fn names(&self, entries: bool) -> Vec<String> {
        let values = self.world.store.values.borrow();
        let is_entry = |name: &&String| name.matches('/').count() == 4;
        let names = values.keys().filter(|name| !entries || is_entry(name));
        names.cloned().collect()
    }

    fn value(&self, name: &str) -> Vec<u8> {
        self.world.store.values.borrow()[name].0.clone()
    }

    fn befalls(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut values = self.world.store.values.borrow_mut();
        damage(&mut values.get_mut(name).unwrap().0);
    }

    /// The upstream has no answer.
    fn fails(&self, exchange: Box<Exchange>) {
        self.answer(exchange, (503, JSON_TYPE, "{}"), StreamEnd::Data);
    }

    /// The question is asked of the upstream, and its answer found again.
    fn recovers(&self, what: &str) {
        let red = saying("Red.", "stop");
        self.is_answered(QUESTION, (200, JSON_TYPE, &red));
        self.later(1);
        assert_eq!(self.asks(QUESTION).answered(), kept(&red), "{what}");
    }
}

#[test]
fn what_is_damaged_is_a_miss_and_replaced() {
    let blue = saying("Blue.", "stop");
    for settings in [json!({}), json!({"key_hash": "sha256"})] {
        for (what, damage) in DAMAGES {
            let gateway = Gateway::new(&settings);
            gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
            let [entry] = &gateway.names(true)[..] else {
                panic!("{:?}", gateway.names(false));
            };
            gateway.befalls(entry, damage);
            gateway.recovers(what);
            for name in gateway.names(false) {
                gateway.befalls(&name, damage);
            }
            gateway.recovers(what);
        }
    }
}

/// In any byte, of entries and of what leads to them.
#[test]
fn what_is_wrong_in_a_bit_is_right_or_a_miss() {
    let gateway = Gateway::new(&json!({}));
    let blue = saying("Blue.", "stop");
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    let entries = gateway.names(true);
    let whole = gateway.world.store.values.borrow().clone();
    for name in gateway.names(false) {
        for at in 0..gateway.value(&name).len() {
            gateway.befalls(&name, |bytes| bytes[at] ^= 1 << (at % 8));
            match gateway.asks(QUESTION) {
                Asked::Sent(exchange) => gateway.fails(exchange),
                answered => {
                    assert!(!entries.contains(&name), "{name} {at}");
                    assert_eq!(answered.answered(), kept(&blue), "{name} {at}");
                }
            }
            *gateway.world.store.values.borrow_mut() = whole.clone();
        }
    }
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
}

/// As where two keys had the same place and tag.
#[test]
fn what_answers_to_another_key_is_a_miss() {
    let gateway = Gateway::new(&json!({}));
    let [blue, red] = ["Blue.", "Red."].map(|text| saying(text, "stop"));
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    let [own] = &gateway.names(true)[..] else {
        panic!("{:?}", gateway.names(false));
    };
    let another = QUESTION.replace("Which", "What");
    let strangers: [fn(&Gateway, &str, &str); 4] = [
        |gateway, question, answer| gateway.is_answered(question, (200, JSON_TYPE, answer)),
        // The same question of another tenant.
        |gateway, _, answer| {
            let asked = gateway.ask(&[("api-key", "bob")], QUESTION).sent();
            gateway.answer(asked, (200, JSON_TYPE, answer), StreamEnd::Data);
        },
        // By another hash.
        |gateway, question, answer| {
            let other = Gateway::beside(gateway, b"secret", &json!({"key_hash": "sha256"}));
            other.is_answered(question, (200, JSON_TYPE, answer));
        },
        // Under another secret.
        |gateway, question, answer| {
            let other = Gateway::beside(gateway, b"another", &json!({}));
            other.is_answered(question, (200, JSON_TYPE, answer));
        },
    ];
    for keep in strangers {
        let before = gateway.names(true);
        keep(&gateway, &another, &red);
        let mut names = gateway.names(true).into_iter();
        let stranger = names.find(|name| !before.contains(name)).unwrap();
        let whole = gateway.value(own);
        let foreign = gateway.value(&stranger);
        gateway.befalls(own, |bytes| *bytes = foreign);
        gateway.fails(gateway.asks(QUESTION).sent());
        gateway.befalls(own, |bytes| *bytes = whole);
        assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    }
}

#[test]
fn another_version_finds_nothing_and_the_first_its_own() {
    let [blue, red] = ["Blue.", "Red."].map(|text| saying(text, "stop"));
    let first = Gateway::new(&json!({"version": "1"}));
    let second = Gateway::beside(&first, b"secret", &json!({"version": "2"}));
    first.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    second.is_answered(QUESTION, (200, JSON_TYPE, &red));
    assert_eq!(first.asks(QUESTION).answered(), kept(&blue));
    assert_eq!(second.asks(QUESTION).answered(), kept(&red));
}

/// The clock jumps, and later back to where it was.
#[test]
fn a_clock_that_jumps_makes_misses() {
    let blue = saying("Blue.", "stop");
    let then = 2 * YEAR * SECOND;
    for (now, is_given) in [
        (then - 4 * SECOND, true),
        (then - 6 * SECOND, false),
        (then - YEAR * SECOND, false),
        (0, false),
        (then + 80 * SECOND, true),
        (then + YEAR * SECOND, false),
        (u64::MAX - YEAR * SECOND, false),
        (u64::MAX, false),
    ] {
        let gateway = Gateway::new(&json!({"ttl_seconds": 100, "stale_seconds": 50}));
        let clock = &gateway.world.store.now;
        clock.set(then);
        gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
        clock.set(now);
        let asked = gateway.asks(QUESTION);
        assert_eq!(matches!(asked, Asked::Answered(_)), is_given, "{now}");
        if let Asked::Sent(exchange) = asked {
            gateway.answer(exchange, (200, JSON_TYPE, &blue), StreamEnd::Data);
        }
        // What was kept meanwhile is of a time that is over, or yet to come.
        clock.set(then + SECOND);
        if let Asked::Sent(exchange) = gateway.asks(QUESTION) {
            gateway.answer(exchange, (200, JSON_TYPE, &blue), StreamEnd::Data);
        }
        assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue), "{now}");
    }
}

/// Who was first may never have an answer.
#[test]
fn who_asked_before_a_clock_is_set_back_is_not_waited_for() {
    let blue = saying("Blue.", "stop");
    let settings = json!({"ttl_seconds": 100, "stale_seconds": 10_000});
    let gateway = Gateway::new(&settings);
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    gateway.later(1000);
    let abandoned = gateway.asks(QUESTION).sent();
    let worker = Gateway::beside(&gateway, b"secret", &settings);
    assert_eq!(worker.asks(QUESTION).answered().0, "stale");
    let clock = &gateway.world.store.now;
    clock.set(clock.get() - 500 * SECOND);
    worker.asks(QUESTION).sent();
    drop(abandoned);
}

#[test]
fn a_purge_of_before_a_clock_is_set_back_is_of_then() {
    let [blue, red] = ["Blue.", "Red."].map(|text| saying(text, "stop"));
    let gateway = Gateway::new(&json!({}));
    let clock = &gateway.world.store.now;
    let then = clock.get();
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    gateway.later(YEAR);
    let head = Head::to("/purge", &[("api-key", "ann")]);
    let rule = Rc::clone(gateway.pipeline.config().rule_for(&head));
    let purge = crate::config::Purge::All;
    let purged = gateway.pipeline.purge(&rule, purge, &head, &gateway.world);
    assert!(purged.is_ok());
    clock.set(then + SECOND);
    // It was kept before.
    gateway.fails(gateway.asks(QUESTION).sent());
    gateway.later(1);
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &red));
    gateway.later(1);
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&red));
}
