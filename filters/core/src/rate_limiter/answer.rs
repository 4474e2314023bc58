//! What a client is told: the provider's own words and headers, so that its SDK waits and
//! tries again without knowing that there is a gateway.
//!
//! Azure: a 429 with `retry-after`, `retry-after-ms` and `x-ratelimit-*`, and the body that its
//! data plane sends since 2025. OpenAI: the error object its SDKs parse, and reset times as
//! durations. API Management: the flat object of its `llm-token-limit` policy, with 403 for a
//! quota.

use core::fmt;

use serde_json::json;

use super::bucket::{Bucket, SECOND, Short};
use super::limits::{Levels, Limit, Limits, Refusal};
use super::quota::{Quota, Unit};
use crate::endpoint::Dialect;
use crate::reply::{JSON, Reply};

/// Whose words an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Azure OpenAI's.
    Azure,
    /// OpenAI's.
    OpenAi,
    /// Azure API Management's.
    ApiManagement,
}

/// What a refused request was, as far as the answer names it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The call.
    pub dialect: Dialect,
    /// Azure's API version; empty where the path has none.
    pub api_version: &'a str,
    /// The deployment, or where the path names none the model.
    pub deployment: &'a str,
    /// Name of the model's family, or the deployment where it is not known.
    pub model: &'a str,
    /// Where the request would have gone.
    pub region: &'a str,
    /// Tokens it was to be charged.
    pub tokens: u64,
}

/// The answer to a request that does not fit.
pub fn refusal(shape: Shape, refusal: Refusal, asked: &Asked<'_>, limits: &Limits) -> Reply {
    let wait = match refusal.short {
        Short::For(wait) => Some(wait),
        Short::Always => None,
    };
    let status = match refusal.limit {
        Limit::Quota(quota) => quota.status,
        Limit::Requests | Limit::Tokens => 429,
    };
    let seconds = wait.map(whole_seconds);
    let body = match (shape, seconds) {
        (Shape::Azure, Some(seconds)) => azure(refusal.limit, asked, seconds),
        (Shape::Azure, None) => error_object(json!({
            "code": "RateLimitReached",
            "message": too_large(refusal.limit, asked, limits).to_string(),
        })),
        (Shape::OpenAi, seconds) => openai(refusal.limit, asked, limits, wait, seconds),
        (Shape::ApiManagement, seconds) => api_management(refusal.limit, status, seconds),
    };
    let headers = match wait.zip(seconds) {
        Some((wait, seconds)) => vec![
            ("retry-after", seconds.to_string()),
            (
                "retry-after-ms",
                wait.div_ceil(1_000_000).max(1).to_string(),
            ),
        ],
        // OpenAI's SDKs try a 429 again by themselves unless this says that it is of no use.
        None => vec![("x-should-retry", "false".to_owned())],
    };
    Reply {
        status,
        details: "tollgate_rate_limited",
        content_type: JSON,
        headers,
        body: body.into_bytes(),
    }
}

/// `x-ratelimit-limit/remaining/reset-*` for each limit a minute there is. What remains are the
/// requests that would be admitted now, and the tokens that one could be of; reset is when all
/// of it would be.
pub fn rate_headers(
    shape: Shape,
    limits: &Limits,
    levels: Levels,
    now: u64,
) -> impl Iterator<Item = (&'static str, String)> {
    const REQUESTS: [&str; 3] = [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ];
    const TOKENS: [&str; 3] = [
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ];
    let rates = |bucket: Bucket, names: [&'static str; 3], tat: u64, remaining: u64| {
        let reset = tat.saturating_sub(now);
        let reset = match shape {
            Shape::OpenAi => Duration(reset).to_string(),
            Shape::Azure | Shape::ApiManagement => reset.div_ceil(SECOND).to_string(),
        };
        let values = [bucket.per_minute.to_string(), remaining.to_string(), reset];
        names.into_iter().zip(values)
    };
    let requests = limits.requests.map(|bucket| {
        let tat = levels.requests;
        rates(bucket, REQUESTS, tat, bucket.remaining_ones(tat, now))
    });
    let tokens = limits.tokens.map(|bucket| {
        let tat = levels.tokens;
        rates(bucket, TOKENS, tat, bucket.remaining(tat, now))
    });
    requests.into_iter().chain(tokens).flatten()
}

/// At least one: a client told to wait for none tries again at once.
fn whole_seconds(wait: u64) -> u64 {
    wait.div_ceil(SECOND).max(1)
}

fn error_object(error: serde_json::Value) -> String {
    json!({ "error": error }).to_string()
}

