//! Hits a second and the time of one, of several contestants in turn, so that what else the
//! machine does meets all of them.

use std::time::Duration;

use anyhow::Result;
use azure_mock::{Config, Handle, Mock, RawAnswer, Script};

use crate::contestant::{Before, Contestant};
use crate::load::{Load, Run};
use crate::question;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Hits {
    /// How often each contestant has its turn.
    pub rounds: usize,
    /// How long each of the two runs of a turn takes.
    pub duration: Duration,
    /// Connections of the run that shows how many answers there are a second.
    pub connections: usize,
    /// Also what else there is.
    pub peers: bool,
}

/// What a contestant came to in one turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// With many connections.
    pub many: Run,
    /// Processor time of one of these requests, where the system tells.
    pub processor: Option<Duration>,
    /// With one.
    pub one: Run,
}

/// What a contestant came to.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Round by round, as those of the others.
    pub turns: Vec<Turn>,
}

/// Regions of the mock: each contestant has its own, which counts what it is asked.
const REGIONS: [&str; 4] = ["swedencentral", "eastus2", "japaneast", "westus3"];

impl Hits {
    /// Measures. `progress` is told each turn's result. The first row is the floor's.
    ///
    /// # Errors
    /// Where a contestant does not start, or answers with anything but what it kept.
    pub fn run(&self, progress: impl Fn(&str, &Turn)) -> Result<Vec<Row>> {
        let mock = Mock::start(Config::with_regions(REGIONS))?;
        let regions: Vec<Handle> = mock.regions().collect();
        for region in &regions {
            region.script(Script::raw(answer()?).always());
        }
        let [floor, cache, gateway, peer] = &regions[..] else {
            anyhow::bail!("the mock has other regions than it was told");
        };
        let behind = ["content-screener", "prompt-minimizer", "response-cache"];
        let mut contestants = vec![
            (Contestant::floor(floor)?, floor),
            (
                Contestant::cache(
                    "response-cache.wasm, hits",
                    "response-cache",
                    &behind[2..],
                    cache,
                )?,
                cache,
            ),
            (
                Contestant::cache(
                    "gateway.wasm, stages up to the cache",
                    "gateway",
                    &behind,
                    gateway,
                )?,
                gateway,
            ),
        ];
        if self.peers {
            contestants.push((Contestant::litellm(peer)?, peer));
        }
        let load = Load::of(&question::request())?;
        let mut before: Vec<Before> = Vec::new();
        for (contestant, region) in &contestants {
            before.push(contestant.warm_up(&load, self.connections, region)?);
        }
        let mut rows: Vec<Row> = contestants
            .iter()
            .map(|(contestant, _)| Row {
                name: contestant.name,
                turns: Vec::new(),
            })
            .collect();
        for _ in 0..self.rounds {
            for ((contestant, _), row) in contestants.iter().zip(&mut rows) {
                let turn = self.turn(contestant, &load)?;
                progress(contestant.name, &turn);
                row.turns.push(turn);
            }
        }
        for (((contestant, region), row), before) in contestants.iter().zip(&rows).zip(&before) {
            let runs = row.turns.iter().flat_map(|turn| [turn.many, turn.one]);
            let requests = runs.map(|run| run.requests).sum();
            contestant.check(before, requests, region)?;
        }
        Ok(rows)
    }

    fn turn(&self, contestant: &Contestant, load: &Load) -> Result<Turn> {
        let address = contestant.address();
        let began = contestant.processor_time();
        let many = load.run(address, self.connections, self.duration)?;
        let used = contestant
            .processor_time()
            .zip(began)
            .map(|(now, before)| now.saturating_sub(before));
        let processor = used.map(|used| used.div_f64(many.requests as f64));
        let one = load.run(address, 1, self.duration)?;
        Ok(Turn {
            many,
            processor,
            one,
        })
    }
}

fn answer() -> Result<RawAnswer> {
    let mut answer = RawAnswer {
        chunks: vec![question::answer().into()],
        ..RawAnswer::default()
    };
    let kind = "application/json".parse()?;
    answer.headers.insert("content-type", kind);
    Ok(answer)
}
