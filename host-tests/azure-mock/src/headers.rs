//! The headers of Azure's answers, as captured.

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use crate::quota::{Limit, Quota, Refused, Remaining, UNLIMITED_REQUESTS, UNLIMITED_TOKENS};

const APIM_REQUEST_ID: HeaderName = HeaderName::from_static("apim-request-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-ms-deployment-name");
const RAI_INVOKED: HeaderName = HeaderName::from_static("x-ms-rai-invoked");
const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
const RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const POLICY_ID: HeaderName = HeaderName::from_static("policy-id");

/// What every answer of a region has, with its display name.
pub(crate) fn of_region(display: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in [
        (CACHE_CONTROL, "no-cache, must-revalidate"),
        (HeaderName::from_static("access-control-allow-origin"), "*"),
        (
            HeaderName::from_static("strict-transport-security"),
            "max-age=31536000; includeSubDomains; preload",
        ),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(display) = HeaderValue::from_str(display) {
        headers.insert(HeaderName::from_static("x-ms-region"), display);
    }
    headers
}

/// The ids of one request; Azure gives back the client's own, or says that it has none.
pub(crate) fn ids(headers: &mut HeaderMap, id: &str, request: &HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(APIM_REQUEST_ID, id.clone());
        headers.insert(X_REQUEST_ID, id);
    }
    let client = request.get(CLIENT_REQUEST_ID).cloned();
    headers.insert(
        CLIENT_REQUEST_ID,
        client.unwrap_or(HeaderValue::from_static("Not-Set")),
    );
}

/// What an answer of a model has.
pub(crate) fn of_deployment(headers: &mut HeaderMap, name: &str, quota: Quota, left: Remaining) {
    if let Ok(name) = HeaderValue::from_str(name) {
        headers.insert(DEPLOYMENT, name);
    }
    headers.insert(RAI_INVOKED, HeaderValue::from_static("true"));
    headers.insert(
        LIMIT_REQUESTS,
        quota.rpm.unwrap_or(UNLIMITED_REQUESTS).into(),
    );
    headers.insert(LIMIT_TOKENS, quota.tpm.unwrap_or(UNLIMITED_TOKENS).into());
    headers.insert(REMAINING_REQUESTS, left.requests.into());
    headers.insert(REMAINING_TOKENS, left.tokens.into());
}

/// When to come again, in both units; the seconds are rounded up.
pub(crate) fn retry_after(headers: &mut HeaderMap, milliseconds: u64) {
    headers.insert(RETRY_AFTER, milliseconds.div_ceil(1000).into());
    headers.insert(RETRY_AFTER_MS, milliseconds.into());
}

/// What a request refused by a quota is told.
pub(crate) fn refused(headers: &mut HeaderMap, refused: Refused) {
    let milliseconds = refused.milliseconds();
    retry_after(headers, milliseconds);
    let (policy, reset, remaining) = match refused.limit {
        Limit::Calls => (
            "DeploymentRatelimit-Call",
            RESET_REQUESTS,
            REMAINING_REQUESTS,
        ),
        Limit::Tokens => ("DeploymentRatelimit-Token", RESET_TOKENS, REMAINING_TOKENS),
    };
    headers.insert(POLICY_ID, HeaderValue::from_static(policy));
    headers.insert(reset, milliseconds.div_ceil(1000).into());
    headers.insert(remaining, 0.into());
}
