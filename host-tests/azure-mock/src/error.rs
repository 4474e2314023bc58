//! The error answers of Azure OpenAI, body for body as captured.

use hyper::StatusCode;
use serde_json::Value;

/// An error answer: the status and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl ApiError {
    fn new(status: StatusCode, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }

    /// `{"error":{"code":…,"message":…}}`, what most of Azure's own errors look like.
    fn coded(status: StatusCode, code: &str, message: &str) -> Self {
        let (code, message) = (Value::from(code), Value::from(message));
        Self::new(
            status,
            format!(r#"{{"error":{{"code":{code},"message":{message}}}}}"#),
        )
    }

    /// The model's own way: message, type, param, code.
    fn openai(
        status: StatusCode,
        message: &str,
        kind: &str,
        param: Option<&str>,
        code: Option<&str>,
    ) -> Self {
        let [message, kind] = [message, kind].map(Value::from);
        let [param, code] = [param, code].map(Value::from);
        let body = format!(
            r#"{{"error":{{"message":{message},"type":{kind},"param":{param},"code":{code}}}}}"#
        );
        Self::new(status, body)
    }

    /// A path nobody serves, or a dated path without its `api-version`.
    ///
    /// This body is the gateway's usual one; unlike the others no capture backs it.
    pub(crate) fn not_found() -> Self {
        Self::coded(StatusCode::NOT_FOUND, "404", "Resource not found")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::coded(StatusCode::METHOD_NOT_ALLOWED, "405", "Method not allowed")
    }

    pub(crate) fn unauthorized() -> Self {
        Self::coded(
            StatusCode::UNAUTHORIZED,
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to \
             provide a valid key for an active subscription and use a correct regional API endpoint \
             for your resource.",
        )
    }

    pub(crate) fn deployment_not_found() -> Self {
        Self::coded(
            StatusCode::NOT_FOUND,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment \
             within the last 5 minutes, please wait a moment and try again.",
        )
    }

    /// As OpenAI itself says it, for `/v1/…`.
    pub(crate) fn model_not_found(model: &str) -> Self {
        Self::openai(
            StatusCode::NOT_FOUND,
            &format!("The model `{model}` does not exist or you do not have access to it."),
            "invalid_request_error",
            None,
            Some("model_not_found"),
        )
    }

    pub(crate) fn no_model_name() -> Self {
        Self::coded(
            StatusCode::BAD_REQUEST,
            "no_model_name",
            "No model specified in request. Please provide a model name in the request body or as a \
             x-ms-model-mesh-model-name header.",
        )
    }

    pub(crate) fn invalid_json(error: &serde_json::Error) -> Self {
        Self::invalid(&format!(
            "We could not parse the JSON body of your request. The OpenAI API expects a JSON payload, \
             but what was sent was not valid JSON ({error})."
        ))
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self::openai(
            StatusCode::BAD_REQUEST,
            message,
            "invalid_request_error",
            None,
            None,
        )
    }

    /// A field that the request's api-version does not know yet.
    pub(crate) fn unknown_argument(name: &str) -> Self {
        Self::invalid(&format!("Unrecognized request argument supplied: {name}"))
    }

    pub(crate) fn responses_too_early(first: &str) -> Self {
        Self::coded(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            &format!(
                "Azure OpenAI Responses API is enabled only for api-version {first} and later"
            ),
        )
    }

    pub(crate) fn response_not_found(id: &str) -> Self {
        Self::openai(
            StatusCode::NOT_FOUND,
            &format!("Response with id '{id}' not found."),
            "invalid_request_error",
            None,
            None,
        )
    }

    pub(crate) fn previous_not_found(id: &str) -> Self {
        Self::openai(
            StatusCode::BAD_REQUEST,
            &format!("Previous response with id '{id}' not found."),
            "invalid_request_error",
            Some("previous_response_id"),
            Some("previous_response_not_found"),
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::coded(
            StatusCode::PAYLOAD_TOO_LARGE,
            "413",
            "Request body is too large",
        )
    }

    pub(crate) fn content_filter() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"high"}}}}}"#,
        )
    }

    /// An answer `status` a fault asked for.
    pub(crate) fn fault(status: u16) -> Self {
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match status {
            401 => Self::unauthorized(),
            404 => Self::deployment_not_found(),
            408 => Self::coded(code, "Timeout", "The operation was timeout."),
            500 => Self::openai(code, SERVER_ERROR, "server_error", None, None),
            503 => Self::coded(code, "ServiceUnavailable", HIGH_DEMAND),
            _ => Self::coded(
                code,
                &status.to_string(),
                code.canonical_reason().unwrap_or("Error"),
            ),
        }
    }
}

/// What was wrong with a field.
impl From<String> for ApiError {
    fn from(message: String) -> Self {
        Self::invalid(&message)
    }
}

/// What a model says when it fails; also the event inside a stream that began well.
const SERVER_ERROR: &str =
    "The server had an error while processing your request. Sorry about that!";
const HIGH_DEMAND: &str =
    "The system is currently experiencing high demand and cannot process your request.";

/// The data of an error event inside a stream.
pub(crate) fn stream_error() -> String {
    ApiError::fault(500).body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json() {
        let errors = [
            ApiError::not_found(),
            ApiError::unauthorized(),
            ApiError::deployment_not_found(),
            ApiError::model_not_found("a\"b"),
            ApiError::content_filter(),
            ApiError::invalid("\\"),
            ApiError::fault(429),
            ApiError::fault(599),
        ];
        for error in errors {
            let body: Value = serde_json::from_str(&error.body).unwrap();
            assert!(body["error"]["message"].is_string(), "{error:?}");
        }
        // The length a captured 401 declared.
        assert_eq!(ApiError::unauthorized().body.len(), 224);
    }
}
