//! Hashes under a deployment's secret, of which keys and prefixes are made.

use core::fmt;
use core::hash::Hasher as _;

use sha2::{Digest as _, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::frame::frame;

/// What names this use of the secret, and the version of all that is hashed. Change it with what
/// a key is made of: entries of other versions are never found then.
const PURPOSE: &[u8] = b"tollgate response-cache 1\0";

/// How keys are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyHash {
    /// SipHash-1-3, 128 bits: for those who do not know the secret no two requests with the same
    /// key can be made up, and it is fast.
    #[default]
    Sip,
    /// SHA-256: nor for those who know it.
    Sha256,
}

/// Makes keys under one deployment's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keyer {
    hash: KeyHash,
    key: [u8; 32],
}

/// What a hash is of. Hashes of different things are never the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Of {
    /// A field of the request.
    Field = b'f',
    /// All fields that have no name here.
    Unknown = b'u',
    /// All fields.
    Body = b'b',
    /// All fields that come before a conversation in what the model reads.
    Context = b'c',
    /// A request and its scope.
    Key = b'k',
    /// The beginning of a conversation.
    Prefix = b'p',
}

impl Keyer {
    /// A keyer under `secret`; all that share entries need the same one. An empty secret still
    /// tells requests apart, but with [`KeyHash::Sip`] not against somebody who makes them up.
    pub fn new(hash: KeyHash, secret: &[u8]) -> Keyer {
        let digest = Sha256::new()
            .chain_update(PURPOSE)
            .chain_update(secret)
            .finalize();
        let mut key = [0; 32];
        key.copy_from_slice(&digest);
        Keyer { hash, key }
    }

    pub(super) fn hasher(&self, of: Of) -> Hasher {
        let mut hasher = match self.hash {
            KeyHash::Sip => {
                let mut key = [0; 16];
                key.iter_mut()
                    .zip(self.key)
                    .for_each(|(to, from)| *to = from);
                Hasher::Sip(SipHasher13::new_with_key(&key))
            }
            KeyHash::Sha256 => Hasher::Sha256(Sha256::new_with_prefix(self.key)),
        };
        hasher.write(&[of as u8]);
        hasher
    }
}

/// Without the key, which is as good as the secret.
impl fmt::Debug for Keyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyer")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// A hash that is being made.
#[derive(Clone, Debug)]
pub(super) enum Hasher {
    Sip(SipHasher13),
    Sha256(Sha256),
}

impl Hasher {
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sip(hasher) => hasher.write(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// Writes bytes of any kind so that where they end can be told from what follows.
    pub(super) fn write_framed(&mut self, bytes: &[u8]) {
        frame(bytes, |part| self.write(part));
    }

    /// The hash of what was written so far; more may follow.
    pub(super) fn digest(&self) -> Digest {
        let mut bytes = [0; 32];
        match self {
            Hasher::Sip(hasher) => {
                let hash = u128::from(hasher.finish128()).to_le_bytes();
                bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
                Digest { bytes, len: 16 }
            }
            Hasher::Sha256(hasher) => {
                bytes.copy_from_slice(&hasher.clone().finalize());
                Digest { bytes, len: 32 }
            }
        }
    }
}

/// A finished hash: 16 or 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    bytes: [u8; 32],
    len: u8,
}

impl Digest {
    pub(super) const NONE: Digest = Digest {
        bytes: [0; 32],
        len: 0,
    };

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Its first 128 bits.
    pub(super) fn short(&self) -> u128 {
        let short = self.bytes.first_chunk().copied().unwrap_or_default();
        u128::from_le_bytes(short)
    }
}

/// In hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
