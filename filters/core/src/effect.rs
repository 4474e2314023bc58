//! What the thinking wants done: values that the kit turns into host calls.

use crate::callout::{Callout, Place, Turn};

/// How a metric adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// A distribution; Envoy keeps its quantiles.
    Histogram,
    /// A level: what was measured last, by whichever worker.
    Gauge,
}

/// A metric, published by Envoy as `wasmcustom.NAME`, or `wasmcustom.NAME.KEY.VALUE` where
/// it has a label. Both parts are compiled in, so the set of names is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// How it adds up.
    pub kind: MetricKind,
    /// Name, beginning with `tollgate.`.
    pub name: &'static str,
    /// Key and value of its label.
    pub label: Option<(&'static str, &'static str)>,
}

impl Metric {
    /// A counter without a label.
    pub const fn counter(name: &'static str) -> Metric {
        Metric {
            kind: MetricKind::Counter,
            name,
            label: None,
        }
    }

    /// A histogram without a label.
    pub const fn histogram(name: &'static str) -> Metric {
        Metric {
            kind: MetricKind::Histogram,
            name,
            label: None,
        }
    }

    /// A gauge without a label.
    pub const fn gauge(name: &'static str) -> Metric {
        Metric {
            kind: MetricKind::Gauge,
            name,
            label: None,
        }
    }

    /// The same metric for one value of a label.
    pub const fn with(self, key: &'static str, value: &'static str) -> Metric {
        Metric {
            label: Some((key, value)),
            ..self
        }
    }
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Adds to a counter, records in a histogram or sets a gauge.
    Measure {
        /// Which.
        metric: Metric,
        /// How much; a counter that gets 0 is left alone.
        value: u64,
    },
    /// Publishes a value as filter state `wasm.KEY`, for access logs and other modules.
    Publish {
        /// Key, beginning with `tollgate.`.
        key: &'static str,
        /// Text of the value.
        value: String,
    },
    /// Publishes a value under a key that Envoy's own filters read.
    PublishToEnvoy {
        /// A key with a registered factory, such as `envoy.ratelimit.hits_addend`.
        key: &'static str,
        /// Text of the value.
        value: String,
    },
    /// Sets a header of the request, where request headers are held; otherwise they have gone on
    /// to the upstream, and nothing happens.
    RequestHeader {
        /// Lower-case name.
        name: &'static str,
        /// Value.
        value: String,
    },
    /// Sets a header of the response, whatever the upstream gave it.
    ResponseHeader {
        /// Lower-case name.
        name: &'static str,
        /// Value.
        value: String,
    },
    /// Says to the request that waits at a place that it is its turn.
    Wake {
        /// Its place.
        place: Place,
        /// What it is to do.
        turn: Turn,
    },
    /// Calls a service for no request: its answer is given to
    /// [`Stage::on_answer`](crate::stage::Stage::on_answer). Only while ticking.
    Call(Box<Callout>),
}
