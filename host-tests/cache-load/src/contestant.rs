//! What is measured: a real Envoy with one filter, or a peer; and how often it asked its upstream.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use azure_mock::Handle;
use serde_json::{Value, json};
use tollgate_tests::{Client, Envoy, places};

use crate::floor;
use crate::litellm::LiteLlm;
use crate::load::Load;
use crate::question;

/// Something that answers the question.
pub struct Contestant {
    /// What the report calls it.
    pub name: &'static str,
    address: SocketAddr,
    upstream: Upstream,
    process: Process,
}

/// How a contestant came by its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upstream {
    /// Without ever asking.
    Never,
    /// It asks once.
    Once,
}

enum Process {
    /// And whether its filter counts what it does.
    Envoy(Box<Envoy>, bool),
    LiteLlm(LiteLlm),
}

/// Answers of a cache since it was started, by where they came from.
type Outcomes = BTreeMap<String, u64>;

/// Before the first run: what was counted then.
pub struct Before(Option<Outcomes>);

impl Contestant {
    /// An Envoy whose filter answers a constant.
    ///
    /// # Errors
    /// Where Envoy does not start.
    pub fn floor(region: &Handle) -> Result<Contestant> {
        let folder = tempfile::tempdir()?;
        let module = folder.path().join("floor.wasm");
        fs::write(&module, floor::module(&question::answer())?)?;
        let envoy = start(&module, &json!({}), region)?;
        Ok(Contestant {
            name: "floor: holds, copies, answers a constant",
            address: envoy.listener("llm")?,
            upstream: Upstream::Never,
            process: Process::Envoy(Box::new(envoy), false),
        })
    }

    /// An Envoy whose filter is this module of ours, with nothing but these stages.
    ///
    /// # Errors
    /// Where the module was not built, or Envoy does not start.
    pub fn cache(
        name: &'static str,
        module: &str,
        stages: &[&str],
        region: &Handle,
    ) -> Result<Contestant> {
        let configuration = json!({
            "hold_headers": true,
            "tenant": [{ "header": "api-key" }],
            "stages": stages,
            // Longer than any run, and otherwise the defaults.
            "response_cache": { "ttl_seconds": 86_400 },
        });
        let envoy = start(&places::filter(module)?, &configuration, region)?;
        Ok(Contestant {
            name,
            address: envoy.listener("llm")?,
            upstream: Upstream::Once,
            process: Process::Envoy(Box::new(envoy), true),
        })
    }

    /// LiteLLM's proxy, with its cache in memory.
    ///
    /// # Errors
    /// Where it is not installed, or does not start.
    pub fn litellm(region: &Handle) -> Result<Contestant> {
        let litellm = LiteLlm::start(region.address())?;
        Ok(Contestant {
            name: "LiteLLM proxy, cache in memory",
            address: litellm.address(),
            upstream: Upstream::Once,
            process: Process::LiteLlm(litellm),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks once, which puts the answer into the cache, and then as in a run, until what happens
    /// only at first is over: Envoy's V8 compiles again what runs often.
    ///
    /// # Errors
    /// Where an answer is none, or the upstream was asked more often than it should.
    pub fn warm_up(&self, load: &Load, connections: usize, region: &Handle) -> Result<Before> {
        let client = Client::new(self.address);
        let request = client.post(question::PATH).header("api-key", "one");
        let request = request.header("authorization", "Bearer one");
        let answer = request.body(question::request()).send()?;
        ensure!(
            answer.status == 200 && answer.body.len() > question::BYTES / 2,
            "{} answered {}: {}",
            self.name,
            answer.status,
            answer.text()
        );
        load.run(self.address, connections, WARM_UP)?;
        self.check_upstream(region)?;
        Ok(Before(self.outcomes()?))
    }

    /// Checks that all since `before` were hits, `requests` at least.
    ///
    /// # Errors
    /// Where they were not.
    pub fn check(&self, before: &Before, requests: u64, region: &Handle) -> Result<()> {
        self.check_upstream(region)?;
        let (Some(before), Some(now)) = (&before.0, self.outcomes()?) else {
            return Ok(());
        };
        let hits = of(&now, HIT).saturating_sub(of(before, HIT));
        ensure!(
            hits >= requests,
            "{}: {requests} answers, and only {hits} hits",
            self.name
        );
        let others = |outcomes: &Outcomes| -> Outcomes {
            let others = outcomes.iter().filter(|(name, _)| *name != HIT);
            others.map(|(name, count)| (name.clone(), *count)).collect()
        };
        ensure!(
            others(before) == others(&now),
            "{}: not only hits, but {now:?} where {before:?} were expected",
            self.name
        );
        Ok(())
    }

    fn check_upstream(&self, region: &Handle) -> Result<()> {
        let asked = region.requests().len();
        let expected = match self.upstream {
            Upstream::Never => 0,
            Upstream::Once => 1,
        };
        ensure!(
            asked == expected,
            "{} asked its upstream {asked} times, not {expected}",
            self.name
        );
        Ok(())
    }

    /// What the filter has counted; none where it does not.
    fn outcomes(&self) -> Result<Option<Outcomes>> {
        let Process::Envoy(envoy, true) = &self.process else {
            return Ok(None);
        };
        Ok(Some(envoy.stats(OUTCOMES)?.into_iter().collect()))
    }

    /// Processor time it has used so far; none where the system does not tell.
    pub fn processor_time(&self) -> Option<Duration> {
        let id = match &self.process {
            Process::Envoy(envoy, ..) => envoy.process_id(),
            Process::LiteLlm(litellm) => litellm.process_id(),
        };
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in brackets, may hold anything. Behind it user time is the twelfth, system
        // time the thirteenth, in hundredths of a second (proc(5)).
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<u64>().ok();
        Some(Duration::from_millis(10 * (next()? + next()?)))
    }
}

/// How long a contestant runs before it is measured.
const WARM_UP: Duration = Duration::from_secs(3);

/// What the filter's counters of requests begin with, in Envoy's statistics.
const OUTCOMES: &str = "wasmcustom.tollgate.response_cache.requests.outcome.";
const HIT: &str = "wasmcustom.tollgate.response_cache.requests.outcome.hit";

fn of(outcomes: &Outcomes, name: &str) -> u64 {
    outcomes.get(name).copied().unwrap_or(0)
}

/// An Envoy with one worker and one filter.
fn start(module: &Path, configuration: &Value, region: &Handle) -> Result<Envoy> {
    let file = places::root().join("host-tests/cache-load/envoy.yaml");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = text
        .replace(
            "filename: MODULE",
            &format!("filename: {}", module.display()),
        )
        .replace("'CONFIGURATION'", &format!("'{configuration}'"))
        .replace(
            "port_value: UPSTREAM",
            &format!("port_value: {}", region.address().port()),
        );
    Envoy::start(&text, 1)
}
