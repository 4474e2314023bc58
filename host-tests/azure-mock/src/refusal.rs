//! The body of a 429, in the two shapes Azure has had.

use hyper::StatusCode;

use crate::config::{Deployment, QuotaError};
use crate::error::ApiError;
use crate::quota::Limit;

/// What a 429 talks about.
pub(crate) struct Refusal<'a> {
    pub(crate) shape: QuotaError,
    pub(crate) limit: Limit,
    pub(crate) seconds: u64,
    /// Unknown when a fault hits a path that names none.
    pub(crate) deployment: Option<&'a Deployment>,
    pub(crate) region: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) version: Option<&'a str>,
}

impl Refusal<'_> {
    pub(crate) fn error(&self) -> ApiError {
        let Self {
            seconds,
            region,
            operation,
            ..
        } = self;
        let kind = match self.limit {
            Limit::Calls => "call",
            Limit::Tokens => "token",
        };
        let unit = if *seconds == 1 { "second" } else { "seconds" };
        let version = self.version.unwrap_or("v1");
        let (name, model) = self
            .deployment
            .map_or(("unknown", "unknown"), |deployment| {
                (&deployment.name, &deployment.model)
            });
        let body = match self.shape {
            QuotaError::RateLimitReached => format!(
                r#"{{"error":{{"code":"RateLimitReached","message":"Your requests to {model} for {name} in {region} have exceeded the {kind} rate limit for your current OpenAI S0 pricing tier. This request was for {operation} under Azure OpenAI API version {version}. Please retry after {seconds} {unit}. To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease."}}}}"#
            ),
            QuotaError::Code429 => format!(
                r#"{{"error":{{"code":"429","message": "Requests to the {operation} Operation under Azure OpenAI API version {version} have exceeded {kind} rate limit of your current OpenAI S0 pricing tier. Please retry after {seconds} {unit}. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."}}}}"#
            ),
        };
        ApiError {
            status: StatusCode::TOO_MANY_REQUESTS,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts as captured.
    #[test]
    fn shapes() {
        let deployment = Deployment::new("gpt-4", "gpt-4-turbo-2024-04-09");
        let mut refusal = Refusal {
            shape: QuotaError::RateLimitReached,
            limit: Limit::Tokens,
            seconds: 43,
            deployment: Some(&deployment),
            region: "Sweden Central",
            operation: "ChatCompletions_Create",
            version: Some("2024-10-21"),
        };
        assert_eq!(
            refusal.error().body,
            r#"{"error":{"code":"RateLimitReached","message":"Your requests to gpt-4-turbo-2024-04-09 for gpt-4 in Sweden Central have exceeded the token rate limit for your current OpenAI S0 pricing tier. This request was for ChatCompletions_Create under Azure OpenAI API version 2024-10-21. Please retry after 43 seconds. To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease."}}"#
        );
        refusal.shape = QuotaError::Code429;
        refusal.seconds = 60;
        refusal.version = Some("2024-05-01-preview");
        assert_eq!(
            refusal.error().body,
            r#"{"error":{"code":"429","message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-05-01-preview have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 60 seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."}}"#
        );
        refusal.limit = Limit::Calls;
        refusal.seconds = 1;
        let body = refusal.error().body;
        assert!(
            body.contains("call rate limit") && body.contains("after 1 second."),
            "{body}"
        );
    }
}
