//! Sixty-four bytes at a time: byte comparisons that answer with one bit per byte.
//!
//! Wasm SIMD128 inside Envoy, SSE2 natively on x86-64 (part of its baseline), and a
//! portable twin everywhere else, which is also the oracle of the tests below.

/// Sixty-four consecutive bytes; bit `i` of every mask speaks of byte `i`.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    lanes: imp::Lanes,
}

impl Block {
    /// The block holding `bytes`.
    #[inline(always)]
    pub(crate) fn load(bytes: &[u8; 64]) -> Block {
        Block {
            lanes: imp::load(bytes),
        }
    }

    /// Which bytes equal `byte`.
    #[inline(always)]
    pub(crate) fn eq(&self, byte: u8) -> u64 {
        imp::eq(&self.lanes, byte)
    }

    /// Which bytes lie in `low..=high`.
    #[inline(always)]
    pub(crate) fn range(&self, low: u8, high: u8) -> u64 {
        imp::at_most(&imp::minus(&self.lanes, low), high.wrapping_sub(low))
    }

    /// Which bytes are ASCII letters and digits.
    #[inline(always)]
    pub(crate) fn alphanumeric(&self) -> u64 {
        imp::alphanumeric(&self.lanes)
    }

    /// Which bytes end the plain content of a JSON string: quotes, backslashes, and
    /// control characters below U+0020. One mask, cheaper than the three it unites.
    #[inline(always)]
    pub(crate) fn string_stops(&self) -> u64 {
        imp::string_stops(&self.lanes)
    }

    /// The same bytes with the bit set that makes ASCII letters lower case.
    #[inline(always)]
    pub(crate) fn lower_case(&self) -> Block {
        Block {
            lanes: imp::or(&self.lanes, 0x20),
        }
    }

    /// Whether any byte is `low` or more.
    #[inline(always)]
    pub(crate) fn any_from(&self, low: u8) -> bool {
        imp::any_from(&self.lanes, low)
    }

    /// Which bytes have their top bit set, that is, belong to a non-ASCII character.
    #[inline(always)]
    pub(crate) fn non_ascii(&self) -> u64 {
        imp::top_bits(&self.lanes)
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use core::arch::wasm32::*;

    pub(super) type Lanes = [v128; 4];

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 64]) -> Lanes {
        let base = bytes.as_ptr().cast::<v128>();
        // SAFETY: `bytes` is 64 readable bytes, so the four 16-byte loads stay inside;
        // `v128_load` has no alignment requirement.
        #[allow(unsafe_code, reason = "core::arch has no safe load from memory")]
        unsafe {
            [
                v128_load(base),
                v128_load(base.add(1)),
                v128_load(base.add(2)),
                v128_load(base.add(3)),
            ]
        }
    }

    #[inline(always)]
    fn gather(lanes: [v128; 4]) -> u64 {
        let [a, b, c, d] = lanes.map(|v| u64::from(i8x16_bitmask(v)));
        a | b << 16 | c << 32 | d << 48
    }

    #[inline(always)]
    pub(super) fn eq(lanes: &Lanes, byte: u8) -> u64 {
        let want = u8x16_splat(byte);
        gather(lanes.map(|v| u8x16_eq(v, want)))
    }

    #[inline(always)]
    pub(super) fn minus(lanes: &Lanes, byte: u8) -> Lanes {
        let less = u8x16_splat(byte);
        lanes.map(|v| u8x16_sub(v, less))
    }

    #[inline(always)]
    pub(super) fn or(lanes: &Lanes, byte: u8) -> Lanes {
        let bits = u8x16_splat(byte);
        lanes.map(|v| v128_or(v, bits))
    }

    #[inline(always)]
    pub(super) fn string_stops(lanes: &Lanes) -> u64 {
        let (quote, backslash, last_control) =
            (u8x16_splat(b'"'), u8x16_splat(b'\\'), u8x16_splat(0x1f));
        gather(lanes.map(|v| {
            v128_or(
                v128_or(u8x16_eq(v, quote), u8x16_eq(v, backslash)),
                u8x16_le(v, last_control),
            )
        }))
    }

    #[inline(always)]
    pub(super) fn alphanumeric(lanes: &Lanes) -> u64 {
        let (case, a, letters) = (u8x16_splat(0x20), u8x16_splat(b'a'), u8x16_splat(25));
        let (zero, digits) = (u8x16_splat(b'0'), u8x16_splat(9));
        gather(lanes.map(|v| {
            v128_or(
                u8x16_le(u8x16_sub(v128_or(v, case), a), letters),
                u8x16_le(u8x16_sub(v, zero), digits),
            )
        }))
    }

    #[inline(always)]
    pub(super) fn at_most(lanes: &Lanes, byte: u8) -> u64 {
        let most = u8x16_splat(byte);
        gather(lanes.map(|v| u8x16_le(v, most)))
    }

    #[inline(always)]
    pub(super) fn any_from(lanes: &Lanes, low: u8) -> bool {
        let [a, b, c, d] = *lanes;
        let most = u8x16_max(u8x16_max(a, b), u8x16_max(c, d));
        v128_any_true(u8x16_ge(most, u8x16_splat(low)))
    }

    #[inline(always)]
    pub(super) fn top_bits(lanes: &Lanes) -> u64 {
        gather(*lanes)
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(
    unsafe_code,
    reason = "core::arch marks every SSE2 call unsafe, though x86-64 always has it"
)]
mod imp {
    use core::arch::x86_64::*;

