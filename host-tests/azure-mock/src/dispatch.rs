//! From a received request to its reply.

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use crate::api_version;
use crate::call::Call;
use crate::config::Deployment;
use crate::error::ApiError;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::headers;
use crate::identity::Identity;
use crate::quota::Limit;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::route::{Operation, Route, Surface, route};
use crate::state::{RegionState, Shared};

/// A request and where it arrived.
pub(crate) struct Incoming<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) region: &'a RegionState,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    pub(crate) fault: &'a Fault,
    /// What the model is to say.
    pub(crate) scripted: Option<&'a str>,
}

impl Incoming<'_> {
    /// The reply, errors included.
    pub(crate) fn reply(&self) -> Reply {
        self.answer().unwrap_or_else(Reply::from)
    }

    fn answer(&self) -> Result<Reply, ApiError> {
        if let Some(status) = self.fault.status {
            return Ok(self.faulty(status));
        }
        let known = ["api-key", "authorization"];
        if self.shared.config.require_auth
            && !known.iter().any(|name| self.headers.contains_key(*name))
        {
            return Err(ApiError::unauthorized());
        }
        let route = route(self.method, self.path)?;
        let version = api_version::from_query(self.query);
        if self.method != Method::POST {
            api_version::check(&route, version, None)?;
            return self.stored(&route);
        }
        let fields = Fields::parse(self.body).map_err(|error| ApiError::invalid_json(&error))?;
        api_version::check(&route, version, Some(&fields))?;
        let deployment = self.deployment(&route, &fields)?;
        let filter = &self.shared.config.filter_words;
        if filter
            .iter()
            .any(|word| memchr::memmem::find(self.body, word.as_bytes()).is_some())
        {
            return Err(ApiError::content_filter());
        }
        Call::new(self, route, fields, deployment).reply()
    }

    /// The error a fault asks for.
    fn faulty(&self, status: u16) -> Reply {
        let milliseconds = match (status, self.fault.retry_after_ms) {
            (_, Some(milliseconds)) => Some(milliseconds),
            (429, None) => Some(1000),
            _ => None,
        };
        let mut reply = match (status, milliseconds) {
            (429, Some(milliseconds)) => {
                let route = route(self.method, self.path).ok();
                let fields = Fields::parse(self.body).unwrap_or_default();
                let deployment = route
                    .as_ref()
                    .and_then(|route| self.deployment(route, &fields).ok());
                let refusal = Refusal {
                    shape: self.shared.config.quota_error,
                    limit: Limit::Calls,
                    seconds: milliseconds.div_ceil(1000),
                    deployment,
                    region: &self.region.display,
                    operation: route.map_or("Unknown", |route| route.operation.name()),
                    version: api_version::from_query(self.query),
                };
                Reply::from(refusal.error())
            }
            _ => Reply::from(ApiError::fault(status)),
        };
        if let Some(milliseconds) = milliseconds {
            headers::retry_after(&mut reply.headers, milliseconds);
        }
        reply
    }

    fn deployment(&self, route: &Route, fields: &Fields) -> Result<&Deployment, ApiError> {
        if let Some(name) = route.deployment {
            return self
                .region
                .deployment(name)
                .ok_or_else(ApiError::deployment_not_found);
        }
        let model: String = fields.read("model")?.ok_or_else(|| match route.surface {
            Surface::OpenAi => ApiError::invalid("you must provide a model parameter"),
            _ => ApiError::no_model_name(),
        })?;
        self.region
            .deployment(&model)
            .ok_or_else(|| match route.surface {
                Surface::OpenAi => ApiError::model_not_found(&model),
                _ => ApiError::deployment_not_found(),
            })
    }

    /// Everything that is not a call of a model.
    fn stored(&self, route: &Route) -> Result<Reply, ApiError> {
        let deleted =
            |id: &str| json!({"id": id, "object": "response", "deleted": true}).to_string();
        let mut live = self.region.live();
        let body = match route.operation {
            Operation::GetResponse(id) => live.responses.get(id).cloned(),
            Operation::DeleteResponse(id) => live.responses.remove(id).map(|_| deleted(id).into()),
            Operation::ListModels => Some(self.models().into()),
            Operation::ListFiles => Some(r#"{"object":"list","data":[]}"#.into()),
            _ => None,
        };
        match (body, route.operation) {
            (Some(body), _) => Ok(Reply::json(body)),
            (None, Operation::GetResponse(id) | Operation::DeleteResponse(id)) => {
                Err(ApiError::response_not_found(id))
            }
            (None, _) => Err(ApiError::not_found()),
        }
    }

    fn models(&self) -> String {
        let models = self.region.deployments.iter().map(|deployment| {
            let identity = Identity::new("", xxh3_64(deployment.model.as_bytes()), "", true);
            json!({"id": deployment.name, "object": "model", "created": identity.created,
                   "owned_by": "system", "model": deployment.model})
        });
        json!({"object": "list", "data": models.collect::<Vec<_>>()}).to_string()
    }
}
