//! Which requests have answers that may be given to another.

use serde_json::Value;

use crate::config::{CachedRequests, ResponseCacheConfig};
use crate::endpoint::Dialect;
use crate::request::Request;
use crate::scan::Field;

/// Why the cache has nothing to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    /// The rule has no cache.
    Off,
    /// The time is not known.
    NoClock,
    /// The client says `no-store`.
    NoStore,
    /// Answers to it differ, and it is not said that any will do.
    NotDeterministic,
    /// It names what the provider keeps, or asks it to keep the answer.
    ProviderState,
    /// The provider runs tools for it, whose results change.
    HostedTools,
    /// Whose it is cannot be told, and answers are kept for each tenant.
    NoTenant,
}

impl Bypass {
    /// Its name, in the header and as a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Bypass::Off => "off",
            Bypass::NoClock => "no_clock",
            Bypass::NoStore => "no_store",
            Bypass::NotDeterministic => "not_deterministic",
            Bypass::ProviderState => "provider_state",
            Bypass::HostedTools => "hosted_tools",
            Bypass::NoTenant => "no_tenant",
        }
    }
}

/// Whether an answer to `request` may be given to another that asks the same.
///
/// # Errors
/// Why not.
pub fn cacheable(request: &Request<'_>, config: &ResponseCacheConfig) -> Result<(), Bypass> {
    let fields = &request.fields;
    let value = |field: Field| fields.value(field).map(|span| span.of(request.body));
    let is_responses = request.dialect == Dialect::Responses;
    // The Responses API keeps what it is not told to forget.
    let is_kept = fields.store.unwrap_or(is_responses);
    if fields.names_provider_state || is_kept {
        return Err(Bypass::ProviderState);
    }
    let has_search = value(Field::WebSearchOptions).is_some_and(|value| value != b"null");
    if has_search || value(Field::Tools).is_some_and(has_hosted_tools) {
        return Err(Bypass::HostedTools);
    }
    let is_deterministic = request.dialect == Dialect::Embeddings
        || value(Field::Temperature).is_some_and(is_zero)
        || value(Field::Seed).is_some_and(|value| value != b"null");
    match config.cached {
        CachedRequests::Deterministic if !is_deterministic => Err(Bypass::NotDeterministic),
        CachedRequests::Deterministic | CachedRequests::Always => Ok(()),
    }
}

/// Whether a JSON number is 0, however it is written.
fn is_zero(number: &[u8]) -> bool {
    let mut mantissa = number.split(|byte| matches!(byte, b'e' | b'E'));
    let mantissa = mantissa.next().unwrap_or_default();
    let is_number = mantissa.iter().any(u8::is_ascii_digit);
    let sign = |byte: &u8| matches!(byte, b'-' | b'.' | b'0');
    is_number && mantissa.iter().all(sign)
}

/// Whether one of `tools` is run by the provider: clients run functions and custom tools.
fn has_hosted_tools(tools: &[u8]) -> bool {
    let Ok(Value::Array(tools)) = serde_json::from_slice(tools) else {
        return tools != b"null";
    };
    let is_run_by_client = |tool: &Value| match tool.get("type") {
        Some(kind) => matches!(kind.as_str(), Some("function" | "custom")),
        // The predecessor of tools had no type.
        None => true,
    };
    !tools.iter().all(is_run_by_client)
}
