//! Questions and answers, as rows.

use super::*;
use crate::response::Media;
use crate::response_cache::entry::{Draft, Kind};
use crate::response_cache::keyer::{KeyHash, Keyer, Of};

const NOW: u64 = 1_000_000 * SECOND;
const ANN: Option<Tenant> = Some(Tenant::Named(0xabc));

fn fleet() -> Fleet {
    let store = FleetStore {
        cluster: "webdis".to_owned(),
        timeout_milliseconds: 50,
    };
    Fleet::new(store, Seal::new(b"secret"))
}

fn key(text: &str) -> Digest {
    let mut hasher = Keyer::new(KeyHash::Sip, b"").hasher(Of::Key);
    hasher.write(text.as_bytes());
    hasher.digest()
}

fn entry(key: Digest, secret: &[u8]) -> Entry {
    let draft = Draft {
        key: key.as_bytes(),
        media: Media::Json,
        kind: Kind::Answer,
        status: 200,
        created: NOW,
        expires: NOW + 100 * SECOND,
        usage: None,
        content_type: b"application/json",
        headers: &[],
        body: b"{\"a\":\r\n1}",
    };
    draft.seal(&Seal::new(secret)).unwrap()
}

fn reply(values: &[&[u8]]) -> News {
    let mut body = format!("*{}\r\n", values.len()).into_bytes();
    for value in values {
        body.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    News::Answer(Answer { status: 200, body })
}

fn answer(status: u16, body: &[u8]) -> News {
    let body = body.to_vec();
    News::Answer(Answer { status, body })
}

fn counted(effects: &[Effect]) -> Vec<String> {
    let counted = effects.iter().map(|effect| match effect {
        Effect::Measure { metric, value: 1 } => {
            let name = metric.name.rsplit('.').next().unwrap();
            format!("{name} {}", metric.label.unwrap().1)
        }
        other => panic!("{other:?}"),
    });
    counted.collect()
}

fn path(callout: &Callout) -> &str {
    let (_, path) = callout
        .headers
        .iter()
        .find(|(name, _)| *name == ":path")
        .unwrap();
    path
}

#[test]
fn one_question_is_about_the_entry_and_the_purges() {
    let fleet = fleet();
    let key = key("a");
    let asked = fleet.ask(key, ANN, 1000, NOW, &mut Vec::new()).unwrap();
    assert_eq!(
        path(&asked),
        format!("/MGET/tollgate:1:{key}/tollgate:1:purged/tollgate:1:purged:0000000000000abc.raw")
    );
    assert!(asked.most > 1000 && asked.timeout_milliseconds == 50 && asked.body.is_empty());
    let shared = fleet.ask(key, None, 1000, NOW, &mut Vec::new()).unwrap();
    assert_eq!(
        path(&shared),
        format!("/MGET/tollgate:1:{key}/tollgate:1:purged.raw")
    );
}

#[test]
fn what_is_no_entry_of_this_key_is_a_miss_and_counted() {
    let key_a = key("a");
    let own = entry(key_a, b"secret");
    let foreign = entry(key_a, b"another");
    let other = entry(key("b"), b"secret");
    let mut flipped = own.bytes().to_vec();
    flipped[60] ^= 1;
    let cut = &own.bytes()[..own.bytes().len() - 1];
    let purge = sealed("tollgate purge all 5");
    let rows: [(News, bool, &str); 15] = [
        (reply(&[own.bytes()]), true, "hit"),
        (reply(&[own.bytes(), &purge]), true, "hit"),
        (reply(&[]), false, "miss"),
        (reply(&[&purge]), false, "miss"),
        (reply(&[foreign.bytes()]), false, "unreadable"),
        (reply(&[other.bytes()]), false, "unreadable"),
        (reply(&[&flipped]), false, "unreadable"),
        (reply(&[cut]), false, "unreadable"),
        (reply(&[b""]), false, "unreadable"),
        (
            answer(200, b"-LOADING Redis is loading\r\n"),
            false,
            "unavailable",
        ),
        (answer(200, b"<html>"), false, "unavailable"),
        (answer(503, b"upstream connect error"), false, "unavailable"),
        (answer(403, b""), false, "unavailable"),
        (News::NoAnswer, false, "unavailable"),
        (News::TooLarge, false, "too_large"),
    ];
    for (news, is_found, outcome) in rows {
        let mut effects = Vec::new();
        let found = fleet().read(news.clone(), key_a, ANN, NOW, &mut effects);
        assert_eq!(found.entry.is_some(), is_found, "{news:?}");
        assert_eq!(
            counted(&effects),
            [format!("fleet_lookups {outcome}")],
            "{news:?}"
        );
    }
}

#[test]
fn what_is_kept_is_written_with_the_next_tick() {
    let fleet = fleet();
    let key = key("a");
    assert!(!fleet.wants_tick());
    fleet.keep(&entry(key, b"secret"), NOW + SECOND / 2, &mut Vec::new());
    assert!(fleet.wants_tick());
    let mut effects = Vec::new();
    fleet.on_tick(&mut effects);
    let [Effect::Call(call)] = &*effects else {
        panic!("{effects:?}");
    };
    assert_eq!(path(call), format!("/SETEX/tollgate:1:{key}/100.raw"));
    assert_eq!(call.body, entry(key, b"secret").bytes());
    assert!(!fleet.wants_tick());
    for (news, outcome) in [
        (answer(200, b"+OK\r\n"), "stored"),
        (answer(200, b"-OOM command not allowed\r\n"), "failed"),
        (answer(503, b""), "failed"),
        (News::NoAnswer, "failed"),
    ] {
        let mut effects = Vec::new();
        assert_eq!(fleet.on_answer(&news, NOW, &mut effects), []);
        assert_eq!(counted(&effects), [format!("fleet_writes {outcome}")]);
    }
}

#[test]
fn a_store_that_does_not_work_is_asked_by_one_a_second() {
    let fleet = fleet();
    let key = key("a");
    let mut effects = Vec::new();
    for _ in 0..5 {
        fleet.read(News::NoAnswer, key, None, NOW, &mut effects);
    }
    effects.clear();
    assert!(fleet.ask(key, None, 1, NOW, &mut effects).is_none());
    fleet.keep(&entry(key, b"secret"), NOW, &mut effects);
    assert_eq!(
        counted(&effects),
        ["fleet_lookups skipped", "fleet_writes dropped"]
    );
    let later = NOW + SECOND;
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_some());
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_none());
    fleet.read(reply(&[]), key, None, later, &mut effects);
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_some());
    // One that is full still says what it has.
    for _ in 0..10 {
        fleet.on_answer(&answer(200, b"-OOM\r\n"), later, &mut effects);
    }
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_some());
}

