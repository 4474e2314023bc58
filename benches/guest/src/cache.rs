//! The response-cache: a request from its bytes to the answer that was kept, or to where it would
//! be sent, with shared data that costs nothing but the copies.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tollgate_core::config::{Config, StageKind};
use tollgate_core::endpoint::Dialect;
use tollgate_core::exchange::{ResponseHead, StreamEnd};
use tollgate_core::host::{Host, Nowhere, Shared, Stored, Unavailable, Version};
use tollgate_core::pipeline::{Judged, Pipeline, StageMaker};

/// Bytes of the text of each answer.
const ANSWER_BYTES: usize = 3_800;

/// Values with Envoy's rules of comparison, at one moment.
#[derive(Default)]
struct World {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    last_version: Cell<u32>,
}

impl Host for World {
    fn now(&self) -> Option<u64> {
        Some(1_700_000_000_000_000_000)
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, Unavailable> {
        let values = self.values.borrow();
        Ok(values.get(key).map(|(value, version)| Shared {
            value: value.clone(),
            version: Version::At(*version),
        }))
    }

    fn share(&self, key: &str, value: &[u8], seen: Version) -> Result<Stored, Unavailable> {
        let mut values = self.values.borrow_mut();
        let is_seen = match (seen, values.get(key)) {
            (Version::Any, _) | (Version::Absent, None) => true,
            (Version::At(seen), Some((_, version))) => seen == *version,
            (Version::At(_), None) | (Version::Absent, Some(_)) => false,
        };
        if !is_seen {
            return Ok(Stored::Conflict);
        }
        self.last_version.set(self.last_version.get() + 1);
        values.insert(key.to_owned(), (value.to_vec(), self.last_version.get()));
        Ok(Stored::Yes)
    }

    fn property(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

struct Cache {
    pipeline: Pipeline,
    world: World,
}

impl Default for Cache {
    fn default() -> Cache {
        // Nothing that is asked here says whose it is, nor that its answer is always the same.
        let settings = br#"{"tenant": [], "response_cache": {"cached": "always"}}"#;
        let stages = [StageKind::ResponseCache];
        let config = Config::read(settings, &stages).expect("it is a configuration");
        let pipeline = Pipeline::new(config, b"a bench's secret", StageMaker::ALL);
        Cache {
            pipeline: pipeline.expect("and one of a pipeline"),
            world: World::default(),
        }
    }
}

impl Cache {
    fn ask(&self, body: &[u8]) -> Judged {
        let rule = Rc::clone(&self.pipeline.config().defaults);
        let mut incoming = self.pipeline.begin(Dialect::Chat, None, rule, &Nowhere);
        incoming.read(body);
        self.pipeline
            .judge(incoming, body, &self.world, &mut Vec::new())
    }

    /// The answer that is kept, after it was asked for where none is.
    fn hit(&self, body: &[u8]) -> u64 {
        let mut exchange = match self.ask(body) {
            Judged::Reply(reply) => return reply.body.len() as u64,
            Judged::Send(exchange, _) => exchange,
            other => panic!("the bench's request is one: {other:?}"),
        };
        exchange.on_response_head(&ResponseHead {
            status: 200,
            content_type: b"application/json",
            content_encoding: b"",
            cache: b"",
        });
        let (pipeline, world, effects) = (&self.pipeline, &self.world, &mut Vec::new());
        pipeline.on_response_chunk(&mut exchange, answer().as_bytes(), true, world, effects);
        pipeline.settle(*exchange, StreamEnd::Data, world, effects);
        match self.ask(body) {
            Judged::Reply(reply) => reply.body.len() as u64,
            other => panic!("its answer was kept: {other:?}"),
        }
    }

    /// A request of which there is no answer, and whose own is none to keep.
    fn miss(&self, body: &[u8]) -> u64 {
        match self.ask(body) {
            Judged::Send(exchange, _) => {
                let (end, effects) = (StreamEnd::Reset, &mut Vec::new());
                self.pipeline.settle(*exchange, end, &self.world, effects);
                0
            }
            other => panic!("nothing is kept: {other:?}"),
        }
    }
}

fn answer() -> String {
    let text = "Eine Antwort. ".repeat(ANSWER_BYTES / 14);
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-2024-11-20","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":900,"total_tokens":909}}}}"#
    )
}

thread_local! {
    static KEPT: Cache = Cache::default();
    static EMPTY: Cache = Cache::default();
}

/// Answers a request with what was kept of the first; gives its bytes.
pub fn cache_hit(body: &[u8]) -> u64 {
    KEPT.with(|cache| cache.hit(body))
}

/// Finds no answer to a request, and that the upstream gives none; gives 0.
pub fn cache_miss(body: &[u8]) -> u64 {
    EMPTY.with(|cache| cache.miss(body))
}
