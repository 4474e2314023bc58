//! Conversations made up from a seed: applications with a system message each, questions that many
//! ask, texts that many ask about, and a few turns.

use serde_json::{Value, json};
use tollgate_savings::Random;

use crate::set::Conversation;

/// Applications; the first has no system message.
const APPLICATIONS: usize = 5;
/// Questions that are asked again and again, the early ones more often.
const COMMON_QUESTIONS: usize = 30;
/// Texts that are asked about.
const TEXTS: usize = 6;
/// A conversation ends with each turn with a chance of one in so many.
const TURNS: usize = 3;

/// So many conversations, as `seed` decides.
pub fn conversations(seed: u64, count: usize) -> Vec<Conversation> {
    let mut random = Random::new(seed);
    let systems: Vec<Option<String>> = (0..APPLICATIONS)
        .map(|application| {
            (application > 0).then(|| random.paragraph(6 * application * application))
        })
        .collect();
    let questions: Vec<String> = (0..COMMON_QUESTIONS).map(|_| random.sentence()).collect();
    let texts: Vec<String> = (0..TEXTS).map(|_| random.paragraph(80)).collect();
    let mut all: Vec<Conversation> = Vec::with_capacity(count);
    for _ in 0..count {
        // Some go on with a conversation that was there, from an earlier turn of it.
        let mut messages = match all.len() {
            0 => Vec::new(),
            before if random.chance(12) => {
                let other = &all[random.below(before)].messages;
                let asks = other
                    .iter()
                    .take_while(|message| message["role"] != "assistant");
                let (asks, turns) = (asks.count(), other.len().div_ceil(2));
                let kept = (asks + 1 + 2 * random.below(turns)).min(other.len());
                other[..kept].to_vec()
            }
            _ => Vec::new(),
        };
        if messages.is_empty() {
            let system = &systems[random.below(APPLICATIONS)];
            messages.extend(system.as_ref().map(|text| said("system", text)));
            let question = match random.below(6) {
                0 => {
                    let every: Vec<usize> = (0..COMMON_QUESTIONS).collect();
                    questions[random.often_early(&every)].clone()
                }
                1 => format!("{}\n\n{}", texts[random.below(TEXTS)], random.sentence()),
                _ => random.paragraph(3),
            };
            messages.push(said("user", &question));
        }
        loop {
            if messages
                .last()
                .is_some_and(|last| last["role"] == "assistant")
            {
                let ask = random.between(1, 4);
                messages.push(said("user", &random.paragraph(ask)));
            }
            let sentences = random.between(2, 20);
            messages.push(said("assistant", &random.paragraph(sentences)));
            if random.chance(TURNS) {
                break;
            }
        }
        all.push(Conversation::of(messages));
    }
    all
}

fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}