fn sealed(text: &str) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    value.extend_from_slice(&Seal::new(b"secret").of(text.as_bytes()));
    value
}

#[test]
fn purges_are_told_and_heard_of() {
    let rows = [
        (None, NOW, "", "all"),
        (ANN, 7, ":0000000000000abc", "0000000000000abc"),
        (Some(Tenant::Default), 7, ":default", "default"),
    ];
    for (tenant, at, to, name) in rows {
        let purge = Purge { tenant, at };
        // Clocks of a fleet may differ by so much.
        let told = Purge {
            at: at + SKEW,
            tenant,
        };
        let call = purge.call(&fleet().store, &Seal::new(b"secret"));
        assert_eq!(
            path(&call),
            format!("/SETEX/tollgate:1:purged{to}/94608000.raw")
        );
        assert_eq!(
            call.body,
            sealed(&format!("tollgate purge {name} {}", at + SKEW))
        );
        let heard = fleet().on_answer(&reply(&[&call.body]), NOW, &mut Vec::new());
        assert_eq!(heard, [told]);
        let found = fleet().read(reply(&[&call.body]), key("a"), tenant, NOW, &mut Vec::new());
        assert_eq!(found.purges, [told]);
    }
    for no_purge in [
        "",
        "tollgate purge all",
        "tollgate purge all x",
        "tollgate purge bob 7",
        "tollgate purge all 1000011000000000",
        "tollgate purge  7",
    ] {
        let seal = Seal::new(b"secret");
        assert_eq!(
            Purge::read(&sealed(no_purge), &seal, NOW),
            None,
            "{no_purge}"
        );
    }
    for (news, is_noted) in [
        (answer(200, b"+OK\r\n"), true),
        (answer(200, b"-OOM\r\n"), false),
        (answer(503, b"+OK\r\n"), false),
        (reply(&[]), false),
        (News::NoAnswer, false),
    ] {
        assert_eq!(Purge::is_noted(&news), is_noted, "{news:?}");
    }
}

#[test]
fn purges_that_nobody_sealed_or_asked_for_are_none() {
    let bob = sealed("tollgate purge 0000000000000b0b 7");
    let [ann, all] = [
        sealed("tollgate purge 0000000000000abc 7"),
        sealed("tollgate purge all 7"),
    ];
    let unsealed = b"tollgate purge all 7 0123456789abcdef";
    let rows: [(&[&[u8]], usize); 5] = [
        (&[&all, &ann], 2),
        (&[&bob], 0),
        (&[unsealed], 0),
        (&[&bob, &all, &ann], 1),
        (&[unsealed, unsealed, &all], 0),
    ];
    for (values, expected) in rows {
        let found = fleet().read(reply(values), key("a"), ANN, NOW, &mut Vec::new());
        assert_eq!(found.purges.len(), expected, "{values:?}");
    }
    // However many there are.
    let many = vec![&*all; 4000];
    let heard = fleet().on_answer(&reply(&many), NOW, &mut Vec::new());
    assert_eq!(heard.len(), 2);
}

#[test]
fn while_only_hits_come_purges_are_asked_for_from_time_to_time() {
    let fleet = fleet();
    let sent = || {
        let mut effects = Vec::new();
        fleet.on_tick(&mut effects);
        effects.len()
    };
    let asked = |now| {
        fleet.hit(ANN, now);
        sent()
    };
    assert_eq!(asked(NOW), 1);
    assert_eq!(asked(NOW + PURGES_ARE_ASKED_EVERY - 1), 0);
    assert_eq!(asked(NOW + PURGES_ARE_ASKED_EVERY), 1);
    assert_eq!(asked(NOW), 1, "a clock was set back");
    // A question for an entry is one for purges too.
    fleet.ask(key("a"), ANN, 1, NOW + 90 * SECOND, &mut Vec::new());
    assert_eq!(asked(NOW + 91 * SECOND), 0);
    // Of more tenants than there is room for some are not asked for, and none twice.
    let now = NOW + 200 * SECOND;
    let mut questions = 0;
    for _ in 0..10 {
        for hash in 0..2 * MOST_ASKED as u64 {
            fleet.hit(Some(Tenant::Named(hash)), now);
            questions += sent();
        }
    }
    assert_eq!(questions, MOST_ASKED);
    fleet.hit(ANN, now + PURGES_ARE_ASKED_EVERY);
    assert_eq!(sent(), 1);
}
