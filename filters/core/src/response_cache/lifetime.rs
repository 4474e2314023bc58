//! How long an answer is kept, and what it is still good for at a time.

/// How long answers of one kind are fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Nanoseconds that an answer is fresh at most.
    pub ttl: u64,
    /// Percent of it that an answer may lack, so that what was stored together does not end
    /// together. Which part of that an answer lacks, its key says.
    pub jitter: u8,
}

/// What an answer is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// To be given.
    Fresh,
    /// To be given while somebody asks for a new one.
    Stale,
    /// For nothing.
    Expired,
}

/// Clocks that differ by less agree. Workers of one Envoy read one clock, at different moments;
/// those of a fleet are set by NTP. What was made later than this after now was made before a
/// clock was set back: its age is unknown, so it is of no use.
pub const SKEW: u64 = 5_000_000_000;

impl Lifetime {
    /// When an answer to `key` that is stored `now` ceases to be fresh; both in nanoseconds
    /// since 1970. The same for every worker and Envoy that stores it then.
    pub fn expires(self, key: &[u8], now: u64) -> u64 {
        // Keys are hashes: their last bytes are as good as random.
        let part = u128::from(u16::from_le_bytes(*key.last_chunk().unwrap_or(&[0; 2])));
        let jitter = u128::from(self.jitter.min(100));
        let most = u128::from(self.ttl).saturating_mul(jitter);
        let lacks = most.saturating_mul(part) / (100 << 16);
        now.saturating_add(u64::try_from(u128::from(self.ttl).saturating_sub(lacks)).unwrap_or(0))
    }
}

impl Freshness {
    /// What is made at `created` and fresh until `expires` is good for at `now`, where it may be
    /// given for `stale` longer; all in nanoseconds, those of points since 1970.
    pub fn at(now: u64, created: u64, expires: u64, stale: u64) -> Freshness {
        if created > now.saturating_add(SKEW) {
            Freshness::Expired
        } else if now < expires {
            Freshness::Fresh
        } else if now < expires.saturating_add(stale) {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn jitter_takes_away_and_never_adds() {
        for (ttl, jitter, ends_with, fresh) in [
            (100, 0, [0xff, 0xff], 100),
            (100, 10, [0, 0], 100),
            (100, 10, [0, 0x80], 95),
            (100, 50, [0, 0x80], 75),
            (1 << 20, 100, [0xff, 0xff], 16),
            (100, 255, [0, 0x80], 50),
            (0, 10, [0, 0x80], 0),
            (u64::MAX, 0, [0, 0], u64::MAX - 7),
        ] {
            let mut key = [7; 16];
            key[14..].copy_from_slice(&ends_with);
            let until = Lifetime { ttl, jitter }.expires(&key, 7);
            assert_eq!(until, 7 + fresh, "{ttl} {jitter} {ends_with:?}");
        }
        // A key too short for one has no jitter.
        let lifetime = Lifetime { ttl: 5, jitter: 50 };
        assert_eq!(lifetime.expires(b"", 7), 12);
    }

    #[test]
    fn fresh_then_stale_then_nothing() {
        let (created, expires, stale) = (100 * SECOND, 160 * SECOND, 30 * SECOND);
        for (now, freshness) in [
            (100 * SECOND, Freshness::Fresh),
            (160 * SECOND - 1, Freshness::Fresh),
            (160 * SECOND, Freshness::Stale),
            (190 * SECOND - 1, Freshness::Stale),
            (190 * SECOND, Freshness::Expired),
            (u64::MAX, Freshness::Expired),
            // Another worker's clock was read a little later.
            (95 * SECOND, Freshness::Fresh),
            // The clock was set back.
            (95 * SECOND - 1, Freshness::Expired),
            (0, Freshness::Expired),
        ] {
            assert_eq!(
                Freshness::at(now, created, expires, stale),
                freshness,
                "{now}"
            );
        }
    }
}
