//! Envoys that share a store: two gateways, and a Redis of a few lines.

use std::collections::BTreeMap;

use super::*;
use crate::callout::{Answer, Callout};
use crate::config::Purge;

/// What Webdis in front of Redis answers, as far as it is asked.
#[derive(Default)]
struct Redis(RefCell<BTreeMap<String, Vec<u8>>>);

impl Redis {
    fn answer(&self, call: &Callout) -> News {
        let (_, path) = &call.headers[1];
        let parts: Vec<&str> = path
            .trim_start_matches('/')
            .trim_end_matches(".raw")
            .split('/')
            .collect();
        let mut values = self.0.borrow_mut();
        let body = match *parts {
            ["SETEX", key, _] => {
                values.insert(key.to_owned(), call.body.clone());
                b"+OK\r\n".to_vec()
            }
            ["MGET", ref keys @ ..] => {
                let mut body = format!("*{}\r\n", keys.len()).into_bytes();
                for value in keys.iter().filter_map(|key| values.get(*key)) {
                    body.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
                    body.extend_from_slice(value);
                    body.extend_from_slice(b"\r\n");
                }
                body
            }
            _ => panic!("{path}"),
        };
        News::Answer(Answer { status: 200, body })
    }
}

fn gateway(settings: &Value) -> Gateway {
    let mut gateway = Gateway::new(settings);
    let config = json!({"response_cache": settings, "fleet_store": {"cluster": "webdis"}});
    let config = Config::read(config.to_string().as_bytes(), &[StageKind::ResponseCache]).unwrap();
    gateway.pipeline = Pipeline::new(config, b"secret", StageMaker::ALL).unwrap();
    gateway
}

impl Gateway {
    /// Asks, and has the store answer.
    fn asks_fleet(&self, redis: &Redis, body: &str) -> Asked {
        match self.asks(body) {
            Asked::Waits(waiting, Wait::Answer(call)) => {
                self.resume(waiting, body, redis.answer(&call))
            }
            asked => asked,
        }
    }

    /// What is queued reaches the store.
    fn sends(&self, redis: &Redis) {
        for effect in self.tick() {
            let Effect::Call(call) = effect else {
                panic!("{effect:?}");
            };
            let news = redis.answer(&call);
            self.with(|effects| self.pipeline.on_answer(&news, &self.world, effects));
        }
    }
}

#[test]
fn what_one_envoy_keeps_another_finds() {
    let redis = Redis::default();
    let [one, two] = [(); 2].map(|()| gateway(&json!({})));
    let blue = saying("Blue.", "stop");
    let first = one.asks_fleet(&redis, QUESTION).sent();
    one.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    one.sends(&redis);
    let (told, answer) = two.asks_fleet(&redis, QUESTION).answered();
    assert_eq!((&*told, &answer), ("hit; store=fleet", &blue));
    // From then on its own memory has it.
    assert_eq!(two.asks(QUESTION).answered(), kept(&blue));
    // As a stream too.
    let events = QUESTION.replacen('{', "{\"stream\":true,", 1);
    assert!(two.asks(&events).answered().1.starts_with("data: "));
}

#[test]
fn what_is_kept_for_no_fleet_stays_here() {
    let redis = Redis::default();
    let one = gateway(&json!({"fleet": false}));
    let first = one.asks(QUESTION).sent();
    one.answer(
        first,
        (200, JSON_TYPE, &saying("Blue.", "stop")),
        StreamEnd::Data,
    );
    one.sends(&redis);
    assert!(redis.0.borrow().is_empty());
}

#[test]
fn a_store_that_does_not_answer_makes_misses() {
    for news in [
        News::NoAnswer,
        News::Answer(Answer {
            status: 504,
            body: b"upstream request timeout".to_vec(),
        }),
        News::Answer(Answer {
            status: 200,
            body: b"*1\r\n$3\r\nabc\r\n".to_vec(),
        }),
    ] {
        let one = gateway(&json!({}));
        let (waiting, _) = one.asks(QUESTION).waits();
        let first = one.resume(waiting, QUESTION, news).sent();
        // Who asks the same meanwhile waits for the first, and not for the store.
        let (second, wait) = one.asks(QUESTION).waits();
        assert!(matches!(wait, Wait::Turn(_)));
        let blue = saying("Blue.", "stop");
        one.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
        let second = one.resume(second, QUESTION, News::Turn(Turn::Again));
        assert_eq!(second.answered(), kept(&blue));
    }
}

