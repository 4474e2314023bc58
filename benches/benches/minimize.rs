//! The prompt-minimizer: what its transforms cost where they find nothing and where they find
//! much, beside copying a body and scanning it, which every filter does that edits one.
//!
//! What is told of the stage is its own work, finding edits and making them: the time of reading
//! the body, which is done while it arrives, is measured in the same run and taken off.

use std::fmt::Write as _;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use tollgate_bench_guest::{minimize, request};
use tollgate_benches::bodies::Body;
use tollgate_benches::texts::{Kind, conversation};
use tollgate_benches::{Guest, Subject, Timed, run_in};
use tollgate_savings::corpora::Corpus;
use tollgate_savings::settings::{self, Setting};

const CONFIGURE: Subject = Subject {
    name: "minimize_configure",
    native: minimize::minimize_configure,
};
const STAGE: Subject = Subject {
    name: "minimize_stage",
    native: minimize::minimize_stage,
};
const READ: Subject = Subject {
    name: "request_texts",
    native: request::request_texts,
};
const BASELINE: Subject = Subject {
    name: "copy_and_read",
    native: minimize::copy_and_read,
};

const SIZE: usize = 128 << 10;

/// Kinds of conversations, and the transform that finds much in each.
const MUCH: [(&str, &str); 7] = [
    ("agent-json", "structure"),
    ("agent-json", "records"),
    ("xml", "structure"),
    ("html", "html"),
    ("agent-code", "repeats"),
    ("agent-screens", "base64"),
    ("logs", "logs"),
];

fn set_up(guest: &mut Guest, setting: &Setting) {
    let plugin = json!({"prompt_minimizer": setting.json}).to_string();
    let prepared = guest.prepare(CONFIGURE.name, plugin.as_bytes());
    let there = prepared.and_then(|prepared| guest.call(&prepared));
    let there = there.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(there, (CONFIGURE.native)(plugin.as_bytes()));
}

/// What is timed beside the stage: reading a body, and copying and reading it.
struct Beside {
    body: String,
    read: Option<Duration>,
    baseline: Option<Duration>,
}

fn beside(guest: &mut Guest, criterion: &mut Criterion, bodies: &[Body]) -> Vec<Beside> {
    let timed = run_in(
        guest,
        criterion,
        "minimize/beside",
        &[READ, BASELINE],
        bodies,
    );
    let rows = timed.chunk_by(|a, b| a.body == b.body);
    rows.filter_map(|row| match row {
        [read, baseline] => Some(Beside {
            body: read.body.clone(),
            read: read.time,
            baseline: baseline.time,
        }),
        _ => None,
    })
    .collect()
}

/// Times the stage so set, and writes a line for each body.
fn stage(
    guest: &mut Guest,
    criterion: &mut Criterion,
    setting: &Setting,
    bodies: &[Body],
    beside: &[Beside],
    report: &mut String,
) {
    set_up(guest, setting);
    let group = format!("minimize/{}", setting.name);
    for Timed {
        body, bytes, time, ..
    } in run_in(guest, criterion, &group, &[STAGE], bodies)
    {
        let Some(row) = beside.iter().find(|row| row.body == body) else {
            continue;
        };
        let (Some(time), Some(read), Some(baseline)) = (time, row.read, row.baseline) else {
            continue;
        };
        let own = time.saturating_sub(read).as_nanos().max(1) as f64;
        let _ = writeln!(
            report,
            "{:14} {body:14} {:9.1} us {:7.2} GB/s {:6.2} times copy and scan",
            setting.name,
            own / 1e3,
            bytes as f64 / own,
            own / baseline.as_nanos() as f64
        );
    }
}

fn nothing_to_do(criterion: &mut Criterion) {
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    let mut bodies = Kind::ALL.map(|kind| conversation(kind, SIZE));
    for body in &mut bodies {
        body.name = body.name.split('/').next().unwrap_or_default().to_owned();
    }
    let beside = beside(&mut guest, criterion, &bodies);
    let mut report = String::from("\nWhere nothing is to be done, 128 KiB, in Wasm:\n");
    for setting in everyones() {
        stage(
            &mut guest,
            criterion,
            &setting,
            &bodies,
            &beside,
            &mut report,
        );
    }
    for body in &bodies {
        set_up(
            &mut guest,
            &Setting::named("defaults").expect("there is one"),
        );
        let left = (STAGE.native)(&body.bytes);
        assert_eq!(
            left,
            body.bytes.len() as u64,
            "{} has something to do",
            body.name
        );
    }
    println!("{report}");
}

/// Every setting, with the roles widened: whatever it is that it may find nothing in.
fn everyones() -> Vec<Setting> {
    let roles = ["system", "developer", "user", "assistant", "tool"];
    let mut all = settings::all();
    for setting in &mut all {
        let Some(keys) = setting.json.as_object_mut() else {
            continue;
        };
        let switched_on = keys.values_mut().filter(|value| value["enabled"] == true);
        for value in switched_on {
            value["roles"] = json!(roles);
        }
    }
    all
}

fn much_to_do(criterion: &mut Criterion) {
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    let mut names: Vec<&str> = MUCH.iter().map(|(corpus, _)| *corpus).collect();
    names.dedup();
    let bodies: Vec<Body> = names
        .iter()
        .map(|name| Body {
            name: (*name).to_owned(),
            bytes: Corpus::named(name).expect("a corpus").body(1, SIZE),
        })
        .collect();
    let beside = beside(&mut guest, criterion, &bodies);
    let mut report = String::from("\nWhere much is to be done, about 128 KiB, in Wasm:\n");
    for setting in settings::all() {
        let is_together = ["defaults", "everything"].contains(&setting.name.as_str());
        for body in bodies.chunks(1) {
            let is_its_own = MUCH.contains(&(body[0].name.as_str(), setting.name.as_str()));
            if is_together || is_its_own {
                stage(&mut guest, criterion, &setting, body, &beside, &mut report);
            }
        }
    }
    println!("{report}");
}

fn quickly() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
}

criterion_group! {
    name = benches;
    config = quickly();
    targets = nothing_to_do, much_to_do
}
criterion_main!(benches);
