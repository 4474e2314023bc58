//! What an answer says it cost, and the memory that makes saying it cheap.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::prompt::Counted;

/// The prompt's count with `fixed-usage`.
pub const FIXED_PROMPT_TOKENS: u64 = 100;

/// How many counts and prefixes are kept; when full, all are forgotten at once.
const MOST_REMEMBERED: usize = 1 << 16;

/// Tokens of one request and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) prompt: u64,
    pub(crate) cached: u64,
    pub(crate) completion: u64,
}

impl Usage {
    /// As chat and legacy completions write it.
    pub(crate) fn chat(self) -> ChatUsage {
        ChatUsage {
            completion_tokens: self.completion,
            completion_tokens_details: CompletionDetails::default(),
            prompt_tokens: self.prompt,
            prompt_tokens_details: PromptDetails {
                audio_tokens: 0,
                cached_tokens: self.cached,
            },
            total_tokens: self.prompt + self.completion,
        }
    }

    /// As the Responses API writes it.
    pub(crate) fn responses(self) -> ResponsesUsage {
        ResponsesUsage {
            input_tokens: self.prompt,
            input_tokens_details: InputDetails {
                cached_tokens: self.cached,
            },
            output_tokens: self.completion,
            output_tokens_details: OutputDetails {
                reasoning_tokens: 0,
            },
            total_tokens: self.prompt + self.completion,
        }
    }
}

/// `usage` of chat and legacy completions.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct ChatUsage {
    completion_tokens: u64,
    completion_tokens_details: CompletionDetails,
    prompt_tokens: u64,
    prompt_tokens_details: PromptDetails,
    total_tokens: u64,
}

#[derive(Clone, Copy, Default, Serialize)]
struct CompletionDetails {
    accepted_prediction_tokens: u64,
    audio_tokens: u64,
    reasoning_tokens: u64,
    rejected_prediction_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct PromptDetails {
    audio_tokens: u64,
    cached_tokens: u64,
}

/// `usage` of the Responses API.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct ResponsesUsage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct InputDetails {
    cached_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

/// Counts by the hash of the request they belong to: a repeated request is not counted
/// again.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<HashMap<u64, Arc<Counted>>>);

impl Memo {
    /// The count of the request with this hash.
    ///
    /// # Errors
    /// The error of `count`, which is called on a request not seen before.
    pub(crate) fn get(
        &self,
        hash: u64,
        count: impl FnOnce() -> Result<Counted, String>,
    ) -> Result<Arc<Counted>, String> {
        if let Some(counted) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash)
        {
            return Ok(Arc::clone(counted));
        }
        // Counting takes long; nobody waits for it with the lock held.
        let counted = Arc::new(count()?);
        let mut memo = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memo.len() >= MOST_REMEMBERED {
            memo.clear();
        }
        memo.insert(hash, Arc::clone(&counted));
        Ok(counted)
    }
}

/// The prompt prefixes one region has seen. Nothing expires; Azure forgets after minutes.
#[derive(Debug, Default)]
pub(crate) struct PrefixMemory(HashSet<u64>);

impl PrefixMemory {
    /// How many tokens of this prompt were seen before; remembers all of it.
    pub(crate) fn cached(&mut self, counted: &Counted) -> u64 {
        let known = |(_, hash): &(u64, u64)| self.0.contains(hash);
        let cached = counted
            .prefixes()
            .rev()
            .find(known)
            .map_or(0, |(length, _)| length);
        if self.0.len() >= MOST_REMEMBERED {
            self.0.clear();
        }
        self.0.extend(counted.prefixes().map(|(_, hash)| hash));
        cached
    }
}
