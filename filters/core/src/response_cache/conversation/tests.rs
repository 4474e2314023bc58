//! Conversations through the stage, turn by turn.

use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::config::head::Head;
use crate::config::{Config, StageKind};
use crate::endpoint::Dialect;
use crate::exchange::{ResponseHead, StreamEnd};
use crate::host::world::{Store, World};
use crate::pipeline::{Judged, Pipeline, Read, StageMaker};

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

struct Gateway {
    pipeline: Pipeline,
    world: World,
}

/// What became of a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Turn {
    /// `tollgate.prefix`.
    key: Option<String>,
    /// `tollgate.prefix_seen`.
    seen: Option<String>,
    header: Option<String>,
    /// The body that is sent, where it is another one.
    edited: Option<String>,
    /// Counted when the answer began: bytes, and those of them that were seen.
    counted: (u64, u64),
}

impl Gateway {
    fn new(settings: Value) -> Gateway {
        Gateway::of(&json!({"response_cache": settings}))
    }

    fn of(settings: &Value) -> Gateway {
        let config = Config::read(settings.to_string().as_bytes(), &[StageKind::ResponseCache]);
        Gateway {
            pipeline: Pipeline::new(config.unwrap(), b"secret", StageMaker::ALL).unwrap(),
            world: World::of(&Store::at(1_000_000 * SECOND)),
        }
    }

    fn later(&self, seconds: u64) {
        let now = &self.world.store.now;
        now.set(now.get() + seconds * SECOND);
    }

    /// A turn of `ann`'s in Azure's chat API that is answered with 200.
    fn turn(&self, body: &str) -> Turn {
        self.turn_of(Dialect::Chat, &[("api-key", "ann")], body, 200, "")
    }

    fn key(&self, body: &str) -> String {
        self.turn(body).key.unwrap()
    }

    fn turn_of(
        &self,
        dialect: Dialect,
        headers: &[(&str, &str)],
        body: &str,
        status: u16,
        cache: &str,
    ) -> Turn {
        self.cut_turn(dialect, headers, body, &[], (status, cache))
    }

    fn cut_turn(
        &self,
        dialect: Dialect,
        headers: &[(&str, &str)],
        body: &str,
        cuts: &[usize],
        (status, cache): (u16, &str),
    ) -> Turn {
        let head = Head::to(AZURE, headers);
        let rule = Rc::clone(self.pipeline.config().rule_for(&head));
        let deployment = Some("gpt-4o".to_owned());
        let mut incoming = self.pipeline.begin(dialect, deployment, rule, &head);
        for cut in cuts {
            assert!(matches!(incoming.read(&body.as_bytes()[..*cut]), Read::On));
        }
        let mut effects = Vec::new();
        let judged = self
            .pipeline
            .judge(incoming, body.as_bytes(), &self.world, &mut effects);
        let (mut exchange, edited) = match judged {
            Judged::Send(exchange, edited) => (exchange, edited),
            other => panic!("{other:?}"),
        };
        let mut turn = Turn {
            edited: edited.map(|body| String::from_utf8(body).unwrap()),
            ..Turn::default()
        };
        exchange.on_response_head(&ResponseHead {
            status,
            content_type: b"application/json",
            content_encoding: b"",
            cache: cache.as_bytes(),
        });
        self.pipeline
            .on_response_head(&exchange, &self.world, &mut effects);
        self.pipeline
            .settle(*exchange, StreamEnd::Reset, &self.world, &mut effects);
        for effect in effects {
            match effect {
                Effect::Publish {
                    key: "tollgate.prefix",
                    value,
                } => turn.key = Some(value),
                Effect::Publish {
                    key: "tollgate.prefix_seen",
                    value,
                } => turn.seen = Some(value),
                Effect::RequestHeader {
                    name: HEADER,
                    value,
                } => turn.header = Some(value),
                Effect::Measure { metric, value } if metric == BYTES => turn.counted.0 = value,
                Effect::Measure { metric, value } if metric == SEEN_BYTES => turn.counted.1 = value,
                _ => {}
            }
        }
        turn
    }
}

fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

fn body(messages: &[Value]) -> String {
    json!({"messages": messages}).to_string()
}

/// A conversation of so many messages, and all its turns.
fn talk(system: &str, question: &str, messages: usize) -> Vec<String> {
    let mut all = vec![said("system", system), said("user", question)];
    let mut turns = vec![body(&all)];
    for turn in 1..messages {
        let long = "word ".repeat(turn * 200);
        all.push(said("assistant", &format!("{turn} {long}")));
        all.push(said("user", &format!("and {turn}?")));
        turns.push(body(&all));
    }
    turns
}

#[test]
fn a_conversation_has_one_key_and_others_have_others() {
    let gateway = Gateway::new(json!({"prefix_header": true}));
    let turns = talk("Be kind.", "Which colour?", 50);
    let first = gateway.turn(&turns[0]);
    let key = first.key.clone().unwrap();
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(first.header.as_ref(), Some(&key));
    for turn in &turns {
        assert_eq!(gateway.key(turn), key);
    }
    // Nor does it depend on what was seen, or on who saw it.
    gateway.later(86_400);
    assert_eq!(gateway.key(&turns[30]), key);
    assert_eq!(Gateway::new(json!({})).key(&turns[7]), key);
    let broken = Gateway::new(json!({}));
    broken.world.store.is_broken.set(true);
    assert_eq!(broken.key(&turns[7]), key);
    // However it is spelled, and whatever else the request says.
    let spelled = turns[1]
        .replace("colour", "c\\u006flour")
        .replace("{\"messages\"", "{ \"temperature\": 1, \"messages\" ");
    assert_eq!(gateway.key(&spelled), key);

    let mut others = vec![key];
    for other in [
        &talk("Be kind.", "Which color?", 2)[1],
        &talk("Be  kind.", "Which colour?", 2)[1],
        &body(&[said("user", "Which colour?")]),
        &body(&[said("developer", "Be kind."), said("user", "Which colour?")]),
        &turns[0].replace("{\"messages\"", r#"{"model":"x","messages""#),
        &turns[0].replace(
            "{\"messages\"",
            r#"{"tools":[{"type":"function","function":{"name":"f"}}],"messages""#,
        ),
    ] {
        let key = gateway.key(other);
        assert!(!others.contains(&key), "{other}");
        others.push(key);
    }
    // Another secret makes others.
    let config = Config::read(b"{}", &[StageKind::ResponseCache]).unwrap();
    let elsewhere = Gateway {
        pipeline: Pipeline::new(config, b"another", StageMaker::ALL).unwrap(),
        world: World::of(&Store::at(SECOND)),
    };
    assert!(!others.contains(&elsewhere.key(&turns[0])));
}

#[test]
fn what_was_answered_to_was_seen() {
    let gateway = Gateway::new(json!({}));
    let turns = talk("Be kind.", "Which colour?", 12);
    let mut before = 0;
    for (turn, text) in turns.iter().enumerate() {
        // Bytes of `[…` up to the last message.
        let all = text.len() - r#"{"messages":]}"#.len();
        let told = gateway.turn(text);
        assert_eq!(told.seen, Some(format!("{before}/{all}")), "{turn}");
        assert_eq!(told.counted, (all as u64, before as u64));
        before = all;
    }
    let seen = |body: &str| gateway.turn(body).counted.1;
    let length = |messages: &[Value]| body(messages).len() as u64 - 14;
    // Of another conversation what the system says.
    let (kind, colour) = (said("system", "Be kind."), said("user", "Which colour?"));
    let system = length(core::slice::from_ref(&kind));
    assert_eq!(seen(&talk("Be kind.", "Why?", 1)[0]), system);
    // Of one that goes on otherwise what is the same.
    let other = [kind.clone(), colour.clone(), said("assistant", "Blue.")];
    assert_eq!(seen(&body(&other)), length(&[kind, colour]));
    assert_eq!(seen(&talk("Be brief.", "Which colour?", 1)[0]), 0);
    // Its time is over.
    gateway.later(601);
    assert_eq!(seen(&turns[5]), 0);
}

#[test]
fn what_no_upstream_has_answered_was_not_seen() {
    let turns = talk("Be kind.", "Which colour?", 2);
    let ann = [("api-key", "ann")];
    for (status, cache, is_seen) in [
        (200, "", true),
        (200, "miss", true),
        (201, "", true),
        (200, "hit", false),
        (400, "", false),
        (429, "", false),
        (503, "", false),
        (0, "", false),
    ] {
        let gateway = Gateway::new(json!({}));
        let first = gateway.turn_of(Dialect::Chat, &ann, &turns[0], status, cache);
        assert_eq!(first.counted.0 > 0, is_seen, "{status} {cache}");
        let second = gateway.turn(&turns[1]);
        assert_eq!(second.counted.1 > 0, is_seen, "{status} {cache}");
    }
}

#[test]
fn nobody_learns_what_another_tenant_has_asked() {
    let turns = talk("Be kind.", "Which colour?", 2);
    for settings in [json!({}), json!({"scope": "shared", "cached": "always"})] {
        let gateway = Gateway::new(settings);
        let of = |name| gateway.turn_of(Dialect::Chat, &[("api-key", name)], &turns[0], 200, "");
        let (ann, bob) = (of("ann"), of("bob"));
        assert_ne!(ann.key, bob.key);
        assert_eq!(bob.counted.1, 0);
        assert_eq!(of("ann").counted.1, ann.counted.0);
        // Who names nobody, or two, is nobody.
        let both = [("api-key", "ann"), ("authorization", "Bearer bob")];
        for headers in [&[][..], &both] {
            let nobody = gateway.turn_of(Dialect::Chat, headers, &turns[0], 200, "");
            assert_eq!(nobody, Turn::default());
        }
    }
    // Where the operator says that nothing names tenants, all are one.
    let gateway = Gateway::of(&json!({"tenant": []}));
    let first = gateway.turn_of(Dialect::Chat, &[], &turns[0], 200, "");
    let second = gateway.turn_of(Dialect::Chat, &[("api-key", "bob")], &turns[1], 200, "");
    assert_eq!(first.key, second.key);
    assert_eq!(second.counted.1, first.counted.0);
}

#[test]
fn other_shapes_have_conversations_where_they_are_in_the_request() {
    let items = |more: &str| {
        format!(
            r#"{{"model":"o3","instructions":"i","store":false,"input":[{{"role":"developer","content":"d"}},{{"role":"user","content":[{{"type":"input_text","text":"q"}}]}}{more}]}}"#
        )
    };
    let more = r#",{"type":"reasoning","summary":[]},{"type":"message","role":"assistant","content":"a"},{"role":"user","content":"r"}"#;
    let long = "0123456789abcdef".repeat(100);
    use Dialect::{Chat, Completions, Embeddings, Responses};
    for (dialect, one, other, is_same) in [
        (Responses, items(""), items(more), true),
        (
            Responses,
            items(""),
            items(more).replace("\"i\"", "\"j\""),
            false,
        ),
        (
            Responses,
            r#"{"input":"q"}"#.into(),
            r#"{"input":"q","user":"u"}"#.into(),
            true,
        ),
        (
            Responses,
            r#"{"input":"q"}"#.into(),
            r#"{"input":"r"}"#.into(),
            false,
        ),
        (
            Completions,
            format!(r#"{{"prompt":"{long}"}}"#),
            format!(r#"{{"prompt":"{long}{long}"}}"#),
            true,
        ),
        (
            Completions,
            format!(r#"{{"prompt":"{long}"}}"#),
            format!(r#"{{"prompt":"0{long}"}}"#),
            false,
        ),
        (
            Chat,
            body(&[said("system", "s")]),
            body(&[said("system", "s")]),
            true,
        ),
    ] {
        let gateway = Gateway::new(json!({}));
        let key = |body: &str| {
            let turn = gateway.turn_of(dialect, &[("api-key", "ann")], body, 200, "");
            turn.key.unwrap()
        };
        assert_eq!(key(&one) == key(&other), is_same, "{one} {other}");
    }
    for (dialect, body) in [
        (Embeddings, r#"{"input":"a"}"#.to_owned()),
        (Chat, r#"{"messages":[]}"#.to_owned()),
        (Chat, "{}".to_owned()),
        // What is kept by the provider decides where it goes.
        (
            Responses,
            items("").replace("\"model\"", r#""previous_response_id":"resp_1","model""#),
        ),
        (
            Responses,
            items("").replace("\"model\"", r#""conversation":"conv_1","model""#),
        ),
    ] {
        let gateway = Gateway::new(json!({"prefix_header": true, "prompt_cache_key": true}));
        let turn = gateway.turn_of(dialect, &[("api-key", "ann")], &body, 200, "");
        assert_eq!(turn, Turn::default(), "{body}");
    }
}

#[test]
fn a_request_is_told_only_what_is_asked_for() {
    let text = &talk("Be kind.", "Which colour?", 1)[0];
    let asks = |control| [("api-key", "ann"), ("cache-control", control)];
    let turn = |settings: Value, control| {
        let gateway = Gateway::new(settings);
        gateway.turn_of(Dialect::Chat, &asks(control), text, 200, "");
        gateway.turn_of(Dialect::Chat, &asks(control), text, 200, "")
    };
    assert_eq!(
        turn(json!({"enabled": false, "prefix_header": true}), ""),
        Turn::default()
    );
    let by_default = turn(json!({}), "");
    assert!(by_default.header.is_none() && by_default.edited.is_none());
    assert!(by_default.counted.1 > 0);
    // Nothing is noted, and nothing looked for.
    for (settings, control) in [
        (json!({"prefix_ttl_seconds": 0}), ""),
        (json!({}), "no-store"),
    ] {
        let turn = turn(settings, control);
        assert_eq!((turn.key, turn.seen), (by_default.key.clone(), None));
        assert_eq!(turn.counted, (0, 0));
    }
    let clockless = Gateway::new(json!({}));
    clockless.world.store.has_no_time.set(true);
    assert_eq!(clockless.turn(text).key, by_default.key);
}

#[test]
fn a_prompt_cache_key_is_added_and_never_overwritten() {
    let gateway = Gateway::new(json!({"prompt_cache_key": true}));
    let messages = body(&[said("user", "q")]);
    let key = gateway.key(&messages);
    let added = |body: &str| {
        let (before, after) = body.split_at(body.find('{').unwrap() + 1);
        format!(r#"{before}"prompt_cache_key":"{key}",{after}"#)
    };
    let with = |field: &str| messages.replacen('{', &format!("{{{field},"), 1);
    for (body, is_added) in [
        (messages.clone(), true),
        (format!(" \n{messages}\n"), true),
        (messages.replace("{\"messages\"", "{ \"messages\" "), true),
        (with(r#""stream":true"#), true),
        (with(r#""prompt_cache_key":"theirs""#), false),
        (with(r#""prompt_cache_key":"""#), false),
        (with(r#""prompt_cache_key":null"#), false),
        (with(r#""x_prompt_cache_key":"theirs""#), true),
        // Azure's own data: what is new to it is refused.
        (with(r#""data_sources":[{"type":"azure_search"}]"#), false),
        (with(r#""dataSources":[]"#), false),
        (with(r#""d\u0061ta_sources":[]"#), false),
    ] {
        let expected = is_added.then(|| added(&body));
        let cuts: Vec<usize> = (0..body.len()).collect();
        for cuts in [&[][..], &cuts] {
            let turn =
                gateway.cut_turn(Dialect::Chat, &[("api-key", "ann")], &body, cuts, (200, ""));
            assert_eq!(turn.edited, expected, "{body}");
            assert_eq!(turn.key.as_ref(), Some(&key));
        }
        if let Some(body) = expected {
            let read: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(read["prompt_cache_key"], *key);
        }
    }
    let other = [("api-key", "bob")];
    for (dialect, headers, body, is_added) in [
        (Dialect::Responses, &other, r#"{"input":"q"}"#, true),
        (Dialect::Completions, &other, r#"{"prompt":"q"}"#, false),
        (Dialect::Embeddings, &other, r#"{"input":"q"}"#, false),
        (Dialect::Chat, &other, &*messages, true),
    ] {
        let turn = gateway.turn_of(dialect, headers, body, 200, "");
        assert_eq!(turn.edited.is_some(), is_added, "{body}");
        assert!(turn.edited.is_none_or(|edited| !edited.contains(&key)));
    }
    let off = Gateway::new(json!({}));
    assert_eq!(off.turn(&messages).edited, None);
    for (settings, may) in [
        (json!({}), false),
        (json!({"prompt_cache_key": true}), true),
    ] {
        let gateway = Gateway::new(settings);
        let head = Head::to::<&str>(AZURE, &[]);
        let rule = gateway.pipeline.config().rule_for(&head);
        assert_eq!(gateway.pipeline.may_edit(rule), may);
    }
}

#[test]
fn the_answer_to_a_request_with_a_key_added_is_kept_and_given() {
    let gateway = Gateway::new(json!({"prompt_cache_key": true, "prefix_header": true}));
    let question = r#"{"temperature":0,"messages":[{"role":"user","content":"q"}]}"#;
    let head = Head::to(AZURE, &[("api-key", "ann")]);
    let judge = |effects: &mut Vec<Effect>| {
        let rule = Rc::clone(gateway.pipeline.config().rule_for(&head));
        let deployment = Some("gpt-4o".to_owned());
        let incoming = gateway
            .pipeline
            .begin(Dialect::Chat, deployment, rule, &head);
        gateway
            .pipeline
            .judge(incoming, question.as_bytes(), &gateway.world, effects)
    };
    let Judged::Send(mut exchange, Some(_)) = judge(&mut Vec::new()) else {
        panic!("not sent with an edited body");
    };
    exchange.on_response_head(&ResponseHead {
        status: 200,
        content_type: b"application/json",
        content_encoding: b"",
        cache: b"",
    });
    let answer = r#"{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}"#;
    let (pipeline, world) = (&gateway.pipeline, &gateway.world);
    pipeline.on_response_chunk(
        &mut exchange,
        answer.as_bytes(),
        true,
        world,
        &mut Vec::new(),
    );
    pipeline.settle(*exchange, StreamEnd::Data, world, &mut Vec::new());
    let mut effects = Vec::new();
    let Judged::Reply(reply) = judge(&mut effects) else {
        panic!("not kept");
    };
    assert_eq!(reply.body, answer.as_bytes());
    // What is answered here goes nowhere.
    let tells = |effect: &Effect| match effect {
        Effect::RequestHeader { .. } => true,
        Effect::Publish { key, .. } => key.starts_with("tollgate.prefix"),
        _ => false,
    };
    assert!(!effects.iter().any(tells), "{effects:?}");
}

#[test]
fn what_headers_need_is_said() {
    let notes = |settings: Value| {
        let gateway = Gateway::of(&settings);
        gateway
            .pipeline
            .notes()
            .any(|note| note.contains("prefix_header"))
    };
    for (settings, is_noted) in [
        (
            json!({"hold_headers": true, "response_cache": {"prefix_header": true}}),
            false,
        ),
        (
            json!({"hold_headers": false, "response_cache": {"prefix_header": true}}),
            true,
        ),
        (
            json!({"hold_headers": false, "response_cache": {"prefix_header": false}}),
            false,
        ),
        (
            json!({"hold_headers": false, "response_cache": {"prefix_header": true, "enabled": false}}),
            false,
        ),
        (
            json!({"hold_headers": false, "rules": [{"name": "r", "match": {"paths": ["/v1"]}, "response_cache": {"prefix_header": true}}]}),
            true,
        ),
    ] {
        assert_eq!(notes(settings.clone()), is_noted, "{settings}");
    }
}
