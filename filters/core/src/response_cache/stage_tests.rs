//! The stage, exchange by exchange, in a world whose clock the tests move.

mod drills;

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::callout::{Turn, Wait};
use crate::config::StageKind;
use crate::config::head::Head;
use crate::endpoint::Dialect;
use crate::exchange::ResponseHead;
use crate::host::world::{Store as Shared, World};
use crate::pipeline::{Judged, Pipeline, StageMaker, Waiting};
use crate::reply::Reply;

mod fleet;
mod flights;

const QUESTION: &str =
    r#"{"temperature":0,"messages":[{"role":"user","content":"Which colour?"}]}"#;
const JSON_TYPE: &str = "application/json";
const EVENTS_TYPE: &str = "text/event-stream; charset=utf-8";

/// A gateway of the content-screener and the cache.
struct Gateway {
    pipeline: Pipeline,
    world: World,
    /// What the stages wanted done, in order, but for what is only counted or published.
    effects: RefCell<Vec<Effect>>,
}

/// What became of a request.
#[derive(Debug)]
enum Asked {
    /// It was sent, and this is its exchange.
    Sent(Box<Exchange>),
    /// It was answered here.
    Answered(Reply),
    /// It waits.
    Waits(Box<Waiting>, Wait),
}

impl Asked {
    fn of(judged: Judged) -> Asked {
        match judged {
            Judged::Send(exchange, _) => Asked::Sent(exchange),
            Judged::Reply(reply) => Asked::Answered(reply),
            Judged::Wait(waiting, wait) => Asked::Waits(waiting, wait),
            other => panic!("{other:?}"),
        }
    }

    /// What the answer is, by the header and its body.
    fn answered(self) -> (String, String) {
        let Asked::Answered(reply) = self else {
            panic!("sent");
        };
        let told = reply.headers.iter().find(|(name, _)| *name == HEADER);
        let told = told.map_or_else(String::new, |(_, told)| told.clone());
        (told, String::from_utf8(reply.body).unwrap())
    }

    fn sent(self) -> Box<Exchange> {
        match self {
            Asked::Sent(exchange) => exchange,
            other => panic!("{other:?}"),
        }
    }

    fn waits(self) -> (Box<Waiting>, Wait) {
        match self {
            Asked::Waits(waiting, wait) => (waiting, wait),
            other => panic!("{other:?}"),
        }
    }
}

impl Gateway {
    fn new(settings: &Value) -> Gateway {
        Gateway::sharing(&Shared::at(1_000_000 * SECOND), b"secret", settings)
    }

    /// Of the same Envoy, with another secret or other settings.
    fn beside(other: &Gateway, secret: &[u8], settings: &Value) -> Gateway {
        Gateway::sharing(&other.world.store, secret, settings)
    }

    fn sharing(shared: &Rc<Shared>, secret: &[u8], settings: &Value) -> Gateway {
        let settings = json!({"response_cache": settings, "content_screener": {"personal_data": {"action": "mask"}}});
        let stages = [StageKind::ContentScreener, StageKind::ResponseCache];
        let config = Config::read(settings.to_string().as_bytes(), &stages).unwrap();
        Gateway {
            pipeline: Pipeline::new(config, secret, StageMaker::ALL).unwrap(),
            world: World::of(shared),
            effects: RefCell::default(),
        }
    }

