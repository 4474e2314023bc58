//! The token estimate beside an exact tokenizer.

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_bench_guest::tokens;
use tollgate_benches::bodies::Body;
use tollgate_benches::{Subject, bodies, run};

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "tokens_fast",
        native: tokens::tokens_fast,
    },
    Subject {
        name: "tokens_sampled",
        native: tokens::tokens_sampled,
    },
];

/// All message texts of `body` as the inside of one JSON string.
fn text_of(body: Body) -> Body {
    let request: serde_json::Value = serde_json::from_slice(&body.bytes).expect("bodies are JSON");
    let contents = request["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| m["content"].as_str());
    let text = contents.collect::<Vec<_>>().join("\n");
    let quoted = serde_json::Value::from(text).to_string();
    Body {
        name: body.name,
        bytes: quoted.trim_matches('"').into(),
    }
}

fn estimate(criterion: &mut Criterion) {
    let mut all = Vec::new();
    for size in [4_000, 16_000, 128_000] {
        all.extend(
            [
                bodies::chat(size),
                bodies::chinese(size),
                bodies::code(size),
            ]
            .map(text_of),
        );
    }
    run(criterion, "tokens", SUBJECTS, &all);
}

criterion_group!(benches, estimate);
criterion_main!(benches);
