//! From a received request to its reply.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use serde_json::json;
use tiktoken_rs::CoreBPE;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::answer::{self, Wanted};
use crate::chat::Streaming;
use crate::config::Deployment;
use crate::error::ApiError;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::identity::Identity;
use crate::prompt::{Counted, Prompt};
use crate::quota::{Limit, Refused};
use crate::reply::Reply;
use crate::responses::{self, Speaker};
use crate::route::{Operation, Route, Surface, route};
use crate::state::{RegionState, Shared};
use crate::usage::{FIXED_PROMPT_TOKENS, Usage};
use crate::{api_version, chat, completions, embeddings, headers, refusal, tokenizer};

/// What Azure charges to the token limit for an answer whose length the request does not
/// limit.
const UNLIMITED_ANSWER: u64 = 16;

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

/// A model call understood: which deployment, which fields.
struct Call<'a> {
    incoming: &'a Incoming<'a>,
    route: Route<'a>,
    fields: Fields<'a>,
    deployment: &'a Deployment,
    seed: u64,
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
        let call = Call {
            incoming: self,
            deployment: self.deployment(&route, &fields)?,
            seed: answer::seed(&fields),
            route,
            fields,
        };
        let filter = &self.shared.config.filter_words;
        if filter
            .iter()
            .any(|word| memchr::memmem::find(self.body, word.as_bytes()).is_some())
        {
            return Err(ApiError::content_filter());
        }
        call.reply()
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
                let refusal = refusal::Refusal {
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
            let identity = Identity::new(
                "",
                xxh3_64_with_seed(deployment.model.as_bytes(), 0),
                "",
                true,
            );
            json!({"id": deployment.name, "object": "model", "created": identity.created,
                   "owned_by": "system", "model": deployment.model})
        });
        json!({"object": "list", "data": models.collect::<Vec<_>>()}).to_string()
    }
}

impl Call<'_> {
    fn reply(&self) -> Result<Reply, ApiError> {
        let wanted = Wanted::read(&self.fields)?;
        let streaming = Streaming::read(&self.fields)?;
        let counted = self.count()?;
        let embeddings = self.route.operation == Operation::Embeddings;
        let answer_limit = if embeddings {
            0
        } else {
            wanted.max_tokens.unwrap_or(UNLIMITED_ANSWER)
        };
        let charge = counted
            .tokens
            .saturating_add(answer_limit.saturating_mul(wanted.n));

        let (quota, admitted, cached) = {
            let mut live = self.incoming.region.live();
            self.check_previous(&live.responses)?;
            let admitted = live.admit(&self.deployment.name, charge);
            let cached = if admitted.is_ok() {
                live.cached(&counted)
            } else {
                0
            };
            (live.quota, admitted, cached)
        };
        let left = match admitted {
            Ok(left) => left,
            Err(refused) => return Ok(self.refused(refused)),
        };

        let mut reply = if embeddings {
            let body = embeddings::json(&self.fields, &self.deployment.model, counted.tokens)?;
            Reply::json(body)
        } else {
            let usage = Usage {
                prompt: counted.tokens,
                cached,
                completion: 0,
            };
            self.speak(&wanted, streaming, usage)
        };
        headers::of_deployment(&mut reply.headers, &self.deployment.name, quota, left);
        Ok(reply)
    }

    /// The model's answer in the shape of the operation.
    fn speak(&self, wanted: &Wanted, streaming: Option<Streaming>, mut usage: Usage) -> Reply {
        let answer = wanted.answer(self.seed, self.incoming.scripted, self.tokenizer());
        usage.completion = answer.tokens();
        let azure = self.route.surface != Surface::OpenAi;
        let identity = |prefix| Identity::new(prefix, self.seed, &self.deployment.model, azure);
        match (self.route.operation, streaming) {
            (Operation::Chat, None) => {
                Reply::json(chat::json(&answer, &identity("chatcmpl-"), usage))
            }
            (Operation::Chat, Some(streaming)) => Reply::events(chat::events(
                &answer,
                &identity("chatcmpl-"),
                usage,
                streaming,
            )),
            (Operation::CreateResponse, streaming) => {
                let identity = identity("resp_");
                let speaker = Speaker {
                    fields: &self.fields,
                    identity: &identity,
                    answer: &answer,
                    usage,
                };
                let keep = responses::stored(&self.fields);
                if streaming.is_some() {
                    if keep {
                        self.incoming
                            .region
                            .live()
                            .store(identity.id.clone(), speaker.json().into());
                    }
                    return Reply::events(speaker.events());
                }
                let body = Bytes::from(speaker.json());
                if keep {
                    self.incoming
                        .region
                        .live()
                        .store(identity.id.clone(), body.clone());
                }
                Reply::json(body)
            }
            (_, None) => Reply::json(completions::json(&answer, &identity("cmpl-"), usage)),
            (_, Some(streaming)) => Reply::events(completions::events(
                &answer,
                &identity("cmpl-"),
                usage,
                streaming,
            )),
        }
    }

    /// A response continues only where the earlier one is kept.
    fn check_previous(
        &self,
        kept: &std::collections::HashMap<String, Bytes>,
    ) -> Result<(), ApiError> {
        match self.fields.read::<String>("previous_response_id")? {
            Some(id) if !kept.contains_key(&id) => Err(ApiError::previous_not_found(&id)),
            _ => Ok(()),
        }
    }

    fn tokenizer(&self) -> Option<&'static CoreBPE> {
        let counting = !self.incoming.shared.config.fixed_usage;
        counting.then(|| tokenizer::of_model(&self.deployment.model))
    }

    fn count(&self) -> Result<Arc<Counted>, String> {
        let model = &self.deployment.model;
        let key = match self.route.operation {
            Operation::Chat => "messages",
            Operation::Completions => "prompt",
            _ => "input",
        };
        if self.fields.get(key).is_none() {
            return Err(format!("Missing required parameter: '{key}'."));
        }
        if self.incoming.shared.config.fixed_usage {
            return Ok(Arc::new(Counted::fixed(FIXED_PROMPT_TOKENS)));
        }
        let hash = xxh3_64_with_seed(model.as_bytes(), self.seed).wrapping_add(key.len() as u64);
        self.incoming.shared.counts.get(hash, || {
            let prompt = match self.route.operation {
                Operation::Chat => Prompt::chat(model, &self.fields)?,
                Operation::CreateResponse => Prompt::responses(model, &self.fields)?,
                _ => Prompt::plain(model, &self.fields, key)?,
            };
            let user: Option<String> = self.fields.read("user")?;
            Ok(prompt.count(user.as_deref().unwrap_or_default()))
        })
    }

    fn refused(&self, refused: Refused) -> Reply {
        let refusal = refusal::Refusal {
            shape: self.incoming.shared.config.quota_error,
            limit: refused.limit,
            seconds: refused.milliseconds().div_ceil(1000),
            deployment: Some(self.deployment),
            region: &self.incoming.region.display,
            operation: self.route.operation.name(),
            version: api_version::from_query(self.incoming.query),
        };
        let mut reply = Reply::from(refusal.error());
        headers::refused(&mut reply.headers, refused);
        reply
    }
}
