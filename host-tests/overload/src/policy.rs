//! The ways to charge a request that are compared: configurations of one module.

use serde_json::{Value, json};

/// The limit of tokens that every case is about.
pub const TOKENS_PER_MINUTE: u64 = 100_000;
/// The limit of requests.
pub const REQUESTS_PER_MINUTE: u64 = 600;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Tokens a minute.
    Tokens,
    /// Requests a minute.
    Requests,
}

impl Limit {
    /// How many a minute.
    pub fn a_minute(self) -> f64 {
        match self {
            Self::Tokens => TOKENS_PER_MINUTE as f64,
            Self::Requests => REQUESTS_PER_MINUTE as f64,
        }
    }
}

/// A way to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What a reader of the table knows it by.
    pub name: &'static str,
    /// `rate_limiter.reserve`.
    pub reserve: &'static str,
    /// `rate_limiter.burst_seconds`.
    pub burst_seconds: u32,
}

/// The policy this project stands for.
pub const EXPECTED: Policy = Policy {
    name: "expected output",
    reserve: "expected",
    burst_seconds: 3,
};
/// Only what is known for sure when a request comes.
pub const PROMPT: Policy = Policy {
    name: "prompt alone",
    reserve: "prompt",
    burst_seconds: 3,
};
/// All that the answer may take.
pub const MAXIMUM: Policy = Policy {
    name: "max_tokens",
    reserve: "maximum",
    burst_seconds: 3,
};
/// The same with a burst that suits it better.
pub const PATIENT_MAXIMUM: Policy = Policy {
    burst_seconds: 10,
    ..MAXIMUM
};
/// When Envoy AI Gateway, APISIX and Higress charge (their windows are fixed ones).
pub const AFTER: Policy = Policy {
    name: "nothing, charge after the response",
    reserve: "nothing",
    burst_seconds: 3,
};

/// All that are compared.
pub const POLICIES: [Policy; 6] = [
    EXPECTED,
    Policy {
        burst_seconds: 10,
        ..EXPECTED
    },
    PROMPT,
    MAXIMUM,
    PATIENT_MAXIMUM,
    AFTER,
];

impl Policy {
    /// The plugin's whole configuration.
    pub fn configuration(&self, limit: Limit) -> Value {
        let mut rate_limiter = self.rate_limiter();
        match limit {
            Limit::Tokens => rate_limiter["tokens_per_minute"] = TOKENS_PER_MINUTE.into(),
            Limit::Requests => rate_limiter["requests_per_minute"] = REQUESTS_PER_MINUTE.into(),
        }
        json!({
            "hold_headers": true,
            "tenant": [{ "header": "api-key" }],
            "rate_limiter": rate_limiter,
        })
    }

    /// `rate_limiter` without its limits.
    pub fn rate_limiter(&self) -> Value {
        json!({ "reserve": self.reserve, "burst_seconds": self.burst_seconds })
    }
}
