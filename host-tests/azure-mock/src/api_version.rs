//! The `api-version` of a request, and what each version does not know yet.

use crate::error::ApiError;
use crate::fields::Fields;
use crate::route::{Operation, Route, Surface};

/// Fields that chat completions know from this version on.
const SINCE: (&str, [&str; 2]) = ("2024-09-01", ["stream_options", "max_completion_tokens"]);
/// The first version with the Responses API.
const FIRST_RESPONSES: &str = "2025-03-01-preview";

/// The value of `api-version` in a query string.
pub(crate) fn from_query(query: Option<&str>) -> Option<&str> {
    query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("api-version="))
}

/// Refuses what the version does not allow.
///
/// # Errors
/// On a dated surface: 404 without a version or with one that is no date, as Azure
/// answers; 400 for a field or an operation younger than the version.
pub(crate) fn check(
    route: &Route,
    version: Option<&str>,
    fields: Option<&Fields>,
) -> Result<(), ApiError> {
    if !matches!(route.surface, Surface::Dated | Surface::Inference) {
        return Ok(());
    }
    let date = version.and_then(date).ok_or_else(ApiError::not_found)?;
    if route.surface != Surface::Dated {
        return Ok(());
    }
    let responses = matches!(
        route.operation,
        Operation::CreateResponse | Operation::GetResponse(_) | Operation::DeleteResponse(_)
    );
    // Dates of one format order as text.
    if responses && date < &FIRST_RESPONSES[..10] {
        return Err(ApiError::responses_too_early(FIRST_RESPONSES));
    }
    let (since, names) = SINCE;
    if date < since && !responses {
        let early = |name: &&str| fields.is_some_and(|fields| fields.get(name).is_some());
        if let Some(name) = names.into_iter().find(early) {
            return Err(ApiError::unknown_argument(name));
        }
    }
    Ok(())
}

/// The date of `2024-10-21` or `2024-09-01-preview`.
fn date(version: &str) -> Option<&str> {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let fits = date.len() == 10
        && date.bytes().enumerate().all(|(i, byte)| match i {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    fits.then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::route;
    use hyper::Method;

    #[test]
    fn rules() {
        let chat = "/openai/deployments/a/chat/completions";
        let streaming = r#"{"stream_options":{}}"#;
        let completion = r#"{"max_completion_tokens":1}"#;
        let rows = [
            (chat, None, "{}", Some(404)),
            (chat, Some("x=1"), "{}", Some(404)),
            (chat, Some("api-version=latest"), "{}", Some(404)),
            (chat, Some("api-version=2024-1-1"), "{}", Some(404)),
            (chat, Some("api-version=2024-10-21"), streaming, None),
            (
                chat,
                Some("x=1&api-version=2024-09-01-preview"),
                streaming,
                None,
            ),
            (
                chat,
                Some("api-version=2024-08-01-preview"),
                streaming,
                Some(400),
            ),
            (chat, Some("api-version=2024-06-01"), completion, Some(400)),
            (
                chat,
                Some("api-version=2024-06-01"),
                r#"{"stream_options":null}"#,
                None,
            ),
            (
                "/openai/responses",
                Some("api-version=2025-03-01-preview"),
                "{}",
                None,
            ),
            (
                "/openai/responses",
                Some("api-version=2024-10-21"),
                "{}",
                Some(400),
            ),
            ("/openai/v1/responses", None, "{}", None),
            (
                "/openai/v1/chat/completions",
                Some("api-version=preview"),
                streaming,
                None,
            ),
            (
                "/models/chat/completions",
                Some("api-version=2024-05-01-preview"),
                streaming,
                None,
            ),
            ("/models/chat/completions", None, "{}", Some(404)),
        ];
        for (path, query, body, refused) in rows {
            let route = route(&Method::POST, path).unwrap();
            let fields = Fields::parse(body.as_bytes()).unwrap();
            let got = check(&route, from_query(query), Some(&fields)).err();
            assert_eq!(
                got.map(|error| error.status.as_u16()),
                refused,
                "{path} {query:?} {body}"
            );
        }
    }
}