    /// Does something, and takes note of what is wanted by it.
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Effect>) -> T) -> T {
        let mut effects = Vec::new();
        let done = act(&mut effects);
        effects.retain(|effect| matches!(effect, Effect::Wake { .. } | Effect::Call(_)));
        self.effects.borrow_mut().extend(effects);
        done
    }

    /// What is wanted since this was asked last.
    fn wanted(&self) -> Vec<Effect> {
        self.effects.take()
    }

    fn tick(&self) -> Vec<Effect> {
        self.with(|effects| self.pipeline.on_tick(&self.world, effects));
        self.wanted()
    }

    /// Something has come for a request that waits.
    fn resume(&self, waiting: Box<Waiting>, body: &str, news: News) -> Asked {
        let body = body.as_bytes();
        Asked::of(self.with(|effects| {
            self.pipeline
                .resume(*waiting, body, news, &self.world, effects)
        }))
    }

    fn later(&self, seconds: u64) {
        let now = &self.world.store.now;
        now.set(now.get() + seconds * SECOND);
    }

    fn ask(&self, headers: &[(&str, &str)], body: &str) -> Asked {
        let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
        let head = Head::to(path, headers);
        let rule = Rc::clone(self.pipeline.config().rule_for(&head));
        let deployment = Some("gpt-4o".to_owned());
        let incoming = self.pipeline.begin(Dialect::Chat, deployment, rule, &head);
        Asked::of(self.with(|effects| {
            self.pipeline
                .judge(incoming, body.as_bytes(), &self.world, effects)
        }))
    }

    /// Of the tenant `ann`.
    fn asks(&self, body: &str) -> Asked {
        self.ask(&[("api-key", "ann")], body)
    }

    /// What the upstream answers reaches the client as this, and its stream ends.
    fn answer(
        &self,
        mut exchange: Box<Exchange>,
        (status, content_type, body): (u16, &str, &str),
        end: StreamEnd,
    ) -> String {
        exchange.on_response_head(&ResponseHead {
            status,
            content_type: content_type.as_bytes(),
            content_encoding: b"",
            cache: b"",
        });
        let mut sent = Vec::new();
        let (first, rest) = body.split_at(body.len() / 2);
        for (chunk, is_end) in [(first, false), (rest, true)] {
            let instead = self.with(|effects| {
                let (chunk, world) = (chunk.as_bytes(), &self.world);
                self.pipeline
                    .on_response_chunk(&mut exchange, chunk, is_end, world, effects)
            });
            sent.extend(instead.unwrap_or_else(|| chunk.as_bytes().to_vec()));
        }
        self.with(|effects| self.pipeline.settle(*exchange, end, &self.world, effects));
        String::from_utf8(sent).unwrap()
    }

    /// Asks and is answered by the upstream.
    fn is_answered(&self, body: &str, answer: (u16, &str, &str)) {
        self.answer(self.asks(body).sent(), answer, StreamEnd::Data);
    }
}

fn saying(text: &str, finish_reason: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 14, "completion_tokens": 2, "total_tokens": 16},
    })
    .to_string()
}

fn kept(answer: &str) -> (String, String) {
    ("hit".to_owned(), answer.to_owned())
}

#[test]
fn what_is_kept_is_given_until_its_time_is_over() {
    let gateway = Gateway::new(&json!({"ttl_seconds": 100, "stale_seconds": 50}));
    let blue = saying("Blue.", "stop");
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    // A tenth of the time may be missing.
    gateway.later(89);
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    gateway.later(21);
    // One asks for a new answer, and the others have the old one meanwhile.
    let first = gateway.asks(QUESTION).sent();
    let stale = ("stale".to_owned(), blue.clone());
    assert_eq!(gateway.asks(QUESTION).answered(), stale);
    assert_eq!(gateway.asks(QUESTION).answered(), stale);
    let red = saying("Red.", "stop");
    gateway.answer(first, (200, JSON_TYPE, &red), StreamEnd::Data);
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&red));
    gateway.later(200);
    gateway.asks(QUESTION).sent();
}

#[test]
fn who_asks_for_a_new_answer_and_gets_none_leaves_it_to_the_next() {
    let gateway = Gateway::new(&json!({"ttl_seconds": 100, "stale_seconds": 500}));
    let blue = saying("Blue.", "stop");
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    gateway.later(101);
    for answer in [
        (500, JSON_TYPE, "{}"),
        (200, JSON_TYPE, "{\"choices\":"),
        (429, JSON_TYPE, "{}"),
    ] {
        let first = gateway.asks(QUESTION).sent();
        assert_eq!(gateway.asks(QUESTION).answered().0, "stale");
        gateway.answer(first, answer, StreamEnd::Data);
    }
    gateway.asks(QUESTION).sent();
}

