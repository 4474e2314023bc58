//! The token-estimator stage: what a request will cost, told before it is sent, and how well
//! that agrees with what it did cost.

use crate::config::{HitsAddend, TokenEstimatorConfig};
use crate::effect::{Effect, Metric};
use crate::exchange::{Ending, Exchange};
use crate::fingerprint::{Fingerprint, Fingerprinter};
use crate::host::Host;
use crate::request::Request;
use crate::response::UsageReport;
use crate::stage::{Stage, Verdict};

/// What the stage makes of a request, for the stages after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Estimated tokens of the prompt.
    pub prompt: u64,
    /// Tokens reserved for the answer.
    pub output: u64,
    /// Family of the model, a label of metrics.
    pub family: &'static str,
    /// Whether the model reads more than was counted.
    pub is_partial: bool,
}

impl Estimate {
    /// The property under which it is published for other modules.
    pub const PROPERTY: &'static str = "tollgate.estimate";

    /// The estimate of `request`.
    pub fn of(request: &Request<'_>, config: &TokenEstimatorConfig) -> Estimate {
        Estimate {
            prompt: request.prompt_tokens(config.accuracy),
            output: request.output_tokens(config.default_output_tokens),
            family: request.model.family,
            is_partial: request.is_partial(),
        }
    }

    /// What is published of it, with the fingerprint of the body it is about.
    fn to_published(self, fingerprint: Fingerprint) -> String {
        let Estimate {
            prompt,
            output,
            is_partial,
            ..
        } = self;
        format!("1 {fingerprint} {prompt} {output} {}", u8::from(is_partial))
    }

    /// The estimate that another module published as `text`, if it is about the body with
    /// this fingerprint.
    pub fn published(
        text: &[u8],
        fingerprint: impl FnOnce() -> Fingerprint,
        request: &Request<'_>,
    ) -> Option<Estimate> {
        let text = core::str::from_utf8(text).ok()?;
        let (body, numbers) = text.strip_prefix("1 ")?.split_once(' ')?;
        let mut numbers = numbers.split(' ');
        let estimate = Estimate {
            prompt: numbers.next()?.parse().ok()?,
            output: numbers.next()?.parse().ok()?,
            is_partial: numbers.next()? == "1",
            family: request.model.family,
        };
        (body == fingerprint().to_string()).then_some(estimate)
    }
}

/// The key of Envoy's ratelimit filter: how much a request counts.
/// <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter>
pub(crate) const HITS_ADDEND: &str = "envoy.ratelimit.hits_addend";

/// A counter of this stage for one model family.
fn counter(name: &'static str, family: &'static str) -> Metric {
    Metric::counter(name).with("model_family", family)
}

/// See the [module](self).
pub struct TokenEstimator {
    debug_headers: bool,
    fingerprinter: Fingerprinter,
}

impl TokenEstimator {
    /// The stage; `secret` keys what it publishes for other modules.
    pub fn new(debug_headers: bool, secret: &[u8]) -> TokenEstimator {
        TokenEstimator {
            debug_headers,
            fingerprinter: Fingerprinter::new(secret),
        }
    }
}

