//! Which operation a path names, on which of the surfaces Azure offers it.

use hyper::Method;

use crate::error::ApiError;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'p> {
    Chat,
    Completions,
    Embeddings,
    CreateResponse,
    GetResponse(&'p str),
    DeleteResponse(&'p str),
    ListModels,
    ListFiles,
}

impl Operation<'_> {
    /// The operation's name in Azure's error messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "ChatCompletions_Create",
            Self::Completions => "Completions_Create",
            Self::Embeddings => "Embeddings_Create",
            Self::CreateResponse => "Responses_Create",
            Self::GetResponse(_) => "Responses_Get",
            Self::DeleteResponse(_) => "Responses_Delete",
            Self::ListModels => "Models_List",
            Self::ListFiles => "Files_List",
        }
    }
}

/// The family of paths a request came by; each has its own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// `/openai/deployments/…`, `/openai/responses`: `api-version` is a date and must be
    /// there.
    Dated,
    /// `/openai/v1/…`: `api-version` may be there.
    V1,
    /// `/models/…`, the Model Inference API of Azure AI Foundry; dated too.
    Inference,
    /// `/v1/…`, OpenAI's own: no content filter results.
    OpenAi,
}

/// A path understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route<'p> {
    pub(crate) operation: Operation<'p>,
    pub(crate) surface: Surface,
    /// The deployment the path names; elsewhere the body's `model` does.
    pub(crate) deployment: Option<&'p str>,
}

/// Finds the route of `path`, which has no query.
///
/// # Errors
/// 404 for a path nobody serves, 405 for one that is served to other methods.
pub(crate) fn route<'p>(method: &Method, path: &'p str) -> Result<Route<'p>, ApiError> {
    let (surface, deployment, rest) = if let Some(rest) = path.strip_prefix("/openai/v1/") {
        (Surface::V1, None, rest)
    } else if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        let (deployment, rest) = rest.split_once('/').ok_or_else(ApiError::not_found)?;
        (Surface::Dated, Some(deployment), rest)
    } else if let Some(rest) = path.strip_prefix("/openai/") {
        (Surface::Dated, None, rest)
    } else if let Some(rest) = path.strip_prefix("/models/") {
        (Surface::Inference, None, rest)
    } else if let Some(rest) = path.strip_prefix("/v1/") {
        (Surface::OpenAi, None, rest)
    } else {
        return Err(ApiError::not_found());
    };
    let (operation, allowed) = operation(method, rest).ok_or_else(ApiError::not_found)?;
    let model_call = matches!(
        operation,
        Operation::Chat | Operation::Completions | Operation::Embeddings
    );
    let served = match surface {
        Surface::Dated => model_call == deployment.is_some(),
        Surface::Inference => matches!(operation, Operation::Chat | Operation::Embeddings),
        Surface::V1 | Surface::OpenAi => true,
    };
    if !served {
        return Err(ApiError::not_found());
    }
    if method != allowed {
        return Err(ApiError::method_not_allowed());
    }
    Ok(Route {
        operation,
        surface,
        deployment,
    })
}

/// The operation of the path after its surface, and the one method it is called by.
fn operation<'p>(method: &Method, rest: &'p str) -> Option<(Operation<'p>, Method)> {
    Some(match rest {
        "chat/completions" => (Operation::Chat, Method::POST),
        "completions" => (Operation::Completions, Method::POST),
        "embeddings" => (Operation::Embeddings, Method::POST),
        "responses" => (Operation::CreateResponse, Method::POST),
        "models" => (Operation::ListModels, Method::GET),
        "files" => (Operation::ListFiles, Method::GET),
        _ => {
            let id = rest.strip_prefix("responses/")?;
            if id.is_empty() || id.contains('/') {
                return None;
            }
            match *method {
                Method::DELETE => (Operation::DeleteResponse(id), Method::DELETE),
                _ => (Operation::GetResponse(id), Method::GET),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        use Operation::*;
        use Surface::*;
        let rows = [
            (
                "POST",
                "/openai/deployments/gpt-4o/chat/completions",
                Chat,
                Dated,
                Some("gpt-4o"),
            ),
            (
                "POST",
                "/openai/deployments/a/completions",
                Completions,
                Dated,
                Some("a"),
            ),
            (
                "POST",
                "/openai/deployments/a/embeddings",
                Embeddings,
                Dated,
                Some("a"),
            ),
            ("POST", "/openai/responses", CreateResponse, Dated, None),
            (
                "GET",
                "/openai/responses/resp_1",
                GetResponse("resp_1"),
                Dated,
                None,
            ),
            (
                "DELETE",
                "/openai/v1/responses/resp_1",
                DeleteResponse("resp_1"),
                V1,
                None,
            ),
            ("GET", "/openai/models", ListModels, Dated, None),
            ("POST", "/openai/v1/chat/completions", Chat, V1, None),
            ("POST", "/openai/v1/embeddings", Embeddings, V1, None),
            ("GET", "/openai/v1/models", ListModels, V1, None),
            ("GET", "/openai/v1/files", ListFiles, V1, None),
            ("POST", "/v1/chat/completions", Chat, OpenAi, None),
            ("POST", "/v1/responses", CreateResponse, OpenAi, None),
            ("POST", "/models/chat/completions", Chat, Inference, None),
        ];
        for (method, path, operation, surface, deployment) in rows {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let expected = Route {
                operation,
                surface,
                deployment,
            };
            assert_eq!(route(&method, path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn refusals() {
        for path in [
            "/",
            "/openai",
            "/openai/chat/completions",
            "/openai/deployments/a",
            "/openai/deployments/a/responses",
            "/openai/deployments/a/audio/speech",
            "//openai/v1/models",
            "/OpenAI/v1/models",
            "/v1/responses/",
            "/v1/responses/a/b",
            "/models/responses",
        ] {
            assert_eq!(
                route(&Method::GET, path),
                Err(ApiError::not_found()),
                "{path}"
            );
        }
        for (method, path) in [
            (Method::GET, "/v1/chat/completions"),
            (Method::POST, "/v1/models"),
            (Method::POST, "/v1/responses/a"),
        ] {
            assert_eq!(
                route(&method, path),
                Err(ApiError::method_not_allowed()),
                "{path}"
            );
        }
    }
}
