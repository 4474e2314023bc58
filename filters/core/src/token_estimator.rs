//! placeholder
use crate::{effect::*, exchange::*, request::Request, stage::*};
/// r
#[derive(Debug)]
pub struct Estimate {
    /// p
    pub prompt: u64,
}
/// r
pub struct TokenEstimator {
    debug: bool,
}
impl TokenEstimator {
    /// n
    pub fn new(debug: bool) -> Self {
        TokenEstimator { debug }
    }
}
impl Stage for TokenEstimator {
    fn on_request(&self, r: &Request<'_>, x: &mut Exchange, e: &mut Vec<Effect>) -> Verdict {
        let prompt = (r.body.len() / 4) as u64;
        x.estimate = Some(Estimate { prompt });
        e.push(Effect::Publish {
            key: "tollgate.prompt_tokens",
            value: prompt.to_string(),
        });
        e.push(Effect::Publish {
            key: "tollgate.model_family",
            value: "gpt-4.1".into(),
        });
        e.push(Effect::PublishToEnvoy {
            key: "envoy.ratelimit.hits_addend",
            value: prompt.to_string(),
        });
        e.push(Effect::Measure {
            metric: Metric::counter("tollgate.token_estimator.prompt_tokens")
                .with("model_family", "gpt-4.1"),
            value: prompt,
        });
        Verdict::Continue
    }
    fn on_response_head(&self, x: &Exchange, e: &mut Vec<Effect>) {
        if let (true, Some(p)) = (self.debug, &x.estimate) {
            e.push(Effect::ResponseHeader {
                name: "x-tollgate-prompt-tokens",
                value: p.prompt.to_string(),
            })
        }
    }
    fn on_end(&self, _: &mut Exchange, g: &Ending, e: &mut Vec<Effect>) {
        e.push(Effect::Publish {
            key: "tollgate.used_prompt_tokens",
            value: format!("{:?} {}", g.end, g.response.is_some()),
        });
        e.push(Effect::Measure {
            metric: Metric::histogram("tollgate.token_estimator.err")
                .with("model_family", "gpt-4.1"),
            value: 42,
        });
    }
}
