//! The requests of a run: when they come, whose they are, how long prompt and answer are.

use std::time::Duration;

use crate::conversation::LEAST_PROMPT_TOKENS;
use crate::random::{LogNormal, Random};

/// Prompts of ShareGPT's conversations. The deviation of the logarithm of 60,639 human
/// messages is 1.33.
pub const PROMPTS: LogNormal = LogNormal {
    mean: 80.0,
    sigma: 1.3,
};

/// Answers there. What a minute holds depends on mean and variance: 67,366 answers deviate
/// from their mean by 0.74 of it, as a log-normal of sigma 0.66 does; a bit more is harder.
pub const ANSWERS: LogNormal = LogNormal {
    mean: 281.0,
    sigma: 0.7,
};

/// What requests set as `max_tokens`, unless a case says otherwise. No answer is longer.
pub const MAX_TOKENS: u32 = 2048;

/// Longer prompts are cut: a few would be most of a minute's limit.
const MOST_PROMPT_TOKENS: u32 = 8192;

/// Who sends what, for how long.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// What decides everything that is random.
    pub seed: u64,
    /// How long requests come.
    pub duration: Duration,
    /// Each with a limit of its own.
    pub tenants: Vec<Demand>,
}

/// What one tenant wants.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// What a reader of the table knows it by; empty where there is one alone.
    pub tenant: &'static str,
    /// Mean number of requests a minute.
    pub requests_per_minute: f64,
    /// Tokens of its prompts.
    pub prompts: LogNormal,
    /// Tokens of its answers.
    pub answers: LogNormal,
    /// Of those in the second half of the run.
    pub later_answers: LogNormal,
    /// What its requests set as `max_tokens`.
    pub max_tokens: u32,
    /// Whether its answers are streamed, else JSON that comes when it is whole.
    pub is_streamed: bool,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it is sent, since the run began.
    pub at: Duration,
    /// Whose it is, an index of [`Traffic::tenants`].
    pub tenant: usize,
    /// Decides its words, and with the rest of a division the connection it takes.
    pub number: u64,
    /// What the upstream will count for its prompt.
    pub prompt_tokens: u32,
    /// How long the answer is going to be.
    pub output_tokens: u32,
    /// How long it says that the answer may be.
    pub max_tokens: u32,
    /// Whether it asks for a stream.
    pub is_streamed: bool,
}

impl Demand {
    /// `load` times as many tokens a minute as `tokens_per_minute` allows, in conversations
    /// like ShareGPT's with answers `longer` times as long.
    pub fn of_tokens(tokens_per_minute: f64, load: f64, longer: f64) -> Self {
        let answers = ANSWERS.times(longer);
        Self {
            tenant: "",
            requests_per_minute: load * tokens_per_minute / (PROMPTS.mean + answers.mean),
            prompts: PROMPTS,
            answers,
            later_answers: answers,
            max_tokens: MAX_TOKENS,
            is_streamed: true,
        }
    }

    /// `load` times as many requests a minute as `requests_per_minute` allows.
    pub fn of_requests(requests_per_minute: f64, load: f64) -> Self {
        Self {
            tenant: "",
            requests_per_minute: load * requests_per_minute,
            prompts: PROMPTS,
            answers: ANSWERS,
            later_answers: ANSWERS,
            max_tokens: MAX_TOKENS,
            is_streamed: true,
        }
    }

    /// The same of a tenant with this name.
    pub fn of(self, tenant: &'static str) -> Self {
        Self { tenant, ..self }
    }

    /// The same, allowing answers of `max_tokens`, which become no longer by it.
    pub fn allowing(self, max_tokens: u32) -> Self {
        Self { max_tokens, ..self }
    }

    /// The same, with answers that come as JSON when they are whole.
    pub fn whole(self) -> Self {
        Self {
            is_streamed: false,
            ..self
        }
    }

    /// Answers `longer` times as long from the middle of the run on, by as many requests.
    pub fn shifting(self, longer: f64) -> Self {
        Self {
            later_answers: self.answers.times(longer),
            ..self
        }
    }
}

impl Traffic {
    /// All requests, in the order in which they come: a Poisson process for each tenant.
    pub fn requests(&self) -> Vec<Request> {
        let mut requests = Vec::new();
        for (tenant, demand) in self.tenants.iter().enumerate() {
            // Other tenants' demands change nothing about this one's.
            let mut random = Random::new(self.seed.wrapping_add((tenant as u64) << 32));
            let mean_wait = 60.0 / demand.requests_per_minute;
            let mut seconds = 0.0;
            loop {
                seconds += random.exponential() * mean_wait;
                let at = Duration::from_secs_f64(seconds);
                if at >= self.duration {
                    break;
                }
                let answers = match at < self.duration / 2 {
                    true => demand.answers,
                    false => demand.later_answers,
                };
                requests.push(Request {
                    at,
                    tenant,
                    number: random.bits(),
                    prompt_tokens: (demand.prompts.draw(&mut random).round() as u32)
                        .clamp(LEAST_PROMPT_TOKENS, MOST_PROMPT_TOKENS),
                    output_tokens: (answers.draw(&mut random).round() as u32).clamp(1, MAX_TOKENS),
                    max_tokens: demand.max_tokens,
                    is_streamed: demand.is_streamed,
                });
            }
        }
        requests.sort_by_key(|request| (request.at, request.tenant));
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(tenants: Vec<Demand>) -> Traffic {
        Traffic {
            seed: 7,
            duration: Duration::from_secs(600),
            tenants,
        }
    }

    #[test]
    fn demand_is_as_large_as_it_says() {
        let tokens = |requests: &[Request]| -> f64 {
            let each = requests.iter();
            each.map(|request| f64::from(request.prompt_tokens + request.output_tokens))
                .sum()
        };
        for (load, longer) in [(3.0, 1.0), (10.0, 1.0), (10.0, 0.5)] {
            let demand = Demand::of_tokens(100_000.0, load, longer);
            let requests = traffic(vec![demand]).requests();
            let offered = tokens(&requests) / 1_000_000.0;
            assert!((offered / load - 1.0).abs() < 0.05, "{load}: {offered}");
            assert!(requests.is_sorted_by_key(|request| request.at));
        }
        let requests = traffic(vec![Demand::of_requests(600.0, 3.0)]).requests();
        let offered = requests.len() as f64 / 6_000.0;
        assert!((offered / 3.0 - 1.0).abs() < 0.05, "{offered}");
    }

    #[test]
    fn a_shift_comes_in_the_middle_and_tenants_do_not_disturb_each_other() {
        let demand = Demand::of_tokens(100_000.0, 10.0, 1.0);
        let requests = traffic(vec![demand.shifting(3.0), demand]).requests();
        let mean = |tenant: usize, later: bool| {
            let of_half = requests.iter().filter(|request| {
                request.tenant == tenant && (request.at >= Duration::from_secs(300)) == later
            });
            let lengths: Vec<f64> = of_half
                .map(|request| f64::from(request.output_tokens))
                .collect();
            lengths.iter().sum::<f64>() / lengths.len() as f64
        };
        assert!((mean(0, true) / mean(0, false) - 3.0).abs() < 0.3);
        assert!((mean(1, true) / mean(1, false) - 1.0).abs() < 0.1);
        let alone = traffic(vec![demand]).requests();
        let first: Vec<_> = traffic(vec![demand, demand]).requests();
        let first: Vec<_> = first.into_iter().filter(|r| r.tenant == 0).collect();
        assert_eq!(alone, first);
    }
}
