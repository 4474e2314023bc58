//! All cases with all their policies in virtual time, as many at once as there are cores.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tollgate_host::Module;

use crate::case::Case;
use crate::policy::Policy;
use crate::report::Row;
use crate::simulation::Simulation;

/// What all runs have in common.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// Decides everything random.
    pub seed: u64,
    /// How long requests come, in virtual time.
    pub duration: Duration,
    /// VMs of each run.
    pub workers: usize,
}

/// Plays every case with each of its policies; rows come in that order. `progress` hears of
/// each that is done and of how many there are.
///
/// # Errors
/// The first of [`Simulation::run`].
pub fn compare(
    module: &Module,
    cases: &[Case],
    runs: Runs,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<Row>> {
    let jobs: VecDeque<(usize, &Case, Policy)> = cases
        .iter()
        .flat_map(|case| case.policies.iter().map(move |policy| (case, *policy)))
        .enumerate()
        .map(|(at, (case, policy))| (at, case, policy))
        .collect();
    let all = jobs.len();
    let jobs = Mutex::new(jobs);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || -> Result<()> {
        loop {
            let job = lock(&jobs).pop_front();
            let Some((at, case, policy)) = job else {
                return Ok(());
            };
            let row = play(module, case, policy, runs)?;
            let mut done = lock(&done);
            done.push((at, row));
            progress(done.len(), all);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| {
            let ended = worker.join();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        ended.collect::<Result<()>>()
    })?;
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, row)| row).collect())
}

fn play(module: &Module, case: &Case, policy: Policy, runs: Runs) -> Result<Row> {
    let simulation = Simulation {
        module,
        configuration: policy.configuration(case.limit).to_string(),
        workers: runs.workers,
        limit: case.limit,
    };
    Ok(Row {
        case: case.name.to_owned(),
        policy,
        outcome: simulation.run(&case.traffic(runs.seed, runs.duration))?,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
