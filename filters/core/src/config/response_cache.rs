//! Settings of the response-cache stage.

use super::node::{ConfigError, Node};
use crate::response_cache::keyer::KeyHash;

/// Who gets an answer that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The tenant that asked, and nobody else.
    Tenant,
    /// Whoever asks the same.
    Shared,
}

/// Whose answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachedRequests {
    /// Those of requests that ask for the same answer each time: `temperature` 0, or a `seed`;
    /// embeddings.
    Deterministic,
    /// Those of every request that can be kept.
    Always,
}

/// What requests have done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// What was kept for the tenant that asks.
    Tenant,
    /// What was kept for anybody.
    All,
}

/// Settings of the response-cache stage, for one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseCacheConfig {
    /// Off: the stage does not see the rule's requests.
    pub enabled: bool,
    /// Who gets an answer that is kept.
    pub scope: Scope,
    /// Whose answers are kept.
    pub cached: CachedRequests,
    /// Whether answers that call tools are kept.
    pub tool_calls: bool,
    /// Seconds an answer is fresh.
    pub ttl_seconds: u32,
    /// Seconds it is given after that while one request fetches a new one.
    pub stale_seconds: u32,
    /// Seconds that a refusal of the upstream (400) is given; 0: none is kept.
    pub negative_seconds: u32,
    /// The largest answer that is kept, in bytes.
    pub max_entry_bytes: u32,
    /// Milliseconds that a request waits for the answer to one like it that is on its way; 0: none
    /// waits.
    pub flight_wait_milliseconds: u32,
    /// Whether answers are kept in the fleet's store too, where there is one.
    pub fleet: bool,
    /// What hashes requests.
    pub key_hash: KeyHash,
    /// Another text, and nothing that was kept is found.
    pub version: String,
    /// The rule's requests are answered here: what was kept before them is not given any more.
    pub purge: Option<Purge>,
    /// Seconds that a provider is taken to have a conversation at hand after it has read it; 0:
    /// nobody looks.
    pub prefix_ttl_seconds: u32,
    /// Whether requests say in a header what the turns of their conversation have in common.
    pub prefix_header: bool,
    /// Whether requests without a `prompt_cache_key` get that as one.
    pub prompt_cache_key: bool,
}

impl Default for ResponseCacheConfig {
    fn default() -> Self {
        ResponseCacheConfig {
            enabled: true,
            scope: Scope::Tenant,
            cached: CachedRequests::Deterministic,
            tool_calls: false,
            ttl_seconds: 300,
            stale_seconds: 30,
            negative_seconds: 10,
            max_entry_bytes: 128 << 10,
            flight_wait_milliseconds: 5000,
            fleet: true,
            key_hash: KeyHash::Sip,
            version: String::new(),
            purge: None,
            // Azure clears a prompt cache after 5 to 10 minutes without use:
            // https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/prompt-caching
            prefix_ttl_seconds: 600,
            prefix_header: false,
            prompt_cache_key: false,
        }
    }
}

impl ResponseCacheConfig {
    /// A year: longer is for ever.
    const MOST_SECONDS: u32 = 365 * 24 * 60 * 60;
    /// A day, which is as long as providers offer to keep prompts.
    const PREFIX_TTL: (u32, u32) = (0, 24 * 60 * 60);
    const MAX_ENTRY: (u32, u32) = (1 << 10, 1 << 20);

    /// Whether it may add to bodies.
    pub fn may_edit(&self) -> bool {
        self.enabled && self.prompt_cache_key
    }

    /// Whether it sets a header of requests.
    pub fn sets_header(&self) -> bool {
        self.enabled && self.prefix_header
    }

    /// These settings with what `node` gives instead.
    pub(super) fn overridden_by(&self, node: &Node) -> Result<ResponseCacheConfig, ConfigError> {
        const SCOPES: [(&str, Scope); 2] = [("tenant", Scope::Tenant), ("shared", Scope::Shared)];
        const CACHED: [(&str, CachedRequests); 2] = [
            ("deterministic", CachedRequests::Deterministic),
            ("always", CachedRequests::Always),
        ];
        const HASHES: [(&str, KeyHash); 2] =
            [("siphash", KeyHash::Sip), ("sha256", KeyHash::Sha256)];
        const PURGES: [(&str, Purge); 2] = [("tenant", Purge::Tenant), ("all", Purge::All)];
        let object = node.object(&[
            "enabled",
            "scope",
            "cached",
            "tool_calls",
            "ttl_seconds",
            "stale_seconds",
            "negative_seconds",
            "max_entry_bytes",
            "flight_wait_milliseconds",
            "fleet",
            "key_hash",
            "version",
            "purge",
            "prefix_ttl_seconds",
            "prefix_header",
            "prompt_cache_key",
        ])?;
        let read =
            |key, own: u32, (low, high)| object.read_or(key, own, |node| node.integer(low, high));
        let most = ResponseCacheConfig::MOST_SECONDS;
        Ok(ResponseCacheConfig {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            scope: object.read_or("scope", self.scope, |node| node.one_of(&SCOPES))?,
            cached: object.read_or("cached", self.cached, |node| node.one_of(&CACHED))?,
            tool_calls: object.read_or("tool_calls", self.tool_calls, Node::boolean)?,
            ttl_seconds: read("ttl_seconds", self.ttl_seconds, (1, most))?,
            stale_seconds: read("stale_seconds", self.stale_seconds, (0, most))?,
            negative_seconds: read("negative_seconds", self.negative_seconds, (0, 3600))?,
            max_entry_bytes: read(
                "max_entry_bytes",
                self.max_entry_bytes,
                ResponseCacheConfig::MAX_ENTRY,
            )?,
            flight_wait_milliseconds: read(
                "flight_wait_milliseconds",
                self.flight_wait_milliseconds,
                (0, 60_000),
            )?,
            fleet: object.read_or("fleet", self.fleet, Node::boolean)?,
            key_hash: object.read_or("key_hash", self.key_hash, |node| node.one_of(&HASHES))?,
            version: object.read_or("version", self.version.clone(), |node| {
                node.string().map(str::to_owned)
            })?,
            purge: object.read_or("purge", None, |node| {
                // The top level is about every request that no rule matches.
                if node.path().starts_with("rules[") {
                    node.one_of(&PURGES).map(Some)
                } else {
                    Err(node.wrong("only a rule can say which requests purge; give it there"))
                }
            })?,
            prefix_ttl_seconds: read(
                "prefix_ttl_seconds",
                self.prefix_ttl_seconds,
                ResponseCacheConfig::PREFIX_TTL,
            )?,
            prefix_header: object.read_or("prefix_header", self.prefix_header, Node::boolean)?,
            prompt_cache_key: object.read_or(
                "prompt_cache_key",
                self.prompt_cache_key,
                Node::boolean,
            )?,
        })
    }
}
