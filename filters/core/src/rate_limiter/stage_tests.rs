//! The stage over whole requests and answers: who is counted, what is guessed, what is owed.

use std::rc::Rc;

use super::bucket::{MINUTE, SECOND};
use crate::config::head::Head;
use crate::config::{Config, StageKind};
use crate::effect::Effect;
use crate::endpoint::Dialect;
use crate::exchange::{Ending, Exchange, ResponseHead, StreamEnd};
use crate::host::world::{Store, World};
use crate::pipeline::{Judged, Pipeline, StageMaker};
use crate::stage::Stage;

const START: u64 = 1_800_000_000 * SECOND;
const CHAT: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;

/// The head of a chat request.
fn chat(headers: &[(&str, &str)]) -> Head {
    Head::to("/openai/v1/chat/completions", headers)
}

/// A configured module in its world.
struct Gateway {
    pipeline: Pipeline,
    world: World,
}

impl Gateway {
    fn new(rate_limiter: &str) -> Gateway {
        let text = format!(r#"{{"rate_limiter":{rate_limiter}}}"#);
        Gateway::of(&text)
    }

    fn of(configuration: &str) -> Gateway {
        let stages = [StageKind::TokenEstimator, StageKind::RateLimiter];
        let config = Config::read(configuration.as_bytes(), &stages).unwrap();
        Gateway {
            pipeline: Pipeline::new(config, b"secret", StageMaker::ALL).unwrap(),
            world: World::of(&Store::at(START)),
        }
    }

    /// Sends a request; the answer's body where there is one at once.
    fn send(&self, head: &Head, body: &str) -> Result<Box<Exchange>, String> {
        self.send_as(Dialect::Chat, head, body)
    }

    fn send_as(&self, dialect: Dialect, head: &Head, body: &str) -> Result<Box<Exchange>, String> {
        let rule = Rc::clone(self.pipeline.config().rule_for(head));
        let incoming = self.pipeline.begin(dialect, None, rule, head);
        let effects = &mut Vec::new();
        match self
            .pipeline
            .judge(incoming, body.as_bytes(), &self.world, effects)
        {
            Judged::Send(exchange, _) => Ok(exchange),
            Judged::Reply(reply) => Err(String::from_utf8(reply.body).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// Answers it, with JSON where there is a body; tokens it settles to.
    fn answer(&self, mut exchange: Box<Exchange>, status: u16, body: &str) -> u64 {
        let effects = &mut Vec::new();
        exchange.on_response_head(&ResponseHead {
            status,
            content_type: if body.is_empty() {
                b""
            } else {
                b"application/json"
            },
            content_encoding: b"",
            cache: b"",
        });
        self.pipeline.on_response_chunk(
            &mut exchange,
            body.as_bytes(),
            false,
            &self.world,
            effects,
        );
        self.pipeline
            .settle(*exchange, StreamEnd::Data, &self.world, effects);
        let settled = effects.iter().find_map(|effect| match effect {
            Effect::Publish { key, value } if *key == "tollgate.settled_tokens" => Some(value),
            _ => None,
        });
        settled.unwrap().parse().unwrap()
    }

    fn wait(&self, time: u64) {
        let now = &self.world.store.now;
        now.set(now.get() + time);
    }
}

fn usage(prompt: u64, completion: u64) -> String {
    format!(r#"{{"usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}}}"#)
}

#[test]
fn no_request_is_too_large_for_what_its_answer_might_become() {
    let a = chat(&[("api-key", "a")]);
    let several = CHAT.replace("\"model\"", "\"n\":8,\"model\"");
    for limits in [
        r#"{"tokens_per_minute":1000}"#,
        r#"{"quotas":[{"period":"hour","tokens":1000}]}"#,
    ] {
        let gateway = Gateway::new(limits);
        assert!(
            gateway.send(&a, CHAT).is_ok(),
            "the default is as large as the limit"
        );
        let gateway = Gateway::new(limits);
        let exchange = gateway.send(&a, &several).unwrap();
        // Answers that are longer than the limit lock nobody out.
        assert_eq!(gateway.answer(exchange, 200, &usage(9, 7000)), 7009);
        gateway.wait(12 * 3600 * SECOND);
        assert!(gateway.send(&a, CHAT).is_ok());
        let long = CHAT.replace("hi", &"hello world ".repeat(1000));
        let refusal = gateway.send(&a, &long).unwrap_err();
        assert!(refusal.contains("too large"), "{refusal}");
    }
    // What the request allows is no guess; what it does not say is.
    let gateway = Gateway::new(r#"{"tokens_per_minute":1000,"reserve":"maximum"}"#);
    let allows = CHAT.replace("\"model\"", "\"max_tokens\":1000,\"model\"");
    let refusal = gateway.send(&a, &allows).unwrap_err();
    assert!(refusal.contains("too large"), "{refusal}");
    assert!(gateway.send(&a, CHAT).is_ok());
}

#[test]
fn an_answer_that_was_cut_off_says_nothing_of_others() {
    let gateway = Gateway::new(r#"{"tokens_per_minute":100000}"#);
    let a = chat(&[("api-key", "a")]);
    let cut = CHAT.replace("\"model\"", "\"max_tokens\":1,\"model\"");
    for _ in 0..5 {
        let exchange = gateway.send(&a, &cut).unwrap();
        gateway.answer(exchange, 200, &usage(9, 1));
    }
    gateway.wait(MINUTE);
    let admitted = (0..100).take_while(|_| gateway.send(&a, CHAT).is_ok());
    assert_eq!(
        admitted.count(),
        4,
        "of 5,000 tokens in a burst, 1,000 each"
    );
}

#[test]
fn without_a_clock_nothing_is_decided_and_nothing_forgotten() {
    let gateway =
        Gateway::new(r#"{"tokens_per_minute":1000,"quotas":[{"period":"month","tokens":1000}]}"#);
    let a = chat(&[("api-key", "a")]);
    let exchange = gateway.send(&a, CHAT).unwrap();
    assert!(gateway.send(&a, CHAT).is_err());
    let has_no_time = &gateway.world.store.has_no_time;
    has_no_time.set(true);
    let unlimited = gateway.send(&a, CHAT).unwrap();
    let effects = &mut Vec::new();
    for exchange in [exchange, unlimited] {
        gateway
            .pipeline
            .settle(*exchange, StreamEnd::Reset, &gateway.world, effects);
    }
    gateway.pipeline.on_tick(&gateway.world, effects);
    has_no_time.set(false);
    assert!(gateway.send(&a, CHAT).is_err());
}

#[test]
fn a_second_header_makes_nobody_another_tenant_and_a_key_is_no_claim() {
    let gateway = Gateway::new(r#"{"requests_per_minute":60}"#);
    let admitted = (0..100).filter(|at| {
        let key = at.to_string();
        let head = chat(&[("authorization", "Bearer real"), ("api-key", &key)]);
        gateway.send(&head, CHAT).is_ok()
    });
    assert_eq!(admitted.count(), 3);
    let gateway = Gateway::of(
        r#"{"tenant":[{"property":["jwt","sub"]},{"header":"api-key"}],
            "rate_limiter":{"requests_per_minute":60}}"#,
    );
    let alice = chat(&[("api-key", "alice")]);
    while gateway.send(&alice, CHAT).is_ok() {}
    let verified = Head {
        subject: Some(b"alice".to_vec()),
        ..chat(&[])
    };
    assert!(gateway.send(&verified, CHAT).is_ok());
}

#[test]
fn a_decision_costs_one_read_and_one_write_though_there_are_many_tenants() {
    let gateway = Gateway::new(
        r#"{"requests_per_minute":60000,"tokens_per_minute":60000000,"leases":false}"#,
    );
    let tenants: Vec<String> = (0..1000).map(|tenant| tenant.to_string()).collect();
    let heads: Vec<Head> = tenants
        .iter()
        .map(|tenant| chat(&[("api-key", tenant)]))
        .collect();
    let (mut decisions, mut reads, mut writes) = (0, 0, 0);
    for round in 0..3 {
        for head in &heads {
            gateway.wait(SECOND / 1000);
            let before = gateway.world.store.calls();
            let exchange = gateway.send(head, CHAT).unwrap();
            let after = gateway.world.store.calls();
            gateway.answer(exchange, 200, &usage(9, 70));
            if round > 0 {
                decisions += 1;
                reads += after.0 - before.0;
                writes += after.1 - before.1;
            }
        }
    }
    // What more there is are averages that two tenants keep at the same place of the worker.
    assert!(reads * 4 <= decisions * 5, "{reads} of {decisions}");
    assert!(writes * 4 <= decisions * 5, "{writes} of {decisions}");
    let one = Gateway::new(r#"{"requests_per_minute":60000,"leases":false}"#);
    for at in 0..10 {
        let before = one.world.store.calls();
        let exchange = one.send(&heads[0], CHAT).unwrap();
        let after = one.world.store.calls();
        let average = u64::from(at == 0);
        assert_eq!((after.0 - before.0, after.1 - before.1), (1 + average, 1));
        one.answer(exchange, 200, &usage(9, 70));
    }
}

/// A tenant that brings its average down on purpose, with answers cut off at one token, then
/// asks for long ones.
#[test]
fn what_is_overspent_is_paid_for() {
    let gateway = Gateway::new(r#"{"tokens_per_minute":1000,"leases":false}"#);
    let a = chat(&[("api-key", "a")]);
    let cut = CHAT.replace("\"model\"", "\"max_tokens\":1,\"model\"");
    let mut used = 0;
    for _ in 0..5 {
        for _ in 0..64 {
            gateway.wait(2 * SECOND);
            if let Ok(exchange) = gateway.send(&a, &cut) {
                used += gateway.answer(exchange, 200, &usage(9, 1));
            }
        }
        let mut in_flight = Vec::new();
        for _ in 0..600 {
            gateway.wait(SECOND / 10);
            in_flight.extend(gateway.send(&a, CHAT));
        }
        for exchange in in_flight {
            used += gateway.answer(exchange, 200, &usage(9, 6000));
        }
        while gateway.send(&a, &cut).is_err() {
            gateway.wait(10 * SECOND);
        }
    }
    let minutes = (gateway.world.store.now.get() - START) / MINUTE;
    assert!(used <= minutes * 1050, "{used} in {minutes} min");
}

#[test]
fn what_a_client_sends_is_not_sent_back_at_length() {
    let gateway = Gateway::new(r#"{"requests_per_minute":0}"#);
    let mut head = chat(&[("api-key", "a")]);
    head.path = format!(
        "/openai/v1/chat/completions?api-version={}",
        "9".repeat(50_000)
    );
    let long = CHAT.replace("gpt-4o", &"m".repeat(100));
    let body = gateway.send(&head, &long).unwrap_err();
    assert!(body.len() < 1000, "{}", body.len());
}

#[test]
fn what_was_worked_on_is_not_free() {
    let gateway = Gateway::new(r#"{"tokens_per_minute":100000}"#);
    let a = chat(&[("api-key", "a")]);
    let reserved = 1000;
    let exchange = gateway.send(&a, CHAT).unwrap();
    assert!(gateway.answer(exchange, 504, "") > reserved, "a timeout");
    let later = r#"{"model":"gpt-4o","input":"write a book","background":true}"#;
    let exchange = gateway.send_as(Dialect::Responses, &a, later).unwrap();
    let queued = r#"{"id":"resp_1","status":"queued","error":null,"output":[],"usage":null}"#;
    assert!(
        gateway.answer(exchange, 200, queued) > reserved,
        "an answer to be fetched"
    );
    let thinks = CHAT.replace("gpt-4o", "o3");
    let exchange = gateway.send(&a, &thinks).unwrap();
    let shown = r#"{"choices":[{"message":{"content":"Yes."}}]}"#;
    assert!(gateway.answer(exchange, 200, shown) > reserved, "thoughts");
    let exchange = gateway.send(&a, CHAT).unwrap();
    assert!(gateway.answer(exchange, 200, shown) < 20);
}

#[test]
fn what_a_later_stage_answers_costs_nothing() {
    let gateway = Gateway::new(r#"{"requests_per_minute":60,"tokens_per_minute":60000}"#);
    let a = chat(&[("api-key", "a")]);
    let stage = super::RateLimiter::new(false, b"secret");
    let ending = Ending {
        end: StreamEnd::Answered,
        status: 0,
        is_cache_hit: false,
        response: None,
    };
    for _ in 0..20 {
        let mut exchange = gateway.send(&a, CHAT).unwrap();
        stage.on_end(&mut exchange, &ending, &gateway.world, &mut Vec::new());
        assert!(exchange.reservation.is_none());
    }
}
