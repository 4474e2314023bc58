//! What stages ask of the world around them: the time, and values that all workers share.
//!
//! Core has neither clock nor memory of its own, so that everything it decides can be decided
//! again, natively and in any order. Inside Envoy the kit answers these questions; in tests a
//! simulated world does.

#[cfg(test)]
pub(crate) mod world;

use crate::config::RequestHead;

/// The world around the stages.
pub trait Host {
    /// Wall-clock time in nanoseconds since 1970, where it is known. It may step back.
    fn now(&self) -> Option<u64>;

    /// The value that all workers share under `key`; `None` where there is none yet.
    ///
    /// # Errors
    /// Where the host cannot tell.
    fn shared(&self, key: &str) -> Result<Option<Shared>, Unavailable>;

    /// Shares `value` under `key`, unless somebody has done so since `seen` was read.
    ///
    /// # Errors
    /// Where the host takes no value.
    fn share(&self, key: &str, value: &[u8], seen: Version) -> Result<Stored, Unavailable>;

    /// A property of the stream at hand; segments of `path` are separated by NUL.
    fn property(&self, path: &str) -> Option<Vec<u8>>;
}

/// A value that all workers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Its bytes.
    pub value: Vec<u8>,
    /// Which one it is, for the comparison when it is to be replaced.
    pub version: Version,
}

/// Which value was seen under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// None.
    Absent,
    /// The one with this number.
    At(u32),
    /// It does not matter: what is there goes, whoever shared it.
    Any,
}

/// What became of a value to be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is what all workers see now.
    Yes,
    /// Somebody was faster; nothing has changed.
    Conflict,
}

/// The host does not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// A world in which nothing is known, and the head of a chat request that no rule is about: for
/// tests, benches and tools that let stages judge bodies.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Host for Nowhere {
    fn now(&self) -> Option<u64> {
        None
    }
    fn shared(&self, _: &str) -> Result<Option<Shared>, Unavailable> {
        Err(Unavailable)
    }
    fn share(&self, _: &str, _: &[u8], _: Version) -> Result<Stored, Unavailable> {
        Err(Unavailable)
    }
    fn property(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

impl RequestHead for Nowhere {
    fn method(&self) -> &[u8] {
        b"POST"
    }
    fn path(&self) -> &[u8] {
        b"/v1/chat/completions"
    }
    fn host(&self) -> &[u8] {
        b""
    }
    fn route_name(&self) -> &[u8] {
        b""
    }
    fn header<'a>(&'a self, _: &'a str) -> impl Iterator<Item = &'a [u8]> {
        [].into_iter()
    }
    fn property(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}
