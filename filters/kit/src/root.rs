//! The root context: reads the configuration, then makes a [`Handle`] for every request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use tollgate_core::callout::{Callout, MOST_UNAWAITED, News};
use tollgate_core::config::{Config, StageKind};
use tollgate_core::effect::{Effect, Metric};
use tollgate_core::exchange::StreamEnd;
use tollgate_core::pipeline::{Pipeline, StageMaker, TICK_MILLISECONDS};

use crate::abi;
use crate::callout;
use crate::metrics::Metrics;
use crate::pairs;
use crate::queue::{Handle, Queue};
use crate::stream::carry_out;
use crate::world::World;

/// What all streams of a worker share.
pub(crate) struct Worker {
    pub(crate) pipeline: Pipeline,
    pub(crate) metrics: Metrics,
    /// The list of effects of the callback at hand, kept for the next one.
    spare: RefCell<Vec<Effect>>,
    pub(crate) queue: Queue,
    is_ticking: Cell<bool>,
    has_hinted: Cell<bool>,
    has_hinted_at_cluster: Cell<bool>,
}

impl Worker {
    fn new(
        config: Config,
        makers: &[StageMaker],
    ) -> Result<Worker, tollgate_core::config::ConfigError> {
        Ok(Worker {
            pipeline: Pipeline::new(config, &secret(), makers)?,
            metrics: Metrics::default(),
            spare: RefCell::default(),
            queue: Queue::default(),
            is_ticking: Cell::new(false),
            has_hinted: Cell::new(false),
            has_hinted_at_cluster: Cell::new(false),
        })
    }

    /// An empty list for a callback's effects.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.spare
            .try_borrow_mut()
            .map(|mut spare| core::mem::take(&mut *spare))
            .unwrap_or_default()
    }

    /// Carries the effects out, in order.
    pub(crate) fn apply(&self, mut effects: Vec<Effect>) {
        for effect in &effects {
            carry_out(self, effect);
        }
        effects.clear();
        if let Ok(mut spare) = self.spare.try_borrow_mut() {
            *spare = effects;
        }
        self.tick_as_wanted();
    }

    /// Has the host tick while a stage wants it, and only then: an idle worker sleeps.
    fn tick_as_wanted(&self) {
        let wanted = self.pipeline.wants_tick() || self.queue.has_called();
        if wanted != self.is_ticking.get() {
            let period = if wanted { TICK_MILLISECONDS } else { 0 };
            if abi::set_tick_period(period).is_ok() {
                self.is_ticking.set(wanted);
            }
        }
    }

    fn on_tick(&self) {
        let mut effects = self.effects();
        self.pipeline.on_tick(&World, &mut effects);
        self.apply(effects);
    }

    /// Makes a call, whose answer the context at hand gets. False where the host does not.
    pub(crate) fn make(&self, callout: &Callout) -> bool {
        let is_made = callout::make(callout);
        if !is_made && !self.has_hinted_at_cluster.replace(true) {
            let message = format!(
                "a call of cluster {} could not be made: Envoy's configuration has no such cluster, or it has no \
                 host that is well",
                callout.cluster
            );
            abi::log(abi::Level::Warn, &message);
        }
        is_made
    }

    /// Makes a call that no request waits for.
    pub(crate) fn call(&self, callout: &Callout) {
        if !self.make(callout) {
            self.on_answer(&News::NoAnswer);
        }
    }

    /// Hears what became of such a call.
    fn on_answer(&self, news: &News) {
        let mut effects = self.effects();
        self.pipeline.on_answer(news, &World, &mut effects);
        self.apply(effects);
    }

    /// Says once what it may mean that a request whose headers were held was answered before
    /// any of its body came: no call tells whether Envoy hands over bodies meanwhile.
    pub(crate) fn hint_at_held_headers(&self) {
        if !self.has_hinted.replace(true) {
            abi::log(
                abi::Level::Warn,
                "a request was answered before any of its body came; if all are, hold_headers is true here and \
                 allow_on_headers_stop_iteration is not in Envoy's configuration of the filter",
            );
        }
    }

    /// Counts a request by what became of it.
    pub(crate) fn count_request(&self, outcome: &'static str) {
        self.metrics.measure(
            Metric::counter("tollgate.requests").with("outcome", outcome),
            1,
        );
    }

    /// Counts an exchange by the way it ended.
    pub(crate) fn count_end(&self, end: StreamEnd) {
        self.metrics.measure(
            Metric::counter("tollgate.exchanges").with("end", end.name()),
            1,
        );
    }
}

/// The deployment's secret, from the VM's environment: the configuration, which Envoy shows
/// in `/config_dump`, is no place for it. Empty where none is given.
fn secret() -> Vec<u8> {
    std::env::var("TOLLGATE_SECRET")
        .unwrap_or_default()
        .into_bytes()
}

/// The context of the plugin in one VM.
pub(crate) struct Root {
    id: u32,
    available: &'static [StageMaker],
    worker: Option<Rc<Worker>>,
}

impl Root {
    pub(crate) fn new(id: u32, available: &'static [StageMaker]) -> Root {
        Root {
            id,
            available,
            worker: None,
        }
    }
}

impl Context for Root {
    /// The plugin goes, with its VM or for a new configuration: what its stages hold for shared
    /// data goes there. What is still to be sent to a fleet's store is lost.
    fn on_done(&mut self) -> bool {
        if let Some(worker) = &self.worker {
            worker.on_tick();
        }
        true
    }

    fn on_http_call_response(&mut self, _call: u32, headers: usize, body: usize, _trailers: usize) {
        if let Some(worker) = &self.worker {
            worker.on_answer(&callout::news(headers, body, MOST_UNAWAITED));
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let text = abi::buffer(abi::Buffer::PluginConfiguration, 0, size).unwrap_or_default();
        let available: Vec<StageKind> = self.available.iter().map(|maker| maker.kind()).collect();
        let config = Config::read(&text, &available);
        match config.and_then(|config| Worker::new(config, self.available)) {
            Ok(worker) => {
                for note in worker.pipeline.notes() {
                    abi::log(abi::Level::Warn, note);
                }
                // What the stages of a configuration before this one hold goes where it belongs.
                let before = self.worker.replace(Rc::new(worker));
                if let Some(before) = before {
                    before.on_tick();
                    before.queue.call_all();
                    before.queue.serve(self.id);
                }
                true
            }
            Err(error) => {
                abi::log(abi::Level::Error, &error.to_string());
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(worker) = &self.worker {
            worker.on_tick();
            worker.queue.serve(self.id);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.worker {
            Some(worker) => Box::new(Handle::new(id, Rc::clone(worker))),
            None => Box::new(Unconfigured),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A stream of a plugin whose configuration was refused. Envoy makes none; a host that does
/// gets a 503 rather than a request that no stage saw.
struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _count: usize, _is_end: bool) -> Action {
        let _ = abi::send_local_response(503, "tollgate_unconfigured", b"", &pairs::encode(&[]));
        Action::Pause
    }

    fn on_http_request_body(&mut self, _available: usize, _is_end: bool) -> Action {
        Action::Pause
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        Action::Pause
    }
}