impl Stage for TokenEstimator {
    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        _host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let config = exchange.rule.token_estimator;
        if !config.enabled {
            return Verdict::Continue;
        }
        let estimate = Estimate::of(request, &config);
        let Estimate {
            prompt,
            output,
            family,
            is_partial,
        } = estimate;
        let total = prompt.saturating_add(output);
        let fingerprint = self.fingerprinter.of(request.body);
        effects.extend([
            Effect::Publish {
                key: "tollgate.prompt_tokens",
                value: prompt.to_string(),
            },
            Effect::Publish {
                key: "tollgate.reserved_output_tokens",
                value: output.to_string(),
            },
            Effect::Publish {
                key: "tollgate.model_family",
                value: family.to_owned(),
            },
            Effect::Publish {
                key: Estimate::PROPERTY,
                value: estimate.to_published(fingerprint),
            },
            Effect::Measure {
                metric: counter("tollgate.token_estimator.prompt_tokens", family),
                value: prompt,
            },
            Effect::Measure {
                metric: counter("tollgate.token_estimator.reserved_output_tokens", family),
                value: output,
            },
        ]);
        if is_partial {
            effects.push(Effect::Measure {
                metric: counter("tollgate.token_estimator.partial_estimates", family),
                value: 1,
            });
        }
        let hits = match config.hits_addend {
            HitsAddend::Off => None,
            HitsAddend::Prompt => Some(prompt),
            HitsAddend::Total => Some(total),
        };
        if let Some(hits) = hits {
            // Envoy reads 32 bits.
            let value = hits.min(u64::from(u32::MAX)).to_string();
            effects.push(Effect::PublishToEnvoy {
                key: HITS_ADDEND,
                value,
            });
        }
        exchange.estimate = Some(estimate);
        Verdict::Continue
    }

    fn on_response_head(&self, exchange: &Exchange, _host: &dyn Host, effects: &mut Vec<Effect>) {
        let Some(estimate) = exchange.estimate.filter(|_| self.debug_headers) else {
            return;
        };
        effects.push(Effect::ResponseHeader {
            name: "x-tollgate-prompt-tokens",
            value: estimate.prompt.to_string(),
        });
        if estimate.is_partial {
            effects.push(Effect::ResponseHeader {
                name: "x-tollgate-estimate-partial",
                value: "true".to_owned(),
            });
        }
    }

    fn reads_answers(&self) -> bool {
        true
    }

    fn on_end(
        &self,
        exchange: &mut Exchange,
        ending: &Ending,
        _host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        let Some(estimate) = exchange.estimate else {
            return;
        };
        let family = estimate.family;
        let is_success = (200..300).contains(&ending.status);
        let count = |name| Effect::Measure {
            metric: Metric::counter(name),
            value: 1,
        };
        if is_success && let Some(response) = ending.response {
            if response.has_error {
                effects.push(count("tollgate.token_estimator.errors_after_200"));
            } else if !response.is_complete {
                effects.push(count("tollgate.token_estimator.incomplete_responses"));
            }
        }
        let usage = match ending.response.map(|response| response.usage) {
            Some(UsageReport::Given(usage)) => usage,
            Some(UsageReport::Unusable) => {
                effects.push(count("tollgate.token_estimator.unusable_usage"));
                return;
            }
            Some(UsageReport::Absent) => {
                if is_success {
                    effects.push(count("tollgate.token_estimator.responses_without_usage"));
                }
                return;
            }
            None => {
                if is_success {
                    effects.push(count("tollgate.token_estimator.unread_responses"));
                }
                return;
            }
        };
        effects.extend([
            Effect::Publish {
                key: "tollgate.used_prompt_tokens",
                value: usage.prompt.to_string(),
            },
            Effect::Publish {
                key: "tollgate.used_completion_tokens",
                value: usage.completion.to_string(),
            },
        ]);
        for (name, value) in [
            ("tollgate.token_estimator.used_prompt_tokens", usage.prompt),
            ("tollgate.token_estimator.used_cached_tokens", usage.cached),
            (
                "tollgate.token_estimator.used_completion_tokens",
                usage.completion,
            ),
        ] {
            effects.push(Effect::Measure {
                metric: counter(name, family),
                value,
            });
        }
        // What was not all visible cannot have been estimated, and says nothing of the error.
        if estimate.is_partial || usage.prompt == 0 {
            return;
        }
        let error = estimate.prompt.abs_diff(usage.prompt);
        let permille = error
            .saturating_mul(1000)
            .checked_div(usage.prompt)
            .unwrap_or(0);
        let histogram = Metric::histogram("tollgate.token_estimator.error_permille");
        effects.extend([
            Effect::Measure {
                metric: counter("tollgate.token_estimator.compared_prompt_tokens", family),
                value: usage.prompt,
            },
            Effect::Measure {
                metric: counter("tollgate.token_estimator.abs_error_tokens", family),
                value: error,
            },
            Effect::Measure {
                metric: histogram.with("model_family", family),
                value: permille,
            },
        ]);
    }
}
