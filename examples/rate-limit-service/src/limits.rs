//! Which limits a descriptor falls under.
//!
//! Limits, conditions and variables are Limitador's. Its `RateLimiter` is not used: its
//! counters only grow, it charges one descriptor after the other, and it panics where a
//! condition cannot be evaluated.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use limitador::counter::Counter;
use limitador::limit::{Context, Limit, Predicate};

/// What the descriptor is called in conditions and variables: `descriptors[0].KEY`. A list, as
/// in Limitador's own server; here it has one element, since each descriptor has its own hits.
const BINDING: &str = "descriptors";

/// All limits of a configuration.
#[derive(Default)]
pub struct Limits {
    rules: Vec<Rule>,
}

/// A limit and what must hold for it to apply.
pub struct Rule {
    limit: Arc<Limit>,
    conditions: Vec<Predicate>,
}

impl Rule {
    /// `conditions` are those of `limit`, which does not give them back.
    pub fn new(limit: Limit, conditions: Vec<Predicate>) -> Self {
        Self {
            limit: Arc::new(limit),
            conditions,
        }
    }

    fn name(&self) -> &str {
        self.limit.name().unwrap_or_default()
    }
}

impl Limits {
    /// Adds one.
    ///
    /// # Errors
    /// When another has its name, or would share its counters.
    pub fn add(&mut self, rule: Rule) -> Result<()> {
        for other in &self.rules {
            if other.name() == rule.name() {
                bail!("another limit is named `{}`", rule.name());
            }
            if other.limit == rule.limit {
                bail!(
                    "`{}` counts the same as `{}`: namespace, seconds, conditions and \
                     variables are equal",
                    rule.name(),
                    other.name()
                );
            }
        }
        self.rules.push(rule);
        Ok(())
    }

    /// The names of all limits.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(Rule::name)
    }

    /// The counters a descriptor is charged at; none where no limit applies to it. A variable
    /// that the descriptor lacks means that the limit does not apply.
    ///
    /// # Errors
    /// When a condition or variable cannot be evaluated, naming the limit.
    pub fn counters(&self, domain: &str, entries: &[(&str, &str)]) -> Result<Vec<Counter>> {
        let mut context = Context::default();
        let entries: HashMap<String, String> = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        context.list_binding(BINDING.to_owned(), vec![entries]);
        let mut counters = Vec::new();
        for rule in &self.rules {
            if rule.limit.namespace().as_ref() != domain {
                continue;
            }
            let named =
                |error: &dyn std::fmt::Display| anyhow::anyhow!("limit `{}`: {error}", rule.name());
            let mut applies = true;
            for condition in &rule.conditions {
                applies &= condition.test(&context).map_err(|error| named(&error))?;
            }
            if applies
                && let Some(counter) = Counter::new(Arc::clone(&rule.limit), &context)
                    .map_err(|error| named(&error))?
            {
                counters.push(counter);
            }
        }
        Ok(counters)
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
    use crate::Config;

    const LIMITS: &str = r#"
        [[limit]]
        name = "each"
        namespace = "llm"
        max_value = 10
        seconds = 60
        variables = ["descriptors[0].tenant"]

        [[limit]]
        name = "batch"
        namespace = "llm"
        max_value = 20
        seconds = 60
        conditions = ["descriptors[0].tenant == 'batch'"]

        [[limit]]
        name = "odd"
        namespace = "llm"
        max_value = 20
        seconds = 60
        variables = ["descriptors[0]['x-key']"]

        [[limit]]
        name = "second"
        namespace = "broken"
        max_value = 20
        seconds = 60
        conditions = ["descriptors[1].tenant == 'a'"]
    "#;

    #[test]
    fn a_descriptor_falls_under_the_limits_that_apply() {
        let config = Config::from_toml(LIMITS, "limits").unwrap();
        type Entries = &'static [(&'static str, &'static str)];
        let rows: [(&str, Entries, &[&str]); 6] = [
            ("llm", &[("tenant", "a")], &["each"]),
            ("llm", &[("tenant", "batch")], &["each", "batch"]),
            ("llm", &[("x-key", "\u{fffd}'\"\\")], &["odd"]),
            ("llm", &[("other", "a")], &[]),
            ("llm", &[], &[]),
            ("unknown", &[("tenant", "a")], &[]),
        ];
        for (domain, entries, expected) in rows {
            let counters = config.limits.counters(domain, entries).unwrap();
            let names: Vec<_> = counters
                .iter()
                .filter_map(|counter| counter.limit().name())
                .collect();
            assert_eq!(names, expected, "{domain} {entries:?}");
        }
    }

    #[test]
    fn a_condition_that_cannot_be_evaluated_is_an_error() {
        let config = Config::from_toml(LIMITS, "limits").unwrap();
        let error = config.limits.counters("broken", &[("tenant", "a")]);
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("limit `second`: "), "{error}");
    }
}
