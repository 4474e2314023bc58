//! The configuration file, with errors that name the line.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;
use toml::Spanned;

use crate::hits::SETTLE;
use crate::limits::{Limit, Limits};

/// How many counters are kept when the file does not say.
const MOST_COUNTERS: usize = 10_000;
/// The longest window in seconds, a year: what is longer is a slip of the finger.
const LONGEST: u64 = 366 * 24 * 3600;

/// What the service is started with.
#[derive(Debug)]
pub struct Config {
    pub(crate) limits: Limits,
    pub(crate) most_counters: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    most_counters: Option<Spanned<usize>>,
    #[serde(default)]
    limit: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    domain: Spanned<String>,
    descriptor: Spanned<BTreeMap<String, String>>,
    hits: u64,
    seconds: Spanned<u64>,
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
    /// `NAME:LINE: KEY: what is wrong`, for what is not TOML, unknown or missing keys, values
    /// out of range, and two limits of one name.
    pub fn from_toml(text: &str, name: &str) -> Result<Self> {
        let at = |offset: usize| {
            let line = 1 + text[..offset.min(text.len())].matches('\n').count();
            format!("{name}:{line}")
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let place = at(error.span().map_or(0, |span| span.start));
            anyhow!("{place}: {}", error.message())
        })?;
        ensure!(
            !file.limit.is_empty(),
            "{name}: no `[[limit]]`, so nothing would be limited"
        );
        if let Some(most) = &file.most_counters {
            let place = at(most.span().start);
            ensure!(
                *most.get_ref() > 0,
                "{place}: most_counters: must be at least 1"
            );
        }
        let mut places = Vec::new();
        let mut limits = Vec::new();
        for entry in file.limit {
            let entry = entry.into_inner();
            places.push(at(entry.name.span().start));
            limits.push(entry.limit(&at)?);
        }
        let limits = Limits::new(limits)
            .map_err(|twice| anyhow!("{}: name: another limit has it", places[twice]))?;
        Ok(Self {
            limits,
            most_counters: file
                .most_counters
                .map_or(MOST_COUNTERS, Spanned::into_inner),
        })
    }
}

impl Entry {
    /// The limit; `at` gives the file and line of a byte.
    fn limit(self, at: &impl Fn(usize) -> String) -> Result<Limit> {
        for (key, text) in [("name", &self.name), ("domain", &self.domain)] {
            let place = at(text.span().start);
            ensure!(
                !text.get_ref().is_empty(),
                "{place}: {key}: must not be empty"
            );
        }
        let place = at(self.descriptor.span().start);
        let keys = self.descriptor.get_ref();
        ensure!(
            !keys.is_empty(),
            "{place}: descriptor: must have an entry, such as `{{ tenant = \"*\" }}`"
        );
        ensure!(
            !keys.contains_key(SETTLE),
            "{place}: descriptor: `{SETTLE}` marks settlements and is never a limit's entry"
        );
        ensure!(
            (1..=LONGEST).contains(self.seconds.get_ref()),
            "{}: seconds: must be 1 to {LONGEST} (366 days)",
            at(self.seconds.span().start)
        );
        Ok(Limit {
            name: self.name.into_inner(),
            domain: self.domain.into_inner(),
            descriptor: self.descriptor.into_inner(),
            hits: self.hits,
            window: Duration::from_secs(self.seconds.into_inner()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_key() {
        const GOOD: &str = "[[limit]]\nname = \"a\"\ndomain = \"d\"\n\
                            descriptor = { tenant = \"*\" }\nhits = 1\nseconds = 60\n";
        let with = |from: &str, to: &str| GOOD.replace(from, to);
        let rows = [
            (
                String::new(),
                "f: no `[[limit]]`, so nothing would be limited",
            ),
            (with("\"a\"", "7"), "f:2: invalid type: integer `7`"),
            (with("domain = \"d\"\n", ""), "f:1: missing field `domain`"),
            (format!("{GOOD}secnds = 1\n"), "f:7: unknown field `secnds`"),
            (format!("{GOOD}= 1\n"), "f:7: "),
            (with("\"a\"", "\"\""), "f:2: name: must not be empty"),
            (with("\"d\"", "\"\""), "f:3: domain: must not be empty"),
            (
                with("tenant = \"*\"", ""),
                "f:4: descriptor: must have an entry",
            ),
            (
                with("tenant", "settle"),
                "f:4: descriptor: `settle` marks settlements",
            ),
            (
                with("hits = 1", "hits = -1"),
                "f:5: invalid value: integer `-1`",
            ),
            (
                with("60", "0"),
                "f:6: seconds: must be 1 to 31622400 (366 days)",
            ),
            (
                with("60", "31622401"),
                "f:6: seconds: must be 1 to 31622400",
            ),
            (format!("{GOOD}{GOOD}"), "f:8: name: another limit has it"),
            (
                format!("most_counters = 0\n{GOOD}"),
                "f:1: most_counters: must be at least 1",
            ),
        ];
        for (text, expected) in rows {
            let error = Config::from_toml(&text, "f").expect_err(expected);
            let error = format!("{error:#}");
            assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
        }
        Config::from_toml(GOOD, "f").unwrap();
    }

    #[test]
    fn the_example_is_read() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("limits.toml");
        Config::read(&file).unwrap();
        let error = Config::read(&file.join("none")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read "), "{error}");
    }
}
