//! The request scanner beside a DOM.

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_bench_guest::{peers, scan as scanner};
use tollgate_benches::{Subject, bodies, run};

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "scan",
        native: scanner::scan,
    },
    Subject {
        name: "serde_json_value",
        native: peers::serde_json_value,
    },
];

fn scan(criterion: &mut Criterion) {
    let mut all = Vec::new();
    for size in [4_000, 20_000, 134_000] {
        all.extend([
            bodies::chat(size),
            bodies::agent(size),
            bodies::chinese(size),
            bodies::code(size),
        ]);
    }
    run(criterion, "scan", SUBJECTS, &all);
}

criterion_group!(benches, scan);
criterion_main!(benches);
