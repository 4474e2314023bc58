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
use crate::reply::Reply;

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
pub fn refusal(
    shape: Shape,
    refusal: Refusal,
    asked: &Asked<'_>,
    limits: &Limits,
    levels: Levels,
    now: u64,
) -> Reply {
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
    let mut headers = Vec::with_capacity(9);
    if let Some((wait, seconds)) = wait.zip(seconds) {
        headers.push(("retry-after", seconds.to_string()));
        headers.push((
            "retry-after-ms",
            wait.div_ceil(1_000_000).max(1).to_string(),
        ));
    }
    if !matches!(refusal.limit, Limit::Requests | Limit::Tokens) || wait.is_none() {
        // OpenAI's SDKs try a 429 again by themselves unless this says that it is of no use.
        headers.push(("x-should-retry", "false".to_owned()));
    }
    headers.extend(rate_headers(shape, limits, levels, now));
    Reply {
        status,
        details: "tollgate_rate_limited",
        headers,
        body: body.into_bytes(),
    }
}

/// `x-ratelimit-limit/remaining/reset-*` for each limit a minute there is. What remains is the
/// largest amount that would be admitted now; reset is when all of it would be.
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
    let of = move |bucket: Option<Bucket>, names: [&'static str; 3], tat: u64| {
        let values = bucket.map(|bucket| {
            let reset = tat.saturating_sub(now);
            [
                bucket.per_minute.to_string(),
                bucket.remaining(tat, now).to_string(),
                match shape {
                    Shape::OpenAi => Duration(reset).to_string(),
                    Shape::Azure | Shape::ApiManagement => reset.div_ceil(SECOND).to_string(),
                },
            ]
        });
        values
            .into_iter()
            .flat_map(move |values| names.into_iter().zip(values))
    };
    of(limits.requests, REQUESTS, levels.requests).chain(of(limits.tokens, TOKENS, levels.tokens))
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
             minute. Waiting does not help: shorten the prompt or lower max_tokens.",
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
mod tests {
    use super::super::bucket::MINUTE;
    use super::super::quota::Period;
    use super::*;

    const NOW: u64 = 1_800_000_000 * SECOND;

    fn limits() -> Limits {
        let bucket = |per_minute| Bucket {
            per_minute,
            burst: 3 * SECOND,
        };
        Limits {
            requests: Some(bucket(600)),
            tokens: Some(bucket(100_000)),
            ..Limits::default()
        }
    }

