//! A call of a model: counted, charged, answered.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tiktoken_rs::CoreBPE;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::answer::{self, Answer, Wanted};
use crate::chat::{self, Streaming};
use crate::config::Deployment;
use crate::dispatch::Incoming;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::identity::Identity;
use crate::prompt::{Counted, Prompt};
use crate::quota::Refused;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::responses::{self, Speaker};
use crate::route::{Operation, Route, Surface};
use crate::usage::{FIXED_PROMPT_TOKENS, Usage};
use crate::{api_version, completions, embeddings, headers, tokenizer};

/// What Azure charges to the token limit for an answer whose length the request does not
/// limit (as Microsoft's own simulator found out).
const UNLIMITED_ANSWER: u64 = 16;

/// A model call understood: which deployment, which fields.
pub(crate) struct Call<'a> {
    incoming: &'a Incoming<'a>,
    route: Route<'a>,
    fields: Fields<'a>,
    deployment: &'a Deployment,
    seed: u64,
}

impl<'a> Call<'a> {
    /// `fields` are the body of `incoming`, which came by `route` for `deployment`.
    pub(crate) fn new(
        incoming: &'a Incoming<'a>,
        route: Route<'a>,
        fields: Fields<'a>,
        deployment: &'a Deployment,
    ) -> Self {
        Self {
            seed: answer::seed(&fields),
            incoming,
            route,
            fields,
            deployment,
        }
    }

    /// The reply: an answer of the model, or a 429.
    ///
    /// # Errors
    /// When a field has a wrong type or value.
    pub(crate) fn reply(&self) -> Result<Reply, ApiError> {
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
        let (answer, azure) = (&answer, self.route.surface != Surface::OpenAi);
        let identity = |prefix| Identity::new(prefix, self.seed, &self.deployment.model, azure);
        match (self.route.operation, streaming) {
            (Operation::CreateResponse, _) => {
                self.respond(answer, &identity("resp_"), usage, streaming.is_some())
            }
            (Operation::Chat, None) => {
                Reply::json(chat::json(answer, &identity("chatcmpl-"), usage))
            }
            (Operation::Chat, Some(streaming)) => Reply::events(chat::events(
                answer,
                &identity("chatcmpl-"),
                usage,
                streaming,
            )),
            (_, None) => Reply::json(completions::json(answer, &identity("cmpl-"), usage)),
            (_, Some(streaming)) => Reply::events(completions::events(
                answer,
                &identity("cmpl-"),
                usage,
                streaming,
            )),
        }
    }

    /// An answer of the Responses API, which is kept unless the request says otherwise.
    fn respond(&self, answer: &Answer, identity: &Identity, usage: Usage, stream: bool) -> Reply {
        let speaker = Speaker {
            fields: &self.fields,
            identity,
            answer,
            usage,
        };
        let body = Bytes::from(speaker.json());
        if responses::stored(&self.fields) {
            let mut live = self.incoming.region.live();
            live.store(identity.id.clone(), body.clone());
        }
        if stream {
            Reply::events(speaker.events())
        } else {
            Reply::json(body)
        }
    }

    /// A response continues only where the earlier one is kept.
    fn check_previous(&self, kept: &HashMap<String, Bytes>) -> Result<(), ApiError> {
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
        let operation = self.route.operation.name();
        let hash = xxh3_64_with_seed(operation.as_bytes(), self.seed);
        let hash = xxh3_64_with_seed(model.as_bytes(), hash);
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
        let refusal = Refusal {
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
