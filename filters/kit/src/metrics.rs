//! Metrics by name: defined at the host when first used, then known by their ids.

use std::cell::RefCell;

use hashbrown::HashMap;
use tollgate_core::effect::{Metric, MetricKind};

use crate::abi;

/// The host's ids of the metrics used so far. Bounded: names are compiled in.
#[derive(Default)]
pub(crate) struct Metrics {
    ids: RefCell<HashMap<Metric, Option<u32>>>,
}

impl Metrics {
    /// Adds `value` to a counter, records it in a histogram or sets a gauge to it.
    pub(crate) fn measure(&self, metric: Metric, value: u64) {
        let Some(id) = self.id(metric) else { return };
        // A metric that the host does not take is lost; no request may suffer for it.
        let _ = match metric.kind {
            // Envoy refuses to add nothing.
            MetricKind::Counter if value == 0 => Ok(()),
            MetricKind::Counter => {
                abi::increment_metric(id, i64::try_from(value).unwrap_or(i64::MAX))
            }
            MetricKind::Histogram | MetricKind::Gauge => abi::record_metric(id, value),
        };
    }

    fn id(&self, metric: Metric) -> Option<u32> {
        let mut ids = self.ids.try_borrow_mut().ok()?;
        *ids.entry(metric).or_insert_with(|| {
            let kind = match metric.kind {
                MetricKind::Counter => abi::MetricType::Counter,
                MetricKind::Histogram => abi::MetricType::Histogram,
                MetricKind::Gauge => abi::MetricType::Gauge,
            };
            match metric.label {
                None => abi::define_metric(kind, metric.name).ok(),
                Some((key, value)) => {
                    abi::define_metric(kind, &format!("{}.{key}.{value}", metric.name)).ok()
                }
            }
        })
    }
}
