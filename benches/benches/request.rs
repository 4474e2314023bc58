//! A whole request on its way in, as the token-estimator reads it and as the response-cache
//! does, beside a filter that would build a `serde_json::Value` of the body and do nothing with it.

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_bench_guest::{peers, request};
use tollgate_benches::{Subject, bodies, run};

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "request_fast",
        native: request::request_fast,
    },
    Subject {
        name: "request_sampled",
        native: request::request_sampled,
    },
    Subject {
        name: "request_key",
        native: request::request_key,
    },
    Subject {
        name: "request_key_sha256",
        native: request::request_key_sha256,
    },
    Subject {
        name: "serde_json_value",
        native: peers::serde_json_value,
    },
];

fn requests(criterion: &mut Criterion) {
    let mut all = Vec::new();
    for size in [4_000, 16_000, 128_000] {
        all.extend([
            bodies::chat(size),
            bodies::agent(size),
            bodies::chinese(size),
            bodies::code(size),
        ]);
    }
    run(criterion, "request", SUBJECTS, &all);
}

criterion_group!(benches, requests);
criterion_main!(benches);
