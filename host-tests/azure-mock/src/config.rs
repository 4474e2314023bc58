//! What to play: regions, deployments, quotas, faults. Read from TOML, built by the
//! command line's flags, or written as Rust values by a test.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::quota::Quota;

/// Everything a [`Mock`](crate::Mock) is started with.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The address all regions listen on. Default 127.0.0.1.
    pub host: IpAddr,
    /// Worker threads. Default 1.
    pub threads: usize,
    /// Do not count: every prompt is [`FIXED_PROMPT_TOKENS`](crate::FIXED_PROMPT_TOKENS)
    /// tokens. For benchmarks.
    pub fixed_usage: bool,
    /// Answer 401 to requests with neither `api-key` nor `authorization`. Default true.
    pub require_auth: bool,
    /// How many received requests each region remembers; the oldest are forgotten.
    /// Default 1000.
    pub log_limit: usize,
    /// A request whose raw body contains one of these is refused by the content filter.
    pub filter_words: Vec<String>,
    /// Which of the shapes seen on Azure a 429 takes.
    pub quota_error: QuotaError,
    /// What every region without its own list has deployed.
    pub deployments: Vec<Deployment>,
    /// The regions.
    #[serde(rename = "region")]
    pub regions: Vec<Region>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            threads: 1,
            fixed_usage: false,
            require_auth: true,
            log_limit: 1000,
            filter_words: Vec::new(),
            quota_error: QuotaError::default(),
            deployments: default_deployments(),
            regions: Vec::new(),
        }
    }
}

impl Config {
    /// The default configuration with these regions, each on a free port.
    pub fn with_regions<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            regions: names.into_iter().map(Region::new).collect(),
            ..Self::default()
        }
    }

    /// Reads a configuration file's text.
    ///
    /// # Errors
    /// On TOML that does not parse and on unknown keys; the message shows the line.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// The two shapes of Azure's own 429 bodies; Foundry's third one is not played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaError {
    /// Since 2025: code `RateLimitReached`, "Your requests to … have exceeded …".
    #[default]
    RateLimitReached,
    /// Before: code `429`, "Requests to the … Operation … have exceeded …".
    Code429,
}

/// One Azure OpenAI resource, in one region, on its own port.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Region {
    /// The short name: `swedencentral`.
    pub name: String,
    /// The name in `x-ms-region`: `Sweden Central`. Without it, Azure's display name of
    /// a well-known region, else `name`.
    pub display: Option<String>,
    /// 0 (the default) takes a free one.
    pub port: u16,
    /// What is deployed here; without it the configuration's list.
    pub deployments: Option<Vec<Deployment>>,
    /// Requests a minute of each deployment; no limit by default.
    pub rpm: Option<u32>,
    /// Tokens a minute of each deployment; no limit by default.
    pub tpm: Option<u64>,
    /// What every request suffers; nothing by default.
    pub fault: Fault,
}

impl Region {
    /// A region on a free port with everything else at its default.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The limits of each deployment.
    pub fn quota(&self) -> Quota {
        Quota {
            rpm: self.rpm,
            tpm: self.tpm,
        }
    }

    /// The value of `x-ms-region`.
    pub fn display(&self) -> &str {
        self.display.as_deref().unwrap_or_else(|| {
            DISPLAY_NAMES
                .iter()
                .find(|(name, _)| *name == self.name)
                .map_or(self.name.as_str(), |(_, display)| display)
        })
    }
}

/// The form of `--region`: `name=swedencentral,port=8101,rpm=60,latency=20ms`. Every key
/// that is not a region's is a fault term.
impl std::str::FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut region = Self::default();
        for term in text.split(',').map(str::trim).filter(|t| !t.is_empty()) {
            let (key, value) = term.split_once('=').unwrap_or((term, ""));
            let number = |what: &str| format!("`{term}` in `{text}`: {what} must be a number");
            match key {
                "name" => region.name = value.to_owned(),
                "display" => region.display = Some(value.to_owned()),
                "port" => region.port = value.parse().map_err(|_| number("port"))?,
                "rpm" => region.rpm = Some(value.parse().map_err(|_| number("rpm"))?),
                "tpm" => region.tpm = Some(value.parse().map_err(|_| number("tpm"))?),
                "deployment" => region
                    .deployments
                    .get_or_insert_default()
                    .push(value.parse()?),
                _ => region.fault.apply(term)?,
            }
        }
        if region.name.is_empty() {
            return Err(format!("`{text}` has no `name=`"));
        }
        Ok(region)
    }
}

/// A deployment: the name in the path, and the model behind it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The name clients use.
    pub name: String,
    /// The model version answers are given as; it decides the tokenizer and the price of
    /// images.
    pub model: String,
}

