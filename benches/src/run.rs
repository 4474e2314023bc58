//! Times subjects on bodies, natively and in Wasm, and compares the two answers first.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};

use crate::Guest;
use crate::bodies::Body;

/// Something to time: the guest exports it as `run_NAME`.
#[derive(Clone, Copy)]
pub struct Subject {
    /// Its name in the report and behind `run_` in the guest.
    pub name: &'static str,
    /// The same function, linked natively.
    pub native: fn(&[u8]) -> u64,
}

/// A sample is timed in so many parts: on a busy machine some of them are left alone.
const CUTS: u64 = 256;

/// What was timed in Wasm.
pub struct Timed {
    /// The subject's name.
    pub subject: &'static str,
    /// The body's.
    pub body: String,
    /// Bytes of the body.
    pub bytes: usize,
    /// The fastest part of all samples, as whatever else runs only adds to it; `None` where criterion was told to leave it out.
    pub time: Option<Duration>,
}

impl Timed {
    /// Bytes a nanosecond.
    pub fn gigabytes(&self) -> Option<f64> {
        Some(self.bytes as f64 / self.time?.as_nanos() as f64)
    }
}

/// Times every subject on every body, in the groups `GROUP/native` and `GROUP/wasm`.
///
/// # Panics
/// When the guest cannot be loaded or its answer differs from the native one.
pub fn run(criterion: &mut Criterion, group: &str, subjects: &[Subject], bodies: &[Body]) {
    let mut guest = Guest::load().unwrap_or_else(|error| panic!("{error:#}"));
    run_in(&mut guest, criterion, group, subjects, bodies);
}

/// The same in a guest that is set up, and what came out in Wasm.
///
/// # Panics
/// When the guest's answer differs from the native one.
pub fn run_in(
    guest: &mut Guest,
    criterion: &mut Criterion,
    group: &str,
    subjects: &[Subject],
    bodies: &[Body],
) -> Vec<Timed> {
    let mut native = criterion.benchmark_group(format!("{group}/native"));
    for_each(&mut native, subjects, bodies, |group, id, subject, body| {
        group.bench_with_input(id, &body.bytes, |bencher, bytes| {
            bencher.iter(|| (subject.native)(bytes))
        });
    });
    native.finish();

    let mut all = Vec::new();
    let mut wasm = criterion.benchmark_group(format!("{group}/wasm"));
    for_each(&mut wasm, subjects, bodies, |group, id, subject, body| {
        let what = format!("{} on {}", subject.name, body.name);
        let prepared = guest
            .prepare(subject.name, &body.bytes)
            .unwrap_or_else(|error| panic!("{what}: {error:#}"));
        let mut call = || {
            guest
                .call(&prepared)
                .unwrap_or_else(|error| panic!("{what}: {error:#}"))
        };
        assert_eq!(
            call(),
            (subject.native)(&body.bytes),
            "the guest and the native code differ: {what}"
        );
        let mut samples: Vec<Duration> = Vec::new();
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|times| {
                let start = Instant::now();
                let mut done = 0;
                while done < times {
                    let calls = (times / CUTS).max(1).min(times - done);
                    let start = Instant::now();
                    for _ in 0..calls {
                        black_box(call());
                    }
                    samples.push(start.elapsed() / u32::try_from(calls).unwrap_or(u32::MAX));
                    done += calls;
                }
                start.elapsed()
            });
        });
        all.push(Timed {
            subject: subject.name,
            body: body.name.clone(),
            bytes: body.bytes.len(),
            time: samples.into_iter().min(),
        });
    });
    wasm.finish();
    all
}

fn for_each<'c>(
    group: &mut BenchmarkGroup<'c, WallTime>,
    subjects: &[Subject],
    bodies: &[Body],
    mut bench: impl FnMut(&mut BenchmarkGroup<'c, WallTime>, BenchmarkId, &Subject, &Body),
) {
    for body in bodies {
        group.throughput(Throughput::Bytes(body.bytes.len() as u64));
        for subject in subjects {
            bench(
                group,
                BenchmarkId::new(subject.name, &body.name),
                subject,
                body,
            );
        }
    }
}