#[test]
fn only_what_is_whole_and_ended_by_itself_is_kept() {
    let [stop, length, filter, calls] =
        ["stop", "length", "content_filter", "tool_calls"].map(|reason| saying("Blue.", reason));
    let long = saying(&"Blue. ".repeat(400), "stop");
    let events = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Blue.\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let done = format!("{events}data: [DONE]\n\n");
    let error =
        r#"{"error":{"code":"content_filter","message":"no","param":"prompt","type":null}}"#;
    use StreamEnd::{Data, Reset, Trailers};
    for (answer, end, is_kept) in [
        ((200, JSON_TYPE, &*stop), Data, true),
        ((200, JSON_TYPE, &stop), Trailers, true),
        ((200, JSON_TYPE, &stop[..stop.len() - 1]), Data, false),
        ((200, JSON_TYPE, &stop), Reset, true),
        ((200, JSON_TYPE, &length), Data, false),
        ((200, JSON_TYPE, &filter), Data, false),
        ((200, JSON_TYPE, &calls), Data, false),
        ((200, JSON_TYPE, &long), Data, false),
        ((200, JSON_TYPE, "{}"), Data, false),
        ((200, "text/html", &stop), Data, false),
        ((201, JSON_TYPE, &stop), Data, false),
        ((200, EVENTS_TYPE, &done), Data, true),
        ((200, EVENTS_TYPE, events), Data, false),
        ((200, EVENTS_TYPE, ""), Reset, false),
        ((400, JSON_TYPE, error), Data, true),
        ((400, JSON_TYPE, "{}"), Data, false),
        ((429, JSON_TYPE, error), Data, false),
    ] {
        let gateway = Gateway::new(&json!({"max_entry_bytes": 2048}));
        gateway.answer(gateway.asks(QUESTION).sent(), answer, end);
        let again = gateway.asks(QUESTION);
        assert_eq!(
            matches!(again, Asked::Answered(_)),
            is_kept,
            "{answer:?} {end:?}"
        );
    }
    let gateway = Gateway::new(&json!({"tool_calls": true, "negative_seconds": 0}));
    gateway.is_answered(QUESTION, (400, JSON_TYPE, error));
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &calls));
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&calls));
}

#[test]
fn what_the_client_says_of_caches_counts() {
    let gateway = Gateway::new(&json!({}));
    let ask = |control| gateway.ask(&[("api-key", "ann"), ("cache-control", control)], QUESTION);
    let [blue, red] = ["Blue.", "Red."].map(|text| saying(text, "stop"));
    assert_eq!(ask("only-if-cached").answered().0, "miss");
    gateway.answer(
        ask("no-store").sent(),
        (200, JSON_TYPE, &red),
        StreamEnd::Data,
    );
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    ask("no-store").sent();
    assert_eq!(ask("only-if-cached").answered(), kept(&blue));
    gateway.later(20);
    assert_eq!(ask("max-age=20").answered(), kept(&blue));
    ask("max-age=19").sent();
    ask("max-age=0").sent();
    gateway.answer(
        ask("no-cache").sent(),
        (200, JSON_TYPE, &red),
        StreamEnd::Data,
    );
    assert_eq!(ask("max-age=19").answered(), kept(&red));
}

#[test]
fn an_answer_is_its_tenants_and_its_places() {
    let gateway = Gateway::new(&json!({}));
    let blue = saying("Blue.", "stop");
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    for headers in [
        &[("api-key", "bob")][..],
        &[],
        &[("api-key", "ann"), ("authorization", "Bearer bob")],
        &[("api-key", "ann"), ("openai-organization", "o")],
        &[("api-key", "ann"), ("openai-beta", "b")],
    ] {
        gateway.ask(headers, QUESTION).sent();
    }
    let shared = Gateway::new(&json!({"scope": "shared"}));
    shared.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    assert_eq!(shared.ask(&[], QUESTION).answered(), kept(&blue));
}

#[test]
fn users_whose_masked_prompts_are_the_same_share_an_answer_and_no_data() {
    let gateway = Gateway::new(&json!({"scope": "shared"}));
    let question =
        |mail: &str| QUESTION.replace("Which colour?", &format!("I am {mail}, who am I?"));
    let answer = saying("You are [EMAIL_1].", "stop");
    let sent = gateway.answer(
        gateway.asks(&question("ann@example.com")).sent(),
        (200, JSON_TYPE, &answer),
        StreamEnd::Data,
    );
    assert_eq!(sent, saying("You are ann@example.com.", "stop"));
    let (told, given) = gateway
        .ask(&[("api-key", "bob")], &question("bob@example.com"))
        .answered();
    assert_eq!(
        (&*told, given),
        ("hit", saying("You are bob@example.com.", "stop"))
    );
    // As a stream too.
    let wants_stream =
        question("eve@example.com").replace("\"temperature\"", "\"stream\":true,\"temperature\"");
    let (_, stream) = gateway.ask(&[], &wants_stream).answered();
    assert!(
        stream.contains("eve@example.com") && !stream.contains("EMAIL") && !stream.contains("ann"),
        "{stream}"
    );
}

