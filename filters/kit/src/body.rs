//! The one copy of a request's body inside the VM.

use crate::abi;
use crate::budget::{Budget, Share};

/// Why a body could not be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Larger than one body may be.
    TooLarge,
    /// All bodies together would be larger than they may be.
    OverBudget,
}

/// Bytes of a request's body, grown as they arrive.
///
/// The buffer is reserved once from `content-length`, up to [`Body::RESERVE_AT_MOST`]: a
/// promise costs a client nothing, so it must not cost us much. A longer body grows by
/// doubling from there.
pub(crate) struct Body {
    bytes: Vec<u8>,
    expected: usize,
    most: usize,
    share: Share,
}

impl Body {
    /// What an announced but unseen body may reserve.
    const RESERVE_AT_MOST: usize = 1 << 20;

    /// An empty body of which `content_length` bytes are announced and `most` allowed.
    pub(crate) fn new(content_length: Option<u64>, most: u32, budget: &Budget) -> Body {
        let announced = usize::try_from(content_length.unwrap_or(0)).unwrap_or(usize::MAX);
        Body {
            bytes: Vec::new(),
            expected: announced.min(Body::RESERVE_AT_MOST),
            most: most as usize,
            share: budget.share(),
        }
    }

    /// All bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes in what is new of a buffer that now holds `available` bytes, of which the first
    /// ones are those taken in before. Bytes the host does not hand over are not missed here:
    /// the scanner will find the body incomplete.
    pub(crate) fn take(&mut self, buffer: abi::Buffer, available: usize) -> Result<(), NotTaken> {
        if available > self.most {
            return Err(NotTaken::TooLarge);
        }
        let have = self.bytes.len();
        let new = available.saturating_sub(have);
        if new == 0 {
            return Ok(());
        }
        if have == 0 && available >= self.expected {
            // The whole body, or all of it that was announced, at once: the host's copy is ours.
            self.hold(available)?;
            self.bytes = abi::buffer(buffer, 0, available).unwrap_or_default();
            return Ok(());
        }
        self.reserve(available)?;
        let chunk = abi::buffer(buffer, have, new).unwrap_or_default();
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }

    /// Makes room for `needed` bytes in all.
    fn reserve(&mut self, needed: usize) -> Result<(), NotTaken> {
        if needed <= self.bytes.capacity() {
            return Ok(());
        }
        let doubled = self.bytes.capacity().saturating_mul(2);
        let capacity = needed.max(self.expected).max(doubled).min(self.most);
        self.hold(capacity)?;
        let more = capacity.saturating_sub(self.bytes.len());
        self.bytes
            .try_reserve_exact(more)
            .map_err(|_| NotTaken::OverBudget)
    }

    fn hold(&mut self, bytes: usize) -> Result<(), NotTaken> {
        if self.share.grow_to(bytes) {
            Ok(())
        } else {
            Err(NotTaken::OverBudget)
        }
    }
}
