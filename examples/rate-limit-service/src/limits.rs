//! Which limits a descriptor falls under, and which of their counters.
//!
//! A descriptor falls under a limit that names the same keys, no more and no fewer, with the
//! same values or with [`ANY`]; the values that stand for `ANY` tell its counters apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;

/// In a limit's descriptor: any value, each with a counter of its own.
pub const ANY: &str = "*";

/// A limit.
#[derive(Debug)]
pub struct Limit {
    /// What totals, statuses and logs call it.
    pub name: String,
    /// The domain of requests it is for.
    pub domain: String,
    /// The entries of descriptors it is for.
    pub descriptor: BTreeMap<String, String>,
    /// The most hits in a window.
    pub hits: u64,
    /// The length of a window.
    pub window: Duration,
}

/// One of a limit's counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counter {
    /// Which of the limits.
    limit: usize,
    /// The values that stand for [`ANY`], in the order of their keys.
    values: Vec<String>,
}

/// All limits of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Limits(Arc<[Limit]>);

impl Limits {
    /// These, in this order.
    ///
    /// # Errors
    /// With the place in the list of the first that has another's name.
    pub fn new(limits: Vec<Limit>) -> Result<Self, usize> {
        let names = || limits.iter().map(|limit| &limit.name);
        for (place, name) in names().enumerate() {
            if names().take(place).any(|other| other == name) {
                return Err(place);
            }
        }
        Ok(Self(limits.into()))
    }

    /// The limit of a counter.
    pub fn of(&self, counter: &Counter) -> &Limit {
        &self.0[counter.limit]
    }

    /// All limits.
    pub fn iter(&self) -> impl Iterator<Item = &Limit> {
        self.0.iter()
    }

    /// The entries of a counter's descriptor.
    pub fn entries(&self, counter: &Counter) -> BTreeMap<String, String> {
        let mut values = counter.values.iter();
        let entries = self.of(counter).descriptor.iter().map(|(key, value)| {
            let value = match value.as_str() {
                ANY => values.next().cloned().unwrap_or_default(),
                _ => value.clone(),
            };
            (key.clone(), value)
        });
        entries.collect()
    }

    /// The counters a descriptor is charged at; none where no limit applies to it.
    ///
    /// # Errors
    /// When it has a key twice: which value counts, nobody could know.
    pub fn counters(&self, domain: &str, entries: &[(&str, &str)]) -> Result<Vec<Counter>> {
        let mut asked = BTreeMap::new();
        for (key, value) in entries {
            if asked.insert(*key, *value).is_some() {
                bail!("a descriptor has the key `{}` twice", key.escape_debug());
            }
        }
        let limits = self.0.iter().enumerate();
        let counters = limits.filter_map(|(limit, Limit { descriptor, .. })| {
            let applies = self.0[limit].domain == domain
                && descriptor.len() == asked.len()
                && descriptor
                    .iter()
                    .zip(&asked)
                    .all(|((key, value), (asked_key, asked))| {
                        key == asked_key && (value == ANY || value == asked)
                    });
            let values = descriptor.values().zip(asked.values());
            let values = values.filter(|(value, _)| *value == ANY);
            applies.then(|| Counter {
                limit,
                values: values.map(|(_, asked)| (*asked).to_owned()).collect(),
            })
        });
        Ok(counters.collect())
    }
}

/// A descriptor's entries as pairs.
pub fn entries(descriptor: &RateLimitDescriptor) -> impl Iterator<Item = (&str, &str)> {
    descriptor
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    const LIMITS: &str = r#"
        [[limit]]
        name = "each"
        domain = "llm"
        descriptor = { tenant = "*" }
        hits = 10
        seconds = 60

        [[limit]]
        name = "batch"
        domain = "llm"
        descriptor = { tenant = "batch" }
        hits = 20
        seconds = 60

        [[limit]]
        name = "pairs"
        domain = "llm"
        descriptor = { x-model = "*", tenant = "*", kind = "chat" }
        hits = 20
        seconds = 60

        [[limit]]
        name = "elsewhere"
        domain = "other"
        descriptor = { tenant = "*" }
        hits = 20
        seconds = 60
    "#;

    #[test]
    fn a_descriptor_falls_under_the_limits_that_name_its_keys() {
        let limits = Config::from_toml(LIMITS, "limits").unwrap().limits;
        type Entries = &'static [(&'static str, &'static str)];
        let rows: [(&str, Entries, &[&str]); 10] = [
            ("llm", &[("tenant", "a")], &["each"]),
            ("llm", &[("tenant", "batch")], &["each", "batch"]),
            ("llm", &[("tenant", "")], &["each"]),
            ("llm", &[("tenant", "*")], &["each"]),
            (
                "llm",
                &[
                    ("tenant", "a"),
                    ("kind", "chat"),
                    ("x-model", "\u{fffd}'\"\\"),
                ],
                &["pairs"],
            ),
            (
                "llm",
                &[("tenant", "a"), ("kind", "embeddings"), ("x-model", "m")],
                &[],
            ),
            ("llm", &[("tenant", "a"), ("other", "b")], &[]),
            ("llm", &[], &[]),
            ("other", &[("tenant", "a")], &["elsewhere"]),
            ("unknown", &[("tenant", "a")], &[]),
        ];
        for (domain, entries, expected) in rows {
            let counters = limits.counters(domain, entries).unwrap();
            let names: Vec<_> = counters.iter().map(|c| &limits.of(c).name).collect();
            assert_eq!(names, expected, "{domain} {entries:?}");
            for counter in &counters {
                let asked: BTreeMap<String, String> = entries
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect();
                assert_eq!(limits.entries(counter), asked);
            }
        }
    }

    #[test]
    fn a_counter_for_each_value_in_any_order_of_keys() {
        let limits = Config::from_toml(LIMITS, "limits").unwrap().limits;
        let counter = |tenant, model| {
            let entries = [("tenant", tenant), ("x-model", model), ("kind", "chat")];
            let reversed = [entries[2], entries[1], entries[0]];
            let counters = limits.counters("llm", &entries).unwrap();
            assert_eq!(limits.counters("llm", &reversed).unwrap(), counters);
            counters
        };
        assert_eq!(counter("a", "m"), counter("a", "m"));
        assert_ne!(counter("a", "m"), counter("b", "m"));
        assert_ne!(counter("a", "b"), counter("b", "a"));
    }

    #[test]
    fn a_key_twice_is_an_error() {
        let limits = Config::from_toml(LIMITS, "limits").unwrap().limits;
        let error = limits.counters("llm", &[("tenant", "a"), ("tenant", "b")]);
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "a descriptor has the key `tenant` twice");
    }
}
