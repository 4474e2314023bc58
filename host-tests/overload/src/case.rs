//! The situations in which policies are compared.

use std::time::Duration;

use crate::policy::{
    AFTER, EXPECTED, Limit, MAXIMUM, PATIENT_MAXIMUM, POLICIES, Policy, REQUESTS_PER_MINUTE,
    TOKENS_PER_MINUTE,
};
use crate::traffic::{Demand, Traffic};

/// One situation.
#[derive(Clone, Debug)]
pub struct Case {
    /// What a reader knows it by.
    pub name: &'static str,
    /// What is limited.
    pub limit: Limit,
    /// What is wanted.
    pub tenants: Vec<Demand>,
    /// What is compared in it.
    pub policies: Vec<Policy>,
}

impl Case {
    /// Its requests.
    pub fn traffic(&self, seed: u64, duration: Duration) -> Traffic {
        Traffic {
            seed,
            duration,
            tenants: self.tenants.clone(),
        }
    }
}

/// One tenant that wants `load` times what it may have.
pub fn overload(name: &'static str, load: f64) -> Case {
    Case {
        name,
        limit: Limit::Tokens,
        tenants: vec![Demand::of_tokens(TOKENS_PER_MINUTE as f64, load, 1.0)],
        policies: POLICIES.to_vec(),
    }
}

/// One tenant that sends `load` times as many requests as it may.
pub fn requests(name: &'static str, load: f64) -> Case {
    Case {
        name,
        limit: Limit::Requests,
        tenants: vec![Demand::of_requests(REQUESTS_PER_MINUTE as f64, load)],
        // What tokens are reserved makes no difference.
        policies: vec![EXPECTED],
    }
}

/// All situations, in the order in which they are shown.
pub fn cases() -> Vec<Case> {
    let tokens = TOKENS_PER_MINUTE as f64;
    vec![
        overload("3 × the tokens", 3.0),
        overload("10 × the tokens", 10.0),
        Case {
            name: "10 ×, two tenants",
            limit: Limit::Tokens,
            tenants: vec![
                Demand::of_tokens(tokens, 10.0, 1.0 / 3.0).of("answers of 94"),
                Demand::of_tokens(tokens, 10.0, 3.0).of("answers of 843"),
            ],
            policies: vec![EXPECTED, MAXIMUM, AFTER],
        },
        Case {
            name: "10 ×, answers of 141, later 422",
            limit: Limit::Tokens,
            tenants: vec![Demand::of_tokens(tokens, 10.0, 0.5).shifting(3.0)],
            policies: vec![EXPECTED, MAXIMUM, AFTER],
        },
        Case {
            name: "10 ×, answers that come whole",
            limit: Limit::Tokens,
            tenants: vec![Demand::of_tokens(tokens, 10.0, 1.0).whole()],
            policies: vec![EXPECTED, MAXIMUM, AFTER],
        },
        Case {
            name: "10 ×, max_tokens 8192",
            limit: Limit::Tokens,
            tenants: vec![Demand::of_tokens(tokens, 10.0, 1.0).allowing(8192)],
            policies: vec![EXPECTED, MAXIMUM, PATIENT_MAXIMUM],
        },
        requests("3 × the requests", 3.0),
        requests("10 × the requests", 10.0),
    ]
}
