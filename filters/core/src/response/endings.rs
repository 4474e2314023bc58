//! Why the choices of an answer ended, and whether all of them did.

/// Why a choice ended.
///
/// <https://platform.openai.com/docs/api-reference/chat/object>,
/// <https://platform.openai.com/docs/api-reference/responses/object>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// By itself, or at a stop sequence; any `completed` answer of the Responses API, also
    /// where it calls tools.
    Stop,
    /// At the most tokens that it may have.
    Length,
    /// With calls of tools or of a function.
    ToolCalls,
    /// Stopped by a content filter.
    ContentFilter,
    /// For a reason that is none of these.
    Other,
}

impl FinishReason {
    /// The one that a `finish_reason` names, or the `reason` of `incomplete_details`.
    pub(super) fn named(name: &[u8]) -> FinishReason {
        match name {
            b"stop" => FinishReason::Stop,
            b"length" | b"max_output_tokens" => FinishReason::Length,
            b"tool_calls" | b"function_call" => FinishReason::ToolCalls,
            b"content_filter" => FinishReason::ContentFilter,
            _ => FinishReason::Other,
        }
    }

    fn bit(self) -> u8 {
        match self {
            FinishReason::Stop => 1,
            FinishReason::Length => 1 << 1,
            FinishReason::ToolCalls => 1 << 2,
            FinishReason::ContentFilter => 1 << 3,
            FinishReason::Other => 1 << 4,
        }
    }
}

/// How the choices of an answer ended; an answer of the Responses API counts as one choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endings {
    /// A bit for each choice that came, by its `index`: OpenAI allows 128.
    begun: u128,
    /// Those of them that said why they ended.
    ended: u128,
    /// A bit for each reason that was said.
    reasons: u8,
    /// A choice had a higher `index`.
    has_more: bool,
}

impl Endings {
    /// Whether no choice came, as in embeddings, errors, and a stream that broke off early.
    pub fn is_empty(self) -> bool {
        self.begun == 0 && !self.has_more
    }

    /// Whether a choice came that has not said why it ended, or is beyond those that are
    /// followed.
    pub fn is_any_open(self) -> bool {
        self.begun != self.ended || self.has_more
    }

    /// Whether a choice ended for this reason.
    pub fn has(self, reason: FinishReason) -> bool {
        self.reasons & reason.bit() != 0
    }

    /// Takes note of a choice, and of why it ended where it says so.
    pub(super) fn note(&mut self, index: u64, reason: Option<FinishReason>) {
        let bit = u32::try_from(index)
            .ok()
            .and_then(|index| 1_u128.checked_shl(index));
        let Some(bit) = bit else {
            self.has_more = true;
            return;
        };
        self.begun |= bit;
        if let Some(reason) = reason {
            self.ended |= bit;
            self.reasons |= reason.bit();
        }
    }

    /// Takes note of what a later part of the answer says.
    pub(super) fn add(&mut self, later: Endings) {
        self.begun |= later.begun;
        self.ended |= later.ended;
        self.reasons |= later.reasons;
        self.has_more |= later.has_more;
    }
}
