//! A request whose answer is kept, and one whose answer is not: all that happens to it in core,
//! beside the pass that makes its key, which is a part of both.
//!
//! What is kept is JSON: `code` asks for that, and gets it as it is, `chat` asks for a stream.

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_bench_guest::{cache, request};
use tollgate_benches::{Subject, bodies, run};

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "request_key",
        native: request::request_key,
    },
    Subject {
        name: "cache_hit",
        native: cache::cache_hit,
    },
    Subject {
        name: "cache_miss",
        native: cache::cache_miss,
    },
];

fn requests(criterion: &mut Criterion) {
    let mut all = Vec::new();
    for size in [4_000, 16_000, 128_000] {
        all.extend([bodies::code(size), bodies::chat(size)]);
    }
    run(criterion, "cache", SUBJECTS, &all);
}

criterion_group!(benches, requests);
criterion_main!(benches);