impl Deployment {
    /// A deployment of `model` under `name`.
    pub fn new(name: &str, model: &str) -> Self {
        Self {
            name: name.to_owned(),
            model: model.to_owned(),
        }
    }
}

/// `name:model`, or a name that is its own model.
impl std::str::FromStr for Deployment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, model) = text.split_once(':').unwrap_or((text, text));
        if name.is_empty() || model.is_empty() {
            return Err(format!("`{text}` is not NAME:MODEL"));
        }
        Ok(Self::new(name, model))
    }
}

fn default_deployments() -> Vec<Deployment> {
    [
        ("gpt-4o", "gpt-4o-2024-11-20"),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4.1", "gpt-4.1-2025-04-14"),
        ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
        ("gpt-5", "gpt-5-2025-08-07"),
        ("gpt-5-mini", "gpt-5-mini-2025-08-07"),
        ("o4-mini", "o4-mini-2025-04-16"),
        ("gpt-35-turbo", "gpt-35-turbo-0125"),
        ("gpt-35-turbo-instruct", "gpt-35-turbo-instruct-0914"),
        ("text-embedding-3-small", "text-embedding-3-small"),
        ("text-embedding-3-large", "text-embedding-3-large"),
    ]
    .map(|(name, model)| Deployment::new(name, model))
    .to_vec()
}

/// Azure's names of the regions that have had Azure OpenAI longest.
const DISPLAY_NAMES: &[(&str, &str)] = &[
    ("australiaeast", "Australia East"),
    ("canadaeast", "Canada East"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("francecentral", "France Central"),
    ("germanywestcentral", "Germany West Central"),
    ("japaneast", "Japan East"),
    ("northcentralus", "North Central US"),
    ("norwayeast", "Norway East"),
    ("southcentralus", "South Central US"),
    ("southindia", "South India"),
    ("swedencentral", "Sweden Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("uksouth", "UK South"),
    ("westeurope", "West Europe"),
    ("westus", "West US"),
    ("westus3", "West US 3"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_has_every_key() {
        let config = Config::from_toml(
            r#"
            host = "127.0.0.1"
            threads = 2
            fixed-usage = true
            require-auth = false
            log-limit = 5
            filter-words = ["forbidden"]
            quota-error = "code429"
            deployments = [{ name = "chat", model = "gpt-4o-2024-11-20" }]

            [[region]]
            name = "swedencentral"
            port = 8101
            rpm = 60
            tpm = 10000
            fault = "latency=20ms"

            [[region]]
            name = "mars"
            display = "Mars North"
            deployments = [{ name = "a", model = "gpt-4" }]
            "#,
        )
        .unwrap();
        assert_eq!(config.quota_error, QuotaError::Code429);
        let [sweden, mars] = &config.regions[..] else {
            panic!()
        };
        assert_eq!(sweden.display(), "Sweden Central");
        assert_eq!((sweden.rpm, sweden.tpm), (Some(60), Some(10_000)));
        assert_eq!(sweden.fault, "latency=20ms".parse().unwrap());
        assert_eq!(mars.display(), "Mars North");
        assert_eq!(
            mars.deployments.as_deref(),
            Some(&[Deployment::new("a", "gpt-4")][..])
        );
    }

    #[test]
    fn the_readme_has_a_working_example() {
        let readme = include_str!("../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        assert_eq!(Config::from_toml(example).unwrap().regions.len(), 2);
    }

    #[test]
    fn wrong_files_say_where() {
        for (text, named) in [
            ("treads = 2", "treads"),
            ("[[region]]\nname = \"a\"\nprot = 1", "prot"),
            (
                "[[region]]\nname = \"a\"\nfault = \"latency=x\"",
                "latency=x",
            ),
        ] {
            let error = Config::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn regions_from_flags() {
        let region: Region =
            "name=eastus2,display=East US 2,port=8102,rpm=6,tpm=100,latency=20ms,gzip,deployment=chat:gpt-4o"
                .parse()
                .unwrap();
        assert_eq!((region.name.as_str(), region.port), ("eastus2", 8102));
        assert_eq!(
            region.quota(),
            Quota {
                rpm: Some(6),
                tpm: Some(100)
            }
        );
        assert_eq!(region.fault, "latency=20ms;gzip".parse().unwrap());
        assert_eq!(
            region.deployments,
            Some(vec![Deployment::new("chat", "gpt-4o")])
        );
        for bad in [
            "",
            "port=1",
            "name=a,port=x",
            "name=a,nonsense=1",
            "name=a,deployment=:x",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
