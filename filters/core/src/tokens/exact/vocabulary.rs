//! Finds a token's rank in a frozen table.
//!
//! A table is a cuckoo hash with two buckets a key and four slots a bucket. A slot is a
//! `u32`: the rank in 18 bits and a tag of 14 bits of the key's hash instead of the key, so
//! 200,000 tokens fit in one megabyte; a string that is no token passes for one about once
//! in three thousand. `token-fit vocab` writes the tables from tiktoken-rs and checks them.

use super::super::Encoding;

/// A slot that holds no token: no key has its tag.
pub const SLOT_FREE: u32 = u32::MAX;

const SLOTS: usize = 4;
const BUCKET_BYTES: usize = SLOTS * 4;
const RANK_BITS: u32 = 18;

/// The longest token of both vocabularies, in bytes.
const LONGEST: usize = 128;

const O200K: &[u8] = include_bytes!("o200k_base.bin");
const CL100K: &[u8] = include_bytes!("cl100k_base.bin");

/// The table of one encoding.
pub(super) struct Vocabulary {
    table: &'static [u8],
    buckets: u64,
}

impl Vocabulary {
    /// The table of `encoding`.
    pub(super) fn of(encoding: Encoding) -> Vocabulary {
        let table = match encoding {
            Encoding::O200k => O200K,
            Encoding::Cl100k => CL100K,
        };
        Vocabulary {
            table,
            buckets: (table.len() / BUCKET_BYTES) as u64,
        }
    }

    /// The rank of `token`, if it is one.
    pub(super) fn rank(&self, token: &[u8]) -> Option<u32> {
        if token.len() > LONGEST {
            return None;
        }
        let hash = hash(token);
        let tag = tag(hash);
        let (first, second) = buckets(hash, self.buckets);
        self.find(first, tag).or_else(|| self.find(second, tag))
    }

    #[inline]
    fn find(&self, bucket: u64, tag: u32) -> Option<u32> {
        let at = (bucket as usize).wrapping_mul(BUCKET_BYTES);
        let slots = self.table.get(at..at.wrapping_add(BUCKET_BYTES))?;
        let mut slots = slots
            .as_chunks::<4>()
            .0
            .iter()
            .map(|slot| u32::from_le_bytes(*slot));
        slots
            .find(|&slot| slot.wrapping_shr(RANK_BITS) == tag)
            .map(|slot| slot & ((1 << RANK_BITS) - 1))
    }
}

/// The two buckets, of `buckets`, where `token` may be: what the table's writer needs.
pub fn bucket_pair(token: &[u8], buckets: u64) -> (u64, u64) {
    self::buckets(hash(token), buckets)
}

/// The slot that says `token` has `rank`.
pub fn slot(token: &[u8], rank: u32) -> u32 {
    tag(hash(token)).wrapping_shl(RANK_BITS) | rank
}

/// `buckets` is a power of two.
#[inline]
fn buckets(hash: u64, buckets: u64) -> (u64, u64) {
    let mask = buckets.wrapping_sub(1);
    (hash & mask, hash.wrapping_shr(20) & mask)
}

/// The top 14 bits, which choose no bucket; all ones would look like a free slot.
#[inline]
fn tag(hash: u64) -> u32 {
    (hash.wrapping_shr(50) as u32).min((1 << 14) - 2)
}

/// Multiply and fold, eight bytes at a time, the last of them read twice where needed.
#[inline]
fn hash(token: &[u8]) -> u64 {
    let len = token.len() as u64;
    let mut hash = len.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in token.as_chunks::<8>().0 {
        hash = (hash ^ u64::from_le_bytes(*word))
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(29);
    }
    let rest = match (
        token.first_chunk::<4>(),
        token.last_chunk::<4>(),
        token.last_chunk::<8>(),
    ) {
        (_, _, Some(last)) => u64::from_le_bytes(*last),
        (Some(first), Some(last), None) => {
            u64::from(u32::from_le_bytes(*first)).wrapping_shl(32)
                | u64::from(u32::from_le_bytes(*last))
        }
        _ => {
            let byte = |at: usize| token.get(at).map_or(0, |&b| u64::from(b));
            byte(0) | byte(1).wrapping_shl(8) | byte(2).wrapping_shl(16)
        }
    };
    mix(hash ^ rest)
}

/// The finish of MurmurHash3 (`fmix64`).
#[inline]
fn mix(mut h: u64) -> u64 {
    h = (h ^ h.wrapping_shr(33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ h.wrapping_shr(33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ h.wrapping_shr(33)
}