    fn asked() -> Asked<'static> {
        Asked {
            dialect: Dialect::Chat,
            api_version: "2024-10-21",
            deployment: "gpt-4",
            model: "gpt-4-turbo-2024-04-09",
            region: "Sweden Central",
            tokens: 120_000,
        }
    }

    fn reply(shape: Shape, limit: Limit, short: Short) -> Reply {
        let levels = Levels {
            requests: NOW + 2 * SECOND,
            tokens: NOW + MINUTE,
        };
        refusal(
            shape,
            Refusal { limit, short },
            &asked(),
            &limits(),
            levels,
            NOW,
        )
    }

    fn quota(unit: Unit, status: u16) -> Limit {
        Limit::Quota(Quota {
            period: Period::Day,
            unit,
            limit: 5000,
            status,
        })
    }

    #[test]
    fn bodies_are_the_providers() {
        use Shape::{ApiManagement, Azure, OpenAi};
        let seconds = |s: u64| Short::For(s * SECOND);
        let rows = [
            // As captured, but for the names.
            (
                Azure,
                Limit::Tokens,
                seconds(43),
                429,
                r#"{"error":{"code":"RateLimitReached","message":"Your requests to gpt-4-turbo-2024-04-09 for gpt-4 in Sweden Central have exceeded the token rate limit for your current OpenAI S0 pricing tier. This request was for ChatCompletions_Create under Azure OpenAI API version 2024-10-21. Please retry after 43 seconds. To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease."}}"#,
            ),
            (
                Azure,
                Limit::Requests,
                Short::For(1),
                429,
                r#"{"error":{"code":"RateLimitReached","message":"Your requests to gpt-4-turbo-2024-04-09 for gpt-4 in Sweden Central have exceeded the call rate limit for your current OpenAI S0 pricing tier. This request was for ChatCompletions_Create under Azure OpenAI API version 2024-10-21. Please retry after 1 second. To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease."}}"#,
            ),
            (
                Azure,
                Limit::Tokens,
                Short::Always,
                429,
                r#"{"error":{"code":"RateLimitReached","message":"Request too large for gpt-4: it is charged 120000 tokens, and the limit is 100000 tokens per minute. Waiting does not help: shorten the prompt or lower max_tokens."}}"#,
            ),
            (
                Azure,
                quota(Unit::Tokens, 403),
                seconds(1293),
                403,
                r#"{"error":{"code":"QuotaExceeded","message":"Token quota is exceeded. Try again in 21 minutes and 33 seconds."}}"#,
            ),
            (
                OpenAi,
                Limit::Tokens,
                Short::For(1_271_000_000),
                429,
                r#"{"error":{"code":"rate_limit_exceeded","message":"Rate limit reached for gpt-4 on tokens per min (TPM): Limit 100000. Please try again in 1.271s.","param":null,"type":"tokens"}}"#,
            ),
            (
                OpenAi,
                Limit::Requests,
                Short::For(20_000_000),
                429,
                r#"{"error":{"code":"rate_limit_exceeded","message":"Rate limit reached for gpt-4 on requests per min (RPM): Limit 600. Please try again in 20ms.","param":null,"type":"requests"}}"#,
            ),
            (
                OpenAi,
                quota(Unit::Requests, 429),
                seconds(90_061),
                429,
                r#"{"error":{"code":"insufficient_quota","message":"Quota is exceeded. Try again in 1 day 1 hour 1 minute and 1 second.","param":null,"type":"insufficient_quota"}}"#,
            ),
            (
                OpenAi,
                quota(Unit::Tokens, 429),
                Short::Always,
                429,
                r#"{"error":{"code":"insufficient_quota","message":"Request too large for gpt-4: it is charged 120000 tokens, and the quota is 5000 tokens per day.","param":null,"type":"insufficient_quota"}}"#,
            ),
            (
                ApiManagement,
                Limit::Tokens,
                seconds(41),
                429,
                r#"{ "statusCode": 429, "message": "Token limit is exceeded. Try again in 41 seconds." }"#,
            ),
            (
                ApiManagement,
                Limit::Requests,
                seconds(60),
                429,
                r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 minute." }"#,
            ),
            (
                ApiManagement,
                quota(Unit::Tokens, 403),
                seconds(1293),
                403,
                r#"{ "statusCode": 403, "message": "Token quota is exceeded. Try again in 21 minutes and 33 seconds." }"#,
            ),
            (
                ApiManagement,
                Limit::Tokens,
                Short::Always,
                429,
                r#"{ "statusCode": 429, "message": "Token limit is exceeded." }"#,
            ),
        ];
        for (shape, limit, short, status, body) in rows {
            let reply = reply(shape, limit, short);
            let text = String::from_utf8(reply.body).unwrap();
            // The order of members is serde_json's.
            let (got, wanted): (serde_json::Value, serde_json::Value) = (
                serde_json::from_str(&text).unwrap(),
                serde_json::from_str(body).unwrap(),
            );
            assert_eq!((reply.status, got), (status, wanted));
            assert_eq!(text, body);
        }
    }

    #[test]
    fn headers_say_when_and_whether_to_try_again() {
        let of = |shape, limit, short| {
            let headers = reply(shape, limit, short).headers;
            let lines: Vec<String> = headers
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            lines.join("\n")
        };
        let rates = "x-ratelimit-limit-requests: 600\nx-ratelimit-remaining-requests: 10\n\
                     x-ratelimit-reset-requests: 2\nx-ratelimit-limit-tokens: 100000\n\
                     x-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 60";
        let short = Short::For(1_200_000_001);
        assert_eq!(
            of(Shape::Azure, Limit::Tokens, short),
            format!("retry-after: 2\nretry-after-ms: 1201\n{rates}")
        );
        assert_eq!(
            of(Shape::Azure, Limit::Tokens, Short::Always),
            format!("x-should-retry: false\n{rates}")
        );
        let quota = quota(Unit::Tokens, 429);
        assert_eq!(
            of(Shape::ApiManagement, quota, Short::For(1)),
            format!("retry-after: 1\nretry-after-ms: 1\nx-should-retry: false\n{rates}")
        );
        let rates = rates
            .replace("requests: 2", "requests: 2s")
            .replace("tokens: 60", "tokens: 1m0s");
        assert_eq!(
            of(Shape::OpenAi, Limit::Requests, Short::For(1)),
            format!("retry-after: 1\nretry-after-ms: 1\n{rates}")
        );
    }

    #[test]
    fn names_cannot_break_out_of_the_body() {
        let asked = Asked {
            deployment: "\"}\n\u{0}",
            ..asked()
        };
        let refused = Refusal {
            limit: Limit::Tokens,
            short: Short::For(1),
        };
        for shape in [Shape::Azure, Shape::OpenAi, Shape::ApiManagement] {
            let reply = refusal(shape, refused, &asked, &limits(), Levels::default(), NOW);
            let _: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        }
    }

    #[test]
    fn durations_read_as_openai_writes_them() {
        for (nanoseconds, text) in [
            (0, "0ms"),
            (1, "1ms"),
            (999_000_000, "999ms"),
            (1_271_000_000, "1.271s"),
            (2_500_000_000, "2.5s"),
            (60 * SECOND, "1m0s"),
            (360 * SECOND + 50_000_000, "6m0.05s"),
            (3700 * SECOND, "61m40s"),
        ] {
            assert_eq!(Duration(nanoseconds).to_string(), text);
        }
    }
}
