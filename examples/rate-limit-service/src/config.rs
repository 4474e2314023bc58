//! The configuration file: limits in Limitador's words, and errors that name the line.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use limitador::limit::{Expression, Limit, Predicate};
use serde::Deserialize;
use toml::Spanned;

use crate::limits::{Limits, Rule};

/// How many counters are kept when the file does not say.
const MOST_COUNTERS: usize = 10_000;

/// What the service is started with.
pub struct Config {
    pub(crate) limits: Limits,
    pub(crate) most_counters: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Counters kept at a time, over all limits and tenants.
    #[serde(default)]
    most_counters: Option<Spanned<usize>>,
    #[serde(default)]
    limit: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    namespace: Spanned<String>,
    max_value: u64,
    seconds: Spanned<u64>,
    #[serde(default)]
    conditions: Vec<Spanned<String>>,
    #[serde(default)]
    variables: Vec<Spanned<String>>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, and as [`Config::from_toml`].
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Self::from_toml(&text, &file.display().to_string())
    }

    /// Reads a file's text; `name` is what errors call it.
    ///
    /// # Errors
    /// `NAME:LINE: KEY: what is wrong`, for what is not TOML, unknown or missing keys,
    /// expressions that are not CEL, and limits that could not be told apart.
    pub fn from_toml(text: &str, name: &str) -> Result<Self> {
        let at = |offset: usize| {
            let line = 1 + text[..offset.min(text.len())].matches('\n').count();
            format!("{name}:{line}")
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let place = at(error.span().map_or(0, |span| span.start));
            anyhow::anyhow!("{place}: {}", error.message())
        })?;
        ensure!(
            !file.limit.is_empty(),
            "{name}: no `[[limit]]`, so nothing would be limited"
        );
        let most_counters = match file.most_counters {
            Some(most) if *most.get_ref() == 0 => {
                bail!(
                    "{}: most_counters: must be at least 1",
                    at(most.span().start)
                )
            }
            Some(most) => most.into_inner(),
            None => MOST_COUNTERS,
        };
        let mut limits = Limits::default();
        for entry in file.limit {
            let place = at(entry.span().start);
            let rule = entry.into_inner().rule(&at)?;
            limits.add(rule).with_context(|| place)?;
        }
        Ok(Self {
            limits,
            most_counters,
        })
    }
}

impl Entry {
    /// The limit; `at` gives the file and line of a byte.
    fn rule(self, at: &impl Fn(usize) -> String) -> Result<Rule> {
        for (key, text) in [("name", &self.name), ("namespace", &self.namespace)] {
            ensure!(
                !text.get_ref().is_empty(),
                "{}: {key}: must not be empty",
                at(text.span().start)
            );
        }
        // A year; what is longer is a slip of the finger, and no window ever ends.
        ensure!(
            (1..=31_622_400).contains(self.seconds.get_ref()),
            "{}: seconds: must be 1 to 31622400 (366 days)",
            at(self.seconds.span().start)
        );
        let mut conditions = Vec::new();
        for text in self.conditions {
            let place = at(text.span().start);
            let predicate = Predicate::parse(text.into_inner())
                .map_err(|error| anyhow::anyhow!("{place}: conditions: {error}"))?;
            conditions.push(predicate);
        }
        let mut variables = Vec::new();
        for text in self.variables {
            let place = at(text.span().start);
            let expression = Expression::parse(text.into_inner())
                .map_err(|error| anyhow::anyhow!("{place}: variables: {error}"))?;
            variables.push(expression);
        }
        let mut limit = Limit::new(
            self.namespace.into_inner(),
            self.max_value,
            self.seconds.into_inner(),
            conditions.clone(),
            variables,
        );
        limit.set_name(self.name.into_inner());
        Ok(Rule::new(limit, conditions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_key() {
        let good = "[[limit]]\nname = \"a\"\nnamespace = \"n\"\nmax_value = 1\nseconds = 60\n";
        let rows = [
            (String::new(), "f.toml: no `[[limit]]`"),
            (
                "[[limit]]\nname = 7\n".into(),
                "f.toml:2: invalid type: integer `7`",
            ),
            (
                "[[limit]]\nname = \"a\"\n".into(),
                "f.toml:1: missing field `namespace`",
            ),
            (
                format!("{good}secnds = 1\n"),
                "f.toml:6: unknown field `secnds`",
            ),
            (format!("{good}= 1\n"), "f.toml:6: "),
            (
                good.replace("\"a\"", "\"\""),
                "f.toml:2: name: must not be empty",
            ),
            (
                good.replace("\"n\"", "\"\""),
                "f.toml:3: namespace: must not be empty",
            ),
            (
                good.replace("60", "0"),
                "f.toml:5: seconds: must be 1 to 31622400",
            ),
            (
                good.replace("max_value = 1", "max_value = -1"),
                "f.toml:4: invalid value",
            ),
            (
                format!("{good}conditions = [\"true\",\n  \"descriptors[0\"]\n"),
                "f.toml:7: conditions: couldn't parse descriptors[0",
            ),
            (
                format!("{good}variables = [\"+\"]\n"),
                "f.toml:6: variables: couldn't parse +",
            ),
            (
                format!("{good}{good}"),
                "f.toml:6: another limit is named `a`",
            ),
            (
                format!("{good}{}", good.replace("\"a\"", "\"b\"")),
                "f.toml:6: `b` counts the same as `a`",
            ),
            (
                format!("most_counters = 0\n{good}"),
                "f.toml:1: most_counters: must be",
            ),
        ];
        for (text, expected) in rows {
            let error = Config::from_toml(&text, "f.toml").err().expect(expected);
            let error = format!("{error:#}");
            assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
        }
    }

    #[test]
    fn the_example_is_read() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("limits.toml");
        Config::read(&file).unwrap();
        let error = Config::read(&file.join("none")).err().unwrap();
        assert!(error.to_string().starts_with("cannot read "), "{error}");
    }
}
