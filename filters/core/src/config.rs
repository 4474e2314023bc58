//! The plugin configuration: JSON, read once at start, refused whole when anything is wrong.
//!
//! Every key, its type, default and unit is in `envoy/CONFIGURATION.md`; a test holds that
//! page and this code together.

mod content_screener;
mod fleet_store;
mod mode;
mod node;
mod prompt_minimizer;
mod rate_limiter;
mod response_cache;
mod rule;
mod strict;
mod tenant;
mod token_estimator;

use std::rc::Rc;

use serde_json::Value;

use crate::request::texts::{Speaker, Speakers};
use content_screener::TermPacks;
pub use content_screener::{
    ContentScreenerConfig, Detector, Evasion, KindsDetector, PatternRule, ScreenedResponses,
    TermList,
};
pub use fleet_store::FleetStore;
pub use mode::Mode;
pub use node::ConfigError;
use node::Node;
pub use prompt_minimizer::{Cap, PromptMinimizerConfig, Repeats, Texts, TooLong, Window};
pub use rate_limiter::{RateLimiterConfig, Reserve, ReservedHits};
pub use response_cache::{CachedRequests, Purge, ResponseCacheConfig, Scope};
pub use rule::{InvalidBody, Match, RequestHead, Rule};
pub use tenant::TenantSource;
pub use token_estimator::{Accuracy, HitsAddend, TokenEstimatorConfig};

/// A stage that a module can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Stops, masks or reports what should not be sent.
    ContentScreener,
    /// Takes out what the model does not need.
    PromptMinimizer,
    /// Answers what has been answered before.
    ResponseCache,
    /// Counts what a request will cost.
    TokenEstimator,
    /// Keeps each tenant within its limits.
    RateLimiter,
}

impl StageKind {
    /// Every stage by its name, in the default order.
    pub const ALL: [(&'static str, StageKind); 5] = [
        ("content-screener", StageKind::ContentScreener),
        ("prompt-minimizer", StageKind::PromptMinimizer),
        ("response-cache", StageKind::ResponseCache),
        ("token-estimator", StageKind::TokenEstimator),
        ("rate-limiter", StageKind::RateLimiter),
    ];
}

/// The roles a list names, of those in `known`; `off` is what to say where it names none.
fn read_roles(
    node: &Node,
    known: &[(&'static str, Speaker)],
    off: &str,
) -> Result<Speakers, ConfigError> {
    let nodes = node.list()?;
    if nodes.is_empty() {
        return Err(node.wrong(format!("an empty list looks at nothing; say {off} instead")));
    }
    let speakers: Result<Vec<Speaker>, ConfigError> =
        nodes.iter().map(|node| node.one_of(known)).collect();
    Ok(Speakers::of(&speakers?))
}

/// Bounds on what one request, and all requests of one worker, may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body that is read, in bytes. Larger ones are refused with 413.
    pub max_body_bytes: u32,
    /// Request body bytes that all streams of one worker may hold together. Above it new
    /// bodies are refused with 503.
    pub max_held_bytes: u32,
    /// Bytes of answers that the response-cache may keep, in all workers together.
    pub max_cached_bytes: u32,
    /// Deepest nesting of objects and lists in a body.
    pub max_depth: u8,
}

impl Limits {
    /// Hard bounds: the VM has 1 GiB at most, of which bodies may fill half.
    const MAX_BODY: (u32, u32) = (1, 64 << 20);
    const MAX_HELD: (u32, u32) = (1 << 10, 512 << 20);
    const MAX_CACHED: (u32, u32) = (1 << 20, 2 << 30);
    const MAX_DEPTH: (u8, u8) = (8, 128);

    fn read(node: &Node) -> Result<Limits, ConfigError> {
        let object = node.object(&[
            "max_body_bytes",
            "max_held_bytes",
            "max_cached_bytes",
            "max_depth",
        ])?;
        let read = |key, (low, high), default: u32| {
            object.read_or(key, default, |node| node.integer(low, high))
        };
        let default = Limits::default();
        let limits = Limits {
            max_body_bytes: read("max_body_bytes", Limits::MAX_BODY, default.max_body_bytes)?,
            max_held_bytes: read("max_held_bytes", Limits::MAX_HELD, default.max_held_bytes)?,
            max_cached_bytes: read(
                "max_cached_bytes",
                Limits::MAX_CACHED,
                default.max_cached_bytes,
            )?,
            max_depth: object.read_or("max_depth", default.max_depth, |node| {
                let (low, high) = Limits::MAX_DEPTH;
                node.integer(low, high)
            })?,
        };
        if limits.max_held_bytes < limits.max_body_bytes {
            return Err(node.wrong(format!(
                "max_held_bytes ({}) is less than max_body_bytes ({}), so the largest body could never be held",
                limits.max_held_bytes, limits.max_body_bytes
            )));
        }
        Ok(limits)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // A million tokens of text are about 4 MiB; images inline make up the rest.
            max_body_bytes: 8 << 20,
            max_held_bytes: 128 << 20,
            // Some ten thousand answers.
            max_cached_bytes: 64 << 20,
            // Chat requests nest about ten deep, tool schemas rarely beyond twenty.
            max_depth: 64,
        }
    }
}

/// A whole configuration, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The stages, in the order they run.
    pub stages: Vec<StageKind>,
    /// Whether Envoy lets the filter hold request headers while it reads the body
    /// (`PluginConfig.allow_on_headers_stop_iteration`). Must say what Envoy's configuration says.
    pub hold_headers: bool,
    /// Whether responses carry `x-tollgate-*` headers that say what happened.
    pub debug_headers: bool,
    /// Whether upstreams are asked for uncompressed answers (`accept-encoding` is removed
    /// from requests), so that their usage can be read.
    pub identity_responses: bool,
    /// Bounds.
    pub limits: Limits,
    /// Where the Envoys of a fleet share what they keep, if they do.
    pub fleet_store: Option<FleetStore>,
    /// Models behind deployment or model names that do not say which model they are.
    pub models: Vec<(String, String)>,
    /// Rules in order; the first that matches counts.
    pub rules: Vec<Rc<Rule>>,
    /// What counts where no rule matches.
    pub defaults: Rc<Rule>,
}