#[test]
fn those_who_wait_for_who_asks_the_store_have_what_it_finds() {
    let redis = Redis::default();
    let [one, two] = [(); 2].map(|()| gateway(&json!({})));
    let blue = saying("Blue.", "stop");
    let first = one.asks_fleet(&redis, QUESTION).sent();
    one.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    one.sends(&redis);
    let (first, wait) = two.asks(QUESTION).waits();
    let Wait::Answer(call) = wait else {
        panic!("{wait:?}");
    };
    let (second, wait) = two.asks(QUESTION).waits();
    assert!(matches!(wait, Wait::Turn(_)));
    let first = two.resume(first, QUESTION, redis.answer(&call));
    assert_eq!(first.answered().1, blue);
    assert_eq!(two.wanted().len(), 1);
    let second = two.resume(second, QUESTION, News::Turn(Turn::Again));
    assert_eq!(second.answered(), kept(&blue));
    // Who goes away while the store is asked leaves it to the next.
    let question = QUESTION.replace("Which", "What");
    let (first, _) = two.asks(&question).waits();
    let (second, _) = two.asks(&question).waits();
    two.with(|effects| two.pipeline.abandon(*first, &two.world, effects));
    assert_eq!(two.wanted().len(), 1);
    two.resume(second, &question, News::Turn(Turn::Again))
        .sent();
}

#[test]
fn only_if_cached_asks_the_fleet_and_nobody_else() {
    let redis = Redis::default();
    let [one, two] = [(); 2].map(|()| gateway(&json!({})));
    let only = &[("api-key", "ann"), ("cache-control", "only-if-cached")];
    let ask = |gateway: &Gateway| match gateway.ask(only, QUESTION) {
        Asked::Waits(waiting, Wait::Answer(call)) => {
            gateway.resume(waiting, QUESTION, redis.answer(&call))
        }
        asked => asked,
    };
    assert_eq!(ask(&two).answered().0, "miss");
    let blue = saying("Blue.", "stop");
    let first = one.asks_fleet(&redis, QUESTION).sent();
    one.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
    one.sends(&redis);
    assert_eq!(ask(&two).answered(), ("hit; store=fleet".to_owned(), blue));
}

#[test]
fn a_purge_reaches_the_fleet() {
    for purge in [Purge::All, Purge::Tenant] {
        let redis = Redis::default();
        let [one, two] = [(); 2].map(|()| gateway(&json!({})));
        let blue = saying("Blue.", "stop");
        let first = one.asks_fleet(&redis, QUESTION).sent();
        one.answer(first, (200, JSON_TYPE, &blue), StreamEnd::Data);
        one.sends(&redis);
        two.asks_fleet(&redis, QUESTION).answered();
        two.sends(&redis);
        for gateway in [&one, &two] {
            gateway.later(1);
        }
        let head = Head::to("/purge", &[("api-key", "ann")]);
        let rule = Rc::clone(one.pipeline.config().rule_for(&head));
        let (_, call) = one.pipeline.purge(&rule, purge, &head, &one.world).unwrap();
        let noted = redis.answer(&call.unwrap());
        assert!(crate::response_cache::fleet::Purge::is_noted(&noted));
        one.asks_fleet(&redis, QUESTION).sent();
        // The other hears of it with its next question, which hits bring about too.
        assert_eq!(two.asks(QUESTION).answered(), kept(&blue));
        two.later(5);
        assert_eq!(two.asks(QUESTION).answered(), kept(&blue));
        two.sends(&redis);
        two.asks_fleet(&redis, QUESTION).sent();
    }
}

#[test]
fn without_a_secret_nothing_is_shared() {
    let config = json!({"fleet_store": {"cluster": "webdis"}});
    let config = Config::read(config.to_string().as_bytes(), &[StageKind::ResponseCache]).unwrap();
    let refused = Pipeline::new(config, b"", StageMaker::ALL).err().unwrap();
    assert!(refused.to_string().contains("TOLLGATE_SECRET"), "{refused}");
}
