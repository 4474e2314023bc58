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
    let rows: [(News, bool, &str); 14] = [
        (reply(&[own.bytes()]), true, "hit"),
        (reply(&[own.bytes(), b"tollgate purge all 5"]), true, "hit"),
        (reply(&[]), false, "miss"),
        (reply(&[b"tollgate purge all 5"]), false, "miss"),
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
    ];
    for (news, is_found, outcome) in rows {
        let mut effects = Vec::new();
        let found = fleet().read(news.clone(), key_a, NOW, &mut effects);
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
    fleet.keep(
        &entry(key, b"secret"),
        20 * SECOND,
        NOW + SECOND / 2,
        &mut Vec::new(),
    );
    assert!(fleet.wants_tick());
    let mut effects = Vec::new();
    fleet.on_tick(&mut effects);
    let [Effect::Call(call)] = &*effects else {
        panic!("{effects:?}");
    };
    assert_eq!(path(call), format!("/SETEX/tollgate:1:{key}/120.raw"));
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
        fleet.read(News::NoAnswer, key, NOW, &mut effects);
    }
    effects.clear();
    assert!(fleet.ask(key, None, 1, NOW, &mut effects).is_none());
    fleet.keep(&entry(key, b"secret"), 0, NOW, &mut effects);
    assert_eq!(
        counted(&effects),
        ["fleet_lookups skipped", "fleet_writes dropped"]
    );
    let later = NOW + SECOND;
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_some());
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_none());
    fleet.read(reply(&[]), key, later, &mut effects);
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_some());
    // One that is full still says what it has.
    for _ in 0..10 {
        fleet.on_answer(&answer(200, b"-OOM\r\n"), later, &mut effects);
    }
    assert!(fleet.ask(key, None, 1, later, &mut effects).is_some());
}

#[test]
fn purges_are_told_and_heard_of() {
    let rows = [
        (
            Purge {
                tenant: None,
                at: NOW,
            },
            "/SETEX/tollgate:1:purged/63072000.raw",
            "tollgate purge all 1000000000000000",
        ),
        (
            Purge { tenant: ANN, at: 7 },
            "/SETEX/tollgate:1:purged:0000000000000abc/63072000.raw",
            "tollgate purge 0000000000000abc 7",
        ),
        (
            Purge {
                tenant: Some(Tenant::Default),
                at: 7,
            },
            "/SETEX/tollgate:1:purged:default/63072000.raw",
            "tollgate purge default 7",
        ),
    ];
    for (purge, to, says) in rows {
        let call = purge.call(&fleet().store);
        assert_eq!((path(&call), &*call.body), (to, says.as_bytes()));
        assert_eq!(Purge::read(&call.body, NOW), Some(purge));
        assert_eq!(
            fleet().on_answer(&reply(&[&call.body]), NOW, &mut Vec::new()),
            [purge]
        );
        let found = fleet().read(reply(&[&call.body]), key("a"), NOW, &mut Vec::new());
        assert_eq!(found.purges, [purge]);
    }
    for no_purge in [
        "",
        "tollgate purge all",
        "tollgate purge all x",
        "tollgate purge bob 7",
        "tollgate purge all 1000010000000000",
        "tollgate purge  7",
    ] {
        assert_eq!(Purge::read(no_purge.as_bytes(), NOW), None, "{no_purge}");
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
fn while_only_hits_come_purges_are_asked_for_from_time_to_time() {
    let fleet = fleet();
    let asked = |now| {
        fleet.hit(ANN, now, &mut Vec::new());
        let mut effects = Vec::new();
        fleet.on_tick(&mut effects);
        effects.len()
    };
    assert_eq!(asked(NOW), 1);
    assert_eq!(asked(NOW + PURGES_ARE_ASKED_EVERY - 1), 0);
    assert_eq!(asked(NOW + PURGES_ARE_ASKED_EVERY), 1);
    assert_eq!(asked(NOW), 1, "a clock was set back");
    // A question for an entry is one for purges too.
    fleet.ask(key("a"), ANN, 1, NOW + 90 * SECOND, &mut Vec::new());
    assert_eq!(asked(NOW + 91 * SECOND), 0);
    for hash in 0..2 * MOST_ASKED as u64 {
        fleet.hit(Some(Tenant::Named(hash)), NOW, &mut Vec::new());
        assert!(fleet.asked.borrow().len() <= MOST_ASKED);
    }
}