    pub(super) type Lanes = [__m128i; 4];

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 64]) -> Lanes {
        let base = bytes.as_ptr().cast::<__m128i>();
        // SAFETY: `bytes` is 64 readable bytes, so the four 16-byte loads stay inside;
        // `loadu` has no alignment requirement; SSE2 is part of x86-64.
        unsafe {
            [
                _mm_loadu_si128(base),
                _mm_loadu_si128(base.add(1)),
                _mm_loadu_si128(base.add(2)),
                _mm_loadu_si128(base.add(3)),
            ]
        }
    }

    #[inline(always)]
    fn gather(lanes: [__m128i; 4]) -> u64 {
        // SAFETY: SSE2 is part of x86-64.
        let [a, b, c, d] =
            lanes.map(|v| u64::from(unsafe { _mm_movemask_epi8(v) }.cast_unsigned()));
        a | b << 16 | c << 32 | d << 48
    }

    #[inline(always)]
    fn splat(byte: u8) -> __m128i {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_set1_epi8(byte.cast_signed()) }
    }

    #[inline(always)]
    pub(super) fn eq(lanes: &Lanes, byte: u8) -> u64 {
        let want = splat(byte);
        // SAFETY: SSE2 is part of x86-64.
        gather(lanes.map(|v| unsafe { _mm_cmpeq_epi8(v, want) }))
    }

    #[inline(always)]
    pub(super) fn minus(lanes: &Lanes, byte: u8) -> Lanes {
        let less = splat(byte);
        // SAFETY: SSE2 is part of x86-64.
        lanes.map(|v| unsafe { _mm_sub_epi8(v, less) })
    }

    #[inline(always)]
    pub(super) fn or(lanes: &Lanes, byte: u8) -> Lanes {
        let bits = splat(byte);
        // SAFETY: SSE2 is part of x86-64.
        lanes.map(|v| unsafe { _mm_or_si128(v, bits) })
    }

    #[inline(always)]
    pub(super) fn string_stops(lanes: &Lanes) -> u64 {
        let (quote, backslash, last_control) = (splat(b'"'), splat(b'\\'), splat(0x1f));
        // SAFETY: SSE2 is part of x86-64.
        gather(lanes.map(|v| unsafe {
            let control = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
            _mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                control,
            )
        }))
    }

    #[inline(always)]
    pub(super) fn alphanumeric(lanes: &Lanes) -> u64 {
        let (case, a, letters) = (splat(0x20), splat(b'a'), splat(25));
        let (zero, digits) = (splat(b'0'), splat(9));
        // SAFETY: SSE2 is part of x86-64.
        gather(lanes.map(|v| unsafe {
            let letter = _mm_sub_epi8(_mm_or_si128(v, case), a);
            let digit = _mm_sub_epi8(v, zero);
            _mm_or_si128(
                _mm_cmpeq_epi8(_mm_min_epu8(letter, letters), letter),
                _mm_cmpeq_epi8(_mm_min_epu8(digit, digits), digit),
            )
        }))
    }

    #[inline(always)]
    pub(super) fn at_most(lanes: &Lanes, byte: u8) -> u64 {
        let most = splat(byte);
        // SAFETY: SSE2 is part of x86-64.
        gather(lanes.map(|v| unsafe { _mm_cmpeq_epi8(_mm_min_epu8(v, most), v) }))
    }

    #[inline(always)]
    pub(super) fn any_from(lanes: &Lanes, low: u8) -> bool {
        let [a, b, c, d] = *lanes;
        let low = splat(low);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let most = _mm_max_epu8(_mm_max_epu8(a, b), _mm_max_epu8(c, d));
            _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(most, low), most)) != 0
        }
    }

    #[inline(always)]
    pub(super) fn top_bits(lanes: &Lanes) -> u64 {
        gather(*lanes)
    }
}

