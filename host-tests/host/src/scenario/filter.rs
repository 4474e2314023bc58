//! What a scenario says of its filter, and of the clusters that the filter calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::failure_policy::FailurePolicy;

use super::books;
use super::error::{FileError, line_of};
use super::file::{FailurePolicyName, File, Filter};

/// The filter's part of Envoy's configuration.
#[derive(Clone, Debug)]
pub struct FilterConfig {
    /// `PluginConfig.name`.
    pub name: String,
    /// `PluginConfig.root_id`.
    pub root_id: String,
    /// `VmConfig.vm_id`.
    pub vm_id: String,
    /// `PluginConfig.configuration` as the filter reads it.
    pub configuration: String,
    /// `VmConfig.configuration` as the filter reads it.
    pub vm_configuration: String,
    /// `VmConfig.environment_variables.key_values`.
    pub environment: BTreeMap<String, String>,
    /// `PluginConfig.allow_on_headers_stop_iteration`.
    pub allow_on_headers_stop_iteration: bool,
    /// `PluginConfig.failure_policy`.
    pub failure_policy: FailurePolicy,
    /// `PluginConfig.reload_config.backoff.base_interval`; Envoy's own if `None`.
    pub reload_backoff: Option<Duration>,
    /// `PluginConfig.capability_restriction_config.allowed_capabilities`.
    pub allowed_capabilities: BTreeSet<String>,
    /// Part of the reason why the filter must not start.
    pub refused: Option<String>,
    /// `per_connection_buffer_limit_bytes` of listener and clusters.
    pub per_connection_buffer_limit_bytes: Option<usize>,
    /// Worker threads.
    pub workers: usize,
}

/// A key and what is wrong with its value.
type Wrong = (String, String);

impl FilterConfig {
    /// As the file says it.
    ///
    /// # Errors
    /// When a configuration has a value that JSON does not.
    pub(super) fn of(filter: Filter) -> Result<Self, Wrong> {
        Ok(Self {
            name: filter.name,
            root_id: filter.root_id,
            vm_id: filter.vm_id,
            configuration: configuration("filter.configuration", filter.configuration)?,
            vm_configuration: configuration("filter.vm_configuration", filter.vm_configuration)?,
            environment: filter.environment,
            allow_on_headers_stop_iteration: filter.allow_on_headers_stop_iteration,
            failure_policy: match filter.failure_policy {
                FailurePolicyName::FailClosed => FailurePolicy::FailClosed,
                FailurePolicyName::FailOpen => FailurePolicy::FailOpen,
                FailurePolicyName::FailReload => FailurePolicy::FailReload,
            },
            reload_backoff: filter.reload_backoff.map(|span| span.0),
            allowed_capabilities: filter.allowed_capabilities,
            refused: filter.refused,
            per_connection_buffer_limit_bytes: filter.per_connection_buffer_limit_bytes,
            workers: filter.workers,
        })
    }
}

/// Text stays as it is; anything else becomes JSON.
fn configuration(key: &str, value: Option<toml::Value>) -> Result<String, Wrong> {
    match value {
        None => Ok(String::new()),
        Some(toml::Value::String(text)) => Ok(text),
        Some(other) => Ok(json(key, other)?.to_string()),
    }
}

/// A value of TOML as JSON; `key` is where it stands.
fn json(key: &str, value: toml::Value) -> Result<serde_json::Value, Wrong> {
    let wrong = |problem: String| (key.to_owned(), problem);
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(is) => is.into(),
        toml::Value::Float(number) => {
            let number = serde_json::Number::from_f64(number)
                .ok_or_else(|| wrong(format!("JSON has no number `{number}`")))?;
            number.into()
        }
        toml::Value::Datetime(date) => {
            return Err(wrong(format!(
                "JSON has no dates: write \"{date}\" as a text"
            )));
        }
        toml::Value::Array(values) => {
            let values = values.into_iter().enumerate();
            let values = values.map(|(at, value)| json(&format!("{key}[{at}]"), value));
            values.collect::<Result<Vec<_>, _>>()?.into()
        }
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(name, value)| {
                let value = json(&format!("{key}.{name}"), value)?;
                Ok((name, value))
            });
            let entries = entries.collect::<Result<serde_json::Map<_, _>, Wrong>>()?;
            serde_json::Value::Object(entries)
        }
    })
}

/// What keys outside of the steps say about each other.
pub(super) fn check(path: &Path, text: &str, file: &File) -> Result<(), FileError> {
    let wrong = |key: &str, problem: &str| {
        Err(FileError {
            file: path.to_owned(),
            line: line_of(text, 0, key),
            key: key.to_owned(),
            problem: problem.to_owned(),
        })
    };
    let refused = file.filter.refused.is_some();
    if file
        .filter
        .refused
        .as_deref()
        .is_some_and(|why| why.trim().is_empty())
    {
        let problem = "any filter that does not start would do: write a part of the reason, such \
                       as `proxy_on_configure returned false`";
        return wrong("filter.refused", problem);
    }
    if let Err((key, problem)) = books::check(&file.books) {
        return wrong(key, problem);
    }
    if refused && !file.steps.is_empty() {
        let problem = "nothing happens to a filter that is refused: leave out the steps";
        return wrong("filter.refused", problem);
    }
    if !refused && file.steps.is_empty() {
        return wrong("steps", "nothing happens: write at least one `[[steps]]`");
    }
    let policy = file.filter.failure_policy;
    if file.filter.reload_backoff.is_some() && policy != FailurePolicyName::FailReload {
        let problem = "it counts with `failure_policy = \"FAIL_RELOAD\"` only";
        return wrong("filter.reload_backoff", problem);
    }
    let lists = [
        ("clusters", &file.clusters),
        ("grpc_clusters", &file.grpc_clusters),
        ("clusters_without_hosts", &file.clusters_without_hosts),
    ];
    let mut names = BTreeSet::new();
    for (key, list) in lists {
        if let Some(name) = list.iter().find(|name| !names.insert(*name)) {
            return wrong(key, &format!("`{name}` is a cluster already: name it once"));
        }
    }
    Ok(())
}
