//! Metrics with the odd rules Envoy has (`context.cc` `defineMetric` and on).
//!
//! Stats belong to the host and are shared by name; identifiers belong to one VM, carry
//! the kind in their low two bits, and a name defined twice gets a second identifier.

use std::collections::BTreeMap;

use crate::status::Status;

/// The kind of a metric, as numbered on the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// A level.
    Gauge = 1,
    /// Recorded values.
    Histogram = 2,
}

/// A metric's present value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The sum of all increments.
    Counter(u64),
    /// The level; subtracting below zero wraps, as in Envoy.
    Gauge(u64),
    /// Every recorded value in order.
    Histogram(Vec<u64>),
}

/// A host's stats, without Envoy's prefix `wasmcustom.`.
pub(crate) type Stats = BTreeMap<(MetricKind, String), Metric>;

const KIND_MASK: u32 = 3;

/// The identifiers that one VM has defined.
#[derive(Debug, Default)]
pub(crate) struct MetricIds {
    /// Per kind, the names in order of definition.
    names: [Vec<String>; 3],
}

impl MetricIds {
    pub fn define(&mut self, stats: &mut Stats, kind: u32, name: &[u8]) -> Result<u32, Status> {
        let kind = kind_of(kind).ok_or(Status::BadArgument)?;
        let name = String::from_utf8_lossy(name).into_owned();
        stats.entry((kind, name.clone())).or_insert(match kind {
            MetricKind::Counter => Metric::Counter(0),
            MetricKind::Gauge => Metric::Gauge(0),
            MetricKind::Histogram => Metric::Histogram(Vec::new()),
        });
        let names = &mut self.names[kind as usize];
        names.push(name);
        Ok(names.len() as u32 * (KIND_MASK + 1) + kind as u32)
    }

    /// `proxy_increment_metric`.
    pub fn increment(&self, stats: &mut Stats, id: u32, delta: i64) -> Result<(), Status> {
        match self.stat(stats, id)? {
            Metric::Counter(sum) if delta > 0 => *sum = sum.wrapping_add(delta.unsigned_abs()),
            Metric::Gauge(level) => *level = level.wrapping_add_signed(delta),
            Metric::Counter(_) | Metric::Histogram(_) => return Err(Status::BadArgument),
        }
        Ok(())
    }

    /// `proxy_record_metric`; on a counter it adds.
    pub fn record(&self, stats: &mut Stats, id: u32, value: u64) -> Result<(), Status> {
        match self.stat(stats, id)? {
            Metric::Counter(sum) => *sum = sum.wrapping_add(value),
            Metric::Gauge(level) => *level = value,
            Metric::Histogram(values) => values.push(value),
        }
        Ok(())
    }

    /// `proxy_get_metric`.
    pub fn get(&self, stats: &mut Stats, id: u32) -> Result<u64, Status> {
        match self.stat(stats, id)? {
            Metric::Counter(value) | Metric::Gauge(value) => Ok(*value),
            Metric::Histogram(_) => Err(Status::BadArgument),
        }
    }

    fn stat<'s>(&self, stats: &'s mut Stats, id: u32) -> Result<&'s mut Metric, Status> {
        let kind = kind_of(id & KIND_MASK).ok_or(Status::BadArgument)?;
        let name = (id / (KIND_MASK + 1))
            .checked_sub(1)
            .and_then(|at| self.names[kind as usize].get(at as usize))
            .ok_or(Status::NotFound)?;
        stats.get_mut(&(kind, name.clone())).ok_or(Status::NotFound)
    }
}

fn kind_of(number: u32) -> Option<MetricKind> {
    match number {
        0 => Some(MetricKind::Counter),
        1 => Some(MetricKind::Gauge),
        2 => Some(MetricKind::Histogram),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_step_by_four_and_names_are_shared() {
        let (mut stats, mut one, mut two) =
            (Stats::new(), MetricIds::default(), MetricIds::default());
        let rows = [
            (0, "a", Ok(4)),
            (0, "a", Ok(8)),
            (1, "a", Ok(5)),
            (2, "a", Ok(6)),
            (3, "a", Err(Status::BadArgument)),
            (0, "b", Ok(12)),
        ];
        for (kind, name, id) in rows {
            assert_eq!(one.define(&mut stats, kind, name.as_bytes()), id);
        }
        assert_eq!(two.define(&mut stats, 0, b"a"), Ok(4));
        one.increment(&mut stats, 8, 2).unwrap();
        two.increment(&mut stats, 4, 3).unwrap();
        assert_eq!(one.get(&mut stats, 4), Ok(5));
    }

    #[test]
    fn each_kind_has_its_own_rules() {
        let (mut stats, mut ids) = (Stats::new(), MetricIds::default());
        for kind in 0..3 {
            ids.define(&mut stats, kind, b"m").unwrap();
        }
        let bad = Err(Status::BadArgument);
        for (id, delta, expected) in [
            (4, 0, bad),
            (4, -1, bad),
            (4, 3, Ok(())),
            (5, -94, Ok(())),
            (6, 1, bad),
            (7, 1, bad),
            (8, 1, Err(Status::NotFound)),
            (0, 1, Err(Status::NotFound)),
        ] {
            assert_eq!(
                ids.increment(&mut stats, id, delta),
                expected,
                "{id} {delta}"
            );
        }
        assert_eq!(ids.get(&mut stats, 5), Ok(18_446_744_073_709_551_522));
        ids.record(&mut stats, 4, 2).unwrap();
        ids.record(&mut stats, 5, 7).unwrap();
        ids.record(&mut stats, 6, 9).unwrap();
        assert_eq!(
            (ids.get(&mut stats, 4), ids.get(&mut stats, 5)),
            (Ok(5), Ok(7))
        );
        assert_eq!(ids.get(&mut stats, 6), Err(Status::BadArgument));
        assert_eq!(
            stats[&(MetricKind::Histogram, "m".into())],
            Metric::Histogram(vec![9])
        );
    }
}
