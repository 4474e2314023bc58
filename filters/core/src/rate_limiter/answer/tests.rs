//! Answers, word by word and header by header.

use super::*;
use crate::rate_limiter::bucket::MINUTE;
use crate::rate_limiter::quota::Period;

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
    refusal(shape, Refusal { limit, short }, &asked(), &limits())
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
            r#"{"error":{"code":"RateLimitReached","message":"Request too large for gpt-4: it is charged 120000 tokens, and the limit is 100000 tokens per minute. Waiting does not help; send a smaller request."}}"#,
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
    let lines = |headers: Vec<(&str, String)>| {
        let lines: Vec<String> = headers
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        lines.join("\n")
    };
    let of = |shape, limit, short| lines(reply(shape, limit, short).headers);
    let short = Short::For(1_200_000_001);
    let (in_time, never) = (
        "retry-after: 2\nretry-after-ms: 1201",
        "x-should-retry: false",
    );
    for shape in [Shape::Azure, Shape::OpenAi, Shape::ApiManagement] {
        assert_eq!(of(shape, Limit::Tokens, short), in_time);
        assert_eq!(of(shape, quota(Unit::Tokens, 429), short), in_time);
        assert_eq!(of(shape, Limit::Tokens, Short::Always), never);
        let soon = of(shape, Limit::Requests, Short::For(1));
        assert_eq!(soon, "retry-after: 1\nretry-after-ms: 1");
    }

    let levels = Levels {
        requests: NOW + 2 * SECOND,
        tokens: NOW + MINUTE,
    };
    let rates = "x-ratelimit-limit-requests: 600\nx-ratelimit-remaining-requests: 10\n\
                 x-ratelimit-reset-requests: 2\nx-ratelimit-limit-tokens: 100000\n\
                 x-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 60";
    let of = |shape| lines(rate_headers(shape, &limits(), levels, NOW).collect());
    assert_eq!(of(Shape::Azure), rates);
    assert_eq!(of(Shape::ApiManagement), rates);
    let rates = rates
        .replace("requests: 2", "requests: 2s")
        .replace("tokens: 60", "tokens: 1m0s");
    assert_eq!(of(Shape::OpenAi), rates);
    let unlimited = Limits::default();
    let none = rate_headers(Shape::Azure, &unlimited, levels, NOW);
    assert_eq!(none.count(), 0);
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
        let reply = refusal(shape, refused, &asked, &limits());
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
