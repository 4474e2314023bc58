//! A million different requests, each of whose answers is kept: what shared data and the VMs'
//! memory come to, with the module in the harness.

use std::time::Duration;

use anyhow::{Result, ensure};
use tollgate_core::response_cache::store::KEYS;
use tollgate_host::{Headers, Host, Module, Plugin, SharedDataSize, Worker};
use tollgate_tests::places;

use crate::question::PATH;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// Different requests.
    pub requests: u64,
    /// VMs that take turns and share the data.
    pub workers: usize,
    /// `limits.max_cached_bytes`.
    pub max_cached_bytes: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Answers that were kept.
    pub stored: u64,
    /// Answers that had to go while they could still have been given.
    pub evicted: u64,
    /// Requests that were asked again, and how many of them were hits.
    pub again: (u64, u64),
    /// The most that shared data had at once: keys, their bytes, and the values' bytes.
    pub most: SharedDataSize,
    /// Bytes of memory of each VM after a twentieth of the requests, and in the end.
    pub memory: Vec<[usize; 2]>,
}

/// Between two looks at the shared data.
const LOOKED_EVERY: u64 = 128;
/// One of so many requests is asked again, some requests later.
const AGAIN_EVERY: u64 = 16;
const LATER: u64 = 8;
/// Between two requests: a thousand of them a second, so that answers also end by their time.
const APART: Duration = Duration::from_millis(1);
/// The most bytes a key has.
const KEY_BYTES: usize = 32;

/// Bytes of the texts of answers, in turn: short and long ones, and together so many that of the
/// default bound bytes run out before places do.
const TEXTS: [usize; 8] = [200, 2_000, 500, 6_000, 1_000, 300, 20_000, 4_000];

impl Fill {
    /// Asks. `progress` is told a hundred times.
    ///
    /// # Errors
    /// Where the module was not built or does not start, or an answer was not what it should be.
    pub fn run(&self, mut progress: impl FnMut(u64, SharedDataSize)) -> Result<Filled> {
        let module = Module::load(places::filter("response-cache")?)?;
        let host = Host::new();
        let plugin = || Plugin {
            configuration: self.configuration(),
            allow_on_headers_stop_iteration: true,
            ..Plugin::default()
        };
        let workers: Result<Vec<Worker>, _> = (0..self.workers)
            .map(|_| host.worker(&module, plugin()))
            .collect();
        let workers = workers?;
        let worker = |number: u64| &workers[number as usize % workers.len()];
        let mut filled = Filled {
            stored: 0,
            evicted: 0,
            again: (0, 0),
            most: SharedDataSize::default(),
            memory: Vec::new(),
        };
        let memory = || workers.iter().map(Worker::memory_bytes);
        for number in 0..self.requests {
            ensure!(
                !ask(worker(number), number),
                "request {number} was answered before it was ever asked"
            );
            if number % AGAIN_EVERY == 0
                && let Some(earlier) = number.checked_sub(LATER)
            {
                filled.again.0 += 1;
                // Another worker than the one that stored it.
                filled.again.1 += u64::from(ask(worker(number + 1), earlier));
            }
            host.advance(APART);
            let size = match number % LOOKED_EVERY {
                0 => host.shared_data_size(""),
                _ => SharedDataSize::default(),
            };
            filled.most = filled.most.or_more(size);
            if number == self.requests / 20 {
                filled.memory = memory().map(|bytes| [bytes, 0]).collect();
            }
            if number % (self.requests / 100).max(1) == 0 {
                progress(number, filled.most);
            }
        }
        filled.most = filled.most.or_more(host.shared_data_size(""));
        for (seen, now) in filled.memory.iter_mut().zip(memory()) {
            seen[1] = now;
        }
        for (number, worker) in workers.iter().enumerate() {
            ensure!(worker.death().is_none(), "the VM of worker {number} died");
        }
        filled.stored = host.counter("tollgate.response_cache.stored");
        filled.evicted = host.counter("tollgate.response_cache.evicted");
        Ok(filled)
    }

    fn configuration(&self) -> Vec<u8> {
        let bytes = self.max_cached_bytes;
        let text = format!(
            r#"{{ "hold_headers": true, "tenant": [{{ "header": "api-key" }}],
                  "limits": {{ "max_cached_bytes": {bytes} }} }}"#
        );
        text.into_bytes()
    }
}

impl Filled {
    /// What was not as it must be of `fill`, a sentence each.
    pub fn breaches(&self, fill: &Fill) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut must = |holds: bool, otherwise: String| {
            if !holds {
                breaches.push(otherwise);
            }
        };
        let SharedDataSize {
            keys,
            key_bytes,
            value_bytes,
        } = self.most;
        must(
            value_bytes as u64 <= fill.max_cached_bytes,
            format!(
                "shared data had {value_bytes} bytes, and limits.max_cached_bytes are {}",
                fill.max_cached_bytes
            ),
        );
        must(
            keys <= KEYS && key_bytes <= KEYS * KEY_BYTES,
            format!("shared data had {keys} keys of {key_bytes} bytes"),
        );
        must(
            self.stored >= fill.requests,
            format!("only {} answers were kept", self.stored),
        );
        let (asked, hits) = self.again;
        must(
            hits * 10 >= asked * 9,
            format!("of {asked} requests that were asked again only {hits} were hits"),
        );
        for (number, [before, after]) in self.memory.iter().enumerate() {
            must(
                before == after,
                format!("the memory of worker {number} grew from {before} to {after} bytes"),
            );
        }
        breaches
    }
}

/// Asks request `number`; whether it was answered with what was kept. Otherwise the upstream
/// answers.
fn ask(worker: &Worker, number: u64) -> bool {
    let head = Headers::from([
        (":method", "POST"),
        (":path", PATH),
        (":authority", "llm.example"),
        ("content-type", "application/json"),
        ("api-key", "one"),
    ]);
    let mut stream = worker.open();
    stream.request(
        head,
        format!(
            r#"{{"model":"gpt-4o","temperature":0,"messages":[{{"role":"user","content":"What is {number}?"}}]}}"#
        ),
    );
    if stream.local_reply().is_some() {
        return true;
    }
    let text = TEXTS[number as usize % TEXTS.len()];
    let head = Headers::from([(":status", "200"), ("content-type", "application/json")]);
    stream.response(
        head,
        format!(
            r#"{{"id":"chatcmpl-{number}","object":"chat.completion","created":1700000000,"model":"gpt-4o-2024-11-20","choices":[{{"index":0,"message":{{"role":"assistant","content":"{:x<text$}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}}}"#,
            ""
        ),
    );
    false
}
