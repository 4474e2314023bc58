//! Recognises a body again: what one module publishes of it is ignored by the next where
//! something in between has changed the body.

use core::fmt;

use sha2::{Digest, Sha256};
use siphasher::sip128::SipHasher13;

/// Makes fingerprints under one deployment's secret.
#[derive(Clone, Debug)]
pub struct Fingerprinter {
    hasher: SipHasher13,
}

/// A hasher whose key is `secret`'s for one purpose: hashes of different purposes say nothing
/// of each other.
pub(crate) fn keyed_hasher(purpose: &[u8], secret: &[u8]) -> SipHasher13 {
    let digest = Sha256::new()
        .chain_update(purpose)
        .chain_update(secret)
        .finalize();
    let mut key = [0; 16];
    key.iter_mut()
        .zip(digest)
        .for_each(|(byte, from)| *byte = from);
    SipHasher13::new_with_key(&key)
}

/// Keyed 128-bit hash (SipHash-1-3) of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u128);

impl Fingerprinter {
    /// A fingerprinter under `secret`; all modules of a chain need the same one. An empty
    /// secret still tells bodies apart, but not against somebody who makes up bodies.
    pub fn new(secret: &[u8]) -> Fingerprinter {
        Fingerprinter {
            hasher: keyed_hasher(b"tollgate fingerprint 1\0", secret),
        }
    }

    /// The fingerprint of `body`.
    pub fn of(&self, body: &[u8]) -> Fingerprint {
        Fingerprint(self.hasher.hash(body).as_u128())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_secrets_make_the_difference_and_nothing_else_does() {
        let (a, b) = (Fingerprinter::new(b"a"), Fingerprinter::new(b"b"));
        assert_eq!(a.of(b"{}"), Fingerprinter::new(b"a").of(b"{}"));
        assert_ne!(a.of(b"{}"), a.of(b"{ }"));
        assert_ne!(a.of(b"{}"), b.of(b"{}"));
        assert_ne!(a.of(b""), Fingerprinter::new(b"").of(b""));
        // Pinned: modules of different builds must agree.
        assert_eq!(
            Fingerprinter::new(b"").of(b"{}").to_string(),
            "2178750655a9fbe307ae14dac7abd050"
        );
    }
}
