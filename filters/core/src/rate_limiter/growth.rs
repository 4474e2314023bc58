//! What is reserved for an answer while it comes.
//!
//! The average is right for many answers and wrong for each. One that turns out longer doubles
//! its reservation, as often as it has to: whatever it began with, a few changes are enough,
//! and what is in flight is never much more than what is reserved. Short answers end first, so
//! without this a tenant's first average, and each after its answers have become longer, would
//! be too low for as long as the long ones take.

/// A reservation is not doubled in smaller steps.
const LEAST: u64 = 16;

/// Tokens reserved for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Growth {
    first: u64,
    reserved: u64,
    most: u64,
}

impl Growth {
    /// A reservation of `expected` for an answer that cannot be longer than `most`.
    pub(super) fn new(expected: u64, most: u64) -> Growth {
        let first = expected.min(most);
        Growth {
            first,
            reserved: first,
            most,
        }
    }

    /// A reservation that stays as it is.
    pub(super) fn fixed(tokens: u64) -> Growth {
        Growth::new(tokens, tokens)
    }

    /// Tokens reserved by now.
    pub(super) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// By how much that is more than it was at first.
    pub(super) fn grown(&self) -> u64 {
        self.reserved.saturating_sub(self.first)
    }

    /// Whether it can become more.
    pub(super) fn is_open(&self) -> bool {
        self.reserved < self.most
    }

    /// Doubles it until `output` fits; by how many tokens that is more than before.
    ///
    /// The result does not depend on how an answer is cut: only on how much of it has come.
    pub(super) fn cover(&mut self, output: u64) -> u64 {
        let before = self.reserved;
        while self.reserved < output && self.is_open() {
            let doubled = self.reserved.max(LEAST / 2).saturating_mul(2);
            self.reserved = doubled.min(self.most);
        }
        self.reserved.saturating_sub(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_longer_than_expected_doubles_its_reservation() {
        let rows = [
            // Expected, most; output that has come, what is reserved then.
            (281, 2048, 0, 281),
            (281, 2048, 281, 281),
            (281, 2048, 282, 562),
            (281, 2048, 563, 1124),
            (281, 2048, 1200, 2048),
            (281, 2048, 9999, 2048),
            (281, 100, 0, 100),
            (281, 100, 5000, 100),
            (0, 2048, 1, 16),
            (3, 2048, 17, 32),
            (0, 0, 5, 0),
            (1, u64::MAX, u64::MAX, u64::MAX),
        ];
        for (expected, most, output, reserved) in rows {
            let mut growth = Growth::new(expected, most);
            let first = growth.reserved();
            let more = growth.cover(output);
            assert_eq!(
                growth.reserved(),
                reserved,
                "{output} of {expected}, {most}"
            );
            assert_eq!((first + more, growth.grown()), (reserved, more));
            assert_eq!(growth.cover(output), 0, "it is charged once");
            // Step by step it comes to the same.
            let mut steps = Growth::new(expected, most);
            for so_far in 0..=output.min(10_000) {
                steps.cover(so_far);
            }
            if output <= 10_000 {
                assert_eq!(steps, growth);
            }
        }
        let mut fixed = Growth::fixed(7);
        assert_eq!(
            (fixed.cover(100), fixed.reserved(), fixed.is_open()),
            (0, 7, false)
        );
    }
}
