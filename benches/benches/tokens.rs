//! The two tiers of the token estimate, natively and in Wasm, and an exact tokenizer.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
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
    let messages = request["messages"].as_array().into_iter().flatten();
    let contents = messages.filter_map(|message| message["content"].as_str());
    let text = contents.collect::<Vec<_>>().join("\n");
    let quoted = serde_json::Value::from(text).to_string();
    Body {
        name: body.name,
        bytes: quoted[1..quoted.len() - 1].into(),
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

    // Natively only: its hash maps take tens of megabytes and a tenth of a second to build,
    // in every worker. Unescaping, which the subjects above do, is not counted here.
    let mut group = criterion.benchmark_group("tokens/native");
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    for body in &all {
        let escaped = String::from_utf8_lossy(&body.bytes);
        let text: String =
            serde_json::from_str(&format!("\"{escaped}\"")).expect("it was escaped above");
        let exact = tokenizer.count_ordinary(&text) as f64;
        for subject in SUBJECTS {
            let off = (subject.native)(&body.bytes) as f64 / exact - 1.0;
            assert!(
                off.abs() < 0.5,
                "{} is {off} off on {}",
                subject.name,
                body.name
            );
        }
        group.throughput(Throughput::Bytes(body.bytes.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("tiktoken_rs", &body.name),
            &text,
            |bencher, text| bencher.iter(|| tokenizer.count_ordinary(text)),
        );
    }
    group.finish();
}

criterion_group!(benches, estimate);
criterion_main!(benches);