impl Config {
    /// Reads `text` for a module that holds `available` stages; nothing at all means `{}`.
    ///
    /// # Errors
    /// The first thing that is wrong, with the path of its key.
    pub fn read(text: &[u8], available: &[StageKind]) -> Result<Config, ConfigError> {
        let value: Value = if text.trim_ascii().is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            strict::read(text).map_err(|error| ConfigError {
                path: String::new(),
                problem: format!(
                    "not JSON: {error} (Envoy hands over a google.protobuf.StringValue as it is, \
                     a Struct as protobuf: use a StringValue)"
                ),
            })?
        };
        let [
            invalid_body,
            tenant,
            content_screener,
            prompt_minimizer,
            response_cache,
            token_estimator,
            rate_limiter,
        ] = Rule::SHARED_KEYS;
        let top = Node::top(&value).object(&[
            "stages",
            "hold_headers",
            "debug_headers",
            "identity_responses",
            "limits",
            "fleet_store",
            "models",
            "term_packs",
            "rules",
            invalid_body,
            tenant,
            content_screener,
            prompt_minimizer,
            response_cache,
            token_estimator,
            rate_limiter,
        ])?;
        let packs = top.read_or("term_packs", TermPacks::default(), TermPacks::read)?;
        let mut defaults = Rule::read_defaults(&top, &packs)?;
        let models = top.read_or("models", Vec::new(), |node| {
            let model =
                |(name, node): (&str, Node)| Ok((name.to_owned(), node.string()?.to_owned()));
            node.entries()?.into_iter().map(model).collect()
        })?;
        let rules: Vec<Rc<Rule>> = top.read_or("rules", Vec::new(), |node| {
            let rules = node.list()?;
            let read = |(index, node): (usize, &Node)| {
                let rule = Rule::read(node, &defaults, &packs)?;
                Ok(Rc::new(Rule { index, ..rule }))
            };
            rules.iter().enumerate().map(read).collect()
        })?;
        defaults.index = rules.len();
        counters_agree(&rules, &defaults)?;
        Ok(Config {
            stages: top.read_or("stages", available.to_vec(), |node| {
                read_stages(node, available)
            })?,
            hold_headers: top.read_or("hold_headers", false, Node::boolean)?,
            debug_headers: top.read_or("debug_headers", false, Node::boolean)?,
            identity_responses: top.read_or("identity_responses", true, Node::boolean)?,
            limits: top.read_or("limits", Limits::default(), Limits::read)?,
            fleet_store: top
                .read_or("fleet_store", None, |node| FleetStore::read(node).map(Some))?,
            models,
            rules,
            defaults: Rc::new(defaults),
        })
    }

    /// The first rule that matches, else the defaults.
    pub fn rule_for(&self, head: &impl RequestHead) -> &Rc<Rule> {
        self.rules
            .iter()
            .find(|rule| rule.matches(head))
            .unwrap_or(&self.defaults)
    }

    /// Whether any rule asks for the route's name, which costs a host call to know.
    pub fn needs_route_name(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.matches.route_name.is_some())
    }
}

/// Rules that count under one name must mean the same by it: what one of them gives away, the
/// other would not know.
fn counters_agree(rules: &[Rc<Rule>], defaults: &Rule) -> Result<(), ConfigError> {
    for (at, rule) in rules.iter().enumerate() {
        let mut before = rules.iter().take(at).map(|rule| &**rule).chain([defaults]);
        let other = before.find(|other| rule.rate_limiter.disagrees(&other.rate_limiter));
        if let Some(other) = other {
            return Err(ConfigError {
                path: format!("rules[{at}].rate_limiter"),
                problem: format!(
                    "counts under \"{}\" with other limits than rule \"{}\" does; give the same, or another \
                     `counter`",
                    rule.rate_limiter.counter, other.name
                ),
            });
        }
    }
    Ok(())
}

fn read_stages(node: &Node, available: &[StageKind]) -> Result<Vec<StageKind>, ConfigError> {
    let mut stages = Vec::new();
    for node in node.list()? {
        let stage = node.one_of(&StageKind::ALL)?;
        if !available.contains(&stage) {
            return Err(node.wrong(
                "this module does not hold that stage; the gateway module holds every stage",
            ));
        }
        if stages.contains(&stage) {
            return Err(node.wrong("named twice"));
        }
        stages.push(stage);
    }
    if stages.is_empty() {
        return Err(node.wrong("an empty list leaves nothing to do"));
    }
    Ok(stages)
}

#[cfg(test)]
pub(crate) mod head;
#[cfg(test)]
mod tests;
