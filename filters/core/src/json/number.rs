//! Numbers, read digit by digit: their grammar, and the one thing policies ask of them.

/// A JSON number as a count: policies only ever ask whether it is a whole number, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A whole number from 0 to `u64::MAX`, written with digits only.
    Whole(u64),
    /// A whole number above `u64::MAX`.
    TooLarge,
    /// Anything with a minus sign.
    Negative,
    /// Written with a fraction or an exponent, whatever its value.
    Fractional,
}

/// Where inside a number the lexer is (RFC 8259 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// A number of which the first byte has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    stage: Stage,
    negative: bool,
    fractional: bool,
    /// The integer part, `None` once it is beyond 64 bits.
    whole: Option<u64>,
}

/// What one more byte makes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Taken,
    /// The byte is not part of the number, which is complete.
    Ended,
    Invalid,
}

impl Digits {
    /// A number that starts with `byte`; `None` when none does.
    #[inline(always)]
    pub(super) fn start(byte: u8) -> Option<Digits> {
        let stage = match byte {
            b'-' => Stage::Minus,
            b'0' => Stage::Zero,
            b'1'..=b'9' => Stage::Integer,
            _ => return None,
        };
        let whole = Some(u64::from(byte.wrapping_sub(b'0') & 0x0f));
        Some(Digits {
            stage,
            negative: stage == Stage::Minus,
            fractional: false,
            whole,
        })
    }

    #[inline(always)]
    pub(super) fn step(&mut self, byte: u8) -> Step {
        self.stage = match (self.stage, byte) {
            (Stage::Integer, b'0'..=b'9') => {
                let digit = u64::from(byte.wrapping_sub(b'0'));
                self.whole = self
                    .whole
                    .and_then(|whole| whole.checked_mul(10)?.checked_add(digit));
                Stage::Integer
            }
            (Stage::Minus, b'0') => Stage::Zero,
            (Stage::Minus, b'1'..=b'9') => Stage::Integer,
            (Stage::Zero, b'0'..=b'9') => return Step::Invalid,
            (Stage::Zero | Stage::Integer, b'.') => Stage::Point,
            (Stage::Point | Stage::Fraction, b'0'..=b'9') => Stage::Fraction,
            (Stage::Zero | Stage::Integer | Stage::Fraction, b'e' | b'E') => Stage::Exponent,
            (Stage::Exponent, b'+' | b'-') => Stage::ExponentSign,
            (Stage::Exponent | Stage::ExponentSign | Stage::ExponentDigits, b'0'..=b'9') => {
                Stage::ExponentDigits
            }
            _ => {
                return if self.is_complete() {
                    Step::Ended
                } else {
                    Step::Invalid
                };
            }
        };
        self.fractional |= matches!(self.stage, Stage::Point | Stage::Exponent);
        Step::Taken
    }

    /// Whether the number may end here.
    #[inline(always)]
    pub(super) fn is_complete(&self) -> bool {
        matches!(
            self.stage,
            Stage::Zero | Stage::Integer | Stage::Fraction | Stage::ExponentDigits
        )
    }

    #[inline(always)]
    pub(super) fn value(&self) -> Number {
        match (self.negative, self.fractional, self.whole) {
            (true, ..) => Number::Negative,
            (_, true, _) => Number::Fractional,
            (_, _, Some(whole)) => Number::Whole(whole),
            (_, _, None) => Number::TooLarge,
        }
    }
}
