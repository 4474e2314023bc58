//! The one copy of a request's body inside the VM.

use crate::abi;
use crate::budget::Share;

/// Why a body could not be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Larger than one body may be.
    TooLarge,
    /// All bodies together would be larger than they may be.
    OverBudget,
    /// The host did not hand over bytes it had announced.
    Missing,
}

/// Bytes of a request's body, grown as they arrive.
///
/// What is reserved is counted, and a `content-length` is a promise that costs a client
/// nothing: room is made for all of it once an eighth has come, and until then for at most
/// [`Body::ON_TRUST`] bytes or twice what has come. So a body of up to 64 KiB is allocated
/// once, any other at most a few times, and what a slow upload holds is in proportion to
/// what it sent.
pub(crate) struct Body {
    bytes: Vec<u8>,
    announced: usize,
    most: usize,
    share: Share,
}

impl Body {
    /// What an announced body may reserve before it comes.
    const ON_TRUST: usize = 64 << 10;
    /// Bytes taken from the host at a time: what a copy may need beside the body itself.
    const AT_ONCE: usize = 1 << 20;

    /// An empty body of which `content_length` bytes are announced and `most` allowed, in a
    /// VM whose bodies may hold `budget` bytes together.
    pub(crate) fn new(content_length: Option<u64>, most: u32, budget: u32) -> Body {
        let announced = content_length.unwrap_or(0).min(u64::from(most));
        Body {
            bytes: Vec::new(),
            announced: usize::try_from(announced).unwrap_or(0),
            most: most as usize,
            share: Share::of(budget as usize),
        }
    }

    /// All bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes in what is new of a buffer that now holds `available` bytes, of which the first
    /// ones are those taken in before.
    pub(crate) fn take(&mut self, buffer: abi::Buffer, available: usize) -> Result<(), NotTaken> {
        if available > self.most {
            return Err(NotTaken::TooLarge);
        }
        if self.bytes.is_empty() && available >= self.announced && available <= Body::AT_ONCE {
            // The whole body, or all of it that was announced, at once: the host's copy is ours.
            self.hold(available)?;
            self.bytes = abi::buffer(buffer, 0, available).unwrap_or_default();
        } else {
            self.reserve(available)?;
            while self.bytes.len() < available {
                let have = self.bytes.len();
                let next = available.saturating_sub(have).min(Body::AT_ONCE);
                let chunk = abi::buffer(buffer, have, next).unwrap_or_default();
                if chunk.is_empty() {
                    break;
                }
                self.bytes.extend_from_slice(&chunk);
            }
        }
        // A body judged by half of it would be a way around every stage.
        if self.bytes.len() == available {
            Ok(())
        } else {
            Err(NotTaken::Missing)
        }
    }

    /// Counts `more` bytes that are held beside it. False where there is no room for them, or little
    /// for others.
    pub(crate) fn hold_beside(&mut self, more: usize) -> bool {
        let all = self.bytes.capacity().saturating_add(more);
        self.share.grow_to(all) && !self.share.is_scarce()
    }

    /// Makes room for `needed` bytes in all.
    fn reserve(&mut self, needed: usize) -> Result<(), NotTaken> {
        if needed <= self.bytes.capacity() {
            return Ok(());
        }
        let doubled = needed.saturating_mul(2);
        let capacity = if needed > self.announced {
            doubled
        } else if needed >= self.announced / 8 {
            self.announced
        } else {
            doubled.max(Body::ON_TRUST).min(self.announced)
        };
        let capacity = capacity.min(self.most);
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
