//! Output a request may bring: what limits set aside before the real usage is known.

/// The fields of a request that bound its output, as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputBound {
    /// `max_completion_tokens`, else `max_output_tokens` (Responses API), else `max_tokens`.
    pub max_tokens: Option<u32>,
    /// `n`: answers given, each of up to `max_tokens`.
    pub n: Option<u32>,
    /// `best_of` (legacy completions): answers generated, of which the best `n` are given.
    pub best_of: Option<u32>,
}

impl OutputBound {
    /// Tokens to set aside: the bound of one answer, or `default` where there is none, for
    /// each answer generated.
    ///
    /// Azure charges a request against its tokens-per-minute limit so: "based on the max of
    /// prompt text and count, the max_tokens setting, and the best_of setting"
    /// (Azure OpenAI quota documentation). A provider that needs at least one is not asked
    /// for none: zero counts as one answer.
    pub fn reserved(self, default: u32) -> u32 {
        let answers = self.n.unwrap_or(1).max(self.best_of.unwrap_or(1)).max(1);
        self.max_tokens.unwrap_or(default).saturating_mul(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_set_aside_for() {
        for (max_tokens, n, best_of, reserved) in [
            (None, None, None, 500),
            (Some(100), None, None, 100),
            (Some(0), None, None, 0),
            (Some(100), Some(3), None, 300),
            (Some(100), Some(2), Some(5), 500),
            (None, Some(2), None, 1000),
            (Some(100), Some(0), Some(0), 100),
            (Some(u32::MAX), Some(u32::MAX), None, u32::MAX),
        ] {
            assert_eq!(
                OutputBound {
                    max_tokens,
                    n,
                    best_of
                }
                .reserved(500),
                reserved
            );
        }
    }
}