/// As captured in 2025; singular for one second.
fn azure(limit: Limit, asked: &Asked<'_>, seconds: u64) -> String {
    let kind = match limit {
        Limit::Requests => "call",
        Limit::Tokens => "token",
        Limit::Quota(quota) => {
            return error_object(json!({
                "code": "QuotaExceeded",
                "message": quota_message(quota, seconds),
            }));
        }
    };
    let Asked {
        model,
        deployment,
        region,
        ..
    } = asked;
    let operation = match asked.dialect {
        Dialect::Chat => "ChatCompletions_Create",
        Dialect::Completions => "Completions_Create",
        Dialect::Embeddings => "Embeddings_Create",
        Dialect::Responses => "Responses_Create",
    };
    let version = match asked.api_version {
        "" => "v1",
        version => version,
    };
    let unit = if seconds == 1 { "second" } else { "seconds" };
    error_object(json!({
        "code": "RateLimitReached",
        "message": format!(
            "Your requests to {model} for {deployment} in {region} have exceeded the {kind} rate limit for \
             your current OpenAI S0 pricing tier. This request was for {operation} under Azure OpenAI API \
             version {version}. Please retry after {seconds} {unit}. To increase your default rate limit, \
             visit: https://aka.ms/oai/quotaincrease."
        ),
    }))
}

fn openai(
    limit: Limit,
    asked: &Asked<'_>,
    limits: &Limits,
    wait: Option<u64>,
    seconds: Option<u64>,
) -> String {
    let deployment = asked.deployment;
    let (kind, name, bucket) = match limit {
        Limit::Requests => ("requests", "requests per min (RPM)", limits.requests),
        Limit::Tokens => ("tokens", "tokens per min (TPM)", limits.tokens),
        Limit::Quota(quota) => {
            let message = match seconds {
                Some(seconds) => quota_message(quota, seconds),
                None => too_large(limit, asked, limits).to_string(),
            };
            return error_object(json!({
                "message": message,
                "type": "insufficient_quota",
                "param": null,
                "code": "insufficient_quota",
            }));
        }
    };
    let most = bucket.map_or(0, |bucket| bucket.per_minute);
    let message = match wait {
        Some(wait) => format!(
            "Rate limit reached for {deployment} on {name}: Limit {most}. Please try again in {}.",
            Duration(wait)
        ),
        None => too_large(limit, asked, limits).to_string(),
    };
    error_object(json!({
        "message": message,
        "type": kind,
        "param": null,
        "code": "rate_limit_exceeded",
    }))
}

/// As captured: a space after the brace, the colons and the comma, none of which JSON asks for.
fn api_management(limit: Limit, status: u16, seconds: Option<u64>) -> String {
    let what = match limit {
        Limit::Requests => "Rate limit",
        Limit::Tokens => "Token limit",
        Limit::Quota(quota) => match quota.unit {
            Unit::Requests => "Quota",
            Unit::Tokens => "Token quota",
        },
    };
    let again = seconds.map_or(String::new(), |seconds| {
        format!(" Try again in {}.", Words(seconds))
    });
    format!(r#"{{ "statusCode": {status}, "message": "{what} is exceeded.{again}" }}"#)
}

fn quota_message(quota: Quota, seconds: u64) -> String {
    let what = match quota.unit {
        Unit::Requests => "Quota",
        Unit::Tokens => "Token quota",
    };
    format!("{what} is exceeded. Try again in {}.", Words(seconds))
}

/// Why no waiting helps, and what does.
fn too_large(limit: Limit, asked: &Asked<'_>, limits: &Limits) -> impl fmt::Display {
    let tokens = asked.tokens;
    let name = asked.deployment;
    let most = |bucket: Option<Bucket>| bucket.map_or(0, |bucket| bucket.per_minute);
    match limit {
        Limit::Tokens => format!(
            "Request too large for {name}: it is charged {tokens} tokens, and the limit is {} tokens per \
             minute. Waiting does not help; send a smaller request.",
            most(limits.tokens)
        ),
        Limit::Requests => format!(
            "No requests to {name} are allowed: the limit is {} requests per minute.",
            most(limits.requests)
        ),
        Limit::Quota(quota) => {
            let (most, period) = (quota.limit, quota.period.name());
            match quota.unit {
                Unit::Requests => format!(
                    "No requests to {name} are allowed: the quota is {most} requests per {period}."
                ),
                Unit::Tokens => format!(
                    "Request too large for {name}: it is charged {tokens} tokens, and the quota is {most} \
                     tokens per {period}."
                ),
            }
        }
    }
}

/// Nanoseconds as OpenAI writes durations: `120ms`, `1.271s`, `6m0s`.
struct Duration(u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.div_ceil(1_000_000);
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        if seconds == 0 {
            return write!(f, "{rest}ms");
        }
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        match rest {
            0 => write!(f, "{seconds}s"),
            rest => {
                let rest = format!("{rest:03}");
                write!(f, "{seconds}.{}s", rest.trim_end_matches('0'))
            }
        }
    }
}

/// Seconds as API Management writes them: `41 seconds`, `21 minutes and 33 seconds`.
struct Words(u64);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (self.0 / 86_400, "day"),
            (self.0 / 3600 % 24, "hour"),
            (self.0 / 60 % 60, "minute"),
            (self.0 % 60, "second"),
        ];
        let mut parts: Vec<String> = units
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, unit)| {
                let plural = if count == 1 { "" } else { "s" };
                format!("{count} {unit}{plural}")
            })
            .collect();
        match parts.pop() {
            None => f.write_str("0 seconds"),
            Some(last) if parts.is_empty() => f.write_str(&last),
            Some(last) => write!(f, "{} and {last}", parts.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests;