#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
use portable as imp;

#[cfg(any(test, not(any(target_arch = "wasm32", target_arch = "x86_64"))))]
mod portable {
    pub(super) type Lanes = [u8; 64];

    pub(super) fn load(bytes: &[u8; 64]) -> Lanes {
        *bytes
    }

    fn gather(lanes: &Lanes, holds: impl Fn(u8) -> bool) -> u64 {
        lanes
            .iter()
            .rev()
            .fold(0, |mask, &byte| mask << 1 | u64::from(holds(byte)))
    }

    pub(super) fn eq(lanes: &Lanes, byte: u8) -> u64 {
        gather(lanes, |b| b == byte)
    }

    pub(super) fn minus(lanes: &Lanes, byte: u8) -> Lanes {
        lanes.map(|b| b.wrapping_sub(byte))
    }

    pub(super) fn or(lanes: &Lanes, byte: u8) -> Lanes {
        lanes.map(|b| b | byte)
    }

    pub(super) fn string_stops(lanes: &Lanes) -> u64 {
        gather(lanes, |b| matches!(b, b'"' | b'\\' | 0..=0x1f))
    }

    pub(super) fn alphanumeric(lanes: &Lanes) -> u64 {
        gather(lanes, |b| b.is_ascii_alphanumeric())
    }

    pub(super) fn at_most(lanes: &Lanes, byte: u8) -> u64 {
        gather(lanes, |b| b <= byte)
    }

    pub(super) fn any_from(lanes: &Lanes, low: u8) -> bool {
        lanes.iter().any(|byte| *byte >= low)
    }

    pub(super) fn top_bits(lanes: &Lanes) -> u64 {
        gather(lanes, |b| b >= 0x80)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_lane_agrees_with_the_portable_twin() {
        for shift in 0..=255u8 {
            let bytes: [u8; 64] =
                std::array::from_fn(|i| shift.wrapping_add((i as u8).wrapping_mul(5)));
            let (fast, slow) = (Block::load(&bytes), portable::load(&bytes));
            assert_eq!(fast.non_ascii(), portable::top_bits(&slow));
            assert_eq!(fast.string_stops(), portable::string_stops(&slow));
            assert_eq!(fast.alphanumeric(), portable::alphanumeric(&slow));
            for (low, high) in [
                (b'a', b'z'),
                (0, 0x1f),
                (0x80, 0xff),
                (b'"', b'"'),
                (0, 255),
                (shift, shift),
            ] {
                assert_eq!(fast.eq(low), portable::eq(&slow, low));
                assert_eq!(fast.any_from(low), portable::any_from(&slow, low));
                let lower = portable::or(&slow, low);
                let fast_lower = fast.lower_case().eq(low | 0x20);
                assert_eq!(
                    fast_lower,
                    portable::eq(&portable::or(&slow, 0x20), low | 0x20)
                );
                assert_eq!(
                    imp::eq(&imp::or(&fast.lanes, low), low),
                    portable::eq(&lower, low)
                );
                let expected = portable::at_most(&portable::minus(&slow, low), high - low);
                assert_eq!(
                    fast.range(low, high),
                    expected,
                    "{low}..={high} shifted by {shift}"
                );
            }
        }
    }
}
