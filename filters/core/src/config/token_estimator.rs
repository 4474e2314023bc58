//! Settings of the token-estimator stage.

use super::node::{ConfigError, Node};

/// How much the estimate may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accuracy {
    /// Features of the text only: about 1 ns a byte.
    Fast,
    /// The same, corrected by exact counts of a few windows where the text is long enough
    /// for that to pay: a fixed extra cost a request.
    Sampled,
}

/// What Envoy's own rate limiter is told to charge (filter state `envoy.ratelimit.hits_addend`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitsAddend {
    /// Nothing is published: the limiter charges one hit a request.
    Off,
    /// The estimated prompt tokens.
    Prompt,
    /// The estimated prompt tokens and the reserved output tokens.
    Total,
}

/// Settings of the token-estimator stage, for one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenEstimatorConfig {
    /// Off: the stage does not see the rule's requests.
    pub enabled: bool,
    /// How much the estimate may cost.
    pub accuracy: Accuracy,
    /// What Envoy's own rate limiter is told to charge.
    pub hits_addend: HitsAddend,
    /// Output tokens reserved for each choice of a request that sets no maximum itself.
    pub default_output_tokens: u32,
}

impl Default for TokenEstimatorConfig {
    fn default() -> Self {
        TokenEstimatorConfig {
            enabled: true,
            accuracy: Accuracy::Sampled,
            hits_addend: HitsAddend::Total,
            // Between a chat answer's usual length (about 300) and the 4,096 that most
            // models can give: a limiter fed by this neither starves nor overshoots wildly.
            default_output_tokens: 1000,
        }
    }
}

impl TokenEstimatorConfig {
    /// These settings with what `node` gives instead.
    pub(super) fn overridden_by(&self, node: &Node) -> Result<TokenEstimatorConfig, ConfigError> {
        const ACCURACIES: [(&str, Accuracy); 2] =
            [("fast", Accuracy::Fast), ("sampled", Accuracy::Sampled)];
        const ADDENDS: [(&str, HitsAddend); 3] = [
            ("off", HitsAddend::Off),
            ("prompt", HitsAddend::Prompt),
            ("total", HitsAddend::Total),
        ];
        let object = node.object(&[
            "enabled",
            "accuracy",
            "hits_addend",
            "default_output_tokens",
        ])?;
        Ok(TokenEstimatorConfig {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            accuracy: object.read_or("accuracy", self.accuracy, |node| node.one_of(&ACCURACIES))?,
            hits_addend: object.read_or("hits_addend", self.hits_addend, |node| {
                node.one_of(&ADDENDS)
            })?,
            default_output_tokens: object.read_or(
                "default_output_tokens",
                self.default_output_tokens,
                |node| node.integer(0, 1_000_000),
            )?,
        })
    }
}