#[test]
fn a_purge_ends_what_was_asked_before_it() {
    let settings = json!({"ttl_seconds": 1000});
    let gateway = Gateway::new(&settings);
    let blue = saying("Blue.", "stop");
    let purge = |purge, key| {
        let head = Head::to("/purge", &[("api-key", key)]);
        let rule = Rc::clone(gateway.pipeline.config().rule_for(&head));
        let purged = gateway.pipeline.purge(&rule, purge, &head, &gateway.world);
        purged
            .map_err(|(refused, _)| refused)
            .map(|(reply, _)| String::from_utf8(reply.body).unwrap())
    };
    use crate::config::Purge::{All, Tenant};
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    let asked_before = gateway.asks(&QUESTION.replace("Which", "What")).sent();
    gateway.later(1);
    assert_eq!(
        purge(Tenant, "bob"),
        Ok(r#"{"purged":"tenant"}"#.to_owned())
    );
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    assert_eq!(
        purge(Tenant, "ann"),
        Ok(r#"{"purged":"tenant"}"#.to_owned())
    );
    gateway.later(1);
    // What was under way is not of after the purge.
    gateway.answer(asked_before, (200, JSON_TYPE, &blue), StreamEnd::Data);
    gateway.asks(&QUESTION.replace("Which", "What")).sent();
    gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    assert_eq!(gateway.asks(QUESTION).answered(), kept(&blue));
    gateway.later(1);
    assert_eq!(purge(All, ""), Ok(r#"{"purged":"all"}"#.to_owned()));
    gateway.asks(QUESTION).sent();
    assert_eq!(purge(Tenant, ""), Err(Refused::NoTenant));
    gateway.world.store.is_broken.set(true);
    assert_eq!(purge(All, ""), Err(Refused::NotPurged));
}

#[test]
fn a_world_that_fails_means_misses() {
    let blue = saying("Blue.", "stop");
    let rows: [fn(&Gateway); 3] = [
        |gateway| gateway.world.store.is_broken.set(true),
        |gateway| gateway.world.store.has_no_time.set(true),
        // A clock set back: what was kept is from a time that is yet to come.
        |gateway| gateway.world.store.now.set(5 * SECOND),
    ];
    for fail in rows {
        let gateway = Gateway::new(&json!({}));
        gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
        fail(&gateway);
        gateway.is_answered(QUESTION, (200, JSON_TYPE, &blue));
    }
}

#[test]
fn requests_whose_answers_are_not_kept_say_why() {
    let message = r#""messages":[{"role":"user","content":"q"}]"#;
    for (fields, why) in [
        ("", "not_deterministic"),
        (r#","temperature":0.5"#, "not_deterministic"),
        (r#","temperature":-0.00e7"#, ""),
        (r#","seed":null"#, "not_deterministic"),
        (r#","seed":1"#, ""),
        (r#","temperature":0,"store":true"#, "provider_state"),
        (
            r#","temperature":0,"web_search_options":{}"#,
            "hosted_tools",
        ),
        (r#","temperature":0,"web_search_options":null"#, ""),
        (
            r#","temperature":0,"tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"c"}}]"#,
            "",
        ),
        (
            r#","temperature":0,"tools":[{"type":"mcp","server_label":"s"}]"#,
            "hosted_tools",
        ),
    ] {
        let gateway = Gateway::new(&json!({}));
        let exchange = gateway.asks(&format!("{{{message}{fields}}}")).sent();
        let told = exchange.cached.as_ref().unwrap().told.clone();
        let expected = match why {
            "" => "miss".to_owned(),
            why => format!("bypass; reason={why}"),
        };
        assert_eq!(told, expected, "{fields}");
    }
}
