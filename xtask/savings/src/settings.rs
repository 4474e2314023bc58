//! What is measured: each transform alone, what is on by default, and everything, as an operator
//! would configure it.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use tollgate_core::config::{Config, PromptMinimizerConfig, StageKind};
use tollgate_core::prompt_minimizer::Transform;

/// A configuration of the prompt-minimizer and its name in a report.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The transform that is on, or which of them.
    pub name: String,
    /// The value of `prompt_minimizer` in the plugin's configuration.
    pub json: Value,
}

/// Transforms that lose what no later text brings back.
const LOSSY: [Transform; 2] = [Transform::Logs, Transform::Cap];

/// Every setting, in the order of a report.
pub fn all() -> Vec<Setting> {
    let off = json!({"transport": false, "structure": {"enabled": false}});
    let with = |name: &str, on: &[Transform], mut json: Value| {
        for transform in on {
            json[transform.name()] = json!({"enabled": true});
        }
        Setting {
            name: name.to_owned(),
            json,
        }
    };
    let transport = Setting {
        name: "transport".to_owned(),
        json: json!({"structure": {"enabled": false}}),
    };
    let alone = Transform::ALL.map(|one| with(one.name(), &[one], off.clone()));
    let not_lossy: Vec<Transform> = Transform::ALL
        .into_iter()
        .filter(|one| !LOSSY.contains(one))
        .collect();
    let together = [
        with("defaults", &[], json!({})),
        with("but logs, cap", &not_lossy, json!({})),
        with("everything", &Transform::ALL, json!({})),
    ];
    [transport]
        .into_iter()
        .chain(alone)
        .chain(together)
        .collect()
}

impl Setting {
    /// The one of this name, as [`all`] has it.
    pub fn named(name: &str) -> Option<Setting> {
        all().into_iter().find(|setting| setting.name == name)
    }

    /// The settings as the stage reads them.
    ///
    /// # Errors
    /// What the configuration's reader says of it.
    pub fn config(&self) -> Result<PromptMinimizerConfig> {
        let plugin = json!({"prompt_minimizer": self.json}).to_string();
        let config = Config::read(plugin.as_bytes(), &[StageKind::PromptMinimizer])
            .map_err(|error| anyhow!("{}: {error}", self.name))?;
        Ok(config.defaults.prompt_minimizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_turns_on_what_its_name_says() {
        let keys = [
            "structure",
            "canonical",
            "base64",
            "repeats",
            "records",
            "html",
            "logs",
            "cap",
        ];
        assert_eq!(all().len(), 1 + keys.len() + 3);
        for setting in all() {
            let config = setting.config().unwrap();
            let is_on = [
                config.structure.enabled,
                config.canonical.enabled,
                config.base64.enabled,
                config.repeats.texts.enabled,
                config.records.enabled,
                config.html.enabled,
                config.logs.enabled,
                config.cap.texts.enabled,
            ];
            for (key, is_on) in keys.iter().zip(is_on) {
                let expected = match setting.name.as_str() {
                    "defaults" => *key == "structure",
                    "but logs, cap" => !["logs", "cap"].contains(key),
                    "everything" => true,
                    name => name == *key,
                };
                assert_eq!(is_on, expected, "{key} of {}", setting.name);
            }
        }
    }
}
